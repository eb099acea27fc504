/** Filters over a voxel's neighbourhood, with scipy.ndimage's numbers: Gaussian, mean, median, smallest and largest. */
import { ConfigError } from "@rfmedsam/base";
import { type Triple, voxelCount } from "../volume.js";
import { type BoundaryMode, boundaryIndex } from "./boundary.js";

export interface FilterOptions {
  readonly mode?: BoundaryMode;
  /** The value outside, for the modes that have one. */
  readonly fill?: number;
}

/**
 * Gaussian smoothing, an axis at a time.
 * @param sigma `[z, y, x]` in voxels; 0 leaves an axis as it is
 * @param options.truncate the kernel ends after this many sigmas
 */
export function gaussianFilter(
  data: ArrayLike<number>,
  shape: Triple,
  sigma: Triple,
  { mode = "reflect", fill = 0, truncate = 4 }: FilterOptions & { readonly truncate?: number } = {},
): Float64Array {
  if (!sigma.every((value) => value >= 0 && Number.isFinite(value))) {
    throw new ConfigError({ found: `sigmas ${sigma.join(", ")}`, expected: "numbers from 0" });
  }
  let result: Float64Array = Float64Array.from(data);
  for (const axis of [0, 1, 2] as const) {
    if (sigma[axis] > 0) result = alongAxis(result, shape, axis, gaussianKernel(sigma[axis], truncate), mode, fill);
  }
  return result;
}

function gaussianKernel(sigma: number, truncate: number): Float64Array {
  const radius = Math.floor(truncate * sigma + 0.5);
  const kernel = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sigma ** 2)),
  );
  const total = kernel.reduce((sum, weight) => sum + weight, 0);
  return kernel.map((weight) => weight / total);
}

/** The mean of `size` voxels along every axis. @param size odd */
export function uniformFilter(
  data: ArrayLike<number>,
  shape: Triple,
  size: number,
  { mode = "reflect", fill = 0 }: FilterOptions = {},
): Float64Array {
  const kernel = new Float64Array(checkSize(size)).fill(1 / size);
  let result: Float64Array = Float64Array.from(data);
  for (const axis of [0, 1, 2] as const) result = alongAxis(result, shape, axis, kernel, mode, fill);
  return result;
}

/** Which of the sorted neighbours a rank filter takes. */
const ranks = {
  minimum: () => 0,
  median: (count: number) => count >> 1,
  maximum: (count: number) => count - 1,
} as const satisfies Record<string, (count: number) => number>;

/** The smallest, middle or largest of the `size³` voxels around each. @param size odd */
export function rankFilter(
  data: ArrayLike<number>,
  shape: Triple,
  rank: keyof typeof ranks,
  size: number,
  { mode = "reflect", fill = 0 }: FilterOptions = {},
): Float64Array {
  const radius = checkSize(size) >> 1;
  const [depth, height, width] = shape;
  const index = boundaryIndex[mode];
  // Where each axis looks, at every place: the ends are decided once and not per voxel.
  const looks = shape.map((extent) =>
    Array.from({ length: extent }, (_, at) =>
      Int32Array.from({ length: size }, (_, k) => index(at + k - radius, extent)),
    ),
  ) as [Int32Array[], Int32Array[], Int32Array[]];
  const neighbours = new Float64Array(size ** 3);
  const out = new Float64Array(voxelCount(shape));
  const wanted = ranks[rank](neighbours.length);
  let at = 0;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let n = 0;
        for (const k of looks[0][z]!) {
          for (const j of looks[1][y]!) {
            for (const i of looks[2][x]!)
              neighbours[n++] = i < 0 || j < 0 || k < 0 ? fill : data[(k * height + j) * width + i]!;
          }
        }
        out[at++] = neighbours.sort()[wanted]!;
      }
    }
  }
  return out;
}

function checkSize(size: number): number {
  if (Number.isInteger(size) && size > 0 && size % 2 === 1) return size;
  throw new ConfigError({ found: `a neighbourhood of ${size} voxels`, expected: "an odd number of them" });
}

/** Weighted sums along one axis; the kernel is symmetric. */
function alongAxis(
  source: Float64Array,
  shape: Triple,
  axis: 0 | 1 | 2,
  kernel: Float64Array,
  mode: BoundaryMode,
  fill: number,
): Float64Array {
  const out = new Float64Array(source.length);
  const length = shape[axis];
  const stride = axis === 2 ? 1 : axis === 1 ? shape[2] : shape[1] * shape[2];
  const radius = kernel.length >> 1;
  const index = boundaryIndex[mode];
  for (let place = 0; place < length; place++) {
    const looks = Int32Array.from(kernel, (_, k) => index(place + k - radius, length));
    for (let outer = 0; outer < source.length; outer += length * stride) {
      const to = outer + place * stride;
      for (let k = 0; k < looks.length; k++) {
        const [weight, from] = [kernel[k]!, looks[k]!];
        if (from < 0) for (let i = 0; i < stride; i++) out[to + i]! += weight * fill;
        else for (let i = 0, at = outer + from * stride; i < stride; i++) out[to + i]! += weight * source[at + i]!;
      }
    }
  }
  return out;
}
