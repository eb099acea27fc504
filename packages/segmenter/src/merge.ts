/**
 * From independent binary masks to one label map.
 *
 * The refiner answers per class "this object or not"; calibrated (calibration.ts), a softmax over {background at 0, classes} turns
 * such logits l' into probabilities:
 *
 *   p_c = exp(l'_c) / (1 + Σ exp(l'_k))      over the classes asked for and present on the slice
 *
 * Which stage's label of a voxel counts in the end is answers.ts.
 */
import { ConfigError } from "@rfmedsam/base";
import { type Triple, voxelCount } from "@rfmedsam/imaging";
import { type Calibration, calibrated, seenClasses } from "./calibration.js";
import { argmaxOfSlice } from "./prompts.js";
import type { SliceResult, StageResult } from "./refine.js";
import { extractSlice, fitOut, placeSlice, type SliceFrame } from "./slices.js";

export const stageNames = ["step0", "stage1", "stage2"] as const;
export type StageName = (typeof stageNames)[number];

/** Class probabilities of a case on the prepared grid, read class by class, so that K volumes are never held. */
export interface ClassVolumes {
  /** Background included. */
  readonly classes: number;
  readonly shape: Triple;
  /** `[z, y, x]` of one class. */
  volume(label: number): Float32Array;
}

/** The same, read by slices as well. */
export interface ClassScores extends ClassVolumes {
  /** Array axis of the slices. */
  readonly axis: 0 | 1 | 2;
  /** `[K, h, w]` of one slice of the frame the scores were made with. */
  slice(index: number): Float32Array;
  /** The winning class of every voxel `[h, w]` of one slice. */
  winners(index: number): Uint8Array;
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
    axis,
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
  const objects = (index: number) => logitsOnGrid(slices.get(index), maskSize, calibration, frame);
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
    axis: frame.axis,
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
  for (const { label, logits } of logitsOnGrid(result, maskSize, calibration, frame)) {
    out.set(logits(), label * plane);
  }
  return softmaxInPlace(out, classes, plane);
}

/** Calibrated logits `[h, w]` of the classes on a slice, on the slice's own grid, made when asked for. */
function logitsOnGrid(
  result: SliceResult | undefined,
  maskSize: number,
  calibration: Calibration,
  frame: SliceFrame,
): { readonly label: number; readonly logits: () => Float32Array }[] {
  if (result === undefined) return [];
  return calibrated(seenClasses(result, maskSize), calibration).map(({ label, logits }) => ({
    label,
    logits: () => fitOut(logits, frame, maskSize),
  }));
}

/** The winning class of every voxel `[z, y, x]`, slice by slice where the scores can be read so. */
export function winningLabels(scores: ClassVolumes | ClassScores): Uint8Array {
  const { classes, shape } = scores;
  const labels = new Uint8Array(voxelCount(shape));
  if ("winners" in scores) {
    for (let index = 0; index < shape[scores.axis]; index++) {
      placeSlice(scores.winners(index), labels, shape, scores.axis, index);
    }
    return labels;
  }
  const best = scores.volume(0).slice();
  for (let label = 1; label < classes; label++) {
    const own = scores.volume(label);
    for (let n = 0; n < own.length; n++) {
      if (own[n]! > best[n]!) {
        best[n] = own[n]!;
        labels[n] = label;
      }
    }
  }
  return labels;
}

/** Several scores of the same case as one: their mean, class by class and voxel by voxel (a fused refiner's axes, a case's stages). */
export function meanScores(members: readonly ClassVolumes[]): ClassVolumes {
  const [first] = members;
  if (first === undefined) throw new ConfigError({ found: "no scores to average", expected: "at least one" });
  if (members.length === 1) return first;
  const { classes, shape } = first;
  return { classes, shape, volume: (label) => mean(members.map((member) => member.volume(label))) };
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
