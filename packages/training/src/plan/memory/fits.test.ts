import { ResourceError } from "@rfmedsam/base";
import { describe, expect, test } from "vitest";
import { assertTrainingFits, budgetOf, overBudget, sentenceAbout } from "./fits.js";
import { refinerPhase } from "./refiner.js";
import { gibibyte, type MemoryEstimate, type Place } from "./sheet.js";
import { step0Phase } from "./step0.js";

const estimate = (phase: string, place: Place, gib: number): MemoryEstimate => ({
  phase,
  place,
  parts: [],
  total: gib * gibibyte,
});

/** A small GPU in a computer with much memory, and large cases. */
const beside = [
  estimate("preparing cases", "host", 20),
  estimate(step0Phase, "device", 7),
  estimate("segmenting the largest case", "host", 30),
];
const budgets = (budget: number, hostBudget: number) => ({
  budget: budget * gibibyte,
  hostBudget: hostBudget * gibibyte,
});

describe("beside a GPU", () => {
  test("each phase is held against the memory it is in", () => {
    const over = (budget: number, host: number) => overBudget(beside, budgets(budget, host)).map(({ phase }) => phase);
    expect(over(8, 64)).toEqual([]);
    expect(over(8, 24)).toEqual(["segmenting the largest case"]);
    expect(over(6, 64)).toEqual([step0Phase]);
    expect(budgetOf(beside[0]!, budgets(8, 64))).toBe(64 * gibibyte);
  });

  test("the sentence tells of both, and warns of the one that is short", () => {
    const about = (budget: number, host: number) => sentenceAbout(beside, budget * gibibyte, host * gibibyte);
    expect(about(8, 64)).toMatch(/7\.0 GiB of the 8\.0 GiB it may of the GPU .*30\.0 GiB of the 64\.0 GiB .*computer/);
    expect(about(8, 64)).not.toMatch(/more than there is/);
    expect(about(8, 24)).toMatch(/\(segmenting the largest case\), more than there is to spend: choose a coarser/);
    expect(about(8, 24)).not.toMatch(/step0\.patch/);
  });
});

test("on the CPU one budget holds for all, and the sentence tells of the fullest phase", () => {
  const all = [estimate(step0Phase, "host", 3), estimate("segmenting the largest case", "host", 0.5)];
  expect(sentenceAbout(all, 4 * gibibyte)).toBe(
    "At its fullest this training will take about 3.0 GiB of the 4.0 GiB it may (training step 0).",
  );
  expect(sentenceAbout(all, 2 * gibibyte)).toMatch(/more than there is to spend: let step0\.patch be auto/);
});

describe("networks that do not fit", () => {
  test.each([
    [step0Phase, /step0\.baseFeatures/],
    [refinerPhase, /refiner\.checkpointing.*every class on every slice/s],
  ])("are refused: %s", (phase, words) => {
    const refuse = () => assertTrainingFits([estimate(phase, "device", 9)], 8 * gibibyte);
    expect(refuse).toThrow(ResourceError);
    expect(refuse).toThrow(words);
    expect(() => assertTrainingFits([estimate(phase, "device", 8)], 8 * gibibyte)).not.toThrow();
  });

  test("what lies around them is only told of", () => {
    expect(() => assertTrainingFits(beside, 8 * gibibyte)).not.toThrow();
  });
});
