/**
 * Pillow's `Image.resize` of 8-bit pictures, bit for bit. SAM 2's frames and SAM's pictures were resized by it, rounding included.
 *
 * Each axis is a pass of its own, along the rows first; a pass whose size does not change is left out. A new pixel is a weighted
 * sum of old ones under a filter that is widened when shrinking (antialiasing). Weights are fixed-point numbers, and the picture is
 * rounded to 8 bits after each pass.
 *
 * Source: Pillow 9 to 12, ImagingResample for 8 bits per channel. Pillow 13 differs in single values.
 */
import { ConfigError, GeometryError } from "@rfmedsam/base";

/** Reach in old pixels (when enlarging) and value at distance `x ≥ 0`. */
const filters = {
  bilinear: { reach: 1, value: (x: number) => (x < 1 ? 1 - x : 0) },
  // Keys' cubic with a = -1/2
  bicubic: {
    reach: 2,
    value: (x: number) => {
      if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
    },
  },
} as const;
export type PillowFilter = keyof typeof filters;

/** Fixed point: 32 bits hold 8 of a value, 22 of a weight and two of headroom for weights that sum to more than 1. */
const fractionBits = 22;
const half = 1 << (fractionBits - 1);

/**
 * @param data `[height, width, channels]`, 0 … 255; every channel is resized by itself
 * @param size rows and columns wanted @returns `[rows, columns, channels]`; never `data` itself
 * @throws GeometryError for sizes that are no sizes or data of another length, ConfigError for an unknown filter
 */
export function resizePillow(
  data: Uint8Array | Uint8ClampedArray,
  [height, width, channels]: readonly [height: number, width: number, channels: number],
  [rows, columns]: readonly [rows: number, columns: number],
  filter: PillowFilter,
): Uint8Array {
  const sizes = [height, width, channels, rows, columns];
  if (!sizes.every((size) => Number.isInteger(size) && size > 0) || data.length !== height * width * channels) {
    throw new GeometryError({
      found: `${data.length} values of a picture [${height}, ${width}, ${channels}] to be resized to ${rows}×${columns}`,
      expected: "whole sizes of at least 1, and a value for each channel of each pixel",
    });
  }
  if (!Object.hasOwn(filters, filter)) {
    throw new ConfigError({ found: `the filter ${filter}`, expected: Object.keys(filters).join(" or ") });
  }
  let picture: Uint8Array | Uint8ClampedArray = data;
  if (columns !== width) {
    picture = resampleRows(picture, height, channels, fixedPointTaps(width, columns, filter), width);
  }
  if (rows !== height) {
    picture = resampleColumns(picture, columns * channels, fixedPointTaps(height, rows, filter));
  }
  return picture === data ? Uint8Array.from(data) : (picture as Uint8Array);
}

/** New pixel `n` is the sum of `weights[ends[n] … ends[n + 1]]` times the old pixels from `first[n]`. */
interface Taps {
  readonly first: Int32Array;
  readonly ends: Int32Array;
  readonly weights: Int32Array;
}

function fixedPointTaps(from: number, to: number, filter: PillowFilter): Taps {
  const { reach, value } = filters[filter];
  const scale = from / to;
  const widening = Math.max(scale, 1);
  const support = reach * widening;
  const inverse = 1 / widening;
  const first = new Int32Array(to);
  const ends = new Int32Array(to + 1);
  const weights = new Int32Array(to * (2 * Math.ceil(support) + 1));
  const exact = new Float64Array(2 * Math.ceil(support) + 1);
  for (let n = 0, at = 0; n < to; n++) {
    const centre = (n + 0.5) * scale;
    const begin = Math.max(0, Math.trunc(centre - support + 0.5));
    const count = Math.min(from, Math.trunc(centre + support + 0.5)) - begin;
    let sum = 0;
    for (let tap = 0; tap < count; tap++) {
      const weight = value(Math.abs((tap + begin - centre + 0.5) * inverse));
      exact[tap] = weight;
      sum += weight;
    }
    for (let tap = 0; tap < count; tap++) {
      const weight = (exact[tap]! / sum) * (1 << fractionBits);
      weights[at++] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    first[n] = begin;
    ends[n + 1] = at;
  }
  return { first, ends, weights };
}

/** Along each row, one sum at a time: the pixels of a sum lie side by side. */
function resampleRows(
  source: Uint8Array | Uint8ClampedArray,
  height: number,
  channels: number,
  { first, ends, weights }: Taps,
  width: number,
): Uint8Array {
  const columns = first.length;
  const target = new Uint8Array(height * columns * channels);
  for (let row = 0, to = 0; row < height; row++) {
    for (let n = 0; n < columns; n++) {
      const start = (row * width + first[n]!) * channels;
      const [from, end] = [ends[n]!, ends[n + 1]!];
      for (let channel = 0; channel < channels; channel++, to++) {
        let sum = half;
        for (let tap = from, at = start + channel; tap < end; tap++, at += channels) sum += weights[tap]! * source[at]!;
        target[to] = rounded(sum);
      }
    }
  }
  return target;
}

/** Down the columns, a row of sums at a time, so that memory is read in runs. */
function resampleColumns(
  source: Uint8Array | Uint8ClampedArray,
  run: number,
  { first, ends, weights }: Taps,
): Uint8Array {
  const target = new Uint8Array(first.length * run);
  const sums = new Int32Array(run);
  for (let n = 0, to = 0; n < first.length; n++) {
    sums.fill(half);
    for (let tap = ends[n]!, at = first[n]! * run; tap < ends[n + 1]!; tap++) {
      const weight = weights[tap]!;
      for (let i = 0; i < run; i++) sums[i]! += weight * source[at++]!;
    }
    for (let i = 0; i < run; i++) target[to++] = rounded(sums[i]!);
  }
  return target;
}

function rounded(sum: number): number {
  const value = sum >> fractionBits;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}
