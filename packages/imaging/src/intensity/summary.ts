/** What a person asks of a volume's values first: range, mean, percentiles, what is not a number, and the values if there are few. */
import { isBigArray, type VoxelArray } from "../volume.js";
import { percentileOfSorted } from "./statistics.js";

export interface ValueSummary {
  /** Voxels that are NaN or infinite; the rest is about the others. */
  readonly notFinite: number;
  /** NaN when nothing is finite. */
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** Population standard deviation. */
  readonly std: number;
  /** 0.5, 5, 25, 50, 75, 95 and 99.5 %, none when nothing is finite; linear interpolation, as NumPy's default. */
  readonly percentiles: readonly { readonly percent: number; readonly value: number }[];
  /** Voxels per value, ascending, when all values are whole numbers from 0 to 255: the volume may be a label map. */
  readonly counts: readonly (readonly [value: number, voxels: number])[] | undefined;
}

const percents = [0.5, 5, 25, 50, 75, 95, 99.5] as const;
/** More different values than this are intensities, not labels. */
const mostLabels = 256;

export function summariseValues(data: VoxelArray): ValueSummary {
  const numbers = isBigArray(data) ? Float64Array.from(data as ArrayLike<unknown> as ArrayLike<bigint>, Number) : data;
  let [count, least, most, mean, squares] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  let whole = true;
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i]!;
    if (!Number.isFinite(value)) continue;
    count++;
    if (value < least) least = value;
    if (value > most) most = value;
    whole &&= Number.isInteger(value);
    // Welford's: no digits are lost far from 0.
    const step = value - mean;
    mean += step / count;
    squares += step * (value - mean);
  }
  const notFinite = numbers.length - count;
  if (count === 0) {
    const nothing = Number.NaN;
    return { notFinite, min: nothing, max: nothing, mean: nothing, std: nothing, percentiles: [], counts: undefined };
  }
  const histogram = whole && most - least < 1 << 20 ? countsFrom(numbers, least, most - least + 1) : undefined;
  const percentile = histogram === undefined ? bySorting(numbers, count) : byCounting(histogram, least, count);
  const labels = histogram !== undefined && least >= 0 && most < mostLabels;
  return {
    notFinite,
    min: least,
    max: most,
    mean,
    std: Math.sqrt(squares / count),
    percentiles: percents.map((percent) => ({ percent, value: percentile(percent) })),
    counts: labels
      ? [...histogram.entries()].filter(([, voxels]) => voxels > 0).map(([at, voxels]) => [at + least, voxels] as const)
      : undefined,
  };
}

function countsFrom(numbers: ArrayLike<number>, least: number, values: number): Float64Array {
  const counts = new Float64Array(values);
  for (let i = 0; i < numbers.length; i++) if (Number.isFinite(numbers[i])) counts[numbers[i]! - least]!++;
  return counts;
}

/** Exact, without sorting: most volumes hold few different whole numbers. */
function byCounting(counts: Float64Array, least: number, count: number): (percent: number) => number {
  const nth = (rank: number) => {
    let passed = 0;
    for (let at = 0; at < counts.length; at++) {
      passed += counts[at]!;
      if (passed > rank) return at + least;
    }
    return Number.NaN;
  };
  return (percent) => {
    const position = (percent / 100) * (count - 1);
    const low = Math.floor(position);
    const first = nth(low);
    return first + (nth(Math.min(low + 1, count - 1)) - first) * (position - low);
  };
}

function bySorting(numbers: ArrayLike<number>, count: number): (percent: number) => number {
  const finite = new Float64Array(count);
  let at = 0;
  for (let i = 0; i < numbers.length; i++) if (Number.isFinite(numbers[i])) finite[at++] = numbers[i]!;
  finite.sort();
  return (percent) => percentileOfSorted(finite, percent);
}
