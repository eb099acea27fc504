import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EngineError, InterruptedError } from "@rfmedsam/base";
import { collectGarbage } from "@rfmedsam/base/testing";
import type { Triple } from "@rfmedsam/imaging";
import { TorchPatchNetwork } from "@rfmedsam/models";
import { predictVolume } from "@rfmedsam/segmenter";
import { liveTensors } from "@rfmedsam/torch";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makePlan } from "../plan/plan.js";
import { ball, mostLikely, painted, storedCase, tinyConfiguration } from "../testing/cases.js";
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

function planOf(configuration: ReturnType<typeof tinyConfiguration>) {
  const channels = [{ mean: 0, std: 1, low: -1, high: 1, bulk: { low: -1, high: 1 } }];
  const fingerprint = { medianSpacing: [1, 1, 1], medianExtent: shape, channels } as const;
  return makePlan(fingerprint, ["CT"], classes, configuration);
}

function options(name: string, changes: Partial<TrainUNetOptions> = {}, dimensions: 2 | 3 = 3): TrainUNetOptions {
  const configuration = tinyConfiguration({ step0: { dimensions, iterations: 6, augmentation: { mirrorAxes: [2] } } });
  return {
    cases,
    plan: planOf(configuration),
    configuration: configuration.step0,
    precision: "float32",
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

test("stopped, failed or never begun, it leaves no tensor behind", async () => {
  const configuration = { ...options("x").configuration, averaging: 0.9 };
  await collectGarbage();
  const before = liveTensors();
  const stop = new AbortController();
  const progress = ({ done }: { done: number }) => {
    if (done === 2) stop.abort();
  };
  const stopped = trainUNet(options("stop", { configuration, progress, signal: stop.signal }));
  await expect(stopped).rejects.toThrow(InterruptedError);
  expect(liveTensors()).toBe(before);
  await expect(trainUNet(options("failed", { configuration, cases: [] }))).rejects.toThrow();
  expect(liveTensors()).toBe(before);
  const unheard = { ...configuration, momentum: 1 };
  await expect(trainUNet(options("never", { configuration: unheard }))).rejects.toThrow(/momentum/);
  expect(liveTensors()).toBe(before);
});

describe("averaged weights", () => {
  /** A training with its weights after each step, seen through the progress it reports. */
  const step0 = (averaging: number) =>
    tinyConfiguration({ step0: { iterations: 6, averaging, augmentation: { mirrorAxes: [2] } } }).step0;

  test("are what is returned, and training goes on with the plain ones", async () => {
    const losses = (seen: number[]) => (event: { values?: Readonly<Record<string, number>> }) => {
      seen.push(event.values?.loss ?? Number.NaN);
    };
    const [plain, averaged] = [[], []] as [number[], number[]];
    const last = await weights(options("plain", { configuration: step0(0), progress: losses(plain) }));
    const mean = await weights(options("averaged", { configuration: step0(0.9), progress: losses(averaged) }));
    expect(averaged).toEqual(plain);
    expect(mean).not.toEqual(last);
    // d = min(0.9, (1 + n) / (10 + n)) starts at 0.1: after one step the average is nine tenths of the way.
    const one = (averaging: number) => tinyConfiguration({ step0: { iterations: 1, averaging } }).step0;
    const start = await weights(options("zero", { configuration: { ...one(0), learningRate: 1e-30 } }));
    const [first, after] = [
      await weights(options("one", { configuration: one(0) })),
      await weights(options("avg", { configuration: one(0.9) })),
    ];
    for (const [p, values] of after.entries()) {
      for (const [i, value] of values.entries()) {
        expect(value).toBeCloseTo(0.1 * start[p]![i]! + 0.9 * first[p]![i]!, 6);
      }
    }
  });

  test("survive a stop", async () => {
    const whole = await weights(options("whole", { configuration: step0(0.9) }));
    const stop = new AbortController();
    const progress = ({ done }: { done: number }) => {
      if (done === 3) stop.abort();
    };
    await expect(
      trainUNet(options("stop", { configuration: step0(0.9), progress, signal: stop.signal })),
    ).rejects.toThrow("step 3");
    expect(await weights(options("stop", { configuration: step0(0.9) }))).toEqual(whole);
    // Also when nothing is left to be trained.
    expect(await weights(options("stop", { configuration: step0(0.9) }))).toEqual(whole);
  });
});

test("counts Dice over the batch or not as the plan says where the configuration leaves it open, and else as that says", async () => {
  const trained = (name: string, batchDice: boolean | "auto", planned: boolean) => {
    const { step0 } = tinyConfiguration({ step0: { iterations: 2, batchDice } });
    const { plan } = options(name);
    return weights(options(name, { configuration: step0, plan: { ...plan, batchDice: planned } }));
  };
  const [together, apart] = [await trained("together", true, false), await trained("apart", false, true)];
  expect(together).not.toEqual(apart);
  expect(await trained("auto together", "auto", true)).toEqual(together);
  expect(await trained("auto apart", "auto", false)).toEqual(apart);
});

test("in bfloat16 trains float32 weights, near those that float32 trains", async () => {
  const [half, full] = [await weights(options("half", { precision: "bfloat16" })), await weights(options("full"))];
  expect(half).not.toEqual(full);
  const norm = (all: number[][]) => Math.hypot(...all.flat());
  const difference = half.map((values, p) => values.map((value, i) => value - full[p]![i]!));
  expect(norm(difference) / norm(full)).toBeLessThan(0.02);
});

test.each([2, 4])("trains with %i stages", async (maximumStages) => {
  const configuration = tinyConfiguration({ step0: { iterations: 2, maximumStages, patchVoxels: 10_000 } });
  const { network, curve } = await trainUNet(
    options("deep", { configuration: configuration.step0, plan: planOf(configuration) }),
  );
  expect(network.architecture.features.length).toBe(Math.min(maximumStages, 3));
  expect(curve.values.loss!.every(Number.isFinite)).toBe(true);
  network.free();
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
  const found = mostLikely(logits, classes);
  const right = truth.filter((label, i) => found[i] === label);
  expect(right.length / truth.length).toBeGreaterThan(0.9);
  network.free();
});

test("values that no network can stand stop the training with a clear error", async () => {
  const extreme = storedCase({ shape, classes, value: (_c, _z, _y, x) => (x % 2 === 0 ? 3e38 : -3e38) });
  const error = await trainUNet(options("nan", { cases: [extreme] })).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(EngineError);
  expect((error as Error).message).toMatch(/step 0: the (loss|gradient) is (NaN|-?Infinity) at step/);
});
