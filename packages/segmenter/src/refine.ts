/**
 * Stages 1 and 2: the refiner (SAM 2 with adapters) over the slices of one case.
 *
 *   stage 1, upwards     slice ──► embed ──► decode(prompts of step 0) ──► masks 1
 *                                                └──► remember ──► memory of the slice
 *   stage 2, downwards   the same embedding ──► attend(memories of near and confident slices) ──► decode(masks 1 + boxes) ──► masks 2
 *
 * Stage 2 looks only at stage-1 memories, so its order is free; going back down it finds the embeddings stage 1 left last. All
 * classes of a slice are one batch. What comes back is low-resolution logits per slice and class, a few kilobytes each.
 */
import { type CancelSignal, type Progress, silent } from "@rfmedsam/base";
import { breathe } from "./breathe.js";
import { EmbeddingWindow, HandlePool } from "./handles.js";
import { chooseMemories, confidenceOf, equallyLong, type MemoryCandidate, type MemoryOptions } from "./memory.js";
import type { Decoded, MemoryHandle, ObjectMemories, ObjectPrompts, RefinerNetwork } from "./networks.js";
import {
  boxOfLogits,
  clampLogits,
  type PromptOptions,
  padBox,
  promptGenerators,
  type SlicePrompts,
} from "./prompts.js";
import type { PixelBox, SliceFrame } from "./slices.js";

/** A stage's answer for the objects of one slice. */
export interface SliceResult {
  readonly slice: number;
  /** Class of each object, ascending. */
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
  const { maxEmbeddings = 64, embedBatch = 1 } = options;
  const embeddings = new EmbeddingWindow(network, pool, input.render, Math.max(1, maxEmbeddings), embedBatch);
  try {
    const first = await runStage1(network, input, options, pool, embeddings);
    options.finished?.(1);
    const stage1: StageResult = { maskSize: network.maskSize, slices: first.results };
    if ((options.through ?? 2) === 1) return { stage1 };
    const stage2 = await runStage2(network, input, options, pool, embeddings, first);
    options.finished?.(2);
    return { stage1, stage2: { maskSize: network.maskSize, slices: stage2 } };
  } finally {
    pool.freeAll();
  }
}

/** Stage 1's answers, and what stage 2 takes from them. */
interface Stage1 {
  readonly results: Map<number, SliceResult>;
  readonly boxes: Map<number, Float32Array>;
  readonly memories: Map<number, MemoryHandle>;
}

async function runStage1(
  network: RefinerNetwork,
  input: RefineInput,
  { through = 2, progress = silent, signal }: RefineOptions,
  pool: HandlePool,
  embeddings: EmbeddingWindow,
): Promise<Stage1> {
  const stage: Stage1 = { results: new Map(), boxes: new Map(), memories: new Map() };
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
        stage.memories.set(slice, pool.keep(await network.remember(embedding, decoded.state)));
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
  { results: before, boxes, memories }: Stage1,
): Promise<Map<number, SliceResult>> {
  const results = new Map<number, SliceResult>();
  const candidates = candidatesByClass(before);
  const downwards = [...before.values()].reverse();
  for (const [n, stage1] of downwards.entries()) {
    await breathe(signal);
    const { slice, classes } = stage1;
    const references = equallyLong(
      classes.map((label) => chooseMemories(candidates.get(label) ?? [], slice, network.memorySlots, memory)),
    ).map((chosen, object): ObjectMemories => {
      const seen = chosen.map((one) => ({
        memory: memories.get(one.slice)!,
        row: before.get(one.slice)!.classes.indexOf(classes[object]!),
        ...one,
      }));
      return {
        spatial: seen.map(({ memory, row, position }) => ({ memory, row, position })),
        pointers: seen.map(({ memory, row, offset }) => ({ of: memory, row, offset })),
      };
    });
    const embedding = await embeddings.get(
      slice,
      downwards.slice(n + 1).map((next) => next.slice),
    );
    const conditioned = pool.keep(await network.attend(embedding, references));
    const prompts = refinementPrompts(stage1, boxes.get(slice)!, input.frame, network.maskSize, prompt);
    const decoded = await network.decode(embedding, prompts, conditioned);
    pool.keep(decoded.state);
    results.set(slice, sliceResult(slice, classes, decoded));
    pool.free(decoded.state, conditioned);
    embeddings.drop(slice);
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

function candidatesByClass(results: ReadonlyMap<number, SliceResult>): Map<number, MemoryCandidate[]> {
  const candidates = new Map<number, MemoryCandidate[]>();
  for (const { slice, classes, ious, objectScores } of results.values()) {
    classes.forEach((label, row) => {
      const list = candidates.get(label) ?? [];
      list.push({ slice, confidence: confidenceOf(ious[row]!, objectScores[row]!) });
      candidates.set(label, list);
    });
  }
  return candidates;
}
