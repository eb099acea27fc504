import { appendFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fc, test } from "@fast-check/vitest";
import { ConfigError, FileError, FormatError } from "@rfmedsam/base";
import { afterEach, beforeEach, describe, expect } from "vitest";
import type { RunCurves } from "./curves.js";
import { crc32c } from "./event-file.js";
import { validationRows } from "./facts.js";
import { blockSize } from "./points.js";
import { logName, RunRecorder } from "./recorder.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "record-"));
});
afterEach(() => rm(folder, { recursive: true }));

const step = (iteration: number, stage = "refiner", loss = 1 / iteration) => ({
  stage,
  iteration,
  values: { loss, learningRate: 1e-3 },
  seconds: 0.5,
});

/** Records steps from one iteration to another and closes. */
async function recorded(from: number, to: number, stage = "refiner"): Promise<void> {
  const recorder = await RunRecorder.open(folder);
  for (let iteration = from; iteration <= to; iteration++) recorder.add(step(iteration, stage));
  recorder.close();
}

async function curves(): Promise<RunCurves> {
  return JSON.parse(await readFile(join(folder, "curves.json"), "utf8"));
}

const eventFiles = async () => (await readdir(folder)).filter((name) => name.includes("tfevents"));

/** Steps and tags of the event file, whose framing and checksums are checked. */
async function events(): Promise<{ step: number; tags: string[] }[]> {
  const [name, ...others] = await eventFiles();
  expect(others).toEqual([]);
  const bytes = await readFile(join(folder, name!));
  const found: { step: number; tags: string[] }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    const data = bytes.subarray(at + 12, at + 12 + length);
    for (const [part, where] of [
      [bytes.subarray(at, at + 8), at + 8],
      [data, at + 12 + length],
    ] as const) {
      const crc = crc32c(part);
      expect(bytes.readUInt32LE(where)).toBe((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
    }
    at += 16 + length;
    // After the time (9 bytes) comes the step, a number of seven bits a byte.
    if (data[9] !== 0x10) continue;
    let [place, value, factor] = [10, 0, 1];
    for (; data[place]! >= 0x80; place++, factor *= 128) value += (data[place]! & 0x7f) * factor;
    const tags = [...data.toString("latin1").matchAll(/(?:refiner|step 0: [a-z ]*|validation)\/[\w/]+/g)];
    found.push({ step: value + data[place]! * factor, tags: tags.map(([tag]) => tag) });
  }
  return found;
}

describe("a run's record", () => {
  test("has curves, plots and events of what was recorded", async () => {
    await recorded(1, 5);
    const { refiner } = await curves();
    expect(refiner).toMatchObject({
      iterations: [1, 2, 3, 4, 5],
      values: { loss: [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5] },
      seconds: [0.5, 0.5, 0.5, 0.5, 0.5],
    });
    expect(refiner!.memory[0]).toBeGreaterThan(1e6);
    expect((await readdir(folder)).filter((name) => name.endsWith(".svg")).sort()).toEqual([
      "refiner-learning-rate.svg",
      "refiner-losses.svg",
      "refiner-memory-of-the-process.svg",
      "refiner-time-per-step.svg",
    ]);
    expect(await events()).toEqual(
      [1, 2, 3, 4, 5].map((at) => ({
        step: at,
        tags: ["refiner/loss", "refiner/learningRate", "refiner/seconds", "refiner/memory"],
      })),
    );
  });

  test("keeps a few thousand points of very many steps, without leaving any step out", async () => {
    const recorder = await RunRecorder.open(folder);
    for (let iteration = 1; iteration <= 20_000; iteration++) recorder.add(step(iteration, "refiner", iteration));
    recorder.close();
    const { iterations, values } = (await curves()).refiner!;
    expect(iterations.length).toBeLessThan(4000);
    expect(iterations.at(-1)).toBe(20_000);
    let before = 0;
    for (const [at, iteration] of iterations.entries()) {
      expect(values.loss![at]).toBeCloseTo((before + 1 + iteration) / 2, 9);
      before = iteration;
    }
  });

  test.prop([fc.integer({ min: 1, max: 2 ** 40 })])("a point never spans two sizes of blocks", (iteration) => {
    const size = blockSize(iteration);
    const last = Math.ceil(iteration / size) * size;
    expect(blockSize(last)).toBe(size);
    expect(blockSize(last - size + 1)).toBe(size);
  });

  test("a run that is gone on with replaces the points after the saved step and keeps the others", async () => {
    await recorded(1, 40, "step 0: fold");
    await recorded(1, 25);
    const recorder = await RunRecorder.open(folder);
    for (let iteration = 21; iteration <= 30; iteration++) recorder.add(step(iteration, "refiner", 7));
    recorder.close();
    const { refiner, "step 0: fold": fold } = await curves();
    expect(refiner!.iterations).toEqual(Array.from({ length: 30 }, (_, at) => at + 1));
    expect(refiner!.values.loss!.slice(18, 22)).toEqual([1 / 19, 1 / 20, 7, 7]);
    expect(fold!.iterations).toHaveLength(40);
    const steps = (await events()).filter(({ tags }) => tags[0]!.startsWith("refiner")).map((each) => each.step);
    expect(steps).toEqual(refiner!.iterations);
  });

  test("a process that is killed loses what it had not written, and no more", async () => {
    let now = 0;
    const recorder = await RunRecorder.open(folder, { now: () => now, flushEvery: 3 });
    for (let iteration = 1; iteration <= 10; iteration++) {
      now += 1000;
      recorder.add(step(iteration));
    }
    // Never closed: three times three steps were written, the tenth was not.
    const lines = (await readFile(join(folder, logName), "utf8")).trimEnd().split("\n");
    expect(lines).toHaveLength(9);
    expect((await events()).map((each) => each.step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await recorded(10, 11);
    expect((await curves()).refiner!.iterations).toHaveLength(11);
  });

  test.prop([fc.integer({ min: 1, max: 400 }), fc.boolean()], { numRuns: 15 })(
    "torn files are whole again when the run goes on",
    async (cut, garbage) => {
      await rm(folder, { recursive: true });
      await recorded(1, 6);
      const log = join(folder, logName);
      const size = (await readFile(log)).length;
      await truncate(log, Math.max(0, size - cut));
      if (garbage) await appendFile(log, '{"stage":"ref\u0000');
      const [name] = await eventFiles();
      const eventFile = join(folder, name!);
      await truncate(eventFile, Math.max(1, (await readFile(eventFile)).length - cut));
      const kept = (await readFile(log, "utf8")).split("\n").length - 1;
      await recorded(kept + 1, 8);
      expect((await curves()).refiner!.iterations).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      expect((await events()).map((each) => each.step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    },
  );

  test("a file of something else is not touched", async () => {
    await writeFile(join(folder, logName), "my notes\nabout other things\n");
    await expect(RunRecorder.open(folder)).rejects.toThrow(FormatError);
    expect(await readFile(join(folder, logName), "utf8")).toContain("my notes");
    await writeFile(join(folder, "file"), "");
    await expect(RunRecorder.open(join(folder, "file"))).rejects.toThrow(FileError);
  });

  test("starting anew forgets the record and nothing else in its folder", async () => {
    await recorded(1, 3);
    await writeFile(join(folder, "notes.txt"), "mine");
    (await RunRecorder.open(folder, { restart: true })).close();
    expect(await curves()).toEqual({});
    expect(await readFile(join(folder, "notes.txt"), "utf8")).toBe("mine");
  });

  test("the validation's Dice are results, given again they replace the earlier ones", async () => {
    const dice = (stage1: number) => ({ step0: 0.5, stage1, stage2: Number.NaN });
    const rows = (stage1: number) =>
      validationRows([{ case: "a", class: 1, dice: dice(stage1) }], ["background", "liver"]);
    for (const value of [0.6, 0.7]) {
      const recorder = await RunRecorder.open(folder);
      await recorder.describe({ validation: rows(value), finished: true });
      recorder.close();
    }
    const lines = (await readFile(join(folder, logName), "utf8")).trimEnd().split("\n");
    expect(lines.map((each) => JSON.parse(each))).toMatchObject([
      { result: "validation/liver/step0", value: 0.5 },
      { result: "validation/liver/stage1", value: 0.7 },
    ]);
    expect((await events()).map(({ tags }) => tags[0])).toEqual(["validation/liver/step0", "validation/liver/stage1"]);
    expect(JSON.parse(await readFile(join(folder, "run.json"), "utf8"))).toMatchObject({ finished: true });
  });

  test.each([
    ["an iteration of 0", step(0)],
    ["half an iteration", step(1.5)],
    ["no stage", step(1, "")],
    ["negative seconds", { ...step(1), seconds: -1 }],
  ])("%s is refused", async (_, record) => {
    const recorder = await RunRecorder.open(folder);
    expect(() => recorder.add(record)).toThrow(ConfigError);
    recorder.close();
    expect(() => recorder.add(step(1))).toThrow(/closed/);
  });

  test("values that are no numbers have no place on a curve", async () => {
    const recorder = await RunRecorder.open(folder);
    recorder.add({ ...step(1), values: { loss: Number.NaN, iou: 0.5 } });
    recorder.add({ ...step(2), values: { loss: 2 } });
    recorder.close();
    expect((await curves()).refiner!.values).toEqual({ iou: [0.5, null], loss: [null, 2] });
  });
});
