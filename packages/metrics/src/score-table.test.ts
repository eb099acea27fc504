import { describe, expect, test } from "vitest";
import { scoreGain, scoreTable } from "./score-table.js";
import { type Scores, summarise } from "./summary.js";
import { renderMarkdown } from "./table.js";

const scores = (values: number[][]): Scores => ({ cases: ["a", "b"], labels: ["liver", "spleen"], values });
const before = scores([
  [0.8, 0.63],
  [0.9, Number.NaN],
]);
const after = scores([
  [0.9, 0.73],
  [1.0, 0.21],
]);

describe("scores of several stages", () => {
  test("stand side by side with the foreground mean below", () => {
    const table = scoreTable(
      [
        { name: "step 0", summary: summarise(before) },
        { name: "stage 1", summary: summarise(after) },
      ],
      { digits: 2 },
    );
    expect(renderMarkdown(table).split("\n")).toEqual([
      "| organ | step 0 | stage 1 |",
      "| :-- | --: | --: |",
      "| liver | 0.85 ± 0.07 | 0.95 ± 0.07 |",
      "| spleen | 0.63 ± – | 0.47 ± 0.37 |",
      "| mean | 0.74 ± 0.13 | 0.71 ± 0.15 |",
      "",
    ]);
  });

  test("must be about the same labels", () => {
    const other = summarise({ ...after, labels: ["liver", "aorta"] });
    const columns = [
      { name: "one", summary: summarise(before) },
      { name: "two", summary: other },
    ];
    expect(() => scoreTable(columns)).toThrow(/two is about liver, aorta; expected liver, spleen/);
  });
});

describe("a gain", () => {
  test("is counted where both have a score", () => {
    const { perLabel } = summarise(scoreGain(before, after));
    expect(perLabel.map(({ count }) => count)).toEqual([2, 1]);
    for (const { mean } of perLabel) expect(mean).toBeCloseTo(0.1, 12);
  });

  test("is none where both are infinite, and infinite where one is", () => {
    const far = scores([
      [Number.POSITIVE_INFINITY, 1],
      [Number.POSITIVE_INFINITY, 1],
    ]);
    const near = scores([
      [Number.POSITIVE_INFINITY, 1],
      [2, 1],
    ]);
    expect(scoreGain(far, near).values).toEqual([
      [0, 0],
      [Number.NEGATIVE_INFINITY, 0],
    ]);
  });

  test("needs the same cases", () => {
    expect(() => scoreGain(before, { ...after, cases: ["a", "c"] })).toThrow(/cases a, c; expected a, b/);
  });
});
