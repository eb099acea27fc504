import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { discrepancy, median, pairedRatio } from "./statistics.js";

const seconds = fc.array(fc.double({ min: 1e-6, max: 1e3, noNaN: true }), { minLength: 1, maxLength: 20 });

describe("median", () => {
  test.prop([seconds])("has as many values on either side", (values) => {
    const m = median(values);
    expect(values.filter((v) => v < m).length).toBeLessThanOrEqual(values.length / 2);
    expect(values.filter((v) => v > m).length).toBeLessThanOrEqual(values.length / 2);
  });

  test("of an even count lies between the middle two", () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });
});

describe("pairedRatio", () => {
  test.prop([seconds, fc.double({ min: 0.1, max: 10, noNaN: true })])(
    "finds a constant factor, however the machine's speed varies",
    (values, factor) => {
      const {
        median: middle,
        least,
        most,
      } = pairedRatio(
        values.map((v) => v * factor),
        values,
      );
      for (const ratio of [middle, least, most]) expect(ratio).toBeCloseTo(factor, 9);
    },
  );
});

describe("discrepancy", () => {
  test("is nothing for equal lists, and whole for lists of different lengths or without numbers", () => {
    expect(discrepancy([1, 2], [1, 2])).toBe(0);
    expect(discrepancy([1, 2, 3], [1, 2])).toBe(Number.POSITIVE_INFINITY);
    expect(discrepancy([Number.NaN], [1])).toBe(Number.POSITIVE_INFINITY);
  });

  test("is relative to the largest number", () => {
    expect(discrepancy([100.1, 0], [100, 0])).toBeCloseTo(0.001, 9);
  });
});
