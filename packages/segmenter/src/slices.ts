/**
 * Slices of a prepared case as SAM 2 sees them, and the way back.
 *
 *   volume [z, y, x] ──► slice [h, w] voxels ──► scaled so that its longest side (in mm) fills S ──► [S, S], padded bottom / right
 *                                            ──► the same picture at mask resolution [m, m], m = S / 4
 *
 * One scale per axis and half-pixel centres everywhere: voxel v has its centre at pixel `(v + 0.5) · scale − 0.5`. Shrinking is
 * antialiased (triangle filter widened by the ratio), enlarging is bilinear, as SAM 2's own resizing.
 */
import { imagenet, type Triple } from "@rfmedsam/imaging";
import type { PreparedCase } from "./preprocessing.js";

/** Array axis along which slices are stacked; the names hold for a case in RAS. */
export const sliceAxes = { axial: 0, coronal: 1, sagittal: 2 } as const;
export type SliceAxis = keyof typeof sliceAxes;

/** What the three colours of a slice are: it and its neighbours (clamped at the ends), or itself three times. */
export const sliceColours = {
  adjacent: [-1, 0, 1],
  repeat: [0, 0, 0],
} as const;
export type SliceColours = keyof typeof sliceColours;

/** What one of the three colours shows: a slice, by its distance from the one rendered, in a channel of the case. */
export interface ColourSource {
  readonly step: number;
  readonly channel: number;
}

/**
 * How a slice of a case becomes a picture. `adjacent` and `repeat` show one channel; `channels` shows it and the next two in its three
 * colours (of a case with fewer the last one again).
 */
export const sliceRenderings = {
  adjacent: (channel) => sliceColours.adjacent.map((step) => ({ step, channel })),
  repeat: (channel) => sliceColours.repeat.map((step) => ({ step, channel })),
  channels: (channel, count) => [0, 1, 2].map((n) => ({ step: 0, channel: Math.min(channel + n, count - 1) })),
} as const satisfies Record<string, (channel: number, count: number) => readonly ColourSource[]>;
export type SliceRendering = keyof typeof sliceRenderings;

/** SAM 2 normalises values in 0 … 1. */
const { mean: colourMean, deviation: colourDeviation } = imagenet.unit;

/** How the slices of one case lie in the square input. */
export interface SliceFrame {
  /** Array axis the slices are stacked along. */
  readonly axis: 0 | 1 | 2;
  /** How many slices there are. */
  readonly count: number;
  /** Rows and columns of a slice in voxels: the two other array axes, in order. */
  readonly height: number;
  readonly width: number;
  /** Side S of the input in pixels. */
  readonly imageSize: number;
  /** Input pixels per voxel along rows and columns; equal when the slice's spacing is. */
  readonly scale: readonly [y: number, x: number];
}

/** @param spacing `[z, y, x]` mm: the picture is true in mm, not in voxels */
export function sliceFrame(shape: Triple, spacing: Triple, axis: SliceAxis, imageSize: number): SliceFrame {
  const stacked = sliceAxes[axis];
  const [rows, columns] = planeAxes(stacked);
  const [height, width] = [shape[rows], shape[columns]];
  const pixelsPerMillimetre = imageSize / Math.max(height * spacing[rows], width * spacing[columns]);
  return {
    axis: stacked,
    count: shape[stacked],
    height,
    width,
    imageSize,
    scale: [spacing[rows] * pixelsPerMillimetre, spacing[columns] * pixelsPerMillimetre],
  };
}

/** The input pixel (x, y) over a voxel (column, row) of the slice; integers are centres. */
export function voxelToInput({ scale }: SliceFrame, [x, y]: readonly [number, number]): [x: number, y: number] {
  return [(x + 0.5) * scale[1] - 0.5, (y + 0.5) * scale[0] - 0.5];
}

/** The inverse of `voxelToInput`. */
export function inputToVoxel({ scale }: SliceFrame, [x, y]: readonly [number, number]): [x: number, y: number] {
  return [(x + 0.5) / scale[1] - 0.5, (y + 0.5) / scale[0] - 0.5];
}

/** x0 y0 x1 y1: first and last column and row, both inside. */
export type PixelBox = readonly [x0: number, y0: number, x1: number, y1: number];

/**
 * The first and last input pixel under a box of voxels: the box of the enlarged mask, which is what SAM 2 was trained with, so a
 * voxel's box spans its edges and not its centre.
 */
export function boxToInput({ scale: [sy, sx] }: SliceFrame, [x0, y0, x1, y1]: PixelBox): PixelBox {
  return [x0 * sx, y0 * sy, (x1 + 1) * sx - 1, (y1 + 1) * sy - 1];
}

/** The inverse of `boxToInput`. */
export function boxToVoxels({ scale: [sy, sx] }: SliceFrame, [x0, y0, x1, y1]: PixelBox): PixelBox {
  return [x0 / sx, y0 / sy, (x1 + 1) / sx - 1, (y1 + 1) / sy - 1];
}

/** Copies slice `index` out of one channel `[z, y, x]` as `[h, w]`. */
export function extractSlice<T extends Float32Array | Uint8Array>(
  volume: T,
  shape: Triple,
  axis: 0 | 1 | 2,
  index: number,
  out: T,
): T {
  eachRow(shape, axis, index, (row, start, step, width) => {
    for (let x = 0; x < width; x++) out[row * width + x] = volume[start + x * step]!;
  });
  return out;
}

/** Writes `[h, w]` into slice `index` of a volume `[z, y, x]`. */
export function placeSlice<T extends Float32Array | Uint8Array>(
  slice: T,
  volume: T,
  shape: Triple,
  axis: 0 | 1 | 2,
  index: number,
): void {
  eachRow(shape, axis, index, (row, start, step, width) => {
    for (let x = 0; x < width; x++) volume[start + x * step] = slice[row * width + x]!;
  });
}

function planeAxes(axis: 0 | 1 | 2): readonly [0 | 1, 1 | 2] {
  return axis === 0 ? [1, 2] : axis === 1 ? [0, 2] : [0, 1];
}

function eachRow(
  shape: Triple,
  axis: 0 | 1 | 2,
  index: number,
  visit: (row: number, start: number, step: number, width: number) => void,
): void {
  const strides = [shape[1] * shape[2], shape[2], 1] as const;
  const [rows, columns] = planeAxes(axis);
  for (let row = 0; row < shape[rows]; row++) {
    visit(row, index * strides[axis] + row * strides[rows], strides[columns], shape[columns]);
  }
}

export interface RenderOptions {
  readonly colours: SliceRendering;
  /** Which channel of the case is shown; of `channels` the first. */
  readonly channel?: number;
}

/**
 * Renders one slice as `[3, S, S]`: windowed to 0 … 1 by each channel's window, fitted into the frame, normalised by ImageNet's
 * statistics; the padding is 0 after normalisation, as SAM pads.
 *
 * @param out at least `offset + 3 · S · S` long
 */
export function renderSlice(
  prepared: Pick<PreparedCase, "data" | "shape" | "windows">,
  frame: SliceFrame,
  index: number,
  { colours, channel = 0 }: RenderOptions,
  out: Float32Array,
  offset = 0,
): void {
  const voxels = prepared.shape[0] * prepared.shape[1] * prepared.shape[2];
  const slice = new Float32Array(frame.height * frame.width);
  const pixels = frame.imageSize ** 2;
  const fitted = new Map<number, Float32Array>();
  sliceRenderings[colours](channel, prepared.windows.length).forEach(({ step, channel: shown }, colour) => {
    const source = Math.min(Math.max(index + step, 0), frame.count - 1);
    const key = shown * frame.count + source;
    let picture = fitted.get(key);
    if (picture === undefined) {
      const { low, high } = prepared.windows[shown]!;
      const volume = prepared.data.subarray(shown * voxels, (shown + 1) * voxels);
      extractSlice(volume, prepared.shape, frame.axis, source, slice);
      for (let n = 0; n < slice.length; n++) slice[n] = Math.min(Math.max((slice[n]! - low) / (high - low), 0), 1);
      picture = fitInto(slice, frame, frame.imageSize, Number.NaN);
      fitted.set(key, picture);
    }
    for (let n = 0; n < pixels; n++) {
      const value = picture[n]!;
      out[offset + colour * pixels + n] = Number.isNaN(value)
        ? 0
        : (value - colourMean[colour]!) / colourDeviation[colour]!;
    }
  });
}

/**
 * A slice `[h, w]` fitted into a square of the frame at another resolution (`size = S` the input, `size = m` the masks).
 *
 * @param padding value of pixels whose centre lies outside the slice
 */
export function fitInto(slice: Float32Array, frame: SliceFrame, size: number, padding: number): Float32Array {
  const [sy, sx] = gridScale(frame, size);
  const rows = coveredPixels(frame.height * sy, size);
  const columns = coveredPixels(frame.width * sx, size);
  const picture = resampleGrid(slice, [frame.height, frame.width], [rows, columns], [1 / sy, 1 / sx]);
  if (rows === size && columns === size) return picture;
  const out = new Float32Array(size * size).fill(padding);
  for (let row = 0; row < rows; row++) out.set(picture.subarray(row * columns, (row + 1) * columns), row * size);
  return out;
}

/** The way back: a square `[size, size]` of the frame sampled at the slice's voxels, `[h, w]`. */
export function fitOut(square: Float32Array, frame: SliceFrame, size: number): Float32Array {
  const [sy, sx] = gridScale(frame, size);
  const rows = coveredPixels(frame.height * sy, size);
  const columns = coveredPixels(frame.width * sx, size);
  // Only pixels over the slice take part, so that the padding does not bleed into its last row and column.
  return resampleGrid(square, [rows, columns], [frame.height, frame.width], [sy, sx], size);
}

function gridScale({ scale, imageSize }: SliceFrame, size: number): [number, number] {
  return [(scale[0] * size) / imageSize, (scale[1] * size) / imageSize];
}

/** How many pixels have their centre over a slice that is `extent` pixels long. */
function coveredPixels(extent: number, size: number): number {
  return Math.min(size, Math.max(1, Math.ceil(extent - 0.5 - 1e-6)));
}

/**
 * Separable linear resampling; both grids start at the same edge.
 *
 * @param ratio input pixels per output pixel along rows and columns; above 1 the filter is widened (antialiasing)
 * @param stride length of an input row in memory
 */
export function resampleGrid(
  input: Float32Array,
  [inRows, inColumns]: readonly [number, number],
  [outRows, outColumns]: readonly [number, number],
  [ratioY, ratioX]: readonly [number, number],
  stride: number = inColumns,
): Float32Array {
  const across = linearTaps(inColumns, outColumns, ratioX);
  const down = linearTaps(inRows, outRows, ratioY);
  const wide = new Float32Array(inRows * outColumns);
  for (let row = 0; row < inRows; row++) {
    for (let column = 0; column < outColumns; column++) {
      const [from, to] = [across.ends[column]!, across.ends[column + 1]!];
      const first = row * stride + across.first[column]!;
      let sum = 0;
      for (let tap = from; tap < to; tap++) sum += across.weights[tap]! * input[first + tap - from]!;
      wide[row * outColumns + column] = sum;
    }
  }
  const out = new Float32Array(outRows * outColumns);
  for (let row = 0; row < outRows; row++) {
    const from = down.ends[row]!;
    for (let tap = from; tap < down.ends[row + 1]!; tap++) {
      const weight = down.weights[tap]!;
      const source = (down.first[row]! + tap - from) * outColumns;
      for (let column = 0; column < outColumns; column++)
        out[row * outColumns + column]! += weight * wide[source + column]!;
    }
  }
  return out;
}

/** For each output pixel the input pixels under its triangle: the first one, and weights `ends[n] … ends[n + 1]`. */
interface Taps {
  readonly first: Int32Array;
  readonly ends: Int32Array;
  readonly weights: number[];
}

function linearTaps(inSize: number, outSize: number, ratio: number): Taps {
  const first = new Int32Array(outSize);
  const ends = new Int32Array(outSize + 1);
  const weights: number[] = [];
  const support = Math.max(1, ratio);
  for (let n = 0; n < outSize; n++) {
    const centre = Math.min(Math.max((n + 0.5) * ratio - 0.5, 0), inSize - 1);
    const from = Math.max(0, Math.floor(centre - support) + 1);
    const to = Math.min(inSize - 1, Math.ceil(centre + support) - 1);
    let sum = 0;
    for (let at = from; at <= to; at++) sum += 1 - Math.abs(at - centre) / support;
    for (let at = from; at <= to; at++) weights.push((1 - Math.abs(at - centre) / support) / sum);
    first[n] = from;
    ends[n + 1] = weights.length;
  }
  return { first, ends, weights };
}
