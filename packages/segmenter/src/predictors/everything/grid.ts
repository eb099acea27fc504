/**
 * Where the automatic mask generator asks: the crops of a picture and the grid of points in each of them.
 *
 *   layer 0   the whole picture
 *   layer n   2ⁿ × 2ⁿ crops that overlap; by default as many points in each as in the whole picture
 *
 * Source: segment-anything and SAM 2, `generate_crop_boxes` and `build_all_layer_point_grids` (utils/amg.py).
 */
import { ConfigError, GeometryError } from "@rfmedsam/base";

/** A part of a picture in pixels, half-open: `x0 ≤ x < x1`, `y0 ≤ y < y1`. */
export type CropBox = readonly [x0: number, y0: number, x1: number, y1: number];

export interface Crop {
  readonly box: CropBox;
  /** 0 for the whole picture. */
  readonly layer: number;
}

/**
 * The crops of a picture: the whole first, then layer by layer, column by column (x slowly, y fast).
 *
 * A picture may be too small to be cut so often. The crops that would lie outside it are left out (the reference stops with an error
 * there); those that remain still cover it.
 *
 * @param layers layers beside the whole picture
 * @param overlapRatio how far the crops of the first layer overlap, as a part of the shorter side; halved with every further layer
 * @throws GeometryError for a picture without pixels
 */
export function cropBoxes(height: number, width: number, layers: number, overlapRatio: number): Crop[] {
  if (!(Number.isInteger(height) && Number.isInteger(width) && height > 0 && width > 0)) {
    throw new GeometryError({ found: `a picture of ${height}×${width} pixels`, expected: "at least one pixel" });
  }
  const crops: Crop[] = [{ box: [0, 0, width, height], layer: 0 }];
  for (let layer = 1; layer <= layers; layer++) {
    const perSide = 2 ** layer;
    const overlap = Math.trunc(overlapRatio * Math.min(height, width) * (2 / perSide));
    const columns = cutSide(width, perSide, overlap);
    const rows = cutSide(height, perSide, overlap);
    for (const [x0, x1] of columns) for (const [y0, y1] of rows) crops.push({ box: [x0, y0, x1, y1], layer });
  }
  return crops;
}

function cutSide(length: number, pieces: number, overlap: number): [start: number, end: number][] {
  const size = Math.ceil((overlap * (pieces - 1) + length) / pieces);
  return Array.from({ length: pieces }, (_, i): [number, number] => {
    const start = (size - overlap) * i;
    return [start, Math.min(start + size, length)];
  }).filter(([start]) => start < length);
}

/** Points as parts of the width and height: `[count, 2]`, x y, each 0 … 1. */
export type PointGrid = Float64Array;

/**
 * Evenly spaced points, each in the middle of its cell, row by row.
 *
 * @returns `[perSide², 2]`
 * @throws ConfigError for less than one point
 */
export function pointGrid(perSide: number): PointGrid {
  if (!(Number.isInteger(perSide) && perSide >= 1)) {
    throw new ConfigError({ found: `a grid of ${perSide} points per side`, expected: "a whole number from 1" });
  }
  const start = 1 / (2 * perSide);
  const end = 1 - start;
  // As numpy.linspace goes, to the last bit: multiples of the step from the start, and the end itself.
  const step = (end - start) / Math.max(1, perSide - 1);
  const along = Float64Array.from({ length: perSide }, (_, i) => (i > 0 && i === perSide - 1 ? end : i * step + start));
  const points = new Float64Array(perSide * perSide * 2);
  for (let row = 0, at = 0; row < perSide; row++) {
    for (let column = 0; column < perSide; column++, at += 2) {
      points[at] = along[column]!;
      points[at + 1] = along[row]!;
    }
  }
  return points;
}

/** Points per side in each layer, the whole picture first; may come down to 0. */
export function pointsPerLayer(perSide: number, layers: number, downscaleFactor: number): number[] {
  return Array.from({ length: layers + 1 }, (_, layer) => Math.trunc(perSide / downscaleFactor ** layer));
}
