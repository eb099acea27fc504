import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { percentileOfSorted } from "./statistics.js";
import { summariseValues } from "./summary.js";

describe("a summary of values", () => {
  test.prop([fc.array(fc.integer({ min: -2000, max: 3000 }), { minLength: 1, maxLength: 60 })])(
    "counting gives the percentiles that sorting gives",
    (values) => {
      const counted = summariseValues(Int16Array.from(values));
      const sorted = Float64Array.from(values).sort();
      for (const { percent, value } of counted.percentiles) {
        expect(value).toBeCloseTo(percentileOfSorted(sorted, percent), 9);
      }
      const shifted = summariseValues(Float64Array.from(values, (value) => value + 0.25));
      expect(shifted.percentiles.map(({ value }) => value - 0.25)).toEqual(
        counted.percentiles.map(({ value }) => expect.closeTo(value, 9)),
      );
      expect(shifted.mean).toBeCloseTo(counted.mean + 0.25, 9);
      expect(shifted.std).toBeCloseTo(counted.std, 6);
      expect([counted.min, counted.max]).toEqual([Math.min(...values), Math.max(...values)]);
    },
  );

  test("what is not a number is counted and left out", () => {
    const summary = summariseValues(Float32Array.of(Number.NaN, 1, 3, Number.POSITIVE_INFINITY));
    expect(summary).toMatchObject({
      notFinite: 2,
      min: 1,
      max: 3,
      mean: 2,
      counts: [
        [1, 1],
        [3, 1],
      ],
    });
    expect(summariseValues(Float32Array.of(Number.NaN))).toMatchObject({ notFinite: 1, min: Number.NaN });
  });

  test("few whole numbers may be labels; others are not counted", () => {
    expect(summariseValues(BigInt64Array.of(0n, 2n, 2n)).counts).toEqual([
      [0, 1],
      [2, 2],
    ]);
    expect(summariseValues(Int16Array.of(-1, 2)).counts).toBeUndefined();
    expect(summariseValues(Float32Array.of(0.5, 2)).counts).toBeUndefined();
  });
});
