/**
 * Where voxels lie: 4×4 affines from voxel indices `ijk` to RAS+ millimetres, and what follows from them (spacing, origin,
 * directions).
 */
import { GeometryError } from "@rfmedsam/base";
import type { Affine, Triple, Volume } from "./volume.js";

/** A point or direction as `x, y, z` (or `i, j, k`). */
export type Point = readonly [number, number, number];

/** An affine of axis-aligned voxels: `spacing` in `[z, y, x]` mm, axes pointing to RAS, first voxel at `origin` (x, y, z mm). */
export function scalingAffine(spacing: Triple, origin: Point = [0, 0, 0]): Affine {
  const [z, y, x] = spacing;
  return [x, 0, 0, origin[0], 0, y, 0, origin[1], 0, 0, z, origin[2], 0, 0, 0, 1];
}

/** `a · b`: first `b`, then `a`. */
export function multiply(a: Affine, b: Affine): Affine {
  const out: number[] = [];
  for (let row = 0; row < 4; row++) {
    for (let column = 0; column < 4; column++) {
      let sum = 0;
      for (let k = 0; k < 4; k++) sum += at(a, row, k) * at(b, k, column);
      out.push(sum);
    }
  }
  return out;
}

/** Determinant of the 3×3 part: signed volume of one voxel in mm³. */
export function determinant(m: Affine): number {
  return (
    at(m, 0, 0) * (at(m, 1, 1) * at(m, 2, 2) - at(m, 1, 2) * at(m, 2, 1)) -
    at(m, 0, 1) * (at(m, 1, 0) * at(m, 2, 2) - at(m, 1, 2) * at(m, 2, 0)) +
    at(m, 0, 2) * (at(m, 1, 0) * at(m, 2, 1) - at(m, 1, 1) * at(m, 2, 0))
  );
}

/** @throws GeometryError if the affine is singular */
export function invert(m: Affine): Affine {
  const det = determinant(m);
  if (!Number.isFinite(1 / det)) {
    throw new GeometryError({ found: "an affine that cannot be inverted", expected: "three independent voxel axes" });
  }
  const cofactor = (row: number, column: number) => {
    const [r0, r1] = others(row);
    const [c0, c1] = others(column);
    return (at(m, r0, c0) * at(m, r1, c1) - at(m, r0, c1) * at(m, r1, c0)) * ((row + column) % 2 === 0 ? 1 : -1);
  };
  const out: number[] = [];
  for (let row = 0; row < 3; row++) {
    const r = [0, 1, 2].map((column) => cofactor(column, row) / det);
    const shift = -(r[0]! * at(m, 0, 3) + r[1]! * at(m, 1, 3) + r[2]! * at(m, 2, 3));
    out.push(...r, shift);
  }
  return [...out, 0, 0, 0, 1];
}

/** Where the affine takes a point: voxel `ijk` → RAS+ mm, or back with the inverse. */
export function apply(m: Affine, [x, y, z]: Point): Point {
  const row = (r: number) => at(m, r, 0) * x + at(m, r, 1) * y + at(m, r, 2) * z + at(m, r, 3);
  return [row(0), row(1), row(2)];
}

/** Edge lengths of a voxel in mm, `[z, y, x]`: the lengths of the affine's columns. */
export function spacingOf({ affine }: Pick<Volume, "affine">): Triple {
  return [columnLength(affine, 2), columnLength(affine, 1), columnLength(affine, 0)];
}

/** Centre of the first voxel in RAS+ mm, `x, y, z`. */
export function originOf({ affine }: Pick<Volume, "affine">): Point {
  return [at(affine, 0, 3), at(affine, 1, 3), at(affine, 2, 3)];
}

/** Unit vectors (RAS+) along which i, j and k grow. */
export function directionOf({ affine }: Pick<Volume, "affine">): readonly [Point, Point, Point] {
  const unit = (column: number): Point => {
    const length = columnLength(affine, column) || 1;
    return [at(affine, 0, column) / length, at(affine, 1, column) / length, at(affine, 2, column) / length];
  };
  return [unit(0), unit(1), unit(2)];
}

/**
 * The affine after cutting away the first `start` (`[z, y, x]`) voxels of each axis: the same directions, the origin moved.
 */
export function shiftedAffine(affine: Affine, start: Triple): Affine {
  const [x, y, z] = apply(affine, [start[2], start[1], start[0]]);
  return affine.map((value, index) => (index === 3 ? x : index === 7 ? y : index === 11 ? z : value));
}

/** @throws GeometryError unless the 16 numbers are finite and the three voxel axes independent */
export function assertAffine(affine: Affine, file?: string): void {
  const problem = affineProblem(affine);
  if (problem === undefined) return;
  throw new GeometryError({ file, found: problem, expected: "a finite affine with three independent voxel axes" });
}

/** What is wrong with an affine, in words; `undefined` if nothing is. */
export function affineProblem(affine: Affine): string | undefined {
  if (affine.length !== 16) return `an affine of ${affine.length} numbers instead of 16`;
  const wrong = affine.find((value) => !Number.isFinite(value));
  if (wrong !== undefined) return `an affine that contains ${wrong}`;
  const volume = columnLength(affine, 0) * columnLength(affine, 1) * columnLength(affine, 2);
  // Relative to a box of the same edges: columns this close to one plane come from a broken header, not from a scanner.
  if (!(Math.abs(determinant(affine)) > 1e-6 * volume)) {
    return `a singular affine (rows ${[0, 4, 8].map((r) => affine.slice(r, r + 3).join(" ")).join(" | ")})`;
  }
  return undefined;
}

function columnLength(m: Affine, column: number): number {
  const [x, y, z] = [at(m, 0, column), at(m, 1, column), at(m, 2, column)];
  return Math.sqrt(x * x + y * y + z * z);
}

function at(m: Affine, row: number, column: number): number {
  return m[row * 4 + column]!;
}

function others(index: number): readonly [number, number] {
  return index === 0 ? [1, 2] : index === 1 ? [0, 2] : [0, 1];
}
