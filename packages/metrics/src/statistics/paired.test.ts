import { describe, expect, test } from "vitest";
import type { Scores } from "../summary.js";
import { comparePaired } from "./paired.js";
import { signedRankTest } from "./wilcoxon.js";

const cases = Array.from({ length: 8 }, (_, at) => `case ${at}`);
const scores = (values: number[][]): Scores => ({ cases, labels: ["liver", "spleen"], values });
const before = scores(cases.map((_, at) => [0.5 + 0.01 * at, 0.7]));
/** The liver always gains, by different amounts; the spleen never changes. */
const after = scores(cases.map((_, at) => [0.6 + 0.013 * at, 0.7]));

describe("two methods on the same cases", () => {
  test("a steady gain is told from chance, none from none", () => {
    const { perLabel, foreground } = comparePaired(before, after);
    const [liver, spleen] = perLabel;
    expect(liver).toMatchObject({ label: "liver", count: 8, test: { p: 2 / 2 ** 8, distribution: "exact" } });
    expect(liver!.low).toBeGreaterThan(0);
    // only one label has a test to correct for
    expect(liver!.corrected).toBe(liver!.test.p);
    expect(spleen!.mean).toBe(0);
    expect(spleen!.test.p).toBeNaN();
    expect(foreground.test.p).toBe(2 / 2 ** 8);
  });

  test("a distance that one method has and the other has not counts in the test alone", () => {
    const far = scores(before.values.map((row, at) => (at === 0 ? [Number.POSITIVE_INFINITY, row[1]!] : [...row])));
    const [liver] = comparePaired(far, after).perLabel;
    expect(liver).toMatchObject({ count: 7, infinite: 1 });
    expect(Number.isFinite(liver!.mean)).toBe(true);
    expect(liver!.test.count).toBe(8);
    const [equal] = comparePaired(far, far).perLabel;
    expect(equal).toMatchObject({ count: 8, infinite: 0, mean: 0 });
  });

  test("a false organ counts against whoever sees it", () => {
    const absent = scores(before.values.map((row, at) => [row[0]!, at < 4 ? Number.NaN : row[1]!]));
    const sees = scores(absent.values.map((row, at) => [row[0]!, at < 2 ? 0 : row[1]!]));
    const [, spleen] = comparePaired(absent, sees, { best: 1 }).perLabel;
    // Two cases lose all of 1, two have no spleen for either, four are alike.
    expect(spleen).toMatchObject({ count: 6, mean: -2 / 6 });
    expect(comparePaired(sees, absent, { best: 1 }).perLabel[1]).toMatchObject({ count: 6, mean: 2 / 6 });
    const far = scores(sees.values.map((row, at) => [row[0]!, at < 2 ? Number.POSITIVE_INFINITY : row[1]!]));
    expect(comparePaired(absent, far, { best: 0 }).perLabel[1]).toMatchObject({ count: 4, infinite: 2 });
  });

  test("without a best value a case where one method has no score is none", () => {
    const holes = scores(after.values.map((row, at) => (at === 3 ? [Number.NaN, row[1]!] : [...row])));
    const [liver] = comparePaired(before, holes).perLabel;
    const gains = after.values.map((row, at) => row[0]! - before.values[at]![0]!).filter((_, at) => at !== 3);
    expect(liver).toMatchObject({ count: 7, test: signedRankTest(gains) });
  });
});
