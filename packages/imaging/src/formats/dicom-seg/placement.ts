/**
 * Where a frame's pixels lie in a volume's array. Nothing is ever resampled: either the pixels fall on voxels (rows and columns may run
 * along any two axes, in either direction), or the grids are different ones.
 */
import { apply, invert, type Point, spacingOf } from "../../geometry.js";
import type { Grid } from "../../grid.js";
import type { Triple } from "../../volume.js";

/** A frame in space, RAS+ mm: the centre of its first pixel, and the steps to the next column and the next row. */
export interface FramePlane {
  readonly origin: Point;
  readonly column: Point;
  readonly row: Point;
}

/** Pixel (row r, column c) is element `base + r·row + c·column` of the volume's data. */
export interface Placement {
  readonly base: number;
  readonly column: number;
  readonly row: number;
}

/** Largest shift of a corner pixel, as a part of the smallest voxel edge (as for `sameGrid`). */
const tolerance = 0.01;

/** Finds the voxels of frames of one size in a grid. */
export class FramePlacer {
  readonly #grid: Grid;
  readonly #inverse: readonly number[];
  readonly #size: readonly [rows: number, columns: number];

  constructor(grid: Grid, rows: number, columns: number) {
    this.#grid = grid;
    this.#inverse = invert(grid.affine);
    this.#size = [rows, columns];
  }

  /** @returns `undefined` if the pixels do not fall on voxels, or not all of them inside the grid */
  place({ origin, column, row }: FramePlane): Placement | undefined {
    const [rows, columns] = this.#size;
    const start = apply(this.#inverse, origin);
    const end = (step: Point, count: number) => apply(this.#inverse, along(origin, step, count - 1));
    const corners = [start, end(column, columns), end(row, rows)];
    const voxels = corners.map((corner) => corner.map(Math.round) as unknown as Point);
    const [z, y, x] = spacingOf(this.#grid);
    const allowed = tolerance * Math.min(x, y, z);
    for (const [n, corner] of corners.entries()) {
      const off = [x, y, z].map((edge, axis) => (corner[axis]! - voxels[n]![axis]!) * edge);
      if (!(Math.hypot(...off) <= allowed)) return undefined;
    }
    const steps = [stepsBetween(voxels[0]!, voxels[1]!, columns), stepsBetween(voxels[0]!, voxels[2]!, rows)] as const;
    if (steps[0] === undefined || steps[1] === undefined) return undefined;
    const far = along(along(voxels[0]!, steps[0], columns - 1), steps[1], rows - 1);
    if (![...voxels, far].every((voxel) => inside(voxel, this.#grid.shape))) return undefined;
    return {
      base: this.#index(voxels[0]!),
      column: this.#index(steps[0]),
      row: this.#index(steps[1]),
    };
  }

  #index([i, j, k]: Point): number {
    const [, height, width] = this.#grid.shape;
    return (k * height + j) * width + i;
  }
}

/** From pixel to pixel one voxel along one axis; no step for a single pixel. */
function stepsBetween(from: Point, to: Point, count: number): Point | undefined {
  if (count === 1) return [0, 0, 0];
  const step = [0, 1, 2].map((axis) => (to[axis as 0] - from[axis as 0]) / (count - 1));
  const single = step.every(Number.isInteger) && step.reduce((sum, value) => sum + Math.abs(value), 0) === 1;
  return single ? (step as unknown as Point) : undefined;
}

export function along([x, y, z]: Point, step: Point, count: number): Point {
  return [x + step[0] * count, y + step[1] * count, z + step[2] * count];
}

function inside(voxel: Point, [depth, height, width]: Triple): boolean {
  return [width, height, depth].every((size, axis) => voxel[axis as 0] >= 0 && voxel[axis as 0] < size);
}

/** The planes of a grid's own slices `k`. */
export function sliceOf({ affine }: Grid, k: number): FramePlane {
  const column = (n: number): Point => [affine[n]!, affine[4 + n]!, affine[8 + n]!];
  return { origin: along(column(3), column(2), k), column: column(0), row: column(1) };
}
