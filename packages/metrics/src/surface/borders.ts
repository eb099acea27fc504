/**
 * Where two masks end, how far each end is from the other, and how much of the surface every piece is: the lists that all surface scores
 * are made of. Tools disagree on what the border is; there are two ways.
 *
 *   elements   the corners between voxels that have both inside and outside around them, each with its area (DeepMind)
 *   voxels     the foreground voxels with a background neighbour, all counting alike (MedPy, MONAI)
 *
 * Beyond the volume's edge is outside in both.
 */
import { distanceTransform } from "@rfmedsam/imaging";
import { contourLengths, surfaceAreas } from "./elements.js";
import { assertComparable, cropTogether, type Mask } from "./mask.js";

/** The border of one mask, piece by piece. */
export interface Border {
  /** Distance of every piece to the nearest of the other mask's, mm; infinite if that has none. */
  readonly distances: Float64Array;
  /** What every piece counts: mm² (mm in the plane), or 1. */
  readonly weights: Float64Array;
}

export interface Borders {
  readonly reference: Border;
  readonly prediction: Border;
}

const none: Border = { distances: new Float64Array(0), weights: new Float64Array(0) };

/** Borders as corners with areas. @param spacing mm, in the order of the shape @throws GeometryError */
export function elementBorders(reference: Mask, prediction: Mask, spacing: readonly number[]): Borders {
  assertComparable(reference, prediction, spacing);
  const cropped = cropTogether(reference, prediction, 1);
  if (cropped === undefined) return { reference: none, prediction: none };
  const flat = spacing.length === 2;
  const weights = flat
    ? contourLengths(spacing as unknown as readonly [number, number])
    : surfaceAreas(spacing as unknown as readonly [number, number, number]);
  const corners = (mask: Uint8Array) => neighbourCodes(mask, cropped.shape, flat);
  const [a, b] = [corners(cropped.reference), corners(cropped.prediction)];
  const isBorder = (code: number) => code !== 0 && code !== weights.length - 1;
  return bothWays(a, b, a.length, [...cropped.shape], spacing, isBorder, (code) => weights[code]!);
}

/** Borders as voxels. @param diagonal how many axes a neighbour may differ in: 1, 2 or 3 */
export function voxelBorders(reference: Mask, prediction: Mask, spacing: readonly number[], diagonal = 1): Borders {
  assertComparable(reference, prediction, spacing);
  const cropped = cropTogether(reference, prediction, 1);
  if (cropped === undefined) return { reference: none, prediction: none };
  const border = (mask: Uint8Array) => borderVoxels(mask, cropped.shape, spacing.length === 2, diagonal);
  const [a, b] = [border(cropped.reference), border(cropped.prediction)];
  return bothWays(
    a,
    b,
    a.length,
    [...cropped.shape],
    spacing,
    (code) => code !== 0,
    () => 1,
  );
}

function bothWays(
  a: Uint8Array,
  b: Uint8Array,
  length: number,
  shape: number[],
  spacing: readonly number[],
  isBorder: (code: number) => boolean,
  weightOf: (code: number) => number,
): Borders {
  const steps = (spacing.length === 2 ? [1, ...spacing] : spacing) as [number, number, number];
  const marks = new Uint8Array(length);
  /** Distances to a border, one volume of them at a time. */
  const distancesTo = (codes: Uint8Array): Float64Array | undefined => {
    let size = 0;
    // what the transform measures to is 0
    for (let i = 0; i < length; i++) {
      const border = isBorder(codes[i]!);
      marks[i] = border ? 0 : 1;
      if (border) size++;
    }
    return size === 0 ? undefined : distanceTransform(marks, shape as [number, number, number], steps);
  };
  const collect = (codes: Uint8Array, other: Float64Array | undefined): Border => {
    const size = codes.reduce((count, code) => count + (isBorder(code) ? 1 : 0), 0);
    const [distances, weights] = [new Float64Array(size), new Float64Array(size)];
    for (let i = 0, at = 0; i < length; i++) {
      if (!isBorder(codes[i]!)) continue;
      distances[at] = other === undefined ? Number.POSITIVE_INFINITY : other[i]!;
      weights[at++] = weightOf(codes[i]!);
    }
    return { distances, weights };
  };
  return { reference: collect(a, distancesTo(b)), prediction: collect(b, distancesTo(a)) };
}

/** For the corner before every voxel, which of the voxels around it are inside. The mask has a margin of background. */
function neighbourCodes(mask: Uint8Array, [depth, height, width]: readonly number[], flat: boolean): Uint8Array {
  const codes = new Uint8Array(mask.length);
  const [row, slice] = [width!, flat ? 0 : height! * width!];
  for (let z = flat ? 0 : 1; z < depth!; z++) {
    for (let y = 1; y < height!; y++) {
      const start = (z * height! + y) * width!;
      for (let i = start + 1; i < start + width!; i++) {
        const here = (mask[i - row - 1]! << 3) | (mask[i - row]! << 2) | (mask[i - 1]! << 1) | mask[i]!;
        if (flat) {
          codes[i] = here;
          continue;
        }
        const j = i - slice;
        const before = (mask[j - row - 1]! << 3) | (mask[j - row]! << 2) | (mask[j - 1]! << 1) | mask[j]!;
        codes[i] = (before << 4) | here;
      }
    }
  }
  return codes;
}

/** 1 for foreground voxels with a background neighbour. The mask has a margin of background. */
function borderVoxels(mask: Uint8Array, shape: readonly number[], flat: boolean, diagonal: number): Uint8Array {
  const [, height, width] = shape as [number, number, number];
  const offsets: number[] = [];
  for (let z = flat ? 0 : -1; z <= (flat ? 0 : 1); z++) {
    for (let y = -1; y <= 1; y++) {
      for (let x = -1; x <= 1; x++) {
        const axes = Math.abs(z) + Math.abs(y) + Math.abs(x);
        if (axes > 0 && axes <= diagonal) offsets.push((z * height + y) * width + x);
      }
    }
  }
  const border = new Uint8Array(mask.length);
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] !== 0 && offsets.some((offset) => mask[i + offset] === 0)) border[i] = 1;
  }
  return border;
}
