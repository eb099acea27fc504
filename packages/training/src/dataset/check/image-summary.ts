/** A channel in a few numbers, gathered in one pass over its voxels, so that a data set is compared without being held. */
import { createHash } from "node:crypto";
import { isBigArray, percentileOfSorted, type Triple, type Volume, type VoxelArray } from "@rfmedsam/imaging";

export interface ImageSummary {
  /** Voxels that are NaN or infinite; the numbers are of the others. */
  readonly notFinite: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** 0.5, 50 and 99.5 % of evenly spread voxels. */
  readonly low: number;
  readonly median: number;
  readonly high: number;
  /** The same for the same voxels in the same shape and element type. */
  readonly hash: string;
  readonly thumbnail: Thumbnail;
}

/** Means of at most 12³ blocks, brought to mean 0 and length 1: the product of two is their correlation. */
export interface Thumbnail {
  readonly shape: string;
  readonly values: Float32Array;
}

const thumbnailEdge = 12;
/** Voxels looked at for percentiles. */
const sampled = 1 << 16;

export function summariseImage({ data, shape }: Volume): ImageSummary {
  const numbers = isBigArray(data) ? Float64Array.from(data as ArrayLike<unknown> as ArrayLike<bigint>, Number) : data;
  const [depth, height, width] = shape;
  const edges = shape.map((size) => Math.min(thumbnailEdge, size)) as unknown as Triple;
  const [zBlock, yBlock, xBlock] = shape.map((size, axis) => blocksOf(size, edges[axis]!)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const sums = new Float64Array(edges[0] * edges[1] * edges[2]);
  const counts = new Uint32Array(sums.length);
  let [count, sum] = [0, 0];
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let at = 0;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      const row = (zBlock[z]! * edges[1] + yBlock[y]!) * edges[2];
      for (let x = 0; x < width; x++, at++) {
        const value = numbers[at]!;
        // NaN and both infinities, without a call.
        if (value - value !== 0) continue;
        const block = row + xBlock[x]!;
        sums[block]! += value;
        counts[block]!++;
        sum += value;
        count++;
        if (value < min) min = value;
        if (value > max) max = value;
      }
    }
  }
  const percentile = percentilesOf(numbers);
  const none = count === 0;
  return {
    notFinite: numbers.length - count,
    min: none ? Number.NaN : min,
    max: none ? Number.NaN : max,
    mean: sum / count,
    low: percentile(0.5),
    median: percentile(50),
    high: percentile(99.5),
    hash: hashOf(data, shape),
    thumbnail: { shape: edges.join("×"), values: normalised(sums, counts, sum / count) },
  };
}

/** @returns 32 hexadecimal digits of the voxels, their type and their shape */
export function hashOf(data: VoxelArray, shape: Triple): string {
  const hash = createHash("sha256").update(`${data.constructor.name} ${shape.join(" ")}`);
  return hash
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest("hex")
    .slice(0, 32);
}

/** Correlation of two images as their thumbnails see them; NaN when their thumbnails have other shapes. */
export function likeness(a: Thumbnail, b: Thumbnail): number {
  if (a.shape !== b.shape) return Number.NaN;
  let product = 0;
  for (let i = 0; i < a.values.length; i++) product += a.values[i]! * b.values[i]!;
  return product;
}

function blocksOf(size: number, edge: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, at) => Math.floor((at * edge) / size));
}

function percentilesOf(numbers: ArrayLike<number>): (percent: number) => number {
  const step = Math.max(1, Math.floor(numbers.length / sampled));
  const values = new Float64Array(Math.ceil(numbers.length / step));
  let kept = 0;
  for (let i = 0; i < numbers.length; i += step) if (Number.isFinite(numbers[i])) values[kept++] = numbers[i]!;
  const sorted = values.subarray(0, kept).sort();
  return (percent) => (kept === 0 ? Number.NaN : percentileOfSorted(sorted, percent));
}

function normalised(sums: Float64Array, counts: Uint32Array, overall: number): Float32Array {
  const means = Float64Array.from(sums, (sum, block) => (counts[block] === 0 ? overall : sum / counts[block]!));
  const mean = means.reduce((total, value) => total + value, 0) / means.length;
  const length = Math.sqrt(means.reduce((total, value) => total + (value - mean) ** 2, 0));
  return Float32Array.from(means, (value) => (length > 0 ? (value - mean) / length : 0));
}
