import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CheckpointError, EngineError, InterruptedError, type ProgressEvent } from "@rfmedsam/base";
import { liveTensors, readSafetensorsHeader } from "@rfmedsam/torch";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Curve, type LoopOptions, type StepRecord, trainLoop } from "./loop.js";
import { makeRun as makeRunAt } from "./testing/runs.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "loop-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** `name` is the state's file in the test's folder. */
const makeRun = (kind: Kind, name: string, changes?: Partial<LoopOptions>) =>
  makeRunAt(kind, join(folder, name), changes);

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
    // Read at once: the training does not wait for whoever watches it.
    const progress = ({ done }: ProgressEvent) => {
      if (done === 7) before = readFileSync(run.options.checkpoint);
    };
    const error = await trainLoop({ ...run.options, step, progress }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(EngineError);
    expect((error as Error).message).toContain(`the ${name} is ${Object.values(figures).at(-1)} at step 10`);
    expect((error as Error).message).toContain(`step 5 is kept in ${run.options.checkpoint}`);
    expect((error as Error).message).toContain("lower learning rate");
    expect(await readFile(run.options.checkpoint)).toEqual(before);
    run.finish();
  });
});

test("the average takes every step in, and only finished ones", async () => {
  const run = makeRun("sgd", "average.safetensors");
  const updates: number[] = [];
  await trainLoop({ ...run.options, progress: () => updates.push(run.options.average!.updates) });
  expect(updates).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
  const [weight, , averaged] = run.weights();
  expect(averaged).not.toEqual(weight);
  run.finish();
});

test("a state without averaged weights is not gone on from with averaging", async () => {
  const first = makeRun("sgd", "plain.safetensors");
  await trainLoop({ ...first.options, average: undefined });
  first.finish();
  const second = makeRun("sgd", "plain.safetensors", { iterations: 20 });
  await expect(trainLoop(second.options)).rejects.toThrow(CheckpointError);
  await expect(trainLoop(second.options)).rejects.toThrow(/plain\.safetensors: the averaged weights have no weight/);
  second.finish();
});

describe("the record", () => {
  test("has every step's own figures, the learning rate and the time", async () => {
    const run = makeRun("sgd", "record.safetensors");
    const records: StepRecord[] = [];
    const losses: number[] = [];
    const step: LoopOptions["step"] = (iteration, random) => {
      const values = run.options.step(iteration, random);
      losses.push(values.loss!);
      return values;
    };
    await trainLoop({ ...run.options, step, record: (point) => records.push(point) });
    expect(records.map(({ stage, iteration }) => [stage, iteration])).toEqual(losses.map((_, i) => ["fitting", i + 1]));
    expect(records.map(({ values }) => values.loss)).toEqual(losses);
    expect(records.map(({ values }) => values.learningRate)).toEqual(losses.map((_, i) => 0.05 * (1 / (1 + i))));
    for (const { seconds } of records) expect(seconds).toBeGreaterThan(0);
    run.finish();
  });

  test("of a run that was killed and gone on with has no gap, and repeated steps repeat their figures", async () => {
    const records: StepRecord[] = [];
    const record = (point: StepRecord) => records.push(point);
    const killed = makeRun("adam", "gap.safetensors", {
      record,
      progress: ({ done }) => {
        if (done === 8) throw new Error("killed");
      },
    });
    await expect(trainLoop(killed.options)).rejects.toThrow("killed");
    killed.finish();
    const resumed = makeRun("adam", "gap.safetensors", { record });
    await trainLoop(resumed.options);
    resumed.finish();
    expect(records.map(({ iteration }) => iteration)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 6, 7, 8, 9, 10, 11, 12]);
    expect(records.slice(8, 11).map(({ values }) => values)).toEqual(records.slice(5, 8).map(({ values }) => values));
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
