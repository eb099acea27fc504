import { fc, test } from "@fast-check/vitest";
import { Random } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
import { expect } from "vitest";
import { addRician, blur, correlatedNoise } from "./noise.js";

const shapes = fc.tuple(...[0, 1, 2].map(() => fc.integer({ min: 1, max: 9 }))) as fc.Arbitrary<
  [number, number, number]
>;
const sigmas = fc.tuple(...[0, 1, 2].map(() => fc.constantFrom(0, 0.4, 1.3))) as fc.Arbitrary<[number, number, number]>;
const size = (shape: Triple) => shape[0] * shape[1] * shape[2];

test.prop([shapes, sigmas, fc.integer({ min: -50, max: 50 })])(
  "blur leaves a constant as it is",
  (shape, sigma, value) => {
    const data = new Float32Array(size(shape)).fill(value);
    blur(data, shape, sigma);
    for (const each of data) expect(each).toBeCloseTo(value, 4);
  },
);

test("blur spreads a point to a Gaussian of the given width along each axis", () => {
  const shape: Triple = [21, 21, 21];
  const sigma: Triple = [0.8, 1.5, 2];
  const data = new Float32Array(size(shape));
  data[10 * 441 + 10 * 21 + 10] = 1;
  blur(data, shape, sigma);
  for (const axis of [0, 1, 2] as const) {
    const place = (at: number) => [Math.floor(at / 441), Math.floor(at / 21) % 21, at % 21][axis]! - 10;
    const variance = data.reduce((sum, value, at) => sum + value * place(at) ** 2, 0);
    // The kernel ends at three standard deviations, which costs a little of its variance.
    expect(Math.sqrt(variance) / sigma[axis]).toBeCloseTo(0.985, 1.5);
  }
  expect(data.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
});

test.prop([fc.nat()], { numRuns: 10 })("noise has deviation 1, mean 0 and likeness between neighbours", (seed) => {
  const shape: Triple = [24, 48, 48];
  const noise = correlatedNoise(new Random(seed), shape, [0, 0.8, 0.8]);
  // As many voxels as the blur's 4πσ² hang together, so that the mean's own deviation is larger than that of independent numbers.
  const deviationOfMean = Math.sqrt((4 * Math.PI * 0.8 ** 2) / noise.length);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const values = [...noise];
  expect(Math.abs(mean(values))).toBeLessThan(6 * deviationOfMean);
  expect(mean(values.map((value) => value * value))).toBeCloseTo(1, 5);
  expect(mean(values.slice(1).map((value, i) => value * values[i]!))).toBeGreaterThan(0.3);
});

test("Rician noise without a signal has the Rayleigh mean, and a strong signal keeps its own", () => {
  const draw = (stream: number) => correlatedNoise(new Random(9, stream), [20, 30, 30], [0, 0, 0]);
  const meanOf = (signal: number) => {
    const data = new Float32Array(18_000).fill(signal);
    addRician(data, draw(1), draw(2), 10);
    return data.reduce((sum, value) => sum + value, 0) / data.length;
  };
  expect(meanOf(0) / (10 * Math.sqrt(Math.PI / 2))).toBeCloseTo(1, 1.5);
  expect(meanOf(1000) / 1000).toBeCloseTo(1, 2);
});
