import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
import { noGrad, tensor, writeSafetensors } from "@rfmedsam/torch";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { TrainingConfiguration } from "../config.js";
import { ball, logitsOf, painted, storedCase, tinyConfiguration } from "../testing/cases.js";
import { RefinerCase } from "./sequences.js";
import { chooseTrainable, makeRefiner, type TrainRefinerOptions, trainRefiner } from "./train.js";

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
    seed: 3,
    device: "cpu",
    checkpoint: join(folder, `${name}.safetensors`),
    checkpointEvery: 3,
    progress: () => {},
    ...others,
  };
}

async function weights(given: TrainRefinerOptions): Promise<number[][]> {
  const { model } = await trainRefiner(given);
  const values = model.parameters().map((parameter) => parameter.toNumbers());
  model.free();
  return values;
}

test("stopped and gone on with, or killed and gone on with, the refiner is the same bit for bit", async () => {
  const changes = { iterations: 5, degradedTruth: 0.5 };
  const whole = await weights(options("whole", changes));
  const stop = new AbortController();
  const progress = ({ done }: { done: number }) => {
    if (done === 2) stop.abort();
  };
  await expect(trainRefiner(options("stop", changes, { progress, signal: stop.signal }))).rejects.toThrow("step 2");
  expect(await weights(options("stop", changes))).toEqual(whole);

  const kill = ({ done }: { done: number }) => {
    if (done === 4) throw new Error("killed");
  };
  await expect(trainRefiner(options("kill", changes, { progress: kill }))).rejects.toThrow("killed");
  expect(await weights(options("kill", changes))).toEqual(whole);
});

describe("what learns", () => {
  test("everything, unless a pattern says otherwise; adapters and calibration always", async () => {
    const model = await makeRefiner(options("x").configuration, classes, 1);
    const names = () => [...model.namedParameters()].filter(([, p]) => p.requiresGrad).map(([name]) => name);
    const all = chooseTrainable(model, null);
    expect(all).toHaveLength(model.parameters().length);
    // Official names, as in checkpoints, anchored or not.
    chooseTrainable(model, "^sam_mask_decoder|memory_attention\\.");
    expect(names()).toContain("sam2.sam_mask_decoder.iou_token.weight");
    expect(names().some((name) => name.startsWith("sam2.memory_attention."))).toBe(true);
    expect(names().some((name) => name.startsWith("sam2.image_encoder") && name.includes("adapter"))).toBe(true);
    expect(names().some((name) => name.startsWith("sam2.image_encoder") && !name.includes("adapter"))).toBe(false);
    expect(names()).toContain("stage2.log_scale");
    expect(() => chooseTrainable(model, "(")).toThrow(ConfigError);
    model.free();
  });

  test("frozen parameters stay as they are, the others move", async () => {
    const given = options("frozen", { trainable: "^sam_mask_decoder", iterations: 2 });
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

  test("weights from a file are what training starts from", async () => {
    const { configuration } = options("x");
    const source = await makeRefiner(configuration, classes, 9);
    noGrad(() => source.sam2.noMemEmbed.fill_(0.123));
    const weightsFile = join(folder, "official.safetensors");
    await writeSafetensors(weightsFile, source.sam2.stateDict());
    const model = await makeRefiner({ ...configuration, weights: weightsFile }, classes, 1);
    expect(model.sam2.noMemEmbed.toNumbers().every((value) => Math.abs(value - 0.123) < 1e-6)).toBe(true);
    source.free();
    model.free();
  });
});

test("a data set in which step 0 finds nothing says so", async () => {
  const nothing = tensor(
    logitsOf(shape, classes, () => 0),
    [classes, ...shape],
  );
  const given = options("nothing", { degradedTruth: 0 });
  const cases = [new RefinerCase(stored, nothing, classes, given.configuration)];
  await expect(trainRefiner({ ...given, cases })).rejects.toThrow(/no slice of any case.*train step 0 longer/is);
});

test("no prediction falls back on answers that are never trained", async () => {
  const model = await makeRefiner(options("x").configuration, classes, 1);
  expect(model.sam2.config.maskDecoder.dynamicMultimaskViaStability).toBe(false);
  model.free();
});

test("weights without adapters, as the official ones, start a refiner that has them", async () => {
  const folder = await mkdtemp(join(tmpdir(), "refiner-weights-"));
  const file = join(folder, "plain.safetensors");
  const configuration = tinyConfiguration().refiner;
  const plain = await makeRefiner({ ...configuration, adapters: false }, 3, 1);
  await writeSafetensors(file, plain.sam2.stateDict());
  const adapted = await makeRefiner({ ...configuration, adapters: true, weights: file }, 3, 2);
  const state = adapted.sam2.stateDict();
  expect(state.size).toBeGreaterThan(plain.sam2.stateDict().size);
  for (const [name, tensor] of plain.sam2.stateDict()) expect(state.get(name)!.toArray()).toEqual(tensor.toArray());
  await rm(folder, { recursive: true });
});
