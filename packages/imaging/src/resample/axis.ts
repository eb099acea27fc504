/**
 * Resampling along one axis: where each new sample falls between the old ones, and with which weights. Splines are separable, so
 * a volume is resampled one axis at a time; a sample outside the first or last voxel centre sees that voxel repeated.
 *
 * Source: scipy.ndimage.zoom(mode="nearest", grid_mode=True), which skimage.transform.resize calls; Unser, "Splines: a perfect
 * fit" (1999) for the recursive prefilter.
 */

export type SplineOrder = 0 | 1 | 3;
export type FloatArray = Float32Array | Float64Array;

/** For every new sample the first old sample it looks at, and `taps` weights. */
interface AxisWeights {
  readonly first: Int32Array;
  readonly taps: Float64Array;
}

/** Coefficients kept on either side of a line for the cubic's four taps. */
const margin = 2;
const pole = Math.sqrt(3) - 2;
const gain = 6;
/** Lines that are filtered side by side, so that memory is read in runs. */
const lanes = 64;

/** Where new sample `index` of `to` lies among `from` old ones: voxel edges, not centres, coincide. */
export function oldPosition(index: number, from: number, to: number): number {
  return (index + 0.5) * (from / to) - 0.5;
}

/** Index and fraction of linear interpolation with the ends repeated. */
export function linearPosition(index: number, from: number, to: number): { low: number; high: number; t: number } {
  const position = Math.min(Math.max(oldPosition(index, from, to), 0), from - 1);
  const low = Math.floor(position);
  return { low, high: Math.min(low + 1, from - 1), t: position - low };
}

/** The nearest old sample; halves go up, as in scipy. */
export function nearestPosition(index: number, from: number, to: number): number {
  return Math.floor(Math.min(Math.max(oldPosition(index, from, to), 0), from - 1) + 0.5);
}

/**
 * Resamples `source`, seen as `[outer, from, inner]`, to `[outer, to, inner]`.
 *
 * @param order 0 nearest, 1 linear, 3 cubic B-spline with prefilter
 */
export function resampleAxis<T extends FloatArray>(
  source: T,
  outer: number,
  from: number,
  to: number,
  inner: number,
  order: SplineOrder,
): T {
  const result = new (source.constructor as new (length: number) => T)(outer * to * inner);
  if (order === 3) cubicAxis(source, result, outer, from, to, inner);
  else if (order === 1) linearAxis(source, result, outer, from, to, inner);
  else nearestAxis(source, result, outer, from, to, inner);
  return result;
}

function nearestAxis(
  source: FloatArray,
  result: FloatArray,
  outer: number,
  from: number,
  to: number,
  inner: number,
): void {
  const nearest = Int32Array.from({ length: to }, (_, index) => nearestPosition(index, from, to));
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (let j = 0; j < to; j++) {
      const start = (o * from + nearest[j]!) * inner;
      if (inner === 1) result[at] = source[start]!;
      else result.set(source.subarray(start, start + inner), at);
      at += inner;
    }
  }
}

function linearAxis(
  source: FloatArray,
  result: FloatArray,
  outer: number,
  from: number,
  to: number,
  inner: number,
): void {
  const positions = Array.from({ length: to }, (_, index) => linearPosition(index, from, to));
  const low = Int32Array.from(positions, (position) => position.low);
  const high = Int32Array.from(positions, (position) => position.high);
  const part = Float64Array.from(positions, (position) => position.t);
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (let j = 0; j < to; j++) {
      const t = part[j]!;
      let a = (o * from + low[j]!) * inner;
      let b = (o * from + high[j]!) * inner;
      for (const end = a + inner; a < end; ) result[at++] = source[a++]! * (1 - t) + source[b++]! * t;
    }
  }
}

function cubicAxis(
  source: FloatArray,
  result: FloatArray,
  outer: number,
  from: number,
  to: number,
  inner: number,
): void {
  const { first, taps } = cubicWeights(from, to);
  const width = Math.min(inner, lanes);
  const line = new Float64Array((from + 2 * margin) * width);
  for (let o = 0; o < outer; o++) {
    for (let lane = 0; lane < inner; lane += width) {
      const count = Math.min(width, inner - lane);
      loadLines(source, o * from * inner + lane, inner, line, from, count);
      prefilter(line, from, count);
      let row = o * to * inner + lane;
      for (let j = 0; j < to; j++, row += inner) {
        const w0 = taps[4 * j]!;
        const w1 = taps[4 * j + 1]!;
        const w2 = taps[4 * j + 2]!;
        const w3 = taps[4 * j + 3]!;
        const start = first[j]! * count;
        for (let b = 0; b < count; b++) {
          const at = start + b;
          result[row + b] =
            w0 * line[at]! + w1 * line[at + count]! + w2 * line[at + 2 * count]! + w3 * line[at + 3 * count]!;
        }
      }
    }
  }
}

function cubicWeights(from: number, to: number): AxisWeights {
  const first = new Int32Array(to);
  const taps = new Float64Array(4 * to);
  for (let j = 0; j < to; j++) {
    const position = oldPosition(j, from, to);
    const floor = Math.floor(position);
    const t = position - floor;
    const y = 1 - t;
    const w0 = (y * y * y) / 6;
    const w1 = (t * t * (t - 2) * 3 + 4) / 6;
    const w2 = (y * y * (y - 2) * 3 + 4) / 6;
    first[j] = floor - 1 + margin;
    taps.set([w0, w1, w2, 1 - w0 - w1 - w2], 4 * j);
  }
  return { first, taps };
}

function loadLines(
  source: FloatArray,
  start: number,
  stride: number,
  line: Float64Array,
  from: number,
  count: number,
): void {
  let at = margin * count;
  for (let k = 0, row = start; k < from; k++, row += stride) {
    for (let b = 0; b < count; b++) line[at++] = source[row + b]!;
  }
}

/**
 * Samples → B-spline coefficients, in place, for `count` interleaved lines: one causal and one anticausal recursion. Outside, the
 * line continues with its end values; that makes both recursions' starts, and the coefficients in the margins, closed formulas.
 */
function prefilter(line: Float64Array, length: number, count: number): void {
  const begin = margin * count;
  const last = begin + (length - 1) * count;
  for (let b = 0; b < count; b++) {
    const low = begin + b;
    const high = last + b;
    const before = (gain * line[low]!) / (1 - pole); // causal value anywhere left of the line
    const beyond = (gain * line[high]!) / (1 - pole); // where the causal values settle right of it
    let value = before;
    for (let at = low; at <= high; at += count) {
      value = gain * line[at]! + pole * value;
      line[at] = value;
    }
    const settled = (-pole * beyond) / (1 - pole);
    let rest = (-pole * (value - beyond)) / (1 - pole * pole);
    value = settled + rest;
    line[high] = value;
    for (let m = 1; m <= margin; m++) {
      rest *= pole;
      line[high + m * count] = settled + rest;
    }
    for (let at = high - count; at >= low; at -= count) {
      value = pole * (value - line[at]!);
      line[at] = value;
    }
    for (let m = 1; m <= margin; m++) {
      value = pole * (value - before);
      line[low - m * count] = value;
    }
  }
}
