/**
 * A volume at a glance: axial slices side by side, from the feet to the head, as radiologists look at them (the patient's right on the
 * left, the front above), with pixels of equal width and height.
 */

import type { GreyPicture } from "./formats/picture/png.js";
import { spacingOf } from "./geometry.js";
import { ctWindows, percentileWindow, type Window, windowToGrey } from "./intensity/window.js";
import { reorient } from "./orientation.js";
import { isBigArray, toFloat32, type Volume } from "./volume.js";

export interface PreviewOptions {
  /** At most this many slices, spread evenly. */
  readonly slices?: number;
  /** Of each slice, in pixels. */
  readonly height?: number;
  /** By default the soft-tissue window for CT (values far below 0), else from percentile to percentile. */
  readonly window?: Window | undefined;
}

/** Pixels between two slices. */
const gap = 2;
/** A slice is at most this many times as wide as high. */
const widest = 4;

export function previewStrip(volume: Volume, options: PreviewOptions = {}): GreyPicture {
  const { slices: most = 8, height = 160, window } = options;
  const lps = reorient(volume, "LPS");
  const [depth, rows, columns] = lps.shape;
  const [, rowSpacing, columnSpacing] = spacingOf(lps);
  const width = Math.max(
    1,
    Math.min(Math.round((height * columns * columnSpacing) / (rows * rowSpacing)), widest * height),
  );
  const count = Math.min(most, depth);
  const numbers = isBigArray(lps.data) ? toFloat32(lps.data) : lps.data;
  const shown = window ?? usualWindow(numbers);
  const strip = new Uint8Array((count * (width + gap) - gap) * height);
  const stripWidth = count * (width + gap) - gap;
  const pixels = new Float32Array(width * height);
  for (let n = 0; n < count; n++) {
    const z = Math.floor(((n + 0.5) * depth) / count);
    shrink(numbers.subarray(z * rows * columns, (z + 1) * rows * columns), [rows, columns], [height, width], pixels);
    const grey = windowToGrey(pixels, shown);
    for (let y = 0; y < height; y++) {
      strip.set(grey.subarray(y * width, (y + 1) * width), y * stripWidth + n * (width + gap));
    }
  }
  return { width: stripWidth, height, data: strip };
}

/** Each new pixel is the mean of the old ones it covers (the one it lies in when it covers none); what is no number is black. */
function shrink(
  slice: ArrayLike<number>,
  [rows, columns]: readonly [number, number],
  [height, width]: readonly [number, number],
  out: Float32Array,
): void {
  for (let y = 0; y < height; y++) {
    const top = Math.floor((y * rows) / height);
    const bottom = Math.max(top + 1, Math.floor(((y + 1) * rows) / height));
    for (let x = 0; x < width; x++) {
      const left = Math.floor((x * columns) / width);
      const right = Math.max(left + 1, Math.floor(((x + 1) * columns) / width));
      let sum = 0;
      for (let row = top; row < bottom; row++) {
        for (let column = left; column < right; column++) sum += slice[row * columns + column]!;
      }
      const mean = sum / ((bottom - top) * (right - left));
      out[y * width + x] = Number.isFinite(mean) ? mean : Number.NEGATIVE_INFINITY;
    }
  }
}

/** Looked at to choose a window: more voxels would not change it. */
const sampled = 1 << 18;

function usualWindow(numbers: ArrayLike<number>): Window {
  const step = Math.max(1, Math.floor(numbers.length / sampled));
  const values: number[] = [];
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < numbers.length; i += step) {
    const value = numbers[i]!;
    if (!Number.isFinite(value)) continue;
    values.push(value);
    if (value < least) least = value;
    if (value > most) most = value;
  }
  // Air in CT; nothing else is so far below 0.
  if (least <= -500) return ctWindows.softTissue;
  const window = values.length === 0 ? undefined : percentileWindow(Float64Array.from(values));
  if (window !== undefined && window.low < window.high) return { low: Math.min(0, window.low), high: window.high };
  if (least < most) return { low: least, high: most };
  const level = values[0] ?? 0;
  return { low: level - 1, high: level + 1 };
}
