/**
 * From scanner values to what a screen, or a network made for photographs, can take: windows in HU, DICOM's value-of-interest functions,
 * percentile windows for MR, grey slices as RGB.
 *
 * Tools disagree in one grey level: some round 255·u (halves to even, as NumPy does), some cut it off. The functions say which they do.
 *
 * Sources: DICOM PS3.3 C.11.2.1.2 (VOI LUT functions); the MR and the stretched variant are those of MedSAM's preprocessing.
 */
import { ConfigError } from "@rfmedsam/base";
import type { NumberArray } from "../volume.js";
import { percentileOfSorted } from "./statistics.js";

/** Values at and below `low` are black, at and above `high` white. */
export interface Window {
  readonly low: number;
  readonly high: number;
}

/** CT windows people ask for by name, in HU. */
export const ctWindows = {
  softTissue: { low: -160, high: 240 },
  lung: { low: -1350, high: 150 },
  bone: { low: -450, high: 1050 },
  brain: { low: 0, high: 80 },
  mediastinum: { low: -150, high: 250 },
  liver: { low: -45, high: 105 },
} as const satisfies Record<string, Window>;

/** Whole numbers from 0 … 255 of values in between: to the nearest (halves to even), or the one below. */
export type Rounding = "nearest" | "down";

function toByte(value: number, rounding: Rounding): number {
  const below = Math.floor(value);
  if (rounding === "down" || value - below < 0.5) return below;
  return value - below > 0.5 || below % 2 === 1 ? below + 1 : below;
}

function assertWindow({ low, high }: Window): void {
  if (Number.isFinite(low) && Number.isFinite(high) && low < high) return;
  throw new ConfigError({ found: `a window from ${low} to ${high}`, expected: "two numbers, the lower one first" });
}

/** The share of the window below each value, 0 … 1. @throws ConfigError for a window without width */
export function windowShare(values: ArrayLike<number>, window: Window): Float64Array {
  assertWindow(window);
  const { low, high } = window;
  return Float64Array.from(values, (value) => Math.min(Math.max((value - low) / (high - low), 0), 1));
}

/** Grey levels 0 … 255 of a fixed window. @throws ConfigError for a window without width */
export function windowToGrey(values: ArrayLike<number>, window: Window, rounding: Rounding = "nearest"): Uint8Array {
  assertWindow(window);
  const { low, high } = window;
  return Uint8Array.from(values, (value) =>
    toByte(Math.min(Math.max((value - low) / (high - low), 0), 1) * 255, rounding),
  );
}

/**
 * Clipped to a window, then stretched between the smallest and largest value that is left: unlike `windowToGrey`, the same tissue has
 * another grey where the image does not reach the window's ends. Cut off, not rounded.
 */
export function clipAndStretch(values: ArrayLike<number>, window: Window): Uint8Array {
  assertWindow(window);
  const clipped = Float64Array.from(values, (value) => Math.min(Math.max(value, window.low), window.high));
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of clipped) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  const range = most - least || 1;
  return Uint8Array.from(clipped, (value) => toByte(((value - least) / range) * 255, "down"));
}

/** The window between two percentiles of the voxels above 0; undefined when there are none. @param shares of 1, lower first */
export function percentileWindow(
  values: NumberArray,
  shares: readonly [number, number] = [0.005, 0.995],
): Window | undefined {
  const positive = Float64Array.from(values)
    .filter((value) => value > 0)
    .sort();
  if (positive.length === 0) return undefined;
  return { low: percentileOfSorted(positive, 100 * shares[0]), high: percentileOfSorted(positive, 100 * shares[1]) };
}

/** MR to grey levels: percentile window of what is above 0, stretched; voxels that are 0 stay 0. Cut off, not rounded. */
export function percentileToGrey(values: NumberArray, shares?: readonly [number, number]): Uint8Array {
  const window = percentileWindow(values, shares);
  if (window === undefined || !(window.low < window.high)) return new Uint8Array(values.length);
  const grey = clipAndStretch(values, window);
  for (let i = 0; i < grey.length; i++) if (values[i] === 0) grey[i] = 0;
  return grey;
}

/** DICOM's value-of-interest functions: value, centre, width → share 0 … 1. */
export const voiFunctions = {
  LINEAR(value: number, centre: number, width: number): number {
    if (value <= centre - 0.5 - (width - 1) / 2) return 0;
    if (value > centre - 0.5 + (width - 1) / 2) return 1;
    return (value - (centre - 0.5)) / (width - 1) + 0.5;
  },
  LINEAR_EXACT(value: number, centre: number, width: number): number {
    if (value <= centre - width / 2) return 0;
    if (value > centre + width / 2) return 1;
    return (value - centre) / width + 0.5;
  },
  SIGMOID: (value: number, centre: number, width: number): number =>
    1 / (1 + Math.exp((-4 * (value - centre)) / width)),
} as const satisfies Record<string, (value: number, centre: number, width: number) => number>;
export type VoiFunction = keyof typeof voiFunctions;

/**
 * Values to 0 … 255 (not rounded) by a DICOM window.
 * @param options.inverted black and white exchanged, as MONOCHROME1 is shown
 * @throws ConfigError for a width below 1 (LINEAR) or not above 0
 */
export function applyVoi(
  values: ArrayLike<number>,
  { centre, width }: { readonly centre: number; readonly width: number },
  {
    function: name = "LINEAR",
    inverted = false,
  }: { readonly function?: VoiFunction; readonly inverted?: boolean } = {},
): Float64Array {
  if (!Number.isFinite(centre) || !Number.isFinite(width) || !(name === "LINEAR" ? width >= 1 : width > 0)) {
    throw new ConfigError({
      found: `a window of centre ${centre} and width ${width}`,
      expected: name === "LINEAR" ? "a width of at least 1" : "a width above 0",
    });
  }
  const share = voiFunctions[name];
  return Float64Array.from(values, (value) => {
    const shown = share(value, centre, width) * 255;
    return inverted ? 255 - shown : shown;
  });
}

/** Three grey pictures of one size as one in colours, `[h, w, 3]`. */
export function greyToRgb(red: Uint8Array, green: Uint8Array = red, blue: Uint8Array = red): Uint8Array {
  const out = new Uint8Array(red.length * 3);
  for (let i = 0; i < red.length; i++) {
    out[3 * i] = red[i]!;
    out[3 * i + 1] = green[i]!;
    out[3 * i + 2] = blue[i]!;
  }
  return out;
}

/** ImageNet's statistics of red, green and blue, for values 0 … 1 and 0 … 255. */
export const imagenet = {
  unit: { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] },
  byte: { mean: [123.675, 116.28, 103.53], deviation: [58.395, 57.12, 57.375] },
} as const;

/** Interleaved colours, normalised channel by channel: `(v − mean) / deviation`. */
export function normaliseColours(
  rgb: ArrayLike<number>,
  { mean, deviation }: { readonly mean: readonly number[]; readonly deviation: readonly number[] },
): Float32Array {
  return Float32Array.from(rgb, (value, i) => (value - mean[i % 3]!) / deviation[i % 3]!);
}
