import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InterruptedError } from "@rfmedsam/base";
import { collectGarbage } from "@rfmedsam/base/testing";
import type { Triple } from "@rfmedsam/imaging";
import { liveTensors, tensor } from "@rfmedsam/torch";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { TrainingConfiguration } from "../config.js";
import { ball, logitsOf, painted, storedCase, tinyConfiguration } from "../testing/cases.js";
import { joined } from "./batch.js";
import { makeRefiner } from "./make.js";
import { RefinerCase } from "./sequences.js";
import { noJitter, only } from "./testing/sources.js";
import { type TrainRefinerOptions, trainRefiner } from "./train.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "refiner-"));
});
afterEach(() => rm(folder, { recursive: true }));

type Refiner = TrainingConfiguration["refiner"];
const shape: Triple = [6, 18, 20];
const classes = 3;
const truth = painted(ball(shape, 1, 0.3, [0.5, 0.4, 0.35]), ball(shape, 2, 0.2, [0.5, 0.6, 0.8]));
const stored = storedCase({ shape, classes, truth });
/** A step 0 that is one row off. */
const logits = tensor(
  logitsOf(shape, classes, (z, y, x) => truth(z, y + 1, x)),
  [classes, ...shape],
).keep();

function options(name: string, changes: Partial<Refiner> = {}, others: Partial<TrainRefinerOptions> = {}) {
  const configuration = { ...tinyConfiguration().refiner, ...changes } as Refiner;
  return {
    cases: [new RefinerCase(stored, logits, classes, configuration)],
    classes,
    configuration,
    precision: "float32" as const,
    seed: 3,
    device: "cpu",
    checkpoint: join(folder, `${name}.safetensors`),
    checkpointEvery: 3,
    progress: () => {},
    ...others,
  };
}

/** All weights of a trained refiner, one after the other. */
async function weights(given: TrainRefinerOptions): Promise<Float32Array> {
  const { model } = await trainRefiner(given);
  const values = joined(model.parameters().map((parameter) => parameter.toFloat32Array()));
  model.free();
  return values;
}

/** Compared as bytes: there are many, and a report of those that differ would say nothing. */
const same = (a: Float32Array, b: Float32Array) => Buffer.compare(Buffer.from(a.buffer), Buffer.from(b.buffer)) === 0;

test("stopped and gone on with, or killed and gone on with, the refiner is the same bit for bit", async () => {
  const changes = { iterations: 5, promptSources: { ...only("outOfFold"), degradedTruth: 1, box: 0.5, clicks: 0.5 } };
  const whole = await weights(options("whole", changes));
  const stop = new AbortController();
  const progress = ({ done }: { done: number }) => {
    if (done === 2) stop.abort();
  };
  await expect(trainRefiner(options("stop", changes, { progress, signal: stop.signal }))).rejects.toThrow("step 2");
  expect(same(await weights(options("stop", changes)), whole)).toBe(true);

  const kill = ({ done }: { done: number }) => {
    if (done === 4) throw new Error("killed");
  };
  await expect(trainRefiner(options("kill", changes, { progress: kill }))).rejects.toThrow("killed");
  expect(same(await weights(options("kill", changes)), whole)).toBe(true);
});

describe("what learns", () => {
  test("frozen parameters stay as they are, the others move", async () => {
    const given = options("frozen", { groups: [{ pattern: "^sam_mask_decoder", rate: 1 }], iterations: 2 });
    const before = await makeRefiner(given.configuration, classes, given.seed);
    const { model } = await trainRefiner(given);
    const [start, end] = [before.namedParameters(), model.namedParameters()];
    const moved = (name: string) => start.get(name)!.sub(end.get(name)!).abs().amax().item() > 0;
    expect(moved("sam2.image_encoder.trunk.patch_embed.proj.weight")).toBe(false);
    expect(moved("sam2.sam_mask_decoder.iou_token.weight")).toBe(true);
    expect(moved("stage1.bias")).toBe(true);
    model.free();
    before.free();
  });
});

test("stopped, failed or never begun, it leaves no tensor behind", async () => {
  const changes = { averaging: 0.9, promptSources: { ...only("outOfFold"), degradedTruth: 1 } };
  const stop = new AbortController();
  const progress = ({ done }: { done: number }) => {
    if (done === 2) stop.abort();
  };
  const stopped = options("stop", changes, { progress, signal: stop.signal });
  const failed = { ...options("failed", changes), cases: [] };
  const never = options("never", { ...changes, groups: [{ pattern: "no parameter is called so", rate: 1 }] });
  for (const [given, error] of [
    [stopped, InterruptedError],
    [failed, Error],
    [never, /finds no parameter/],
  ] as const) {
    await collectGarbage();
    const before = liveTensors();
    await expect(trainRefiner(given)).rejects.toThrow(error);
    // But the small tables of positions that its layers keep until they are garbage; it has hundreds of parameters.
    expect(liveTensors() - before).toBeLessThanOrEqual(10);
  }
});

test("a data set in which step 0 finds nothing says so", async () => {
  const nothing = tensor(
    logitsOf(shape, classes, () => 0),
    [classes, ...shape],
  );
  const given = options("nothing", { promptSources: only("outOfFold") });
  const cases = [new RefinerCase(stored, nothing, classes, given.configuration)];
  await expect(trainRefiner({ ...given, cases })).rejects.toThrow(/no slice of any case.*train step 0 longer/is);
});

describe("other ways to train", () => {
  const finite = (curve: { values: Record<string, number[]> }) =>
    Object.values(curve.values).flat().every(Number.isFinite);

  test.each(["light-decoder", "learned-tokens"] as const)(
    "without a U-Net: %s proposes, learns, and is prompted from, and goes on where it was stopped",
    async (generator) => {
      const changes = { generator, iterations: 3, batch: 2, promptSources: { ...only("outOfFold"), box: 1 } };
      const given = options(generator, changes);
      const cases = [new RefinerCase(stored, undefined, classes, given.configuration)];
      const before = await makeRefiner(given.configuration, classes, given.seed);
      const { model, curve } = await trainRefiner({ ...given, cases });
      expect(finite(curve)).toBe(true);
      expect(curve.values.proposal).toHaveLength(3);
      const start = before.generator!.namedParameters();
      const still = [...model.generator!.namedParameters()].filter(([name, p]) => p.equal(start.get(name)!));
      expect(still.map(([name]) => name)).toEqual([]);
      const values = joined(model.parameters().map((parameter) => parameter.toFloat32Array()));
      model.free();
      before.free();
      const again = options(`${generator} again`, changes);
      const kill = ({ done }: { done: number }) => {
        if (done === 3) throw new Error("killed");
      };
      await expect(trainRefiner({ ...again, cases, checkpointEvery: 2, progress: kill })).rejects.toThrow("killed");
      expect(same(await weights({ ...again, cases }), values)).toBe(true);
    },
  );

  test("in bfloat16 losses are near those in float32, and weights stay float32", async () => {
    const changes = { iterations: 2, boxJitter: noJitter };
    const [full, half] = await Promise.all([
      trainRefiner(options("full", changes)),
      trainRefiner(options("half", changes, { precision: "bfloat16" })),
    ]);
    const [a, b] = [full.curve.values.loss![0]!, half.curve.values.loss![0]!];
    expect(b).not.toBe(a);
    expect(Math.abs(b - a) / a).toBeLessThan(0.02);
    expect(half.model.parameters().every(({ dtype }) => dtype === "float32")).toBe(true);
    full.model.free();
    half.model.free();
  });

  test("averaged weights are what comes back, and what a stopped run goes on with", async () => {
    const changes = { iterations: 4, averaging: 0.9 };
    const [last, averaged] = [
      await weights(options("last", { iterations: 4 })),
      await weights(options("mean", changes)),
    ];
    expect(same(averaged, last)).toBe(false);
    const kill = ({ done }: { done: number }) => {
      if (done === 4) throw new Error("killed");
    };
    await expect(trainRefiner(options("killed mean", changes, { progress: kill }))).rejects.toThrow("killed");
    expect(same(await weights(options("killed mean", changes)), averaged)).toBe(true);
  });

  test("with checkpointing the weights become the same", async () => {
    const [kept, anew] = [
      await weights(options("kept", { iterations: 2 })),
      await weights(options("anew", { iterations: 2, checkpointing: true })),
    ];
    expect(kept.reduce((most, value, i) => Math.max(most, Math.abs(value - anew[i]!)), 0)).toBeLessThan(1e-6);
  });

  test("along all three axes", async () => {
    const { model, curve } = await trainRefiner(options("fused", { axis: "fused", iterations: 4 }));
    expect(finite(curve)).toBe(true);
    model.free();
  });

  test("groups learn at their own rates", async () => {
    const groups = [
      { pattern: "^sam_mask_decoder", rate: 1 },
      { pattern: "^memory_attention", rate: 0.01 },
    ];
    const given = options("rates", { iterations: 1, groups });
    const before = await makeRefiner(given.configuration, classes, given.seed);
    const { model } = await trainRefiner(given);
    // AdamW's first step is the learning rate itself, wherever there is a gradient.
    const moved = (name: string) =>
      model.namedParameters().get(name)!.sub(before.namedParameters().get(name)!).abs().amax().item();
    const [fast, slow] = [
      moved("sam2.sam_mask_decoder.transformer.norm_final_attn.bias"),
      moved("sam2.memory_attention.norm.bias"),
    ];
    expect(slow / fast).toBeCloseTo(0.01, 3);
    model.free();
    before.free();
  });
});
