/**
 * The grid that a segmentation's frames lie on. Empty slices are usually left out, and segments of one slice have a frame each; so the
 * frames' distinct positions are put in order and the holes between them filled. With a reference grid or series given, the frames are
 * looked up in it instead.
 */
import { FormatError, GeometryError } from "@rfmedsam/base";
import type { Point } from "../../geometry.js";
import { describeGrid, type Grid } from "../../grid.js";
import type { Affine } from "../../volume.js";
import type { DicomSeriesInfo } from "../dicom/decode.js";
import { cross, distance, dot, length, minus, scaled } from "../dicom/vectors.js";
import type { SegFrame } from "./frames.js";
import { FramePlacer, type FramePlane, along as moved, type Placement, sliceOf } from "./placement.js";

/** A grid to read onto. With the series it belongs to, slices are found by their true positions, even if they lie unevenly. */
export interface ReferenceGrid extends Grid {
  readonly series?: DicomSeriesInfo | undefined;
}

export interface PlacedFrames {
  readonly grid: Grid;
  /** In the order of the frames. */
  readonly placements: readonly Placement[];
  readonly warnings: readonly string[];
}

/** Holes may be this many times larger than what is stored before a file is taken for damaged; small volumes may always be made. */
const mostHoles = 64;
const alwaysAllowed = 2 ** 27;

/** @throws FormatError, GeometryError if the frames' positions make no grid */
export function gridOfFrames(frames: readonly SegFrame[], rows: number, columns: number, file: string): PlacedFrames {
  const warnings: string[] = [];
  const [first] = frames;
  const { along, down, spacing, sliceDistance = 0 } = first!;
  const normal = scaled(cross(along, down), 1 / length(cross(along, down)));
  const edge = Math.min(...spacing, sliceDistance > 0 ? sliceDistance : Number.POSITIVE_INFINITY);
  const { positions, place } = distinctPositions(frames, normal, edge);
  const { step, slots } = stepOf(positions, normal, first!, file, warnings);
  const depth = slots.at(-1)! + 1;
  const stored = positions.length * rows * columns;
  if (depth * rows * columns > Math.max(alwaysAllowed, mostHoles * stored)) {
    throw new FormatError({
      file,
      found: `${positions.length} slices over a distance of ${depth} slices of ${columns}×${rows} pixels`,
      expected: "slices that lie together",
      hint: "read it onto the grid of its series (`--like`)",
    });
  }
  const column = scaled(along, spacing[1]);
  const row = scaled(down, spacing[0]);
  return {
    grid: { shape: [depth, rows, columns], affine: affineOf(column, row, step, positions[0]!) },
    placements: place.map((n) => ({ base: slots[n]! * rows * columns, column: 1, row: columns })),
    warnings,
  };
}

/** @throws GeometryError if frames do not lie on the voxels of `like` */
export function framesInGrid(
  frames: readonly SegFrame[],
  rows: number,
  columns: number,
  like: ReferenceGrid,
  file: string,
): PlacedFrames {
  const placer = new FramePlacer(like, rows, columns);
  const slices = like.series === undefined ? undefined : slicesOf(like.series, rows, columns);
  const placements = frames.map((frame) => {
    const k = slices?.(frame);
    const placement = placer.place(k === undefined ? planeOf(frame) : sliceOf(like, k));
    if (placement !== undefined) return placement;
    throw new GeometryError({
      file,
      found: `a segmentation of another grid: frame ${frame.index + 1} of ${columns}×${rows} pixels at ${frame.position.join(", ")} mm (LPS)`,
      expected: `frames on the voxels of ${describeGrid(like)}`,
      hint: "read it on its own grid, or name the series it was made from",
    });
  });
  return { grid: { shape: like.shape, affine: like.affine }, placements, warnings: [] };
}

/** Finds the slice of a series that a frame lies on exactly, by position and orientation; the nearest, where slices are very thin. */
function slicesOf({ slices, pixelSpacing, ...series }: DicomSeriesInfo, rows: number, columns: number) {
  const near = 0.01 * Math.min(...pixelSpacing);
  return (frame: SegFrame): number | undefined => {
    if (series.rows !== rows || series.columns !== columns) return undefined;
    let nearest: number | undefined;
    let least = near;
    for (const [k, { imagePosition, imageOrientation }] of slices.entries()) {
      if (imagePosition === undefined || imageOrientation === undefined) continue;
      const off = distance(imagePosition, frame.position);
      if (off > near) continue;
      const [along, down] = imageOrientation;
      const far =
        columns * pixelSpacing[1] * distance(along, frame.along) + rows * pixelSpacing[0] * distance(down, frame.down);
      const size =
        columns * Math.abs(pixelSpacing[1] - frame.spacing[1]) + rows * Math.abs(pixelSpacing[0] - frame.spacing[0]);
      if (off + far + size > least) continue;
      nearest = k;
      least = off + far + size;
    }
    return nearest;
  };
}

/** LPS+ (DICOM) to RAS+. */
function planeOf({ position, along, down, spacing }: SegFrame): FramePlane {
  const ras = ([x, y, z]: Point): Point => [-x, -y, z];
  return { origin: ras(position), column: ras(scaled(along, spacing[1])), row: ras(scaled(down, spacing[0])) };
}

function affineOf(column: Point, row: Point, step: Point, origin: Point): Affine {
  const line = (axis: 0 | 1 | 2) =>
    [column[axis], row[axis], step[axis], origin[axis]].map((value) => (axis === 2 || value === 0 ? value : -value));
  return [...line(0), ...line(1), ...line(2), 0, 0, 0, 1];
}

/** The positions that occur, in order along the normal, and for each frame which of them is its own. `edge`: a voxel's smallest, mm. */
function distinctPositions(frames: readonly SegFrame[], normal: Point, edge: number) {
  const sorted = frames
    .map((frame, index) => ({ position: frame.position, index, at: dot(frame.position, normal) }))
    .sort((a, b) => a.at - b.at);
  const positions: Point[] = [];
  const place = new Array<number>(frames.length);
  let last = Number.NEGATIVE_INFINITY;
  for (const { position, index, at } of sorted) {
    if (at - last > 0.01 * edge) {
      positions.push(position);
      last = at;
    }
    place[index] = positions.length - 1;
  }
  return { positions, place };
}

/** From slice to slice, and on which slice of the grid each position lies. */
function stepOf(
  positions: readonly Point[],
  normal: Point,
  { spacing, sliceDistance, thickness }: SegFrame,
  file: string,
  warnings: string[],
): { step: Point; slots: readonly number[] } {
  const stated = [sliceDistance, thickness].find((mm) => mm !== undefined && mm > 0);
  if (positions.length === 1) {
    if (stated === undefined) {
      warnings.push("The segmentation has one slice and does not say how thick it is; 1 mm was taken.");
    }
    return { step: scaled(normal, stated ?? 1), slots: [0] };
  }
  const gaps = positions.slice(1).map((position, k) => dot(minus(position, positions[k]!), normal));
  const counts = [sliceDistance, Math.min(...gaps)]
    .map((unit) => multiples(gaps, unit))
    .find((found) => found !== undefined);
  const slots = [0];
  for (const count of counts ?? gaps.map(() => 1)) slots.push(slots.at(-1)! + count);
  const step = scaled(minus(positions.at(-1)!, positions[0]!), 1 / slots.at(-1)!);
  const off = positions.map((position, k) => minus(position, moved(positions[0]!, step, slots[k]!)));
  const sideways = Math.max(...off.map((shift) => length(minus(shift, scaled(normal, dot(shift, normal))))));
  if (sideways > Math.min(...spacing) / 2) {
    throw new GeometryError({
      file,
      found: `frames that are shifted against each other by up to ${sideways.toPrecision(3)} mm within their plane`,
      expected: "frames one behind the other",
      hint: "read it onto the grid of its series (`--like`)",
    });
  }
  const most = Math.max(...off.map(length));
  if (most > 0.02 * length(step) + 0.01) {
    warnings.push(
      `The slices of the segmentation lie unevenly (${Math.min(...gaps).toPrecision(4)} to ${Math.max(...gaps).toPrecision(4)} mm apart): ` +
        `they were placed ${length(step).toPrecision(4)} mm apart, up to ${most.toPrecision(3)} mm from their true place, and slices ` +
        "without any segment may be missing. Read it onto the grid of its series (`--like`).",
    );
  }
  return { step, slots };
}

/** How many times `unit` each gap is, if all are. */
function multiples(gaps: readonly number[], unit: number | undefined): number[] | undefined {
  if (unit === undefined || !(unit > 0)) return undefined;
  const counts = gaps.map((gap) => Math.round(gap / unit));
  return gaps.every((gap, k) => counts[k]! >= 1 && Math.abs(gap - counts[k]! * unit) <= 0.05 * unit)
    ? counts
    : undefined;
}
