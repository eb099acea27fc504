/**
 * The whole way of a case: channels in, labels out.
 *
 *   channels ──► prepareCase ──► predictVolume (step 0) ──► prompts ──► stage 1 ──► stage 2 ──► gate, combine ──► labels on the input's grid
 */
import { type CancelSignal, ConfigError, type Progress, silent } from "@rfmedsam/base";
import { type LabelVolume, type Volume, voxelCount } from "@rfmedsam/imaging";
import type { OutputStage, StageSwitch } from "./answers.js";
import { breathe } from "./breathe.js";
import { CaseRunner, type CaseStages } from "./case-stages.js";
import { confidenceBySlice, countBySlice, decideGate, explainSwitch, type SwitchedClass } from "./gate.js";
import { labelStages } from "./labelling.js";
import { classTable, type ModelManifest, type RefinerManifest } from "./manifest.js";
import { type StageName, scoresOfLogits, stageNames, winningLabels } from "./merge.js";
import type { PatchNetwork, RefinerNetwork } from "./networks.js";
import { type PreparedCase, prepareCase } from "./preprocessing.js";
import { predictVolume } from "./sliding-window.js";

/** A model's networks, loaded by whichever engine answers. */
export interface SegmenterNetworks {
  /** One per fold; their logits are averaged. None when the refiner proposes by itself. */
  readonly step0: readonly PatchNetwork[];
  readonly refiner?: RefinerNetwork | undefined;
}

/** Changes step 0's logits `[K, z, y, x]` before anything is made of them; it may write into the array it is given. */
export type AlterStep0 = (logits: Float32Array, prepared: Omit<PreparedCase, "restore">) => Float32Array;

export interface SegmentOptions {
  /**
   * The last stage to run (default: all the model has). Classes whose output stage was not run come from the last one that was. Stages
   * that nothing asked for is made of are not run in any case.
   */
  readonly through?: StageName;
  /** Whether to return every stage's own labels beside the final ones (default true). */
  readonly stageLabels?: boolean;
  /** Patches per call of step 0. */
  readonly batch?: number;
  /** Mirror patches where the model was trained so (default true); off is up to eight times faster. */
  readonly mirroring?: boolean;
  /** For experiments: what the later stages make of another step 0. */
  readonly alterStep0?: AlterStep0 | undefined;
  /** For experiments: step 0's logits for these channels where they are known, `[K, z, y, x]` as `alterStep0` was given them; kept as they are. */
  readonly step0Logits?: Float32Array | undefined;
  /**
   * Takes every class's probabilities on the input's grid in whole percent, one class after the other, each from the stage that answers
   * for it (so that they need not sum to 100). The next class waits for it.
   */
  readonly onProbabilities?: ((name: string, percent: Volume<Uint8Array>) => Promise<void> | void) | undefined;
  /** Whether to return how uncertain the answer is (default false). */
  readonly uncertainty?: boolean | undefined;
  /** How many slice embeddings may be kept at once (default: as many as the network has room for). */
  readonly maxEmbeddings?: number;
  /** How many slices' memories may be kept at once (default: as many as the network has room for). */
  readonly maxMemories?: number;
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
  /** Classes that come from elsewhere than usual, and why. Their slices count on the prepared grid. */
  readonly switched: readonly SwitchedClass[];
  /**
   * If asked for: entropy of the mean class probabilities over all stages (and folds, whose logits are averaged before) as a part of the
   * largest possible, 0 … 1, on the input's grid; 0 outside the crop.
   */
  readonly uncertainty?: Volume<Float32Array>;
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
    if (manifest.step0.kind === "proposal" && networks.step0.length > 0) {
      throw new ConfigError({ found: "a step-0 network for a model whose refiner proposes by itself" });
    }
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
    const through = this.#lastStage(options);
    const watch = new Stopwatch();

    progress({ stage: "preparing the case", done: 0, total: 1 });
    await breathe(signal);
    const prepared = prepareCase(channels, this.manifest.preprocessing);
    progress({ stage: "preparing the case", done: 1, total: 1 });
    watch.lap("prepare");

    const runner = this.#runner(prepared, through, options, watch);
    try {
      const predicted = options.step0Logits?.slice() ?? (await this.#step0(prepared, runner, options));
      const expected = this.#classes.length * voxelCount(prepared.shape);
      checkLogits(predicted, expected, "known");
      const logits = options.alterStep0?.(predicted, prepared) ?? predicted;
      checkLogits(logits, expected, "altered");
      watch.lap("step0");
      const stages: CaseStages = (await runner?.run(logits)) ?? {
        scores: { step0: scoresOfLogits(logits, this.#classes.length, prepared.shape, 0) },
        results: {},
        axis: 0,
      };
      const choice = this.#outputStages(stages.scores);
      const { switches, switched } = this.#gate(stages, choice);
      const voxels = voxelCount(prepared.shape);
      const { onProbabilities } = options;
      const result = await labelStages({
        stages: stages.scores,
        step0Logits: (label) => logits.subarray(label * voxels, (label + 1) * voxels),
        choice,
        switches,
        largestComponent: this.#classes.flatMap(({ name }, label) =>
          this.manifest.largestComponent.includes(name) ? [label] : [],
        ),
        values: this.#classes.map(({ value }) => value),
        plan: prepared.restore,
        stageLabels: options.stageLabels ?? true,
        probabilities: onProbabilities && ((label, percent) => onProbabilities(this.#classes[label]!.name, percent)),
        uncertainty: options.uncertainty ?? false,
        progress,
        signal,
      });
      watch.lap("merge");
      return { ...result, switched, seconds: watch.seconds() };
    } finally {
      runner?.free();
    }
  }

  /** What runs the refiner, if a stage of it is to be run. */
  #runner(
    prepared: PreparedCase,
    through: StageName,
    options: SegmentOptions,
    watch: Stopwatch,
  ): CaseRunner | undefined {
    if (through === "step0" && this.manifest.step0.kind === "unet") return undefined;
    const { refiner, network } = this.#refiner();
    const { maxEmbeddings, maxMemories, embedBatch, progress, signal } = options;
    return new CaseRunner(network, prepared, this.#classes.length, refiner, {
      through,
      ...(maxEmbeddings !== undefined && { maxEmbeddings }),
      ...(maxMemories !== undefined && { maxMemories }),
      ...(embedBatch !== undefined && { embedBatch }),
      ...(progress && { progress }),
      ...(signal && { signal }),
      finished: (stage) => watch.lap(`stage${stage}`),
    });
  }

  async #step0(
    prepared: PreparedCase,
    runner: CaseRunner | undefined,
    { mirroring = true, batch = 1, progress = silent, signal }: SegmentOptions,
  ): Promise<Float32Array> {
    const { step0 } = this.manifest;
    if (step0.kind === "proposal") return runner!.propose();
    return predictVolume(this.networks.step0, prepared, {
      overlap: step0.overlap,
      mirrorAxes: mirroring ? step0.mirrorAxes : [],
      batch,
      progress,
      ...(signal && { signal }),
    });
  }

  /** Which classes of this case come from elsewhere than their output stage. */
  #gate(
    { scores, results, bridged, axis }: CaseStages,
    choice: readonly OutputStage[],
  ): { switches: Map<number, StageSwitch>; switched: SwitchedClass[] } {
    const switches = new Map<number, StageSwitch>();
    const switched: SwitchedClass[] = [];
    const classes = this.#classes.length;
    const { shape } = scores.step0;
    const compare = once((stage: "stage1" | "stage2") => ({
      overlap: countBySlice(winningLabels(scores.step0), winningLabels(scores[stage]!), shape, axis, classes),
      confidence: confidenceBySlice(results[stage]!, classes, shape[axis]),
    }));
    for (const [label, { name }] of this.#classes.entries()) {
      const rule = this.manifest.gate[name];
      // A rule speaks of the output stage it was learned with; where that was not run, another answers.
      if (rule === undefined || results[rule.stage] === undefined) continue;
      if (choice[label] !== this.manifest.outputStages[name]) continue;
      const { overlap, confidence } = compare(rule.stage);
      const decision = decideGate(rule, {
        step0: overlap.first[label]!,
        refined: overlap.second[label]!,
        both: overlap.both[label]!,
        confidence: confidence[label]!,
        bridged: bridged?.[label],
      });
      if (decision === undefined) continue;
      const to = rule.kind === "rescue" ? rule.stage : "step0";
      switches.set(label, { to, ...(decision.runs && { slices: { axis, runs: decision.runs } }) });
      switched.push(explainSwitch(name, rule, decision, choice[label]!, to, shape[axis]));
    }
    return { switches, switched };
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

  /** The last stage that was not declined and is needed for something. */
  #lastStage({ through = "stage2", stageLabels = true, uncertainty = false }: SegmentOptions): StageName {
    const { refiner, outputStages, gate } = this.manifest;
    if (refiner === undefined) return "step0";
    if (stageLabels || uncertainty) return through;
    const answering = this.#classes.slice(1).map(({ name }) => outputStages[name] ?? "stage2");
    const needed = [...answering, ...Object.values(gate).map(({ stage }) => stage)];
    const last = Math.max(
      ...needed.map((stage) => (stage === "mean" ? stageNames.length - 1 : stageNames.indexOf(stage))),
    );
    return stageNames[Math.min(last, stageNames.indexOf(through))]!;
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

/** A function of few keys whose answers are kept. */
function once<Key, Value>(make: (key: Key) => Value): (key: Key) => Value {
  const known = new Map<Key, Value>();
  return (key) => {
    const value = known.has(key) ? known.get(key)! : make(key);
    known.set(key, value);
    return value;
  };
}

function checkLogits({ length }: Float32Array, expected: number, which: "known" | "altered"): void {
  if (length === expected) return;
  throw new ConfigError({ found: `${length} logits of ${which} step 0`, expected: `${expected}: classes × voxels` });
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
