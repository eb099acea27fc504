import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Triple } from "@rfmedsam/imaging";
import { PlainConvUNet, TorchPatchNetwork } from "@rfmedsam/models";
import { predictVolume } from "@rfmedsam/segmenter";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { TrainingConfiguration } from "../config.js";
import { makePlan } from "../plan/plan.js";
import { ball, mostLikely, painted, storedCase, tinyConfiguration } from "../testing/cases.js";
import { expectFrequencies } from "./prior.js";
import { trainUNet } from "./train.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "prior-"));
});
afterEach(() => rm(folder, { recursive: true }));

const shape: Triple = [16, 20, 20];
const classes = 3;
/** A large organ, and one of some 30 voxels in 6400 that is as bright as it is small. */
const cases = [0, 1, 2].map((n) =>
  storedCase({
    id: `case_${n}`,
    shape,
    classes,
    truth: painted(ball(shape, 1, 0.35, [0.5, 0.4, 0.4]), ball(shape, 2, 0.1, [0.5, 0.5 + 0.05 * n, 0.85])),
    value: (_c, z, y, x, label) => [0, 1, 1.6][label]! + 0.3 * Math.sin(z + 2 * y + 3 * x + n),
  }),
);
type Prior = TrainingConfiguration["step0"]["prior"];

function configured(prior: Prior, iterations: number) {
  const configuration = tinyConfiguration({
    step0: { prior, iterations, patchVoxels: 8000, optimizer: "adamw", learningRate: 3e-3, foreground: 0.67 },
  });
  const channels = [{ mean: 0, std: 1, low: -1, high: 2, bulk: { low: -1, high: 2 } }];
  const fingerprint = { medianSpacing: [1, 1, 1], medianExtent: shape, channels } as const;
  return { configuration: configuration.step0, plan: makePlan(fingerprint, ["CT"], classes, configuration) };
}

/** Dice of every class but the background, in the first case. */
async function learned(prior: Prior, iterations: number): Promise<number[]> {
  const { configuration, plan } = configured(prior, iterations);
  const { network } = await trainUNet({
    ...{ cases, plan, configuration, precision: "float32", seed: 1, device: "cpu", stage: "step 0" },
    checkpoint: join(folder, `${prior}.safetensors`),
    checkpointEvery: 1000,
    progress: () => {},
  });
  const logits = await predictVolume(new TorchPatchNetwork(network, plan.patch), cases[0]!);
  network.free();
  const { truth } = cases[0]!;
  const found = mostLikely(logits, classes);
  return [1, 2].map((label) => {
    const both = truth.filter((each, i) => each === label && found[i] === label).length;
    return (2 * both) / (truth.filter((each) => each === label).length + found.filter((each) => each === label).length);
  });
}

test("before it has learned anything a network takes a voxel for each class as often as the cases have it, at every resolution", () => {
  const three = [3, 3, 3];
  const network = new PlainConvUNet({
    ...configured("uniform", 1).plan.architecture,
    classes: 4,
    features: [4, 8, 8],
    kernels: [three, three, three],
    strides: [
      [1, 1, 1],
      [2, 2, 2],
      [2, 2, 2],
    ],
  });
  expectFrequencies(network, [{ voxels: [700, 90, 9, 0] }, { voxels: [200, 1, 0, 0] }]);
  const biases = [...network.namedParameters()].filter(([name]) => /seg_layers\.\d+\.bias/.test(name));
  expect(biases).toHaveLength(2);
  for (const [, bias] of biases) {
    for (const [label, count] of [900, 91, 9, 1].entries()) {
      expect(bias.toNumbers()[label]).toBeCloseTo(Math.log(count / 1000), 5);
    }
  }
  network.free();
});

test("a small organ is found in so few steps that it is not when all classes begin alike", async () => {
  const [uniform, frequency] = [await learned("uniform", 80), await learned("frequency", 80)];
  expect(frequency[1]! - uniform[1]!).toBeGreaterThan(0.2);
});
