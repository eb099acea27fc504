/**
 * All stages of one prepared case, from step 0's logits to class scores: what prediction and the choices made in training both run.
 *
 *   one axis     step 0 ──► prompts ──► stage 1 ──► stage 2
 *   fused        the same along each axis in turn (so that one axis' embeddings and memories live at a time), scores averaged
 *
 * Without a U-Net step 0's logits come from the refiner itself, slice by slice (`proposeLogits`).
 */
import { ConfigError, EngineError, silent } from "@rfmedsam/base";
import { voxelCount } from "@rfmedsam/imaging";
import { breathe } from "./breathe.js";
import { EmbeddingWindow, HandlePool } from "./handles.js";
import type { RefinerManifest } from "./manifest.js";
import { type ClassVolumes, meanScores, type StageName, scoresOfLogits, scoresOfStage } from "./merge.js";
import type { RefinerNetwork } from "./networks.js";
import type { PreparedCase } from "./preprocessing.js";
import { bridgedSlices, planPrompts, slicePrompts } from "./prompts.js";
import { type RefineOptions, type RefineResult, refineCase, type StageResult, usuallyKept } from "./refine.js";
import {
  extractSlice,
  fitOut,
  placeSlice,
  renderSlice,
  type SliceAxis,
  type SliceFrame,
  sliceAxes,
  sliceFrame,
} from "./slices.js";

/** How a refiner is used; a model folder's record of it, weights apart. */
export type RefinerSettings = Omit<RefinerManifest, "architecture" | "weights">;

export type StageInput = Pick<PreparedCase, "data" | "shape" | "spacing" | "windows">;

export interface StageOptions
  extends Pick<RefineOptions, "maxEmbeddings" | "maxMemories" | "embedBatch" | "progress" | "signal" | "finished"> {
  /** The last stage to run (default stage 2). */
  readonly through?: StageName;
}

export interface CaseStages {
  readonly scores: Readonly<Partial<Record<StageName, ClassVolumes>>> & { readonly step0: ClassVolumes };
  /** The refiner's answers slice by slice; of a fused one those of the axial slices. */
  readonly results: Readonly<Partial<Record<"stage1" | "stage2", StageResult>>>;
  /** Per class, 1 on the slices `[count]` on which step 0 contradicts itself (bridges.ts); none where nothing was refined. */
  readonly bridged?: readonly Uint8Array[];
  /** Array axis of those slices. */
  readonly axis: 0 | 1 | 2;
}

/** The answers along one axis. */
type Refined = RefineResult & { readonly bridged: readonly Uint8Array[] };

/** The axes a refiner is run along. */
export function axesOf({ axis }: Pick<RefinerSettings, "axis">): readonly SliceAxis[] {
  return axis === "fused" ? (Object.keys(sliceAxes) as SliceAxis[]) : [axis];
}

/**
 * Runs one case's stages. Between proposing and refining it keeps embeddings, which serve both; `free` gives them back.
 */
export class CaseRunner {
  readonly #pool: HandlePool;
  /** Embeddings left by proposals, when there is one axis to find them along. */
  #embeddings: EmbeddingWindow | undefined;

  /** @param classes background included */
  constructor(
    private readonly network: RefinerNetwork,
    private readonly prepared: StageInput,
    private readonly classes: number,
    private readonly settings: RefinerSettings,
    private readonly options: StageOptions = {},
  ) {
    this.#pool = new HandlePool(network);
  }

  /**
   * Step 0 without a U-Net: what the refiner proposes for every slice, averaged over the axes.
   *
   * @returns logits `[K, z, y, x]`
   * @throws ConfigError for a network that proposes nothing, EngineError for proposals of another size, InterruptedError
   */
  async propose(): Promise<Float32Array> {
    const { network, prepared, classes, settings } = this;
    if (network.propose === undefined) {
      throw new ConfigError({
        found: "a refiner without a proposal head, for a model whose step 0 is the refiner's proposal",
        hint: "train the model again",
      });
    }
    const axes = axesOf(settings);
    const voxels = voxelCount(prepared.shape);
    const sum = new Float32Array(classes * voxels);
    for (const axis of axes) {
      const frame = sliceFrame(prepared.shape, prepared.spacing, axis, network.imageSize);
      const embeddings = this.#window(frame);
      await this.#proposeAlong(axis, frame, embeddings, axes.length === 1, sum);
      if (axes.length === 1) this.#embeddings = embeddings;
      else this.#pool.freeAll();
    }
    return sum;
  }

  async #proposeAlong(
    axis: SliceAxis,
    frame: SliceFrame,
    embeddings: EmbeddingWindow,
    keep: boolean,
    sum: Float32Array,
  ): Promise<void> {
    const { network, prepared, classes, settings } = this;
    const { progress = silent, signal } = this.options;
    const [size, voxels] = [network.maskSize ** 2, voxelCount(prepared.shape)];
    const share = 1 / axesOf(settings).length;
    // Downwards, since stage 1 goes upwards and then finds the embeddings of the slices it begins with.
    const order = Array.from({ length: frame.count }, (_, n) => frame.count - 1 - n);
    const plane = new Float32Array(frame.height * frame.width);
    for (const [n, slice] of order.entries()) {
      await breathe(signal);
      const logits = await network.propose!(await embeddings.get(slice, order.slice(n + 1)));
      if (logits.length !== classes * size) {
        throw new EngineError({ found: `a proposal of ${logits.length} logits`, expected: `${classes} × ${size}` });
      }
      for (let k = 0; k < classes; k++) {
        const own = fitOut(logits.subarray(k * size, (k + 1) * size), frame, network.maskSize);
        const target = sum.subarray(k * voxels, (k + 1) * voxels);
        extractSlice(target, prepared.shape, frame.axis, slice, plane);
        for (let i = 0; i < own.length; i++) plane[i]! += share * own[i]!;
        placeSlice(plane, target, prepared.shape, frame.axis, slice);
      }
      if (!keep) embeddings.drop(slice);
      const stage = keep ? "step 0: proposing slices" : `step 0: proposing ${axis} slices`;
      progress({ stage, done: n + 1, total: order.length });
    }
  }

  /** @param logits step 0's `[K, z, y, x]` @throws as `refineCase` */
  async run(logits: Float32Array): Promise<CaseStages> {
    const { prepared, classes, settings } = this;
    const { through = "stage2" } = this.options;
    const axes = axesOf(settings);
    const sliced = sliceAxes[axes[0]!];
    const step0 = scoresOfLogits(logits, classes, prepared.shape, sliced);
    if (through === "step0") return { scores: { step0 }, results: {}, axis: sliced };
    const [stage1, stage2]: [ClassVolumes[], ClassVolumes[]] = [[], []];
    let first: Refined | undefined;
    for (const axis of axes) {
      const frame = sliceFrame(prepared.shape, prepared.spacing, axis, this.network.imageSize);
      const refined = await this.#refine(logits, frame, axes.length === 1 ? undefined : axis);
      const { calibration } = settings;
      stage1.push(scoresOfStage(refined.stage1, calibration.stage1, frame, classes, prepared.shape));
      if (refined.stage2) {
        stage2.push(scoresOfStage(refined.stage2, calibration.stage2, frame, classes, prepared.shape));
      }
      first ??= refined;
    }
    const { bridged, ...results } = first!;
    return {
      scores: { step0, stage1: meanScores(stage1), ...(stage2.length > 0 && { stage2: meanScores(stage2) }) },
      results,
      bridged,
      axis: sliced,
    };
  }

  async #refine(logits: Float32Array, frame: SliceFrame, axis: SliceAxis | undefined): Promise<Refined> {
    const { network, prepared, classes, settings, options } = this;
    const { prompt, memory } = settings;
    const step0 = scoresOfLogits(logits, classes, prepared.shape, frame.axis);
    const probabilities = (slice: number) => step0.slice(slice);
    const plan = planPrompts((slice) => step0.winners(slice), frame, classes, prompt);
    const { progress = silent, embedBatch, signal, finished } = options;
    const { maxEmbeddings, maxMemories } = this.#kept(Math.max(1, ...plan.map((objects) => objects.length)));
    const refined = await refineCase(
      network,
      {
        frame,
        slices: plan.flatMap((objects, slice) => (objects.length > 0 ? [slice] : [])),
        render: this.#render(frame),
        prompts: (slice) => slicePrompts(plan, slice, probabilities, frame, classes, network.maskSize, prompt),
      },
      {
        prompt,
        memory,
        through: options.through === "stage1" ? 1 : 2,
        embeddings: this.#embeddings,
        maxEmbeddings,
        maxMemories,
        ...(embedBatch !== undefined && { embedBatch }),
        ...(signal && { signal }),
        ...(finished && { finished }),
        progress: axis === undefined ? progress : (event) => progress({ ...event, stage: `${event.stage}, ${axis}` }),
      },
    );
    return { ...refined, bridged: bridgedSlices(plan, classes) };
  }

  #render(frame: SliceFrame) {
    const { slices: colours, channel } = this.settings;
    return (slice: number, out: Float32Array, offset: number) =>
      renderSlice(this.prepared, frame, slice, { colours, channel }, out, offset);
  }

  #window(frame: SliceFrame): EmbeddingWindow {
    const { embedBatch = 1 } = this.options;
    const { maxEmbeddings } = this.#kept(1);
    return new EmbeddingWindow(this.network, this.#pool, this.#render(frame), maxEmbeddings, embedBatch);
  }

  /**
   * How many slices' embeddings and memories are kept at once: as many as asked for, else as there is room for.
   *
   * @param objects of a slice, at most
   */
  #kept(objects: number): { readonly maxEmbeddings: number; readonly maxMemories: number } {
    const { embeddings, memories } = this.network.room?.() ?? {
      embeddings: usuallyKept,
      memories: usuallyKept * objects,
    };
    const { maxEmbeddings = embeddings, maxMemories = Math.floor(memories / objects) } = this.options;
    return { maxEmbeddings: Math.max(1, maxEmbeddings), maxMemories: Math.max(1, maxMemories) };
  }

  /** Gives back every handle that is left. */
  free(): void {
    this.#embeddings = undefined;
    this.#pool.freeAll();
  }

  [Symbol.dispose](): void {
    this.free();
  }
}
