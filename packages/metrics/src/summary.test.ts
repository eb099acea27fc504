import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { quantile, type Scores, summarise } from "./summary.js";

const score = fc.double({ min: 0, max: 1, noNaN: true });

/** Tables of 1–8 cases and 1–4 labels, some scores undefined. */
const tables = fc.tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 4 })).chain(([cases, labels]) =>
  fc
    .array(
      fc.array(fc.oneof({ weight: 5, arbitrary: score }, { weight: 1, arbitrary: fc.constant(Number.NaN) }), {
        minLength: labels,
        maxLength: labels,
      }),
      { minLength: cases, maxLength: cases },
    )
    .map(tableOf),
);

function tableOf(values: number[][]): Scores {
  return {
    cases: values.map((_, index) => `case ${index}`),
    labels: (values[0] ?? []).map((_, index) => `label ${index}`),
    values,
  };
}

const quick = { resamples: 50 };

describe("a summary", () => {
  test.prop([score, fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 4 })])(
    "of a constant is the constant, and sure of it",
    (value, cases, labels) => {
      const constant = tableOf(Array.from({ length: cases }, () => new Array<number>(labels).fill(value)));
      const { perLabel, foreground } = summarise(constant, quick);
      for (const { count, mean, deviation, low, high, median } of [...perLabel, foreground]) {
        expect(count).toBe(cases);
        for (const each of [mean, median]) expect(each).toBeCloseTo(value, 12);
        if (cases === 1) continue;
        for (const each of [low, high]) expect(each).toBeCloseTo(value, 12);
        expect(deviation).toBeCloseTo(0, 12);
      }
    },
  );

  test.prop([tables])("lies between the extremes", (table) => {
    const { perLabel, foreground } = summarise(table, { ...quick, absentLabels: "skip" });
    for (const { count, min, low, mean, median, high, max } of perLabel) {
      if (count === 0) {
        expect([min, mean, median, max]).toEqual(new Array(4).fill(Number.NaN));
        continue;
      }
      for (const each of count === 1 ? [mean, median] : [low, mean, median, high]) {
        expect(each).toBeGreaterThanOrEqual(min - 1e-12);
        expect(each).toBeLessThanOrEqual(max + 1e-12);
      }
    }
    if (foreground.count > 1) expect(foreground.low).toBeLessThanOrEqual(foreground.high);
  });

  test.prop([tables, fc.integer({ min: 0, max: 1000 })])("is the same for the same seed", (table, seed) => {
    expect(summarise(table, { ...quick, seed })).toEqual(summarise(table, { ...quick, seed }));
  });

  test.prop([tables])("does not see cases without a value", (table) => {
    const [first] = summarise(table, quick).perLabel;
    const values = table.values.map(([value]) => value as number).filter((value) => !Number.isNaN(value));
    expect(first?.count).toBe(values.length);
    if (values.length > 0)
      expect(first?.mean).toBeCloseTo(values.reduce((sum, value) => sum + value, 0) / values.length, 12);
  });

  test("has nnU-Net's foreground mean, which a label nobody has makes undefined", () => {
    const table = tableOf([
      [0.5, Number.NaN],
      [0.7, Number.NaN],
    ]);
    expect(summarise(table, quick).foreground.mean).toBeNaN();
    expect(summarise(table, { ...quick, absentLabels: "skip" }).foreground.mean).toBeCloseTo(0.6);
  });

  test("weighs labels, not cases, alike", () => {
    const table = tableOf([
      [1, 0.2],
      [0.8, Number.NaN],
      [0.6, Number.NaN],
    ]);
    expect(summarise(table, quick).foreground.mean).toBeCloseTo(0.5);
  });

  test("of a single value has neither spread nor interval, however many cases lack one", () => {
    const table = tableOf([
      [0.5, 0.9],
      [Number.NaN, 0.7],
      [Number.NaN, Number.POSITIVE_INFINITY],
    ]);
    const { perLabel, foreground } = summarise(table);
    const unknown = { deviation: Number.NaN, low: Number.NaN, high: Number.NaN };
    expect(perLabel[0]).toMatchObject({ count: 1, mean: 0.5, min: 0.5, median: 0.5, max: 0.5, ...unknown });
    expect(perLabel[1]!.high).toBeGreaterThan(perLabel[1]!.low);
    expect(foreground.count).toBe(2);
    expect(foreground.deviation).toBeCloseTo(0, 12);
    const one = summarise(tableOf([[0.5, 0.9]]));
    expect(one.foreground).toMatchObject({ count: 1, ...unknown });
    expect(one.foreground.mean).toBeCloseTo(0.7, 12);
  });

  test("has an interval of about the right width", () => {
    // Uniform on [0, 1]: the mean of n has deviation 1/√(12 n).
    const values = Array.from({ length: 100 }, (_, i) => [(i + 0.5) / 100]);
    const { low, high } = summarise(tableOf(values)).foreground;
    expect(high - low).toBeCloseTo((2 * 1.96) / Math.sqrt(12 * 100), 1.5);
  });

  test("counts infinite values by themselves, and means the finite ones", () => {
    const table = tableOf([
      [1, Number.POSITIVE_INFINITY],
      [3, Number.POSITIVE_INFINITY],
      [Number.POSITIVE_INFINITY, Number.NaN],
    ]);
    const { perLabel, foreground } = summarise(table, { ...quick, absentLabels: "skip" });
    expect(perLabel[0]).toMatchObject({ count: 2, infinite: 1, mean: 2, median: 2, max: 3 });
    expect(perLabel[1]).toMatchObject({ count: 0, infinite: 2, mean: Number.NaN, high: Number.NaN });
    expect(foreground).toMatchObject({ count: 2, infinite: 3, mean: 2 });
    expect(Number.isFinite(foreground.high)).toBe(true);
  });

  test("refuses a ragged table", () => {
    const table = { ...tableOf([[1, 2], [3]]), labels: ["a", "b"] };
    expect(() => summarise(table)).toThrow(/1 scores for the case case 1/);
  });
});

test.prop([fc.array(score, { minLength: 1 })])("quantiles run from the least to the greatest", (values) => {
  const sorted = values.toSorted((a, b) => a - b);
  const quantiles = [0, 0.1, 0.5, 0.9, 1].map((share) => quantile(sorted, share));
  expect(quantiles[0]).toBe(sorted[0]);
  expect(quantiles.at(-1)).toBe(sorted.at(-1));
  expect(quantiles).toEqual(quantiles.toSorted((a, b) => a - b));
});
