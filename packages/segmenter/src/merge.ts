/**
 * From independent binary masks to one label map.
 *
 * The refiner answers per class "this object or not"; such logits are not comparable across classes as they are. A calibration
 * (scale and bias per class, learned on training cases) makes them so, and a softmax over {background at 0, classes} turns them
 * into probabilities:
 *
 *   p_c = exp(s_c · l_c + b_c) / (1 + Σ exp(s_k · l_k + b_k))      over the classes asked for and present on the slice
 *
 * The final labels take every class from the stage that cross-validates best for it; the background is the mean of those stages'.
 */
import { ConfigError } from "@rfmedsam/base";
import { type Triple, voxelCount } from "@rfmedsam/imaging";
import { argmaxOfSlice } from "./prompts.js";
import type { SliceResult, StageResult } from "./refine.js";
import { extractSlice, fitOut, placeSlice, type SliceFrame } from "./slices.js";

/** Scale and bias of each class's logits, background excluded (entry 0 is class 1). */
export interface Calibration {
  readonly scale: readonly number[];
  readonly bias: readonly number[];
}

/** The calibration that changes nothing. @param classes background included */
export function identityCalibration(classes: number): Calibration {
  return { scale: new Array(classes - 1).fill(1), bias: new Array(classes - 1).fill(0) };
}

export const stageNames = ["step0", "stage1", "stage2"] as const;
export type StageName = (typeof stageNames)[number];
/** Where a class's final score comes from. */
export type OutputStage = StageName | "mean";

/** Class probabilities of a case on the prepared grid, read by slice or by class, so that K volumes are never held. */
export interface ClassScores {
  /** Background included. */
  readonly classes: number;
  readonly shape: Triple;
  /** `[K, h, w]` of one slice of the frame the scores were made with. */
  slice(index: number): Float32Array;
  /** The winning class of every voxel `[h, w]` of one slice. */
  winners(index: number): Uint8Array;
  /** `[z, y, x]` of one class. */
  volume(label: number): Float32Array;
}

/** Step 0's logits `[K, z, y, x]` as probabilities (softmax). */
export function scoresOfLogits(logits: Float32Array, classes: number, shape: Triple, axis: 0 | 1 | 2): ClassScores {
  const voxels = voxelCount(shape);
  const ofClass = (label: number) => logits.subarray(label * voxels, (label + 1) * voxels);
  const plane = voxels / shape[axis];
  const logitsOf = (index: number) => {
    const out = new Float32Array(classes * plane);
    for (let k = 0; k < classes; k++) {
      extractSlice(ofClass(k), shape, axis, index, out.subarray(k * plane, (k + 1) * plane));
    }
    return out;
  };
  let normaliser: Float32Array | undefined;
  return {
    classes,
    shape,
    slice: (index) => softmaxInPlace(logitsOf(index), classes, plane),
    winners: (index) => argmaxOfSlice(logitsOf(index), classes, plane),
    volume(label) {
      normaliser ??= logSumExp(Array.from({ length: classes }, (_, k) => ofClass(k)));
      const total = normaliser;
      return ofClass(label).map((value, n) => Math.exp(value - total[n]!));
    },
  };
}

/**
 * One stage's low-resolution logits as probabilities on the prepared grid.
 *
 * @param classes background included
 */
export function scoresOfStage(
  { maskSize, slices }: StageResult,
  calibration: Calibration,
  frame: SliceFrame,
  classes: number,
  shape: Triple,
): ClassScores {
  const plane = frame.height * frame.width;
  /** Logarithm of the softmax's denominator, per slice with objects. */
  const normalisers = new Map<number, Float32Array>();
  const objects = (index: number) => calibratedObjects(slices.get(index), maskSize, calibration, frame);
  const normaliserOf = (index: number) => {
    const known = normalisers.get(index);
    if (known !== undefined) return known;
    const made = logSumExp([new Float32Array(plane), ...objects(index).map((object) => object.logits())]);
    normalisers.set(index, made);
    return made;
  };
  const slice = (index: number) => mergeSlice(slices.get(index), maskSize, calibration, frame, classes);
  return {
    classes,
    shape,
    slice,
    winners: (index) => argmaxOfSlice(slice(index), classes, plane),
    volume(label) {
      const out = new Float32Array(voxelCount(shape));
      const scores = new Float32Array(plane);
      for (let index = 0; index < frame.count; index++) {
        const present = objects(index);
        const own = label === 0 ? new Float32Array(plane) : present.find((object) => object.label === label)?.logits();
        if (own === undefined) continue;
        if (present.length === 0) scores.fill(1);
        else {
          const total = normaliserOf(index);
          for (let n = 0; n < plane; n++) scores[n] = Math.exp(own[n]! - total[n]!);
        }
        placeSlice(scores, out, shape, frame.axis, index);
      }
      return out;
    },
  };
}

/**
 * Probabilities `[K, h, w]` of one slice: the softmax over the background and the calibrated classes. A class that was not asked
 * for, or that the decoder says is not there (object score below 0), has none; without any class the slice is background.
 */
export function mergeSlice(
  result: SliceResult | undefined,
  maskSize: number,
  calibration: Calibration,
  frame: SliceFrame,
  classes: number,
): Float32Array {
  const plane = frame.height * frame.width;
  const out = new Float32Array(classes * plane).fill(Number.NEGATIVE_INFINITY);
  out.fill(0, 0, plane);
  for (const { label, logits } of calibratedObjects(result, maskSize, calibration, frame)) {
    out.set(logits(), label * plane);
  }
  return softmaxInPlace(out, classes, plane);
}

interface CalibratedObject {
  readonly label: number;
  /** `[h, w]` on the slice's own grid. */
  readonly logits: () => Float32Array;
}

function calibratedObjects(
  result: SliceResult | undefined,
  maskSize: number,
  { scale, bias }: Calibration,
  frame: SliceFrame,
): CalibratedObject[] {
  if (result === undefined) return [];
  const size = maskSize * maskSize;
  return result.classes.flatMap((label, row) =>
    result.objectScores[row]! < 0
      ? []
      : [
          {
            label,
            logits: () => {
              const grid = fitOut(result.logits.subarray(row * size, (row + 1) * size), frame, maskSize);
              for (let n = 0; n < grid.length; n++) grid[n] = scale[label - 1]! * grid[n]! + bias[label - 1]!;
              return grid;
            },
          },
        ],
  );
}

/**
 * The final scores: class by class those of the stage chosen for it, `mean` being the average of all stages there are; the
 * background is the average background of the stages in use. They need not sum to 1; the largest wins.
 *
 * @param choice output stage per class, entry 0 (background) ignored
 * @throws ConfigError if a chosen stage was not run
 */
export function combineScores(
  stages: Readonly<Partial<Record<StageName, ClassScores>>>,
  choice: readonly OutputStage[],
): ClassScores {
  const available = stageNames.flatMap((name) => stages[name] ?? []);
  const [first] = available;
  if (first === undefined) throw new ConfigError({ found: "no stage to combine", expected: "at least step 0" });
  const chosen = (label: number): ClassScores[] => {
    const name = choice[label] ?? "mean";
    if (name === "mean") return available;
    const stage = stages[name];
    if (stage === undefined) {
      throw new ConfigError({
        found: `class ${label} comes from ${name}, which was not run`,
        expected: "a stage that was run",
      });
    }
    return [stage];
  };
  const foreground = Array.from({ length: first.classes - 1 }, (_, n) => chosen(n + 1));
  const inUse = [...new Set(foreground.flat())];
  const sources = (label: number) => (label === 0 ? inUse : foreground[label - 1]!);
  const slice = (index: number) => {
    const all = new Map(inUse.map((stage) => [stage, stage.slice(index)]));
    const plane = [...all.values()][0]!.length / first.classes;
    const out = new Float32Array(first.classes * plane);
    for (let k = 0; k < first.classes; k++) {
      out.set(mean(sources(k).map((stage) => all.get(stage)!.subarray(k * plane, (k + 1) * plane))), k * plane);
    }
    return out;
  };
  return {
    classes: first.classes,
    shape: first.shape,
    slice,
    winners(index) {
      const scores = slice(index);
      return argmaxOfSlice(scores, first.classes, scores.length / first.classes);
    },
    volume: (label) => mean(sources(label).map((stage) => stage.volume(label))),
  };
}

function mean(arrays: readonly Float32Array[]): Float32Array {
  const [first, ...others] = arrays;
  if (others.length === 0) return first!;
  const out = first!.slice();
  for (const other of others) for (let n = 0; n < out.length; n++) out[n]! += other[n]!;
  for (let n = 0; n < out.length; n++) out[n]! /= arrays.length;
  return out;
}

/** Softmax over the first axis of `[K, n]`. */
export function softmaxInPlace(logits: Float32Array, classes: number, n: number): Float32Array {
  for (let i = 0; i < n; i++) {
    let peak = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < classes; k++) peak = Math.max(peak, logits[k * n + i]!);
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += logits[k * n + i] = Math.exp(logits[k * n + i]! - peak);
    for (let k = 0; k < classes; k++) logits[k * n + i]! /= sum;
  }
  return logits;
}

/** log Σ exp over equally long arrays. */
function logSumExp(arrays: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(arrays[0]!.length);
  for (let n = 0; n < out.length; n++) {
    let peak = Number.NEGATIVE_INFINITY;
    for (const array of arrays) peak = Math.max(peak, array[n]!);
    let sum = 0;
    for (const array of arrays) sum += Math.exp(array[n]! - peak);
    out[n] = peak + Math.log(sum);
  }
  return out;
}
