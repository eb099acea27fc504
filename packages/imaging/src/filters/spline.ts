/**
 * B-splines through samples: coefficients per axis, and the weights a place gives to the coefficients around it.
 *
 * Sources: Unser, "Splines: a perfect fit for signal and image processing" (1999); the boundary rules are those of scipy.ndimage.
 */
import type { Triple } from "../volume.js";
import type { BoundaryMode } from "./boundary.js";

/** Degree of the spline: 0 nearest sample, 1 linear, 2 quadratic, 3 cubic. */
export type SplineDegree = 0 | 1 | 2 | 3;

/** The pole of the recursive filter; degrees 0 and 1 need none. */
const poles: Readonly<Record<2 | 3, number>> = { 2: Math.sqrt(8) - 3, 3: Math.sqrt(3) - 2 };

/** Where the two recursions start, by the way the line continues beyond its ends. */
interface Ends {
  readonly causal: (line: Float64Array, pole: number) => number;
  readonly anticausal: (line: Float64Array, pole: number) => number;
}

const mirrored: Ends = {
  causal(line, pole) {
    const n = line.length;
    const last = pole ** (n - 1);
    let sum = line[0]! + last * line[n - 1]!;
    for (let i = 1, power = pole; i < n - 1; i++, power *= pole) sum += power * (line[i]! + last * line[n - 1 - i]!);
    return sum / (1 - last * last);
  },
  anticausal: (line, pole) => ((pole * line.at(-2)! + line.at(-1)!) * pole) / (pole * pole - 1),
};

const reflected: Ends = {
  causal(line, pole) {
    const n = line.length;
    const all = pole ** n;
    let sum = line[0]! + all * line[n - 1]!;
    for (let i = 1, power = pole; i < n; i++, power *= pole) {
      // scipy sums in place, so that its last term sees the running sum instead of the first sample: 1e-9 apart on a line of 8
      sum += power * (line[i]! + all * (i === n - 1 ? sum : line[n - 1 - i]!));
    }
    return line[0]! + (sum * pole) / (1 - all * all);
  },
  anticausal: (line, pole) => (line.at(-1)! * pole) / (pole - 1),
};

const wrapped: Ends = {
  causal(line, pole) {
    let [sum, power] = [line[0]!, pole];
    for (let i = 1; i < line.length; i++, power *= pole) sum += power * line[line.length - i]!;
    return sum / (1 - power);
  },
  anticausal(line, pole) {
    let [sum, power] = [line.at(-1)!, pole];
    for (let i = 0; i < line.length - 1; i++, power *= pole) sum += power * line[i]!;
    return (sum * pole) / (power - 1);
  },
};

const endsOf: { readonly [Mode in BoundaryMode]: Ends } = {
  constant: mirrored,
  "grid-constant": mirrored,
  nearest: reflected,
  mirror: mirrored,
  reflect: reflected,
  "grid-wrap": wrapped,
};

/**
 * Samples to B-spline coefficients along all three axes.
 * @param data `[z, y, x]` @returns a new array of the same shape
 */
export function splineCoefficients(
  data: ArrayLike<number>,
  shape: Triple,
  degree: SplineDegree,
  mode: BoundaryMode,
): Float64Array {
  const result = Float64Array.from(data);
  if (degree < 2) return result;
  const pole = poles[degree as 2 | 3];
  const strides = [shape[1] * shape[2], shape[2], 1] as const;
  for (const axis of [0, 1, 2] as const) {
    const length = shape[axis];
    if (length === 1) continue;
    const line = new Float64Array(length);
    const stride = strides[axis];
    for (let i = 0; i < result.length; i++) {
      // first samples of the lines: those whose index along the axis is 0
      if (Math.floor(i / stride) % length !== 0) continue;
      for (let k = 0; k < length; k++) line[k] = result[i + k * stride]!;
      filterLine(line, pole, endsOf[mode]);
      for (let k = 0; k < length; k++) result[i + k * stride] = line[k]!;
    }
  }
  return result;
}

function filterLine(line: Float64Array, pole: number, { causal, anticausal }: Ends): void {
  const gain = (1 - pole) * (1 - 1 / pole);
  for (let i = 0; i < line.length; i++) line[i]! *= gain;
  line[0] = causal(line, pole);
  for (let i = 1; i < line.length; i++) line[i]! += pole * line[i - 1]!;
  line[line.length - 1] = anticausal(line, pole);
  for (let i = line.length - 2; i >= 0; i--) line[i] = pole * (line[i + 1]! - line[i]!);
}

/**
 * Weights of the `degree + 1` coefficients around a place.
 * @returns index of the first of them, which may lie beyond the ends
 */
export function splineWeights(position: number, degree: SplineDegree, weights: Float64Array): number {
  const first = Math.floor(degree % 2 === 1 ? position : position + 0.5) - (degree >> 1);
  const t = position - Math.floor(degree % 2 === 1 ? position : position + 0.5);
  if (degree === 0) weights[0] = 1;
  else if (degree === 1) {
    weights[0] = 1 - t;
    weights[1] = t;
  } else if (degree === 2) {
    weights[1] = 0.75 - t * t;
    weights[2] = 0.5 * (t + 0.5) * (t + 0.5);
    weights[0] = 1 - weights[1] - weights[2];
  } else {
    const rest = 1 - t;
    weights[1] = (t * t * (t - 2) * 3 + 4) / 6;
    weights[2] = (rest * rest * (rest - 2) * 3 + 4) / 6;
    weights[0] = (rest * rest * rest) / 6;
    weights[3] = 1 - weights[0] - weights[1] - weights[2];
  }
  return first;
}
