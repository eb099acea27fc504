/**
 * Windows over a volume: where they start, how much each voxel of one counts, how one is cut out and mirrored. nnU-Net's rules.
 */
import { type Triple, voxelCount } from "@rfmedsam/imaging";
import type { PreparedCase } from "./preprocessing.js";

/** Standard deviation of the importance map as a part of the patch size, as nnU-Net. */
const sigmaScale = 1 / 8;
/** The map's largest value, as nnU-Net; it cancels in float32 and keeps the numbers comparable. */
const importancePeak = 10;

/**
 * First voxels of the windows along each axis, nnU-Net's rule: as many windows as steps of at most `overlap · patch` need, spread
 * evenly, rounded half to even. An axis with a patch of 1 (2D networks) has a window at every voxel.
 *
 * @param shape at least as large as `patch`
 */
export function windowSteps(shape: readonly number[], patch: readonly number[], overlap: number): number[][] {
  return shape.map((size, axis) => {
    const tile = patch[axis]!;
    if (tile === 1) return Array.from({ length: size }, (_, n) => n);
    const count = Math.ceil((size - tile) / (tile * overlap)) + 1;
    if (count <= 1) return [0];
    const step = (size - tile) / (count - 1);
    return Array.from({ length: count }, (_, n) => roundHalfToEven(step * n));
  });
}

/**
 * Where the volume lies in the padded one when it is smaller than the patch: centred, the odd voxel at the high end.
 *
 * @returns the padded shape and the volume's first voxel in it
 */
export function windowPadding(
  shape: readonly number[],
  patch: readonly number[],
): { padded: number[]; start: number[] } {
  const padded = shape.map((size, axis) => Math.max(size, patch[axis]!));
  return { padded, start: padded.map((size, axis) => Math.floor((size - shape[axis]!) / 2)) };
}

/**
 * The Gaussian along one axis: a unit impulse at `size // 2` through a Gaussian filter of `scale · size` cut at 4 standard
 * deviations, zeros outside, scaled to a maximum of 1.
 */
export function gaussianProfile(size: number, scale: number = sigmaScale): Float64Array {
  const sigma = size * scale;
  const radius = Math.floor(4 * sigma + 0.5);
  const centre = Math.floor(size / 2);
  return Float64Array.from({ length: size }, (_, n) => {
    const distance = n - centre;
    return Math.abs(distance) > radius ? 0 : Math.exp((-0.5 * distance * distance) / (sigma * sigma));
  });
}

/**
 * nnU-Net's importance map of a patch (2D or 3D), C order; zeros are replaced by the smallest value above zero so that every
 * voxel has a weight.
 */
export function gaussianImportance(
  patch: readonly number[],
  { scale = sigmaScale, peak = importancePeak } = {},
): Float32Array {
  let map = Float64Array.of(peak);
  for (const size of patch) {
    const profile = gaussianProfile(size, scale);
    const next = new Float64Array(map.length * size);
    map.forEach((value, outer) => {
      for (let n = 0; n < size; n++) next[outer * size + n] = value * profile[n]!;
    });
    map = next;
  }
  const rounded = Float32Array.from(map);
  const smallest = rounded.reduce(
    (least, value) => (value > 0 && value < least ? value : least),
    Number.POSITIVE_INFINITY,
  );
  return rounded.map((value) => (value === 0 ? smallest : value));
}

/** Everything about the windows of one network over one volume. */
export interface WindowPlan {
  readonly patch: Triple;
  /** First voxel of every window in the volume's own indices; negative where the window reaches into the padding. */
  readonly starts: readonly Triple[];
  /** Importance along each axis of the patch. */
  readonly profiles: readonly [Float64Array, Float64Array, Float64Array];
  /** Sum of importances along each axis of the volume. */
  readonly totals: readonly [Float64Array, Float64Array, Float64Array];
}

/** @param overlap step as a part of the patch */
export function windowPlan(shape: Triple, patch: Triple, overlap: number, gaussian: boolean): WindowPlan {
  const { padded, start } = windowPadding(shape, patch);
  const steps = windowSteps(padded, patch, overlap).map((axis, n) => axis.map((step) => step - start[n]!));
  const profiles = patch.map((size) => (gaussian ? gaussianProfile(size) : new Float64Array(size).fill(1)));
  const totals = steps.map((axis, n) => {
    const total = new Float64Array(shape[n]!);
    for (const first of axis) {
      profiles[n]!.forEach((weight, at) => {
        if (first + at >= 0 && first + at < total.length) total[first + at]! += weight;
      });
    }
    return total;
  });
  const starts = steps[0]!.flatMap((z) => steps[1]!.flatMap((y) => steps[2]!.map((x): Triple => [z, y, x])));
  return { patch, starts, profiles: triple(profiles), totals: triple(totals) };
}

const triple = <T>([a, b, c]: readonly T[]) => [a, b, c] as readonly [T, T, T];

/** Copies one window out of `[C, z, y, x]`; outside the volume it is zero. */
export function extractPatch(
  { data, channels, shape }: Pick<PreparedCase, "data" | "channels" | "shape">,
  start: Triple,
  patch: Triple,
  out: Float32Array,
  offset = 0,
): void {
  const [from, to] = [Math.max(0, start[2]), Math.min(shape[2], start[2] + patch[2])];
  if (from >= to) return;
  for (let c = 0; c < channels; c++) {
    for (let z = Math.max(0, start[0]); z < Math.min(shape[0], start[0] + patch[0]); z++) {
      for (let y = Math.max(0, start[1]); y < Math.min(shape[1], start[1] + patch[1]); y++) {
        const row = ((c * shape[0] + z) * shape[1] + y) * shape[2];
        const target = ((c * patch[0] + z - start[0]) * patch[1] + y - start[1]) * patch[2];
        out.set(data.subarray(row + from, row + to), offset + target + from - start[2]);
      }
    }
  }
}

/** A copy with the last three axes mirrored along `axes` (0 = z). */
export function flipped(data: Float32Array, shape: Triple, axes: readonly number[]): Float32Array {
  const out = new Float32Array(data.length);
  const [fz, fy, fx] = [axes.includes(0), axes.includes(1), axes.includes(2)];
  const [depth, height, width] = shape;
  for (let n = 0; n < data.length / voxelCount(shape); n++) {
    for (let z = 0; z < depth; z++) {
      for (let y = 0; y < height; y++) {
        const target = ((n * depth + z) * height + y) * width;
        const source = ((n * depth + (fz ? depth - 1 - z : z)) * height + (fy ? height - 1 - y : y)) * width;
        if (fx) for (let x = 0; x < width; x++) out[target + x] = data[source + width - 1 - x]!;
        else out.set(data.subarray(source, source + width), target);
      }
    }
  }
  return out;
}

/** All subsets, the empty one first: the passes of mirroring. */
export function subsetsOf(axes: readonly number[]): number[][] {
  let all: number[][] = [[]];
  for (const axis of new Set(axes)) all = all.concat(all.map((subset) => subset.concat(axis)));
  return all;
}

/** Python's and NumPy's rounding. */
export function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
