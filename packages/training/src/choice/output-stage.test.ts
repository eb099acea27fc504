import type { OutputStage } from "@rfmedsam/segmenter";
import { describe, expect, test } from "vitest";
import type { StageDice } from "./measure.js";
import { chooseStage } from "./output-stage.js";

const row = (...[step0, stage1, stage2, mean]: number[]): StageDice => ({
  case: "case",
  class: 1,
  dice: { step0, stage1, stage2, mean } as Record<OutputStage, number>,
});
const chosen = (...rows: StageDice[]) => chooseStage(rows).stage;

describe("choosing the stage of a label", () => {
  test("without measurements it is step 0", () => {
    expect(chosen()).toBe("step0");
    expect(chooseStage([]).gains.stage2.cases).toBe(0);
  });

  test("it is the one with the largest mean gain, with the numbers behind it", () => {
    const rows = [row(0.8, 0.85, 0.9, 0.86), row(0.7, 0.75, 0.79, 0.74), row(0.75, 0.8, 0.85, 0.8)];
    const { stage, gains } = chooseStage(rows);
    expect(stage).toBe("stage2");
    expect(gains.stage2).toEqual({
      cases: 3,
      dice: expect.closeTo((0.9 + 0.79 + 0.85) / 3),
      gain: expect.closeTo(0.29 / 3),
      // gains of 0.1, 0.09 and 0.1: their variance is 1e-4 / 3
      error: expect.closeTo(Math.sqrt(1e-4 / 3 / 3), 9),
    });
    expect(gains.step0.gain).toBe(0);
    expect(chosen(...[1, 2, 3].map(() => row(0.9, 0.5, 0.4, 0.7)))).toBe("step0");
    expect(chosen(...[1, 2, 3].map(() => row(0.6, 0.7, 0.69, 0.71)))).toBe("mean");
  });

  test("a gain within twice its standard error, or below a thousandth, is none", () => {
    expect(chosen(row(0.8, 0.95, 0.8, 0.8), row(0.8, 0.79, 0.8, 0.8), row(0.8, 0.82, 0.8, 0.8))).toBe("step0");
    expect(chosen(...[1, 2, 3].map(() => row(0.8, 0.8005, 0.8, 0.8)))).toBe("step0");
    expect(chosen(...[1, 2, 3].map(() => row(0.8, 0.802, 0.8, 0.8)))).toBe("stage1");
  });

  test("what a stage takes away where there is nothing is its gain", () => {
    const removed = row(0, Number.NaN, 0, 0);
    const { stage, gains } = chooseStage([removed, removed, removed]);
    expect(stage).toBe("stage1");
    expect(gains.stage1).toMatchObject({ cases: 3, dice: 1, gain: 1 });
    expect(gains.stage2).toMatchObject({ cases: 3, dice: 0, gain: 0 });
  });

  test("cases in which nobody has the class say nothing, and two are too few", () => {
    const none = row(Number.NaN, Number.NaN, Number.NaN, Number.NaN);
    const better = row(0.5, 0.7, 0.6, 0.6);
    expect(chosen(better, better, none)).toBe("step0");
    expect(chosen(better, better, better)).toBe("stage1");
  });
});
