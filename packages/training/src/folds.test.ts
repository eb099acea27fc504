import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { divide } from "./folds.js";

const named = (count: number) => Array.from({ length: count }, (_, i) => `case_${i}`);

describe("dividing the cases", () => {
  test.prop([
    fc.integer({ min: 1, max: 40 }),
    fc.integer({ min: 1, max: 7 }),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.nat(1000),
  ])(
    "folds cover every case once and differ by one at most; validation leaves something",
    (count, folds, share, seed) => {
      const ids = named(count);
      const { leftOut, validation } = divide(ids, folds, share, seed);
      if (Math.min(folds, count) === 1) expect(leftOut).toEqual([[]]);
      else {
        expect(leftOut).toHaveLength(Math.min(folds, count));
        expect(leftOut.flat().sort()).toEqual([...ids].sort());
        const sizes = leftOut.map((fold) => fold.length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        expect(Math.min(...sizes)).toBeGreaterThan(0);
      }
      expect(new Set(validation).size).toBe(validation.length);
      expect(validation.every((id) => ids.includes(id))).toBe(true);
      expect(validation.length).toBeLessThan(count);
    },
  );

  test.prop([fc.shuffledSubarray(named(12), { minLength: 12 }), fc.nat(1000)])(
    "depends on names and seed, not on their order",
    (ids, seed) => {
      expect(divide(ids, 3, 0.2, seed)).toEqual(divide(named(12), 3, 0.2, seed));
    },
  );

  test("another seed divides otherwise", () => {
    expect(divide(named(20), 2, 0.2, 1)).not.toEqual(divide(named(20), 2, 0.2, 2));
  });

  test("share 0 validates on nothing, any other share on one case at least, and of eight on three, which choices need", () => {
    expect(divide(named(9), 2, 0, 1).validation).toEqual([]);
    expect(divide(named(7), 2, 0.01, 1).validation).toHaveLength(1);
    expect(divide(named(8), 2, 0.01, 1).validation).toHaveLength(3);
    expect(divide(named(16), 2, 0.12, 1).validation).toHaveLength(3);
    expect(divide(named(10), 2, 0.4, 1).validation).toHaveLength(4);
  });

  test("a single case is trained on and validates nothing", () => {
    expect(divide(["only"], 5, 0.5, 1)).toEqual({ leftOut: [[]], validation: [] });
  });
});
