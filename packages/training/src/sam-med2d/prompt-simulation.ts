/**
 * A simulated person: the clicks and boxes that SAM-Med2D (Cheng et al. 2023) draws from true masks, in training and evaluation alike.
 *
 *   true mask ──► first click (anywhere inside), or a box around a component, shifted a little
 *   prediction against true mask ──► corrective clicks: 1 where the object was missed, 0 where something else was taken for it
 *
 * Typed arrays and seeded streams only; no networks. Points are `(x, y)` pixels (integer = pixel centre), boxes `x0 y0 x1 y1` with x1 and y1
 * one past the last pixel, as the reference has them.
 */
import { ConfigError, GeometryError, type Random } from "@rfmedsam/base";
import { connectedComponents } from "@rfmedsam/imaging";

/** One object in a picture. */
export interface BinaryMask {
  readonly height: number;
  readonly width: number;
  /** `[height, width]`: 0 outside, anything else inside. */
  readonly data: Uint8Array;
}

/** What a click says. `padding` is no click: the networks leave it out, wherever it lies. */
export const pointLabels = { object: 1, background: 0, padding: -1 } as const;

export interface DrawnPoints {
  /** `[count, 2]`: x y. */
  readonly coords: Float32Array;
  /** `[count]`, values of `pointLabels`. */
  readonly labels: Int32Array;
}

/** @throws GeometryError when the sizes are no sizes or the data has another length */
export function checkMask({ height, width, data }: BinaryMask): void {
  const sized = Number.isInteger(height) && Number.isInteger(width) && height > 0 && width > 0;
  if (!sized || data.length !== height * width) {
    throw new GeometryError({
      found: `a mask of ${height}×${width} pixels with ${data.length} values`,
      expected: "one value for every pixel",
    });
  }
}

/**
 * Clicks before there is a prediction. One click lies inside the object; of more, half (rounded down) do, the rest lie outside, in random
 * order. What does not exist (an empty mask's inside, a full mask's outside) is replaced by the other. Pixels may be drawn twice.
 *
 * @throws GeometryError for a mask that is none, ConfigError for a count that is none
 */
export function initialPoints(mask: BinaryMask, count: number, random: Random): DrawnPoints {
  checkMask(mask);
  checkCount(count, "points");
  const inside = pixelsWhere(mask.data.length, (pixel) => mask.data[pixel] !== 0);
  const wanted = count === 1 ? 1 : Math.floor(count / 2);
  const objects = inside.length === 0 ? 0 : inside.length === mask.data.length ? count : wanted;
  const outside =
    objects === count ? new Int32Array(0) : pixelsWhere(mask.data.length, (pixel) => mask.data[pixel] === 0);
  const drawn = Array.from({ length: count }, (_, n) => drawFrom(n < objects ? inside : outside, random));
  return pointsAt(random.shuffled(drawn), mask, (pixel) =>
    mask.data[pixel] === 0 ? pointLabels.background : pointLabels.object,
  );
}

/**
 * Clicks on what a prediction got wrong, uniformly over all wrong pixels (which may be drawn twice). Where nothing is wrong, all points
 * are padding.
 *
 * @throws GeometryError for masks that are none or differ in size, ConfigError for a count that is none
 */
export function correctivePoints(
  prediction: BinaryMask,
  truth: BinaryMask,
  count: number,
  random: Random,
): DrawnPoints {
  checkMask(prediction);
  checkMask(truth);
  checkCount(count, "points");
  if (prediction.height !== truth.height || prediction.width !== truth.width) {
    throw new GeometryError({
      found: `a prediction of ${prediction.height}×${prediction.width} pixels and a true mask of ${truth.height}×${truth.width}`,
      expected: "two masks of the same picture",
    });
  }
  const [found, real] = [prediction.data, truth.data];
  const wrong = pixelsWhere(real.length, (pixel) => (found[pixel] === 0) !== (real[pixel] === 0));
  if (wrong.length === 0) {
    return { coords: new Float32Array(2 * count), labels: new Int32Array(count).fill(pointLabels.padding) };
  }
  const drawn = Array.from({ length: count }, () => drawFrom(wrong, random));
  return pointsAt(drawn, truth, (pixel) => (real[pixel] === 0 ? pointLabels.background : pointLabels.object));
}

/**
 * Boxes of the mask's largest 8-connected components, largest first, the first in array order of equals. Of fewer components than asked
 * for, all are taken in array order, over and over.
 *
 * @returns `[count, 4]`
 * @throws GeometryError for an empty mask or one that is none, ConfigError for a count that is none
 */
export function componentBoxes(mask: BinaryMask, count: number): Float32Array {
  checkMask(mask);
  checkCount(count, "boxes");
  const components = connectedComponents(mask.data, [1, mask.height, mask.width], 8);
  if (components.count === 0) {
    throw new GeometryError({
      found: "an empty mask, of which a box was asked",
      hint: "leave out masks without a pixel",
    });
  }
  const extents = boxesOfLabels(components.labels, mask.width, components.count);
  const order = Array.from({ length: components.count }, (_, n) => n);
  if (order.length >= count) order.sort((a, b) => components.sizes[b + 1]! - components.sizes[a + 1]!);
  const boxes = new Float32Array(4 * count);
  for (let n = 0; n < count; n++) {
    const from = 4 * order[n % order.length]!;
    boxes.set(extents.subarray(from, from + 4), 4 * n);
  }
  return boxes;
}

export interface JitterOptions {
  /** A fifth of the largest shift, as a share of the box's shorter side. The reference calls it std, though the shift is uniform. */
  readonly std?: number;
  /** Largest shift in pixels. */
  readonly maximum?: number;
}

/**
 * Boxes shifted as a whole, by a uniform whole number of pixels in `[−m, m)` along x and another along y, m = min(maximum, ⌊5·std·shorter
 * side⌋). Sizes stay; a shifted box may reach beyond the picture.
 *
 * @param boxes `[count, 4]` @returns a new array
 * @throws GeometryError for boxes that are none, ConfigError for options out of range
 */
export function jitterBoxes(
  boxes: Float32Array,
  random: Random,
  { std = 0.1, maximum = 5 }: JitterOptions = {},
): Float32Array {
  if (!(std >= 0 && Number.isFinite(std)) || !(Number.isInteger(maximum) && maximum >= 0)) {
    throw new ConfigError({
      found: `box jitter of std ${std} and at most ${maximum} pixels`,
      expected: "a share that is not negative, and a whole number of pixels",
    });
  }
  if (boxes.length % 4 !== 0) {
    throw new GeometryError({ found: `${boxes.length} numbers for boxes`, expected: "four for every box" });
  }
  const out = new Float32Array(boxes.length);
  for (let at = 0; at < boxes.length; at += 4) {
    const [x0, y0, x1, y1] = [boxes[at]!, boxes[at + 1]!, boxes[at + 2]!, boxes[at + 3]!];
    if (!(x1 >= x0 && y1 >= y0 && Number.isFinite(x1 - x0) && Number.isFinite(y1 - y0))) {
      throw new GeometryError({ found: `the box ${x0} ${y0} ${x1} ${y1}`, expected: "x0 ≤ x1 and y0 ≤ y1" });
    }
    const range = Math.min(maximum, Math.trunc(Math.min(x1 - x0, y1 - y0) * std * 5));
    const [dx, dy] = [shift(range, random), shift(range, random)];
    out.set([x0 + dx, y0 + dy, x1 + dx, y1 + dy], at);
  }
  return out;
}

function shift(range: number, random: Random): number {
  return range === 0 ? 0 : random.below(2 * range) - range;
}

function checkCount(count: number, what: string): void {
  if (Number.isInteger(count) && count > 0) return;
  throw new ConfigError({ found: `${count} ${what} were asked for`, expected: "a whole number, at least 1" });
}

function pixelsWhere(pixels: number, wanted: (pixel: number) => boolean): Int32Array {
  const list = new Int32Array(pixels);
  let count = 0;
  for (let pixel = 0; pixel < pixels; pixel++) if (wanted(pixel)) list[count++] = pixel;
  return list.subarray(0, count);
}

function drawFrom(pixels: Int32Array, random: Random): number {
  return pixels[random.below(pixels.length)]!;
}

function pointsAt(pixels: readonly number[], { width }: BinaryMask, labelOf: (pixel: number) => number): DrawnPoints {
  const coords = new Float32Array(2 * pixels.length);
  for (const [n, pixel] of pixels.entries()) {
    coords[2 * n] = pixel % width;
    coords[2 * n + 1] = Math.floor(pixel / width);
  }
  return { coords, labels: Int32Array.from(pixels, labelOf) };
}

/** `[count, 4]` in the order of the labels 1 … count. */
function boxesOfLabels(labels: Int32Array, width: number, count: number): Float32Array {
  const boxes = new Float32Array(4 * count);
  for (let n = 0; n < count; n++) boxes.set([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0, 0], 4 * n);
  for (let row = 0, y = 0; row < labels.length; row += width, y++) {
    for (let x = 0; x < width; x++) {
      const label = labels[row + x]!;
      if (label === 0) continue;
      const at = 4 * (label - 1);
      if (x < boxes[at]!) boxes[at] = x;
      if (y < boxes[at + 1]!) boxes[at + 1] = y;
      if (x >= boxes[at + 2]!) boxes[at + 2] = x + 1;
      boxes[at + 3] = y + 1;
    }
  }
  return boxes;
}
