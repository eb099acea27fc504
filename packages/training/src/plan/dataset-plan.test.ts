import { describe, expect, test } from "vitest";
import { resolveConfiguration } from "../config.js";
import { estimateRun } from "./dataset-plan.js";
import type { Fingerprint } from "./fingerprint.js";
import { makePlan } from "./plan.js";

const fingerprint: Fingerprint = {
  cases: 20,
  medianSpacing: [2, 1, 1],
  fineSpacing: [2, 1, 1],
  medianShape: [60, 200, 180],
  medianExtent: [120, 200, 180],
  largestExtent: [200, 250, 250],
  totalVolume: 20 * 120 * 200 * 180,
  largestVoxels: 100 * 250 * 250,
  largestBytes: 2 * 100 * 250 * 250,
  kept: 1,
  channels: [{ mean: 0, std: 1, low: -1, high: 1, bulk: { low: -1, high: 1 } }],
};

function phases(changes: object) {
  const configuration = resolveConfiguration("cpu", changes);
  const plan = makePlan(fingerprint, ["CT"], 5, configuration);
  return estimateRun({ plan, fingerprint, configuration, device: "cpu" });
}

describe("a run's estimate", () => {
  test("has every phase that will come", () => {
    const names = (changes: object) => phases(changes).map(({ phase }) => phase);
    const [cases, step0, refiner, segmenting] = [
      "preparing cases",
      "training step 0",
      "training the refiner",
      "segmenting the largest case",
    ];
    expect(names({})).toEqual([cases, step0, refiner, segmenting]);
    expect(names({ refiner: { enabled: false } })).toEqual([cases, step0, segmenting]);
    expect(names({ refiner: { generator: "light-decoder" } })).toEqual([cases, refiner, segmenting]);
  });

  test("counts what is mapped from files apart", () => {
    const [cases] = phases({});
    const mapped = cases!.parts.filter((part) => part.mapped);
    expect(mapped.map(({ name }) => name)).toEqual(["prepared cases", "predictions of step 0"]);
    // Images as floats, labels as bytes; half floats a class.
    expect(mapped[0]!.bytes).toBe(20 * 60 * 200 * 180 * 5);
    expect(mapped[1]!.bytes).toBe(20 * 60 * 200 * 180 * 2 * 5);
    const counted = cases!.parts.filter((part) => !part.mapped);
    expect(cases!.total).toBe(counted.reduce((sum, { bytes }) => sum + bytes, 0));
  });

  test("is smaller at a coarser spacing", () => {
    const total = (spacing: unknown) => phases({ preprocessing: { spacing } }).at(-1)!.total;
    expect(total([4, 2, 2])).toBeLessThan(total("median"));
  });
});
