/**
 * The whole way of a case: channels in, labels out.
 *
 *   channels ──► prepareCase ──► predictVolume (step 0) ──► prompts ──► stage 1 ──► stage 2 ──► combine ──► labels on the input's grid
 */
import { type CancelSignal, ConfigError, type Progress, silent } from "@rfmedsam/base";
import { type LabelVolume, type Volume, voxelCount } from "@rfmedsam/imaging";
import { breathe } from "./breathe.js";
import { labelStages } from "./labelling.js";
import { classTable, type ModelManifest, type RefinerManifest } from "./manifest.js";
import {
  type ClassScores,
  type OutputStage,
  type StageName,
  scoresOfLogits,
  scoresOfStage,
  stageNames,
} from "./merge.js";
import type { PatchNetwork, RefinerNetwork } from "./networks.js";
import { type PreparedCase, prepareCase } from "./preprocessing.js";
import { planPrompts, slicePrompts } from "./prompts.js";
import { type RefineResult, refineCase } from "./refine.js";
import { renderSlice, type SliceFrame, sliceAxes, sliceFrame } from "./slices.js";
import { predictVolume } from "./sliding-window.js";

/** A model's networks, loaded by whichever engine answers. */
export interface SegmenterNetworks {
  /** One per fold; their logits are averaged. */
  readonly step0: readonly PatchNetwork[];
  readonly refiner?: RefinerNetwork | undefined;
}

export interface SegmentOptions {
  /** The last stage to run (default: all the model has). Classes whose output stage was not run come from the last one that was. */
  readonly through?: StageName;
  /** Whether to return every stage's own labels beside the final ones (default true). */
  readonly stageLabels?: boolean;
  /** Patches per call of step 0. */
  readonly batch?: number;
  /** Mirror patches where the model was trained so (default true); off is up to eight times faster. */
  readonly mirroring?: boolean;
  /** How many slice embeddings may be kept at once. */
  readonly maxEmbeddings?: number;
  /** Slices per call of `embed`. */
  readonly embedBatch?: number;
  readonly progress?: Progress;
  readonly signal?: CancelSignal;
}

export interface Segmentation {
  /** On the grid of the input, values as in the model's `labels`. */
  readonly labels: LabelVolume;
  /** What every stage alone would have answered; empty if not asked for. */
  readonly stages: Readonly<Partial<Record<StageName, LabelVolume>>>;
  /** Wall-clock seconds: prepare, step0, stage1, stage2, merge, total. */
  readonly seconds: Readonly<Record<string, number>>;
}

/** A model ready to label cases. It owns no files and no tensors; its networks belong to whoever loaded them. */
export class Segmenter {
  readonly #classes: readonly { name: string; value: number }[];

  /** @throws ConfigError if the networks do not fit the manifest */
  constructor(
    readonly manifest: ModelManifest,
    readonly networks: SegmenterNetworks,
  ) {
    this.#classes = classTable(manifest);
    for (const network of networks.step0) {
      if (network.classes !== this.#classes.length || network.inputChannels !== manifest.channelNames.length) {
        throw new ConfigError({
          found: `a step-0 network of ${network.inputChannels} channels and ${network.classes} classes`,
          expected: `the model's ${manifest.channelNames.length} channels and ${this.#classes.length} classes`,
        });
      }
    }
    if (networks.refiner !== undefined && manifest.refiner === undefined) {
      throw new ConfigError({ found: "a refiner network for a model whose manifest has no refiner" });
    }
  }

  /**
   * Labels one case.
   *
   * @param channels in the order of the manifest's `channelNames`, all on one grid
   * @throws ConfigError for a wrong number of channels, GeometryError if their grids differ, InterruptedError when stopped
   */
  async segment(channels: readonly Volume[], options: SegmentOptions = {}): Promise<Segmentation> {
    const { progress = silent, signal } = options;
    this.#checkChannels(channels.length);
    const through = this.#lastStage(options.through);
    const watch = new Stopwatch();

    progress({ stage: "preparing the case", done: 0, total: 1 });
    await breathe(signal);
    const prepared = prepareCase(channels, this.manifest.preprocessing);
    progress({ stage: "preparing the case", done: 1, total: 1 });
    watch.lap("prepare");

    const { step0 } = this.manifest;
    const logits = await predictVolume(this.networks.step0, prepared, {
      overlap: step0.overlap,
      mirrorAxes: options.mirroring === false ? [] : step0.mirrorAxes,
      batch: options.batch ?? 1,
      progress,
      ...(signal && { signal }),
    });
    watch.lap("step0");

    const scores: Partial<Record<StageName, ClassScores>> = {};
    const axis = sliceAxes[this.manifest.refiner?.axis ?? "axial"];
    scores.step0 = scoresOfLogits(logits, this.#classes.length, prepared.shape, axis);
    if (through !== "step0") {
      const { refiner } = this.#refiner();
      const frame = sliceFrame(prepared.shape, prepared.spacing, refiner.axis, this.networks.refiner!.imageSize);
      const refined = await this.#refine(prepared, scores.step0, frame, through, options, watch);
      for (const stage of ["stage1", "stage2"] as const) {
        const result = refined[stage];
        if (result === undefined) continue;
        scores[stage] = scoresOfStage(result, refiner.calibration[stage], frame, this.#classes.length, prepared.shape);
      }
    }

    const voxels = voxelCount(prepared.shape);
    const result = await labelStages({
      stages: scores,
      step0Logits: (label) => logits.subarray(label * voxels, (label + 1) * voxels),
      choice: this.#outputStages(scores),
      values: this.#classes.map(({ value }) => value),
      plan: prepared.restore,
      stageLabels: options.stageLabels ?? true,
      progress,
      signal,
    });
    watch.lap("merge");
    return { ...result, seconds: watch.seconds() };
  }

  async #refine(
    prepared: PreparedCase,
    scores: ClassScores,
    frame: SliceFrame,
    through: StageName,
    options: SegmentOptions,
    watch: Stopwatch,
  ): Promise<RefineResult> {
    const { refiner, network } = this.#refiner();
    const { prompt, memory, slices: colours, channel } = refiner;
    const probabilities = (slice: number) => scores.slice(slice);
    const plan = planPrompts((slice) => scores.winners(slice), frame, scores.classes, prompt);
    return refineCase(
      network,
      {
        frame,
        slices: plan.flatMap((objects, slice) => (objects.length > 0 ? [slice] : [])),
        render: (slice, out, offset) => renderSlice(prepared, frame, slice, { colours, channel }, out, offset),
        prompts: (slice) => slicePrompts(plan, slice, probabilities, frame, scores.classes, network.maskSize, prompt),
      },
      {
        prompt,
        memory,
        through: through === "stage1" ? 1 : 2,
        ...(options.maxEmbeddings !== undefined && { maxEmbeddings: options.maxEmbeddings }),
        ...(options.embedBatch !== undefined && { embedBatch: options.embedBatch }),
        ...(options.progress && { progress: options.progress }),
        ...(options.signal && { signal: options.signal }),
        finished: (stage) => watch.lap(`stage${stage}`),
      },
    );
  }

  #checkChannels(count: number): void {
    const { channelNames } = this.manifest;
    if (count === channelNames.length) return;
    throw new ConfigError({
      found: `${count} ${count === 1 ? "image" : "images"} for a case`,
      expected: `${channelNames.length}, one per channel: ${channelNames.join(", ")}`,
      hint: "give the channels of a case together, in this order",
    });
  }

  #lastStage(wanted: StageName = "stage2"): StageName {
    return this.manifest.refiner === undefined ? "step0" : wanted;
  }

  #refiner(): { refiner: RefinerManifest; network: RefinerNetwork } {
    const { manifest, networks } = this;
    if (manifest.refiner === undefined || networks.refiner === undefined) {
      throw new ConfigError({
        found: "a model with a refiner whose network was not loaded",
        expected: 'its network, or `through: "step0"`',
      });
    }
    return { refiner: manifest.refiner, network: networks.refiner };
  }

  /** Output stage per class; one that was not run, or that the manifest does not name, is the last one that was. */
  #outputStages(run: Readonly<Partial<Record<StageName, unknown>>>): OutputStage[] {
    const last = stageNames.findLast((name) => run[name] !== undefined) ?? "step0";
    return this.#classes.map(({ name }) => {
      const stage = this.manifest.outputStages[name];
      return stage !== undefined && (stage === "mean" || run[stage] !== undefined) ? stage : last;
    });
  }
}

/** Seconds between laps, by name. */
class Stopwatch {
  readonly #start = performance.now();
  #last = this.#start;
  readonly #laps: Record<string, number> = {};

  lap(name: string): void {
    const now = performance.now();
    this.#laps[name] = (this.#laps[name] ?? 0) + (now - this.#last) / 1000;
    this.#last = now;
  }

  seconds(): Record<string, number> {
    return { ...this.#laps, total: (performance.now() - this.#start) / 1000 };
  }
}
