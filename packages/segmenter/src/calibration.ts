/**
 * What makes the refiner's answers comparable: it says per class "this object or not", in logits that mean something else for every
 * class. Learned on training cases, one of three forms:
 *
 *   none     l'_c = l_c
 *   class    l'_c = s_c · l_c + b_c
 *   matrix   l'_c = Σ w_ck · l_k + b_c        a 1×1 convolution; a class that is not there counts as `absentLogit`
 */
import type { SliceResult } from "./refine.js";

/** For every class without the background (entry 0 is class 1). */
export type Calibration =
  | { readonly kind: "none" }
  | { readonly kind: "class"; readonly scale: readonly number[]; readonly bias: readonly number[] }
  | {
      readonly kind: "matrix";
      /** `[C][C]`: row c makes class c + 1. */
      readonly weight: readonly (readonly number[])[];
      readonly bias: readonly number[];
    };

/** The calibration that changes nothing. */
export const noCalibration: Calibration = { kind: "none" };

/**
 * A matrix sees every class on every slice: one that was not asked for, or that the decoder says is not there, as this logit, and no
 * logit further from 0.
 */
export const absentLogit = -15;

/** One class's mask on a slice. */
export interface ClassLogits {
  readonly label: number;
  /** `[m, m]` */
  readonly logits: Float32Array;
}

/**
 * The classes that were asked for on a slice and are there (object score not below 0), ascending. Of a class's components the largest
 * logit counts.
 */
export function seenClasses({ classes, logits, objectScores }: SliceResult, maskSize: number): ClassLogits[] {
  const size = maskSize * maskSize;
  const seen = new Map<number, Float32Array>();
  classes.forEach((label, row) => {
    if (objectScores[row]! < 0) return;
    const own = logits.subarray(row * size, (row + 1) * size);
    const others = seen.get(label);
    seen.set(label, others === undefined ? own : others.map((logit, n) => Math.max(logit, own[n]!)));
  });
  return [...seen].map(([label, own]) => ({ label, logits: own }));
}

/** @param classes those on the slice, as `seenClasses` gives them @returns the same classes; arrays may be the given ones */
export function calibrated(classes: readonly ClassLogits[], calibration: Calibration): readonly ClassLogits[] {
  switch (calibration.kind) {
    case "none":
      return classes;
    case "class": {
      const { scale, bias } = calibration;
      return classes.map(({ label, logits }) => {
        const [s, b] = [scale[label - 1]!, bias[label - 1]!];
        return { label, logits: logits.map((logit) => s * logit + b) };
      });
    }
    case "matrix":
      return mixed(classes, calibration);
  }
}

function mixed(
  classes: readonly ClassLogits[],
  { weight, bias }: Extract<Calibration, { kind: "matrix" }>,
): ClassLogits[] {
  const present = new Set(classes.map(({ label }) => label));
  return classes.map(({ label }) => {
    const row = weight[label - 1]!;
    const absent = row.reduce((sum, w, k) => (present.has(k + 1) ? sum : sum + w * absentLogit), bias[label - 1]!);
    const out = new Float32Array(classes[0]!.logits.length).fill(absent);
    for (const other of classes) {
      const w = row[other.label - 1]!;
      if (w === 0) continue;
      for (let n = 0; n < out.length; n++) {
        out[n]! += w * Math.min(Math.max(other.logits[n]!, absentLogit), -absentLogit);
      }
    }
    return { label, logits: out };
  });
}
