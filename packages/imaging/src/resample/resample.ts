/**
 * nnU-Net's resampling of images and labels. An isotropic case is one 3D spline; when one axis is much coarser than the others
 * its slices are resampled in 2D and that axis on its own ("separate z"), so that no spline rings across thick slices.
 *
 * Source: nnU-Net v2 `resample_data_or_seg_to_shape` (default resampling), with skimage 0.19 `resize` and batchgenerators
 * `resize_segmentation` below it.
 */
import { ConfigError } from "@rfmedsam/base";
import { formatShape } from "../grid.js";
import { emptyLike, type NumberArray, type Triple, voxelCount } from "../volume.js";
import { type FloatArray, linearPosition, nearestPosition, resampleAxis, type SplineOrder } from "./axis.js";

/** Treat `axis` on its own, with its own order. */
export interface SeparateAxis {
  readonly axis: 0 | 1 | 2;
  /** nnU-Net uses 0. */
  readonly order: SplineOrder;
}

/** Old spacing / new spacing × shape, halves rounded to the even number; all `[z, y, x]`. May give 0 for extreme spacings. */
export function computeNewShape(shape: Triple, spacing: Triple, newSpacing: Triple): Triple {
  const size = (axis: 0 | 1 | 2) => roundHalfEven((spacing[axis] / newSpacing[axis]) * shape[axis]);
  return [size(0), size(1), size(2)];
}

/**
 * Which axis nnU-Net resamples separately: the single coarsest one, if the coarsest spacing is more than `threshold` times the
 * finest (before resampling, else after).
 *
 * @param force decide without looking at the ratio
 */
export function separateAxisOf(
  spacing: Triple,
  newSpacing: Triple,
  { force, threshold = 3 }: { force?: boolean | undefined; threshold?: number } = {},
): 0 | 1 | 2 | undefined {
  const anisotropic = (s: Triple) => Math.max(...s) / Math.min(...s) > threshold;
  if (force === false) return undefined;
  if (force === true || anisotropic(spacing)) return coarsestAxis(spacing);
  return anisotropic(newSpacing) ? coarsestAxis(newSpacing) : undefined;
}

/**
 * An image on a new shape: as skimage.transform.resize(mode="edge", anti_aliasing=False, clip=True), which keeps voxel edges (not
 * centres) in place and never leaves the range of the input.
 *
 * @param data `[z, y, x]`
 * @throws ConfigError if a size is 0 or does not fit the data
 */
export function resampleImage<T extends FloatArray>(
  data: T,
  shape: Triple,
  newShape: Triple,
  order: SplineOrder,
  separate?: SeparateAxis,
): T {
  checkShapes(data, shape, newShape);
  if (separate === undefined) {
    const result = resampleAxes(data, shape, newShape, order);
    if (result !== data && order > 1) clip(result, data);
    return result;
  }
  const { axis } = separate;
  const inPlane = newShape.map((size, n) => (n === axis ? shape[n] : size)) as unknown as Triple;
  const slices = resampleAxes(data, shape, inPlane, order);
  if (slices !== data && order > 1) clipSlices(slices, inPlane, data, shape, axis);
  return resampleAxes(slices, inPlane, newShape, separate.order);
}

/**
 * Labels on a new shape: every label is resampled as a 0/1 map (order 1) and wins where its map reaches one half, larger labels
 * last. A voxel no label reaches becomes 0. Order 0 takes the nearest voxel.
 *
 * @param data `[z, y, x]`
 * @throws ConfigError if a size is 0 or does not fit the data
 */
export function resampleLabels<T extends NumberArray>(
  data: T,
  shape: Triple,
  newShape: Triple,
  { order = 1, separate }: { order?: 0 | 1; separate?: SeparateAxis | undefined } = {},
): T {
  checkShapes(data, shape, newShape);
  if (separate === undefined)
    return order === 0 ? nearestLabels(data, shape, newShape) : linearLabels(data, shape, newShape, false);
  const inPlane = newShape.map((size, n) => (n === separate.axis ? shape[n] : size)) as unknown as Triple;
  const slices = resampleLabels(data, shape, inPlane, { order });
  if (separate.order === 0) return nearestLabels(slices, inPlane, newShape);
  // nnU-Net rounds the map here and asks for more than one half, so exact ties lose.
  return linearLabels(slices, inPlane, newShape, true);
}

function resampleAxes<T extends FloatArray>(data: T, shape: Triple, newShape: Triple, order: SplineOrder): T {
  let current = data;
  const sizes = [...shape];
  // Axes that shrink go first: fewer voxels for the others.
  const axes = [0, 1, 2].sort((a, b) => newShape[a]! / shape[a]! - newShape[b]! / shape[b]!);
  for (const axis of axes) {
    const to = newShape[axis]!;
    if (sizes[axis] === to) continue;
    const outer = sizes.slice(0, axis).reduce((product, size) => product * size, 1);
    const inner = sizes.slice(axis + 1).reduce((product, size) => product * size, 1);
    current = resampleAxis(current, outer, sizes[axis]!, to, inner, order);
    sizes[axis] = to;
  }
  return current;
}

function clip(result: FloatArray, source: FloatArray): void {
  const [least, most] = range(source, 0, source.length, 1, 1);
  for (let i = 0; i < result.length; i++) {
    const value = result[i]!;
    if (value < least) result[i] = least;
    else if (value > most) result[i] = most;
  }
}

/** `clip` for every slice across `axis` on its own, as slices are resized one by one. */
function clipSlices(result: FloatArray, shape: Triple, source: FloatArray, oldShape: Triple, axis: 0 | 1 | 2): void {
  const layout = (s: Triple) => {
    const inner = s.slice(axis + 1).reduce((product, size) => product * size, 1);
    return { inner, outer: s.slice(0, axis).reduce((product, size) => product * size, 1), slice: inner * s[axis] };
  };
  const [from, to] = [layout(oldShape), layout(shape)];
  for (let k = 0; k < shape[axis]; k++) {
    const [least, most] = range(source, k * from.inner, from.inner, from.outer, from.slice);
    for (let o = 0; o < to.outer; o++) {
      const start = o * to.slice + k * to.inner;
      for (let i = start; i < start + to.inner; i++) {
        const value = result[i]!;
        if (value < least) result[i] = least;
        else if (value > most) result[i] = most;
      }
    }
  }
}

/** Least and largest of `runs` runs of `length` values, `stride` apart; NaN does not count. */
function range(data: FloatArray, start: number, length: number, runs: number, stride: number): [number, number] {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let run = 0; run < runs; run++) {
    const begin = start + run * stride;
    for (let i = begin; i < begin + length; i++) {
      const value = data[i]!;
      if (value < least) least = value;
      if (value > most) most = value;
    }
  }
  return [least, most];
}

function nearestLabels<T extends NumberArray>(data: T, shape: Triple, newShape: Triple): T {
  const result = emptyLike(data, voxelCount(newShape));
  const [zs, ys, xs] = newShape.map((to, axis) =>
    Int32Array.from({ length: to }, (_, index) => nearestPosition(index, shape[axis]!, to)),
  ) as [Int32Array, Int32Array, Int32Array];
  let at = 0;
  for (const z of zs) {
    for (const y of ys) {
      const row = (z * shape[1] + y) * shape[2];
      for (const x of xs) result[at++] = data[row + x]!;
    }
  }
  return result;
}

/** @param strict whether a map must exceed one half instead of reaching it */
function linearLabels<T extends NumberArray>(data: T, shape: Triple, newShape: Triple, strict: boolean): T {
  const result = emptyLike(data, voxelCount(newShape));
  const positions = newShape.map((to, axis) =>
    Array.from({ length: to }, (_, index) => linearPosition(index, shape[axis]!, to)),
  );
  const low = Int32Array.from(positions[2]!, (position) => position.low);
  const high = Int32Array.from(positions[2]!, (position) => position.high);
  const part = Float64Array.from(positions[2]!, (position) => position.t);
  const corners = new Float64Array(8);
  const weights = new Float64Array(8);
  let at = 0;
  for (const z of positions[0]!) {
    for (const y of positions[1]!) {
      const r00 = (z.low * shape[1] + y.low) * shape[2];
      const r01 = (z.low * shape[1] + y.high) * shape[2];
      const r10 = (z.high * shape[1] + y.low) * shape[2];
      const r11 = (z.high * shape[1] + y.high) * shape[2];
      const w00 = (1 - z.t) * (1 - y.t);
      const w01 = (1 - z.t) * y.t;
      const w10 = z.t * (1 - y.t);
      const w11 = z.t * y.t;
      for (let x = 0; x < newShape[2]; x++, at++) {
        const a = low[x]!;
        const b = high[x]!;
        const label = data[r00 + a]!;
        if (
          label === data[r00 + b] &&
          label === data[r01 + a] &&
          label === data[r01 + b] &&
          label === data[r10 + a] &&
          label === data[r10 + b] &&
          label === data[r11 + a] &&
          label === data[r11 + b]
        ) {
          result[at] = label;
          continue;
        }
        const t = part[x]!;
        corners[0] = label;
        corners[1] = data[r00 + b]!;
        corners[2] = data[r01 + a]!;
        corners[3] = data[r01 + b]!;
        corners[4] = data[r10 + a]!;
        corners[5] = data[r10 + b]!;
        corners[6] = data[r11 + a]!;
        corners[7] = data[r11 + b]!;
        weights[0] = w00 * (1 - t);
        weights[1] = w00 * t;
        weights[2] = w01 * (1 - t);
        weights[3] = w01 * t;
        weights[4] = w10 * (1 - t);
        weights[5] = w10 * t;
        weights[6] = w11 * (1 - t);
        weights[7] = w11 * t;
        result[at] = winner(corners, weights, strict);
      }
    }
  }
  return result;
}

/** The largest label whose weights reach one half; 0 if none does. Sums run in array order so that ties fall as in scipy. */
function winner(corners: Float64Array, weights: Float64Array, strict: boolean): number {
  let found = false;
  let best = 0;
  for (let n = 0; n < 8; n++) {
    const label = corners[n]!;
    if (found && label <= best) continue;
    let sum = 0;
    for (let k = 0; k < 8; k++) if (corners[k] === label) sum += weights[k]!;
    if (strict ? sum > 0.5 : sum >= 0.5) {
      best = label;
      found = true;
    }
  }
  return best;
}

function coarsestAxis(spacing: Triple): 0 | 1 | 2 | undefined {
  const coarsest = Math.max(...spacing);
  const axes = ([0, 1, 2] as const).filter((axis) => spacing[axis] === coarsest);
  return axes.length === 1 ? axes[0] : undefined;
}

function checkShapes(data: ArrayLike<unknown>, shape: Triple, newShape: Triple): void {
  const whole = newShape.every((size) => Number.isInteger(size) && size > 0);
  if (whole && data.length === voxelCount(shape) && data.length > 0) return;
  throw new ConfigError({
    found: `resampling ${data.length} voxels of shape ${formatShape(shape)} to ${formatShape(newShape)}`,
    expected: "as many voxels as the shape holds, and at least one voxel per axis",
    hint: "a size of 0 comes from a target spacing larger than the whole image: choose a smaller one",
  });
}

/** Python's `round`. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
