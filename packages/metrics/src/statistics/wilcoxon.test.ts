import { fc, test } from "@fast-check/vitest";
import { ConfigError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { holm } from "./holm.js";
import { normalTail } from "./normal.js";
import { signedRankTest, type ZeroRule } from "./wilcoxon.js";

const ten = [-0.352, 0.125, 1.964, 0.959, -1.341, 0.295, -0.323, 0.449, -1.308, 0.542];
const twentyFive = [
  0.43, 1.76, 1.62, -0.11, 0.1, -0.13, 0.97, 0.34, 1.15, -1.45, 1.97, 0.3, 1.08, 0.26, 0.02, 0.86, 1.22, 0.2, 0.25,
  1.09, -0.47, -1.11, 0.79, -0.27, -1.52,
];
const tied = [1, 1, -1, 2, 2, 3, -4, 5, 5, 6, 0, 0, -7];
const zeros = [1, 2, 3, 4, -5, 0, 0, 6, 7];
const sixty = Array.from({ length: 60 }, (_, i) => (i % 9 === 0 ? -1 : 1) * (i + 1));

interface Fact {
  readonly name: string;
  readonly differences: readonly number[];
  readonly rule?: ZeroRule;
  readonly distribution: "exact" | "normal";
  readonly statistic: number;
  readonly p: number;
}

/**
 * scipy 1.17.1, `scipy.stats.wilcoxon(differences, …)`: `method="exact"` for the exact ones, `method="asymptotic", correction=True` for the
 * others, `zero_method="wilcox"` or `"pratt"`.
 */
const facts: readonly Fact[] = [
  { name: "ten pairs", differences: ten, distribution: "exact", statistic: 24, p: 0.76953125 },
  { name: "25 pairs", differences: twentyFive, distribution: "exact", statistic: 88, p: 0.04512268304824829 },
  {
    name: "26 pairs",
    differences: [...twentyFive, 3.33],
    distribution: "normal",
    statistic: 88,
    p: 0.027131266749766854,
  },
  { name: "60 pairs", differences: sixty, distribution: "normal", statistic: 196, p: 1.2277746805898625e-7 },
  { name: "ties and zeros", differences: tied, distribution: "normal", statistic: 20, p: 0.26498118503360024 },
  {
    name: "ties and zeros",
    differences: tied,
    rule: "pratt",
    distribution: "normal",
    statistic: 26,
    p: 0.21906572182749307,
  },
  { name: "zeros", differences: zeros, distribution: "exact", statistic: 5, p: 0.15625 },
  { name: "zeros", differences: zeros, rule: "pratt", distribution: "normal", statistic: 7, p: 0.10662319797558625 },
  { name: "two opposite pairs", differences: [1, -1], distribution: "normal", statistic: 1.5, p: 1 },
];

describe("Wilcoxon's signed-rank test", () => {
  test.each(facts)("has scipy's numbers for $name ($rule)", ({ differences, rule, distribution, statistic, p }) => {
    const found = signedRankTest(differences, rule);
    expect(found.distribution).toBe(distribution);
    expect(Math.min(found.plus, found.minus)).toBe(statistic);
    expect(Math.abs(found.p - p)).toBeLessThanOrEqual(1e-12 * p);
  });

  const differences = fc.array(fc.integer({ min: -20, max: 20 }), { maxLength: 60 });

  test.prop([differences, fc.constantFrom<ZeroRule>("wilcoxon", "pratt")])(
    "does not care which of the two methods comes first, nor about the unit",
    (some, rule) => {
      const { plus, minus, p } = signedRankTest(some, rule);
      const turned = some.map((each) => -4 * each);
      expect(signedRankTest(turned, rule)).toMatchObject({ plus: minus, minus: plus, p });
      expect(Number.isNaN(p) || (p > 0 && p <= 1)).toBe(true);
    },
  );

  test("leaves out what is undefined, and ranks infinite differences as the largest", () => {
    expect(signedRankTest([...ten, Number.NaN])).toEqual(signedRankTest(ten));
    const far = (value: number) => signedRankTest([...ten, value]);
    expect(far(Number.POSITIVE_INFINITY)).toEqual(far(1000));
  });

  test("knows nothing when no pair differs", () => {
    expect(signedRankTest([0, 0, Number.NaN])).toMatchObject({ count: 0, p: Number.NaN });
    expect(signedRankTest([])).toMatchObject({ count: 0, p: Number.NaN });
  });

  test("refuses a rule that nobody knows", () => {
    expect(() => signedRankTest([1], "zsplit" as ZeroRule)).toThrow(ConfigError);
  });
});

/** scipy 1.17.1, `scipy.stats.norm.sf(z)`. */
test.each([
  [0, 0.5],
  [0.5, 0.3085375387259869],
  [1, 0.15865525393145707],
  [1.96, 0.024997895148220435],
  [2.8, 0.002555130330427932],
  [2.9, 0.0018658133003840375],
  [5, 2.866515718791933e-7],
  [10, 7.61985302416047e-24],
  [30, 4.906713927147908e-198],
])("the tail above %d is scipy's", (z, tail) => {
  expect(Math.abs(normalTail(z) - tail)).toBeLessThanOrEqual(1e-12 * tail);
  expect(normalTail(-z)).toBeCloseTo(1 - tail, 15);
});

describe("Holm's correction", () => {
  test("has statsmodels' numbers", () => {
    // statsmodels 0.15.0, multipletests([0.01, 0.04, 0.03, 0.005, 0.9], method="holm")
    const corrected = holm([0.01, 0.04, 0.03, 0.005, 0.9]);
    for (const [at, p] of [0.04, 0.09, 0.09, 0.025, 0.9].entries()) expect(corrected[at]).toBeCloseTo(p, 14);
  });

  test("does not count a test that was none", () => {
    expect(holm([0.02, Number.NaN, 0.5])).toEqual([0.04, Number.NaN, 0.5]);
  });
});
