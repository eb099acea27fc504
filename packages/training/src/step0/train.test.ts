import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EngineError } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
import { TorchPatchNetwork } from "@rfmedsam/models";
import { predictVolume } from "@rfmedsam/segmenter";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makePlan } from "../plan/plan.js";
import { ball, painted, storedCase, tinyConfiguration } from "../testing/cases.js";
import { type TrainUNetOptions, trainUNet } from "./train.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "unet-"));
});
afterEach(() => rm(folder, { recursive: true }));

const shape: Triple = [12, 16, 18];
const classes = 3;
const cases = [0, 1, 2].map((n) =>
  storedCase({
    id: `case_${n}`,
    shape,
    classes,
    truth: painted(ball(shape, 1, 0.3, [0.5, 0.4, 0.3 + 0.05 * n]), ball(shape, 2, 0.2, [0.5, 0.6, 0.8])),
    value: (_c, z, y, x, label) => 2 * label - 1 + 0.3 * Math.sin(z + 2 * y + 3 * x + n),
  }),
);

function options(name: string, changes: Partial<TrainUNetOptions> = {}, dimensions: 2 | 3 = 3): TrainUNetOptions {
  const configuration = tinyConfiguration({ step0: { dimensions, iterations: 6, augmentation: { mirrorAxes: [2] } } });
  const channels = [{ mean: 0, std: 1, low: -1, high: 1, bulk: { low: -1, high: 1 } }];
  const fingerprint = { medianSpacing: [1, 1, 1], medianExtent: shape, channels } as const;
  return {
    cases,
    plan: makePlan(fingerprint, ["CT"], classes, configuration),
    configuration: configuration.step0,
    seed: 3,
    device: "cpu",
    stage: "step 0",
    checkpoint: join(folder, `${name}.safetensors`),
    checkpointEvery: 4,
    progress: () => {},
    ...changes,
  };
}

async function weights(given: TrainUNetOptions): Promise<number[][]> {
  const { network } = await trainUNet(given);
  const values = network.parameters().map((parameter) => parameter.toNumbers());
  network.free();
  return values;
}

describe.each([3, 2] as const)("a U-Net in %i dimensions", (dimensions) => {
  test("stopped and gone on with, or killed and gone on with, has the same weights bit for bit", async () => {
    const whole = await weights(options("whole", {}, dimensions));
    const stop = new AbortController();
    const progress = ({ done }: { done: number }) => {
      if (done === 3) stop.abort();
    };
    await expect(trainUNet(options("stop", { progress, signal: stop.signal }, dimensions))).rejects.toThrow("step 3");
    expect(await weights(options("stop", {}, dimensions))).toEqual(whole);

    const kill = ({ done }: { done: number }) => {
      if (done === 5) throw new Error("killed");
    };
    await expect(trainUNet(options("kill", { progress: kill }, dimensions))).rejects.toThrow("killed");
    expect(await weights(options("kill", {}, dimensions))).toEqual(whole);
  });
});

test("another seed trains another network", async () => {
  expect(await weights(options("a"))).not.toEqual(await weights(options("b", { seed: 4 })));
});

test("learns blobs that a threshold could find", async () => {
  const { step0 } = tinyConfiguration({ step0: { iterations: 60 } });
  const given = options("learn", { configuration: step0, checkpointEvery: 1000 });
  const { network, curve } = await trainUNet(given);
  expect(curve.values.loss!.at(-1)!).toBeLessThan(curve.values.loss![0]! - 0.5);
  const logits = await predictVolume(new TorchPatchNetwork(network, given.plan.patch), cases[0]!);
  const { truth } = cases[0]!;
  const right = truth.filter((label, i) => {
    const scores = [0, 1, 2].map((k) => logits[k * truth.length + i]!);
    return scores.indexOf(Math.max(...scores)) === label;
  });
  expect(right.length / truth.length).toBeGreaterThan(0.9);
  network.free();
});

test("values that no network can stand stop the training with a clear error", async () => {
  const extreme = storedCase({ shape, classes, value: (_c, _z, _y, x) => (x % 2 === 0 ? 3e38 : -3e38) });
  const error = await trainUNet(options("nan", { cases: [extreme] })).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(EngineError);
  expect((error as Error).message).toMatch(/step 0: the (loss|gradient) is (NaN|-?Infinity) at step/);
});
