/**
 * Voxel values → network input, float32. Source: nnU-Net v2 `default_normalization_schemes`; names of the schemes are its.
 */
import type { NumberArray } from "../volume.js";
import { meanAndStd } from "./statistics.js";

/** Smallest divisor: constant images become 0, not NaN. */
const leastStd = 1e-8;

/** In the image's own unit (CT: HU). */
export interface CtIntensity {
  readonly mean: number;
  readonly std: number;
  /** 0.5th and 99.5th percentile of the foreground of the training set. */
  readonly low: number;
  readonly high: number;
}

/** CTNormalization: clip to `[low, high]`, then `(x − mean) / max(std, 1e-8)` with the data set's statistics. */
export function normaliseCt(data: NumberArray, { mean, std, low, high }: CtIntensity): Float32Array {
  const divisor = Math.max(std, leastStd);
  const result = new Float32Array(data.length);
  for (let i = 0; i < result.length; i++) {
    const value = data[i]!;
    result[i] = ((value < low ? low : value > high ? high : value) - mean) / divisor;
  }
  return result;
}

/**
 * ZScoreNormalization: `(x − mean) / max(std, 1e-8)` with the volume's own statistics.
 *
 * @param mask if given, statistics and result are of voxels above 0 only; the others keep their value, as in nnU-Net (0 in an
 * image that was masked)
 */
export function normaliseZScore(data: NumberArray, mask?: ArrayLike<number>): Float32Array {
  const { mean, std } = meanAndStd(data, mask);
  const divisor = Math.max(std, leastStd);
  const result = new Float32Array(data.length);
  for (let i = 0; i < result.length; i++) {
    const value = data[i]!;
    result[i] = mask !== undefined && !(mask[i]! > 0) ? value : (value - mean) / divisor;
  }
  return result;
}

/** RescaleTo01Normalization: least value → 0, largest → 1; a constant image → 0. */
export function rescaleTo01(data: NumberArray): Float32Array {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  const divisor = Math.max(most - least, leastStd);
  return Float32Array.from(data, (value) => (value - least) / divisor);
}

/** RGBTo01Normalization: 8-bit values, of whatever element type, from 0…255 to 0…1. */
export function rgbTo01(data: NumberArray): Float32Array {
  return Float32Array.from(data, (value) => value / 255);
}
