import { fc, test } from "@fast-check/vitest";
import { ConfigError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { shapes } from "../testing/arbitraries.js";
import { computeNewShape, resampleImage, resampleLabels } from "./resample.js";

const floats = (count: number, seed: number) =>
  Float32Array.from({ length: count }, (_, index) => Math.sin(seed + index * 12.9898) * 1000);
const labelsOf = (count: number, seed: number) =>
  Uint8Array.from(
    { length: count },
    (_, index) => [0, 3, 7, 200][Math.abs(Math.imul(index + seed, 0x9e3779b1) >> 13) % 4]!,
  );
const size = ([z, y, x]: readonly [number, number, number]) => z * y * x;
const orders = fc.constantFrom(0 as const, 1 as const, 3 as const);

describe("resampling", () => {
  test.prop([shapes, shapes, orders, fc.nat(1000)])(
    "an image never leaves its range",
    (shape, newShape, order, seed) => {
      const data = floats(size(shape), seed);
      const result = resampleImage(data, shape, newShape, order);
      expect(result.length).toBe(size(newShape));
      const slack = order === 1 ? 1e-3 : 0;
      expect(Math.min(...result)).toBeGreaterThanOrEqual(Math.min(...data) - slack);
      expect(Math.max(...result)).toBeLessThanOrEqual(Math.max(...data) + slack);
    },
  );

  test.prop([shapes, shapes, orders])("a constant stays a constant", (shape, newShape, order) => {
    const result = resampleImage(new Float32Array(size(shape)).fill(42.5), shape, newShape, order);
    expect(result).toEqual(new Float32Array(size(newShape)).fill(42.5));
  });

  test.prop([shapes, orders, fc.nat(1000)])("the same shape changes nothing", (shape, order, seed) => {
    const data = floats(size(shape), seed);
    expect(resampleImage(data, shape, shape, order)).toEqual(data);
    const labels = labelsOf(size(shape), seed);
    expect(resampleLabels(labels, shape, shape)).toEqual(labels);
  });

  test.prop([shapes, shapes, fc.nat(1000), fc.constantFrom(undefined, 0 as const, 1 as const, 2 as const)])(
    "labels never gain a value (but background)",
    (shape, newShape, seed, axis) => {
      const labels = labelsOf(size(shape), seed);
      const separate = axis === undefined ? undefined : { axis, order: 0 as const };
      const result = resampleLabels(labels, shape, newShape, { separate });
      const allowed = new Set([0, ...labels]);
      expect(result.every((label) => allowed.has(label))).toBe(true);
    },
  );

  test("a ramp stays a ramp under the cubic spline away from its ends", () => {
    const ramp = Float32Array.from({ length: 40 }, (_, index) => index);
    const result = resampleImage(ramp, [1, 1, 40], [1, 1, 80], 3);
    for (let i = 24; i < 56; i++) expect(result[i]).toBeCloseTo((i + 0.5) / 2 - 0.5, 4);
  });

  test("halves round to the even number, and an empty result is refused", () => {
    expect(computeNewShape([5, 7, 9], [1, 1, 1], [2, 2, 2])).toEqual([2, 4, 4]);
    expect(() => resampleImage(new Float32Array(8), [2, 2, 2], [0, 2, 2], 3)).toThrow(ConfigError);
  });
});
