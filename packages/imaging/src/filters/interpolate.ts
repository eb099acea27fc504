/**
 * A volume seen at places between its voxels: at listed places, through an affine map, or on a finer or coarser grid. Same numbers as
 * scipy.ndimage's map_coordinates, affine_transform and zoom (with prefilter). For resampling whole images as nnU-Net does there is
 * `resampleImage`, which is much faster.
 */
import { GeometryError } from "@rfmedsam/base";
import { type Triple, voxelCount } from "../volume.js";
import { type BoundaryMode, boundaryIndex, boundaryPosition } from "./boundary.js";
import { type SplineDegree, splineCoefficients, splineWeights } from "./spline.js";

export interface InterpolateOptions {
  /** Degree of the spline; 3 by default. */
  readonly order?: SplineDegree;
  readonly mode?: BoundaryMode;
  /** The value outside, for the modes that have one. */
  readonly fill?: number;
}

/** Samples on a spline: everything that is computed once per volume. */
class Sampler {
  readonly #coefficients: Float64Array;
  readonly #shape: Triple;
  /** Added on each side of the samples: splines that end in a constant have no closed start (scipy adds as many). */
  readonly #padding: number;
  readonly #weights = [new Float64Array(4), new Float64Array(4), new Float64Array(4)] as const;

  constructor(
    data: ArrayLike<number>,
    samples: Triple,
    private readonly order: SplineDegree,
    private readonly mode: BoundaryMode,
    private readonly fill: number,
  ) {
    if (data.length !== voxelCount(samples)) {
      throw new GeometryError({ found: `${data.length} values for a shape of ${samples.join("×")}` });
    }
    this.#padding = order > 1 && (mode === "nearest" || mode === "grid-constant") ? 12 : 0;
    this.#shape = samples.map((extent) => extent + 2 * this.#padding) as unknown as Triple;
    const padded = this.#padding === 0 ? data : pad(data, samples, this.#padding, mode, fill);
    this.#coefficients = splineCoefficients(padded, this.#shape, order, mode);
  }

  /** The value at a place in voxels. */
  at(z: number, y: number, x: number): number {
    const place = [z, y, x] as const;
    const [first, weights] = [[0, 0, 0], this.#weights];
    for (const axis of [0, 1, 2] as const) {
      const inside = boundaryPosition[this.mode](place[axis] + this.#padding, this.#shape[axis]);
      if (Number.isNaN(inside)) return this.fill;
      first[axis] = splineWeights(inside, this.order, weights[axis]);
    }
    // A constant outside does not reach into the spline; there it mirrors.
    const index = boundaryIndex[this.mode === "constant" || this.mode === "nearest" ? "mirror" : this.mode];
    const [, height, width] = this.#shape;
    let sum = 0;
    for (let a = 0; a <= this.order; a++) {
      const i = index(first[0]! + a, this.#shape[0]);
      for (let b = 0; b <= this.order; b++) {
        const j = index(first[1]! + b, height);
        const weight = weights[0][a]! * weights[1][b]!;
        for (let c = 0; c <= this.order; c++) {
          const k = index(first[2]! + c, width);
          const value = i < 0 || j < 0 || k < 0 ? this.fill : this.#coefficients[(i * height + j) * width + k]!;
          sum += weight * weights[2][c]! * value;
        }
      }
    }
    return sum;
  }
}

function pad(data: ArrayLike<number>, shape: Triple, padding: number, mode: BoundaryMode, fill: number): Float64Array {
  const wide = shape.map((extent) => extent + 2 * padding) as unknown as Triple;
  const out = new Float64Array(voxelCount(wide));
  const index = boundaryIndex[mode];
  let at = 0;
  for (let z = -padding; z < shape[0] + padding; z++) {
    const k = index(z, shape[0]);
    for (let y = -padding; y < shape[1] + padding; y++) {
      const j = index(y, shape[1]);
      for (let x = -padding; x < shape[2] + padding; x++) {
        const i = index(x, shape[2]);
        out[at++] = i < 0 || j < 0 || k < 0 ? fill : data[(k * shape[1] + j) * shape[2] + i]!;
      }
    }
  }
  return out;
}

/**
 * Values at listed places.
 * @param data `[z, y, x]` @param places three lists of equal length: z, y and x in voxels
 * @throws GeometryError when the lists differ in length, or the data does not fill the shape
 */
export function mapCoordinates(
  data: ArrayLike<number>,
  shape: Triple,
  places: readonly [ArrayLike<number>, ArrayLike<number>, ArrayLike<number>],
  { order = 3, mode = "constant", fill = 0 }: InterpolateOptions = {},
): Float64Array {
  const [z, y, x] = places;
  if (z.length !== y.length || z.length !== x.length) {
    throw new GeometryError({
      found: `${z.length}, ${y.length} and ${x.length} coordinates`,
      expected: "equally many",
    });
  }
  const sampler = new Sampler(data, shape, order, mode, fill);
  return Float64Array.from({ length: z.length }, (_, i) => sampler.at(z[i]!, y[i]!, x[i]!));
}

/**
 * The volume seen through an affine map: voxel `o` of the result is taken from `matrix · o + offset`.
 * @param matrix 3×3, row by row, over `[z, y, x]`
 */
export function affineTransform(
  data: ArrayLike<number>,
  shape: Triple,
  matrix: readonly (readonly number[])[],
  offset: Triple,
  outputShape: Triple,
  { order = 3, mode = "constant", fill = 0 }: InterpolateOptions = {},
): Float64Array {
  const sampler = new Sampler(data, shape, order, mode, fill);
  const out = new Float64Array(voxelCount(outputShape));
  const row = (axis: 0 | 1 | 2, z: number, y: number, x: number) => {
    const [a, b, c] = matrix[axis] as readonly [number, number, number];
    return a * z + b * y + c * x + offset[axis];
  };
  let at = 0;
  for (let z = 0; z < outputShape[0]; z++) {
    for (let y = 0; y < outputShape[1]; y++) {
      for (let x = 0; x < outputShape[2]; x++)
        out[at++] = sampler.at(row(0, z, y, x), row(1, z, y, x), row(2, z, y, x));
    }
  }
  return out;
}

export interface ZoomOptions extends InterpolateOptions {
  /** What stays in place: the outer edges of the first and last voxel (`edges`), or their centres. */
  readonly align?: "edges" | "centres";
}

/** The volume on a grid of another shape. */
export function zoom(
  data: ArrayLike<number>,
  shape: Triple,
  outputShape: Triple,
  { order = 3, mode = "constant", fill = 0, align = "edges" }: ZoomOptions = {},
): Float64Array {
  const sampler = new Sampler(data, shape, order, mode, fill);
  const places = ([0, 1, 2] as const).map((axis) => {
    const [from, to] = [shape[axis], outputShape[axis]];
    return Float64Array.from({ length: to }, (_, i) =>
      align === "edges" ? ((i + 0.5) * from) / to - 0.5 : to === 1 ? 0 : (i * (from - 1)) / (to - 1),
    );
  }) as [Float64Array, Float64Array, Float64Array];
  const out = new Float64Array(voxelCount(outputShape));
  let at = 0;
  for (const z of places[0]) for (const y of places[1]) for (const x of places[2]) out[at++] = sampler.at(z, y, x);
  return out;
}
