/** Mean, deviation and percentiles of voxel values, summed in float64. Percentiles interpolate linearly, as NumPy's default. */
import type { NumberArray } from "../volume.js";

export interface MeanAndStd {
  readonly mean: number;
  /** Population standard deviation. */
  readonly std: number;
}

/** What nnU-Net's fingerprint keeps of the foreground of a data set. */
export interface IntensityStatistics extends MeanAndStd {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly percentile005: number;
  readonly percentile995: number;
}

/** @param mask if given, only voxels where it is above 0 count; without any, both numbers are NaN */
export function meanAndStd(data: NumberArray, mask?: ArrayLike<number>): MeanAndStd {
  // Sums of differences from one of the values: a constant image has deviation 0 exactly, large offsets cost no digits.
  let count = 0;
  let pivot = 0;
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < data.length; i++) {
    if (mask !== undefined && !(mask[i]! > 0)) continue;
    const value = data[i]!;
    if (count === 0) pivot = value;
    const difference = value - pivot;
    count++;
    sum += difference;
    squares += difference * difference;
  }
  const offset = sum / count;
  return { mean: pivot + offset, std: Math.sqrt(Math.max(0, squares / count - offset * offset)) };
}

/** The `q`-th percentile, `q` from 0 to 100, of values sorted ascending. */
export function percentileOfSorted(sorted: NumberArray, q: number): number {
  const position = (q / 100) * (sorted.length - 1);
  const low = Math.floor(position);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (sorted[high]! - sorted[low]!) * (position - low);
}

/** @param values foreground voxel values, pooled over cases; sorted into a copy */
export function intensityStatistics(values: Float32Array): IntensityStatistics {
  const sorted = values.slice().sort();
  return {
    ...meanAndStd(values),
    median: percentileOfSorted(sorted, 50),
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
    percentile005: percentileOfSorted(sorted, 0.5),
    percentile995: percentileOfSorted(sorted, 99.5),
  };
}

/** The part of `Random` that sampling needs. */
export interface Draws {
  below(count: number): number;
}

/** `count` voxel values drawn with replacement from where `labels` is above 0; none if there is no foreground. */
export function sampleForeground(
  data: NumberArray,
  labels: ArrayLike<number>,
  count: number,
  random: Draws,
): Float32Array {
  let foreground = 0;
  for (let i = 0; i < labels.length; i++) if (labels[i]! > 0) foreground++;
  if (foreground === 0) return new Float32Array(0);
  const where = new Uint32Array(foreground);
  for (let i = 0, at = 0; i < labels.length; i++) if (labels[i]! > 0) where[at++] = i;
  return Float32Array.from({ length: count }, () => data[where[random.below(foreground)]!]!);
}
