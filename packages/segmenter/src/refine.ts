/**
 * Stages 1 and 2: the refiner (SAM 2 with adapters) over the slices of one case.
 *
 *   stage 1, upwards     slice ──► embed ──► decode(prompts of step 0) ──► masks 1
 *                                                └──► remember ──► memory of the slice
 *   stage 2, downwards   the same embedding ──► attend(memories of near and confident slices) ──► decode(masks 1 + boxes) ──► masks 2
 *
 * Stage 2 looks only at stage-1 memories, so its order is free; going back down it finds the embeddings and memories stage 1 left
 * last. Those it does not find are made again (stage-memories.ts), so that what the engine holds does not grow with the volume. All
 * objects of a slice are one batch. What comes back is low-resolution logits per slice and object.
 */
import { type CancelSignal, type Progress, silent } from "@rfmedsam/base";
import { breathe } from "./breathe.js";
import { EmbeddingWindow, HandlePool } from "./handles.js";
import type { MemoryOptions } from "./memory.js";
import type { Decoded, ObjectPrompts, RefinerNetwork } from "./networks.js";
import {
  boxOfLogits,
  clampLogits,
  type PromptOptions,
  padBox,
  promptGenerators,
  type SlicePrompts,
} from "./prompts.js";
import type { PixelBox, SliceFrame } from "./slices.js";
import { chooseReferences, StageMemories } from "./stage-memories.js";

/** A stage's answer for the objects of one slice. */
export interface SliceResult {
  readonly slice: number;
  /** Class of each object, ascending; more than one of a class when its components were asked for one by one. */
  readonly classes: readonly number[];
  /** `[n, m, m]` mask logits. */
  readonly logits: Float32Array;
  /** `[n]` predicted IoU. */
  readonly ious: Float32Array;
  /** `[n]` logit of "the object is on this slice". */
  readonly objectScores: Float32Array;
}

/** A stage's answer for a case: the slices where anything was asked for. */
export interface StageResult {
  /** Side m of the logits. */
  readonly maskSize: number;
  readonly slices: ReadonlyMap<number, SliceResult>;
}

/** What is refined: the slices that have prompts, how to see them and what to ask. */
export interface RefineInput {
  readonly frame: SliceFrame;
  /** Slices with prompts, ascending. */
  readonly slices: readonly number[];
  /** Writes `[3, S, S]` of a slice. */
  readonly render: (slice: number, out: Float32Array, offset: number) => void;
  readonly prompts: (slice: number) => SlicePrompts | undefined;
}

export interface RefineOptions {
  readonly prompt: Pick<PromptOptions, "kind" | "boxMargin">;
  readonly memory: MemoryOptions;
  /** The last stage to run (default 2). */
  readonly through?: 1 | 2;
  /** How many slice embeddings may be kept at once; others are embedded again in stage 2. */
  readonly maxEmbeddings?: number;
  /** How many slices' memories may be kept at once (more only when one slice needs more); others are made again in stage 2. */
  readonly maxMemories?: number;
  /** Embeddings that are there already, in the hands of the caller; instead of `maxEmbeddings` and `embedBatch`. */
  readonly embeddings?: EmbeddingWindow | undefined;
  /** Slices per call of `embed`. */
  readonly embedBatch?: number;
  readonly progress?: Progress;
  readonly signal?: CancelSignal;
  /** Told when a stage is complete, for timing. */
  readonly finished?: (stage: 1 | 2) => void;
}

export interface RefineResult {
  readonly stage1: StageResult;
  readonly stage2?: StageResult;
}

/** Slices whose embeddings and memories are kept where nobody says for how many there is room. */
export const usuallyKept = 64;

/**
 * Runs stage 1 and, if wanted, stage 2.
 *
 * @throws InterruptedError when stopped; every handle the engine gave out is released by then, as on any other error
 */
export async function refineCase(
  network: RefinerNetwork,
  input: RefineInput,
  options: RefineOptions,
): Promise<RefineResult> {
  const pool = new HandlePool(network);
  const { maxEmbeddings = usuallyKept, maxMemories = usuallyKept, embedBatch = 1 } = options;
  const embeddings =
    options.embeddings ?? new EmbeddingWindow(network, pool, input.render, Math.max(1, maxEmbeddings), embedBatch);
  const memories = new StageMemories(network, pool, embeddings, input.prompts, maxMemories);
  try {
    const first = await runStage1(network, input, options, pool, embeddings, memories);
    options.finished?.(1);
    const stage1: StageResult = { maskSize: network.maskSize, slices: first.results };
    if ((options.through ?? 2) === 1) return { stage1 };
    const stage2 = await runStage2(network, input, options, pool, embeddings, memories, first);
    options.finished?.(2);
    return { stage1, stage2: { maskSize: network.maskSize, slices: stage2 } };
  } finally {
    pool.freeAll();
  }
}

/** Stage 1's answers, and the boxes it was asked with. */
export interface Stage1 {
  readonly results: Map<number, SliceResult>;
  /** `[n, 4]` a slice. */
  readonly boxes: Map<number, Float32Array>;
}

async function runStage1(
  network: RefinerNetwork,
  input: RefineInput,
  { through = 2, progress = silent, signal }: RefineOptions,
  pool: HandlePool,
  embeddings: EmbeddingWindow,
  memories: StageMemories,
): Promise<Stage1> {
  const stage: Stage1 = { results: new Map(), boxes: new Map() };
  for (const [n, slice] of input.slices.entries()) {
    await breathe(signal);
    const asked = input.prompts(slice);
    if (asked !== undefined) {
      const embedding = await embeddings.get(slice, input.slices.slice(n + 1));
      const decoded = await network.decode(embedding, asked.prompts);
      pool.keep(decoded.state);
      stage.results.set(slice, sliceResult(slice, asked.classes, decoded));
      if (through === 2) {
        stage.boxes.set(slice, asked.boxes);
        // Stage 2 begins with the last slices; memories of earlier ones would not live until it comes to them.
        if (input.slices.length - n <= memories.limit) await memories.make(slice, embedding, decoded.state);
      }
      pool.free(decoded.state);
    }
    if (through === 1) embeddings.drop(slice);
    progress({ stage: "stage 1: refining slices", done: n + 1, total: input.slices.length });
  }
  return stage;
}

async function runStage2(
  network: RefinerNetwork,
  input: RefineInput,
  { prompt, memory, progress = silent, signal }: RefineOptions,
  pool: HandlePool,
  embeddings: EmbeddingWindow,
  memories: StageMemories,
  { results: before, boxes }: Stage1,
): Promise<Map<number, SliceResult>> {
  const results = new Map<number, SliceResult>();
  const downwards = [...before.values()].reverse();
  const order = downwards.map(({ slice }) => slice);
  const references = chooseReferences(before, boxes, network.memorySlots, memory);
  memories.plan(order.map((slice) => references.get(slice)!));
  for (const [n, stage1] of downwards.entries()) {
    await breathe(signal);
    const { slice, classes } = stage1;
    // Memories first: to make one again takes its own slice's embedding, which may push out this one's.
    const attended = await memories.resolve(references.get(slice)!, order);
    const embedding = await embeddings.get(slice, order.slice(n + 1));
    const conditioned = pool.keep(await network.attend(embedding, attended));
    const prompts = refinementPrompts(stage1, boxes.get(slice)!, input.frame, network.maskSize, prompt);
    const decoded = await network.decode(embedding, prompts, conditioned);
    pool.keep(decoded.state);
    results.set(slice, sliceResult(slice, classes, decoded));
    pool.free(decoded.state, conditioned);
    memories.passed(n);
    if (!memories.willMake(slice)) embeddings.drop(slice);
    progress({ stage: "stage 2: refining slices with memory", done: n + 1, total: downwards.length });
  }
  return results;
}

/**
 * Stage 2's prompts: stage-1 logits as masks and the boxes of their foreground; where stage 1 saw nothing, the box it was asked
 * with.
 *
 * @param askedBoxes `[n, 4]`
 */
export function refinementPrompts(
  { classes, logits }: Pick<SliceResult, "classes" | "logits">,
  askedBoxes: Float32Array,
  frame: SliceFrame,
  maskSize: number,
  { kind, boxMargin }: Pick<PromptOptions, "kind" | "boxMargin">,
): ObjectPrompts {
  const boxes = Float32Array.from(askedBoxes);
  const size = maskSize * maskSize;
  classes.forEach((_, row) => {
    const box: PixelBox | undefined = boxOfLogits(
      logits.subarray(row * size, (row + 1) * size),
      maskSize,
      frame.imageSize,
    );
    if (box !== undefined) boxes.set(padBox(box, boxMargin, frame), row * 4);
  });
  return promptGenerators[kind]({ count: classes.length, boxes, masks: clampLogits(logits) });
}

function sliceResult(slice: number, classes: readonly number[], { logits, ious, objectScores }: Decoded): SliceResult {
  return { slice, classes, logits, ious, objectScores };
}
