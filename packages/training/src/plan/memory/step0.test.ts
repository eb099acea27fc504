import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { peakMemory, resetPeakMemory, residentMemory } from "@rfmedsam/base/node";
import type { Triple } from "@rfmedsam/imaging";
import { PlainConvUNet } from "@rfmedsam/models";
import { onDevice } from "@rfmedsam/torch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { resolveConfiguration } from "../../config.js";
import { trainUNet } from "../../step0/train.js";
import { ball, painted, storedCase } from "../../testing/cases.js";
import { makePlan } from "../plan.js";
import { mebibyte } from "./sheet.js";
import { estimateStep0, unetParameters } from "./step0.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "memory-"));
});
afterAll(() => rm(folder, { recursive: true }));

const statistics = { mean: 0, std: 1, low: -1, high: 1, bulk: { low: -1, high: 1 } };

function planned(shape: Triple, step0: object, classes = 4) {
  const configuration = resolveConfiguration("cpu", { step0: { patchVoxels: 10 ** 7, ...step0 } });
  const facts = { medianSpacing: [1, 1, 1], medianExtent: shape, channels: [statistics] } as const;
  return { configuration, plan: makePlan(facts, ["MR"], classes, configuration) };
}

describe("a U-Net's parameters", () => {
  test.each([
    ["3D", [48, 64, 80], {}],
    ["2D", [9, 64, 96], { dimensions: 2, maximumStages: 6, baseFeatures: 32, maximumFeatures: 256 }],
    ["anisotropic, three convolutions a stage", [10, 128, 128], { convsPerStage: 3 }],
    ["of two stages", [8, 8, 8], {}],
  ] as const)("are counted, not built: %s", (_, shape, step0) => {
    const { plan } = planned(shape, step0);
    const network = onDevice("meta", () => new PlainConvUNet(plan.architecture));
    expect(unetParameters(plan.architecture)).toBe(network.parameterCount());
    network.free();
  });
});

describe("an estimate", () => {
  const settings = { optimizer: "sgd", averaging: 0, precision: "float32", device: "cpu" } as const;
  const { plan } = planned([48, 64, 64], {});
  const partOf = (name: string, changes: object = {}, sizes: object = {}) =>
    estimateStep0({ ...plan, ...sizes }, { ...settings, ...changes }).parts.find((part) => part.name === name)?.bytes ??
    0;

  test("is the sum of its parts", () => {
    const { parts, total } = estimateStep0(plan, settings);
    expect(total).toBe(parts.reduce((sum, { bytes }) => sum + bytes, 0));
    expect(parts.every(({ bytes }) => Number.isInteger(bytes) && bytes > 0)).toBe(true);
  });

  test("knows what an optimiser and an average remember", () => {
    const weights = 4 * unetParameters(plan.architecture);
    expect([partOf("weights"), partOf("optimiser"), partOf("averaged weights")]).toEqual([weights, weights, 0]);
    expect(partOf("optimiser", { optimizer: "adamw" })).toBe(2 * weights);
    expect(partOf("averaged weights", { averaging: 0.99 })).toBe(weights);
  });

  test("grows with the batch, and less than doubles with it", () => {
    const [one, two] = [2, 4].map((batch) => estimateStep0({ ...plan, batch }, settings).total) as [number, number];
    expect(partOf("activations, encoder", {}, { batch: 4 })).toBe(2 * partOf("activations, encoder", {}, { batch: 2 }));
    expect(two).toBeGreaterThan(one);
    expect(two).toBeLessThan(2 * one);
  });

  test("is smaller in half precision, and has no reordered copies on a GPU", () => {
    expect(partOf("activations, encoder", { precision: "bfloat16" })).toBe(0.75 * partOf("activations, encoder"));
    expect(partOf("copies of convolutions")).toBeGreaterThan(0);
    expect(partOf("copies of convolutions", { device: "cuda:0" })).toBe(0);
  });
});

// Vitest runs each file in a process of its own. Only Linux can forget what a process held before.
test.skipIf(process.platform !== "linux")(
  "is what two steps of training take, to a quarter",
  async () => {
    const shape: Triple = [40, 48, 48];
    const { configuration, plan } = planned(shape, {}, 3);
    const stored = storedCase({ shape, truth: painted(ball(shape, 1, 0.2), ball(shape, 2, 0.4)) });
    const before = residentMemory();
    resetPeakMemory();
    const { network } = await trainUNet({
      cases: [stored],
      plan,
      configuration: { ...configuration.step0, iterations: 2 },
      precision: "float32",
      seed: 1,
      device: "cpu",
      stage: "step 0",
      checkpoint: join(folder, "unet.safetensors"),
      checkpointEvery: 100,
      progress: () => {},
    });
    const used = peakMemory() - before;
    network.free();
    const { parts, total } = estimateStep0(plan, { ...configuration.step0, precision: "float32", device: "cpu" });
    // The process is here already, and a test's is larger than a program's.
    const predicted = total - parts.find(({ name }) => name === "program and libtorch")!.bytes;
    expect(used).toBeGreaterThan(150 * mebibyte);
    expect(Math.abs(predicted / used - 1)).toBeLessThan(0.25);
  },
  300_000,
);
