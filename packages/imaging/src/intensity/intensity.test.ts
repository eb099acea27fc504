import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { normaliseCt, normaliseZScore } from "./normalise.js";
import { intensityStatistics, meanAndStd, percentileOfSorted, sampleForeground } from "./statistics.js";

const values = fc.array(fc.float({ min: -2000, max: 2000, noNaN: true }), { minLength: 2, maxLength: 50 });

describe("intensity", () => {
  test.prop([values])("z-scores have mean 0 and deviation 1, unless the image is constant", (list) => {
    const data = Float32Array.from(list);
    const { std } = meanAndStd(data);
    fc.pre(std > 1e-3);
    const scored = meanAndStd(normaliseZScore(data));
    expect(scored.mean).toBeCloseTo(0, 4);
    expect(scored.std).toBeCloseTo(1, 4);
  });

  test("a constant image becomes 0, whatever its value", () => {
    expect(normaliseZScore(new Float32Array(1000).fill(123.456))).toEqual(new Float32Array(1000));
  });

  test("outside the mask a voxel keeps its value", () => {
    const scored = normaliseZScore(Float32Array.of(5, 1, 3, 9), Uint8Array.of(0, 1, 1, 0));
    expect([...scored]).toEqual([5, -1, 1, 9]);
  });

  test("CT values are clipped first", () => {
    const scored = normaliseCt(Int16Array.of(-2000, 0, 3000), { mean: 100, std: 50, low: -900, high: 300 });
    expect([...scored]).toEqual([-20, -2, 4]);
  });

  test("percentiles interpolate linearly", () => {
    const sorted = Float32Array.of(0, 10, 20, 30);
    expect([0, 50, 75, 100].map((q) => percentileOfSorted(sorted, q))).toEqual([0, 15, 22.5, 30]);
    expect(intensityStatistics(Float32Array.of(3, 1, 2))).toMatchObject({ mean: 2, median: 2, min: 1, max: 3 });
  });

  test("samples come from the foreground only", () => {
    let turn = 0;
    const samples = sampleForeground(Int16Array.of(1, 2, 3, 4), [0, 5, 0, 1], 4, { below: (count) => turn++ % count });
    expect([...samples]).toEqual([2, 4, 2, 4]);
    expect(sampleForeground(Int16Array.of(1), [0], 4, { below: () => 0 })).toHaveLength(0);
  });
});
