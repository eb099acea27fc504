import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EngineError, InterruptedError, type ProgressEvent } from "@rfmedsam/base";
import {
  AdamW,
  F,
  liveTensors,
  manualSeed,
  nn,
  readSafetensorsHeader,
  SGD,
  setNumThreads,
  tensor,
} from "@rfmedsam/torch";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Curve, type LoopOptions, trainLoop } from "./loop.js";

setNumThreads(1);
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "loop-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** A linear model on random numbers, with dropout: both of the engine's and of the stream's numbers matter. */
function makeRun(optimizer: "sgd" | "adam", checkpoint: string, changes: Partial<LoopOptions> = {}) {
  manualSeed(1);
  const model = new nn.Linear(4, 3);
  const rule =
    optimizer === "sgd"
      ? new SGD(model.parameters(), { learningRate: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.01 })
      : new AdamW(model.parameters(), { learningRate: 0.05 });
  const options: LoopOptions = {
    stage: "fitting",
    iterations: 12,
    seed: 5,
    checkpoint: join(folder, checkpoint),
    checkpointEvery: 5,
    model,
    optimizer: rule,
    progress: () => {},
    step: (iteration, random) => {
      const input = tensor(
        [0, 0, 0, 0].map(() => random.normal()),
        [1, 4],
      );
      const loss = F.dropout(model.forward(input), 0.3, true).square().sum();
      loss.backward();
      rule.setLearningRate(1 / (1 + iteration));
      rule.step();
      rule.zeroGrad();
      return { loss: loss.item() };
    },
    ...changes,
  };
  const weights = () => model.parameters().map((parameter) => parameter.toNumbers());
  const finish = () => {
    rule.free();
    model.free();
  };
  return { options, weights, finish };
}

type Kind = "sgd" | "adam";

async function uninterrupted(kind: Kind): Promise<{ weights: number[][]; curve: Curve }> {
  const run = makeRun(kind, "whole.safetensors");
  const curve = await trainLoop(run.options);
  const weights = run.weights();
  run.finish();
  return { weights, curve };
}

describe.each(["sgd", "adam"] as const)("a training with %s", (kind) => {
  test.each([1, 5, 7, 11])("stopped at step %i and gone on with is the same bit for bit", async (at) => {
    const whole = await uninterrupted(kind);
    const stop = new AbortController();
    const first = makeRun(kind, "part.safetensors", {
      signal: stop.signal,
      progress: ({ done }) => {
        if (done === at) stop.abort();
      },
    });
    const error = await trainLoop(first.options).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(InterruptedError);
    expect((error as Error).message).toContain(`step ${at} of 12`);
    first.finish();
    const second = makeRun(kind, "part.safetensors");
    const seen: number[] = [];
    const curve = await trainLoop({ ...second.options, progress: ({ done }) => seen.push(done) });
    expect(seen).toEqual(Array.from({ length: 12 - at }, (_, i) => at + 1 + i));
    expect(second.weights()).toEqual(whole.weights);
    expect(curve).toEqual(whole.curve);
    second.finish();
  });

  test.each([3, 6, 12])("killed at step %i goes on from the last saved state to the same weights", async (at) => {
    const whole = await uninterrupted(kind);
    const first = makeRun(kind, "part.safetensors", {
      progress: ({ done }) => {
        if (done === at) throw new Error("killed");
      },
    });
    await expect(trainLoop(first.options)).rejects.toThrow("killed");
    first.finish();
    const second = makeRun(kind, "part.safetensors");
    const seen: number[] = [];
    await trainLoop({ ...second.options, progress: ({ done }) => seen.push(done) });
    expect(seen[0]).toBe(at < 5 ? 1 : at < 10 ? 6 : 11);
    expect(second.weights()).toEqual(whole.weights);
    second.finish();
  });

  test("finished once makes no more steps", async () => {
    const first = makeRun(kind, "done.safetensors");
    await trainLoop(first.options);
    const second = makeRun(kind, "done.safetensors");
    let steps = 0;
    await trainLoop({ ...second.options, progress: () => steps++ });
    expect(steps).toBe(0);
    expect(second.weights()).toEqual(first.weights());
    first.finish();
    second.finish();
  });
});

test("a stop that arrives between two steps, as a signal does, loses neither of them", async () => {
  const stop = new AbortController();
  const run = makeRun("sgd", "stopped.safetensors", {
    signal: stop.signal,
    checkpointEvery: 100,
    // Node handles signals while the loop pauses, never while it computes.
    progress: ({ done }) => {
      if (done === 4) setImmediate(() => stop.abort());
    },
  });
  const error = await trainLoop(run.options).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(InterruptedError);
  const at = Number(/step (\d+) of/.exec((error as Error).message)![1]);
  const { metadata } = await readSafetensorsHeader(join(folder, "stopped.safetensors"));
  expect(JSON.parse(metadata.state!)).toMatchObject({ iteration: at });
  run.finish();
});

test("a stop in the last step ends the training as it should", async () => {
  const stop = new AbortController();
  const run = makeRun("sgd", "last.safetensors", {
    signal: stop.signal,
    progress: ({ done }) => {
      if (done === 12) stop.abort();
    },
  });
  await trainLoop(run.options);
  expect(existsSync(join(folder, "last.safetensors"))).toBe(true);
  run.finish();
});

describe("a figure that is not a number", () => {
  test.each([
    ["loss", { loss: Number.NaN }],
    ["gradient", { loss: 1, gradient: Number.POSITIVE_INFINITY }],
  ])("stops the training (%s) and leaves the last saved state as it was", async (name, figures) => {
    const run = makeRun("adam", "nan.safetensors");
    let before: Uint8Array | undefined;
    const step: LoopOptions["step"] = (iteration, random) => {
      const values = run.options.step(iteration, random);
      return iteration === 9 ? { ...values, ...figures } : values; // step 10 would be saved
    };
    const progress = async ({ done }: ProgressEvent) => {
      if (done === 7) before = await readFile(run.options.checkpoint);
    };
    const error = await trainLoop({ ...run.options, step, progress: (event) => void progress(event) }).catch(
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(EngineError);
    expect((error as Error).message).toContain(`the ${name} is ${Object.values(figures).at(-1)} at step 10`);
    expect((error as Error).message).toContain("step 5 is kept");
    expect(await readFile(run.options.checkpoint)).toEqual(before);
    run.finish();
  });
});

test("steps and saved states leave no tensors behind", async () => {
  const live: number[] = [];
  const run = makeRun("adam", "leak.safetensors", {
    iterations: 50,
    checkpointEvery: 3,
    progress: () => live.push(liveTensors()),
  });
  await trainLoop(run.options);
  expect(live[49]).toBe(live[4]);
  run.finish();
});

test("dropout and the like are off afterwards", async () => {
  const run = makeRun("sgd", "mode.safetensors");
  await trainLoop(run.options);
  expect(run.options.model.training).toBe(false);
  run.finish();
});

test("the curve has points at equal distances, of averages", async () => {
  const run = makeRun("sgd", "curve.safetensors");
  const curve = await trainLoop(run.options);
  expect(curve.iterations).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
  expect(curve.values.loss).toHaveLength(12);
  run.finish();
});
