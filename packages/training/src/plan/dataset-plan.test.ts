import { describe, expect, test } from "vitest";
import { resolveConfiguration } from "../config.js";
import { estimateRun } from "./dataset-plan.js";
import type { Fingerprint } from "./fingerprint.js";
import { unetParameters } from "./memory/step0.js";
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

const phases = (changes: object, device = "cpu") => estimated(changes, device).memory;

function estimated(changes: object, device = "cpu") {
  const configuration = resolveConfiguration("cpu", changes);
  const plan = makePlan(fingerprint, ["CT"], 5, configuration);
  return { plan, ...estimateRun({ plan, fingerprint, configuration, device }) };
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

  test("on a GPU says of each phase whether it is in the card's memory or the computer's", () => {
    const places = (device: string) => phases({}, device).map(({ phase, place }) => `${phase}: ${place}`);
    expect(new Set(phases({}).map(({ place }) => place))).toEqual(new Set(["host"]));
    expect(places("cuda:0")).toEqual([
      "preparing cases: host",
      "training step 0: device",
      "training the refiner: device",
      "segmenting the largest case: host",
      "networks segmenting the largest case: device",
    ]);
  });

  test("has the files that the output folder will hold", () => {
    const bytes = (changes: object) =>
      Object.fromEntries(estimated(changes).disk.parts.map((part) => [part.name, part.bytes] as const));
    const voxels = 20 * 60 * 200 * 180;
    const { plan, disk, memory } = estimated({});
    expect(bytes({})).toMatchObject({ "prepared cases": 5 * voxels, "predictions of step 0": 2 * 5 * voxels });
    expect(disk.total).toBe(disk.parts.reduce((sum, part) => sum + part.bytes, 0));
    // Two states of two U-Nets stay, weights and momentum each, and one is being written.
    const alone = bytes({ refiner: { enabled: false } });
    const weights = 4 * unetParameters(plan.architecture);
    expect(alone["the model"]).toBe(2 * weights);
    expect(alone["networks in training"]).toBe((2 * 2 + 1) * 2 * weights);
    const refining = memory.find(({ phase }) => phase === "training the refiner")!;
    const partOf = (name: string) => refining.parts.find((part) => part.name === name)!.bytes;
    expect(bytes({})["networks in training"]).toBeGreaterThan(2 * (partOf("weights") + partOf("optimiser")));
    expect(bytes({ refiner: { generator: "light-decoder" } })).not.toHaveProperty("predictions of step 0");
  });

  test("is smaller at a coarser spacing", () => {
    const total = (spacing: unknown) => phases({ preprocessing: { spacing } }).at(-1)!.total;
    expect(total([4, 2, 2])).toBeLessThan(total("median"));
  });
});
