/** Whether two volumes lie on the same grid, and how a grid is told to a person. */
import { GeometryError } from "@rfmedsam/base";
import { apply, originOf, spacingOf } from "./geometry.js";
import { orientationOf } from "./orientation.js";
import type { Volume } from "./volume.js";

/** What the geometry functions look at: everything of a volume but its voxels. */
export type Grid = Pick<Volume, "shape" | "affine">;

/** Largest shift of a corner voxel, as a part of the smallest voxel edge, for two grids to count as the same. */
const gridTolerance = 0.01;

/** Whether two grids have the same shape and no corner voxel lies further apart than 1 % of the smallest voxel edge. */
export function sameGrid(a: Grid, b: Grid): boolean {
  return gridDifference(a, b) === undefined;
}

/**
 * @param files named in the error
 * @throws GeometryError that says both geometries and where they differ
 */
export function assertSameGrid(image: Grid, label: Grid, files: { imageFile?: string; labelFile?: string } = {}): void {
  const difference = gridDifference(image, label);
  if (difference === undefined) return;
  const whose = files.imageFile === undefined ? "" : ` (${files.imageFile})`;
  throw new GeometryError({
    file: files.labelFile,
    found: `${describeGrid(label)}; ${difference}`,
    expected: `the image's ${describeGrid(image)}${whose}`,
    hint: "resample the label onto the image's grid (`rfmedsam convert LABEL OUT --labels --like IMAGE`), or remove the case from the data set",
  });
}

/** `shape 24×48×48, spacing 3×0.75×0.75 mm, orientation RAS` (all per-axis numbers `[z, y, x]`). */
export function describeGrid(grid: Grid): string {
  return `shape ${formatShape(grid.shape)}, spacing ${formatSpacing(spacingOf(grid))}, orientation ${orientationOf(grid)}`;
}

export function formatShape(shape: readonly number[]): string {
  return shape.join("×");
}

export function formatSpacing(spacing: readonly number[]): string {
  return `${spacing.map(shortNumber).join("×")} mm`;
}

function gridDifference(a: Grid, b: Grid): string | undefined {
  if (a.shape.some((size, axis) => size !== b.shape[axis])) {
    return `the shapes differ (${formatShape(b.shape)} against ${formatShape(a.shape)})`;
  }
  const allowed = gridTolerance * Math.min(...spacingOf(a), ...spacingOf(b));
  const furthest = cornerShift(a, b);
  if (furthest <= allowed) return undefined;
  const spacings = [spacingOf(a), spacingOf(b)] as const;
  if (spacings[0].some((mm, axis) => Math.abs(mm - spacings[1][axis]!) > 1e-3 * mm)) {
    return `the spacings differ (${formatSpacing(spacings[1])} against ${formatSpacing(spacings[0])})`;
  }
  const orientations = [orientationOf(a), orientationOf(b)];
  if (orientations[0] !== orientations[1]) return `the axes point to ${orientations[1]} against ${orientations[0]}`;
  const [from, to] = [originOf(a), originOf(b)];
  const origin = Math.hypot(from[0] - to[0], from[1] - to[1], from[2] - to[2]);
  return origin > allowed
    ? `the first voxels lie ${shortNumber(origin)} mm apart`
    : `the axes are turned against each other (corners up to ${shortNumber(furthest)} mm apart)`;
}

function cornerShift(a: Grid, b: Grid): number {
  const [depth, height, width] = a.shape.map((size) => size - 1) as [number, number, number];
  let furthest = 0;
  for (const i of [0, width]) {
    for (const j of [0, height]) {
      for (const k of [0, depth]) {
        const p = apply(a.affine, [i, j, k]);
        const q = apply(b.affine, [i, j, k]);
        furthest = Math.max(furthest, Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]));
      }
    }
  }
  return furthest;
}

/** Up to six significant digits, without trailing zeros. */
export function shortNumber(value: number): string {
  return String(Number(value.toPrecision(6)));
}
