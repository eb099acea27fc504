/** A record that is gone on with: after stops, kills and full disks it has what the record of an undisturbed run has. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fc, test } from "@fast-check/vitest";
import { ResourceError } from "@rfmedsam/base";
import { afterEach, beforeEach, describe, expect, vi } from "vitest";
import type { StepRecord } from "../loop/loop.js";
import { isPoint, readLog } from "./log-file.js";
import type { CurvePoint } from "./points.js";
import { logName, RunRecorder } from "./recorder.js";
import { costTable } from "./run-tables.js";

/** How many bytes the disk still takes, when it is nearly full. */
const disk = vi.hoisted(() => ({ room: Number.POSITIVE_INFINITY }));

vi.mock("node:fs", async (original) => {
  const fs = await original<typeof import("node:fs")>();
  const full = () => Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  return {
    ...fs,
    appendFileSync: (file: string, data: string | Uint8Array) => {
      const bytes = Buffer.from(data);
      const taken = bytes.subarray(0, disk.room);
      fs.appendFileSync(file, taken);
      disk.room -= taken.length;
      if (taken.length < bytes.length) throw full();
    },
    writeFileSync: (file: string, data: string | Uint8Array) => {
      if (Buffer.byteLength(data) > disk.room) throw full();
      fs.writeFileSync(file, data);
    },
  };
});

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "record-"));
});
afterEach(async () => {
  disk.room = Number.POSITIVE_INFINITY;
  await rm(folder, { recursive: true });
});

/** Some steps have a value that others lack; every number depends on stage and iteration alone. */
const step = (stage: string, iteration: number): StepRecord => ({
  stage,
  iteration,
  values: { loss: Math.sin(iteration) + 2, ...(iteration % 3 === 0 && { dice: 1 / iteration }) },
  seconds: 0.1 + 1 / iteration,
});

/** Of one stage after the other. */
async function points(): Promise<CurvePoint[]> {
  const { entries } = await readLog(join(folder, logName));
  return entries.filter(isPoint).sort((a, b) => a.stage.localeCompare(b.stage));
}

/** What does not depend on when a point was written. */
const madeOfSteps = ({ stage, iteration, steps, values, seconds }: CurvePoint) => ({
  stage,
  iteration,
  steps,
  values,
  seconds,
});

/** A training of two stages that saves its state now and then: makes the rest of its steps, or some of them. */
class Training {
  /** Steps done by the last saved state and the one before, by stage. */
  readonly #saved = new Map<string, number[]>();
  #now = 0;

  constructor(
    readonly stages: readonly { readonly stage: string; readonly from: number; readonly to: number }[],
    readonly saveEvery: number,
  ) {}

  /** @param damaged whether the newest state cannot be used @returns whether all steps are made */
  async run(steps: number, how: "stopped" | "killed", damaged: boolean): Promise<boolean> {
    const recorder = await RunRecorder.open(folder, { now: () => this.#now, drawEvery: 1e9 });
    let left = steps;
    for (const { stage, from, to } of this.stages) {
      const saved = this.#saved.get(stage) ?? [];
      if (damaged && saved.length > 1) saved.shift();
      const save = (at: number) => this.#saved.set(stage, [at, ...(this.#saved.get(stage) ?? [])].slice(0, 2));
      let iteration = saved[0] ?? from - 1;
      for (; iteration < to && left > 0; left--) {
        iteration += 1;
        this.#now += 700;
        const lasting = iteration % this.saveEvery === 0 || iteration === to;
        recorder.add({ ...step(stage, iteration), saved: lasting });
        if (lasting) save(iteration);
      }
      if (iteration < to) {
        if (how === "killed") return false;
        // As the loop does: the state is saved, then the record closed.
        save(iteration);
        recorder.close();
        return false;
      }
    }
    recorder.close();
    return true;
  }
}

describe("a run that was stopped, killed, and gone on with from an older state", () => {
  const disturbance = fc.record({
    steps: fc.integer({ min: 1, max: 60 }),
    how: fc.constantFrom("stopped" as const, "killed" as const),
    damaged: fc.boolean(),
  });
  test.prop(
    [
      fc.constantFrom(1, 985, 1991, 3980, 63_970),
      fc.integer({ min: 1, max: 80 }),
      fc.integer({ min: 1, max: 25 }),
      fc.array(disturbance, { minLength: 1, maxLength: 6 }),
    ],
    { numRuns: 40 },
  )("has the points of one that was not", async (from, length, saveEvery, disturbances) => {
    const stages = ["step 0: fold", "refiner"].map((stage, at) => ({ stage, from, to: from + length + 7 * at }));
    await rm(folder, { recursive: true });
    await new Training(stages, saveEvery).run(1e9, "stopped", false);
    const undisturbed = await points();
    await rm(folder, { recursive: true });
    const training = new Training(stages, saveEvery);
    let finished = false;
    for (const { steps, how, damaged } of disturbances)
      finished = finished || (await training.run(steps, how, damaged));
    if (!finished) await training.run(1e9, "stopped", false);
    expect((await points()).map(madeOfSteps)).toEqual(undisturbed.map(madeOfSteps));
    const { steps } = costTable(await points(), {});
    expect(steps).toBe(stages.reduce((sum, { to }) => sum + to - from + 1, 0));
  });

  test("goes on with a block that an earlier version wrote without its sums", async () => {
    const old = { stage: "refiner", iteration: 2003, steps: 3, values: { loss: 2 }, seconds: 1, memory: 1, time: 1 };
    await writeFile(join(folder, logName), `${JSON.stringify(old)}\n`);
    const recorder = await RunRecorder.open(folder);
    recorder.add({ stage: "refiner", iteration: 2004, values: { loss: 6 }, seconds: 2 });
    recorder.close();
    expect(await points()).toMatchObject([{ iteration: 2004, steps: 4, values: { loss: 3 }, seconds: 1.25 }]);
  });

  test("has a block that is not full on disk as soon as its state is saved, and once only", async () => {
    const recorder = await RunRecorder.open(folder, { now: () => 0 });
    for (let iteration = 4001; iteration <= 4006; iteration++)
      recorder.add({ ...step("refiner", iteration), saved: iteration > 4002 });
    expect(await points()).toMatchObject([{ iteration: 4006, steps: 6 }]);
    for (let iteration = 4007; iteration <= 4008; iteration++) recorder.add(step("refiner", iteration));
    recorder.close();
    expect(await points()).toMatchObject([{ iteration: 4008, steps: 8 }]);
    const names = (await readdir(folder)).filter((name) => name.includes("tfevents"));
    const events = (await readFile(join(folder, names[0]!))).toString("latin1");
    expect(events.split("refiner/loss")).toHaveLength(2);
  });
});

describe("a full disk", () => {
  /** Steps whose time goes on so that each is written. */
  async function begin(): Promise<{ recorder: RunRecorder; add: (iteration: number) => void }> {
    let now = 0;
    const recorder = await RunRecorder.open(folder, { now: () => now, drawEvery: 1e9 });
    const add = (iteration: number) => {
      now += 4000;
      recorder.add(step("refiner", iteration));
    };
    return { recorder, add };
  }

  test.prop([fc.integer({ min: 0, max: 400 }), fc.boolean()], { numRuns: 30 })(
    "leaves no torn line inside the record, whenever there is room again",
    async (room, closed) => {
      await rm(folder, { recursive: true });
      const { recorder, add } = await begin();
      for (const iteration of [1, 2, 3]) add(iteration);
      disk.room = room;
      for (const iteration of [4, 5, 6]) add(iteration);
      disk.room = Number.POSITIVE_INFINITY;
      if (!closed) add(7);
      expect(recorder.close()).toBeUndefined();
      const iterations = (await points()).map(({ iteration }) => iteration);
      expect(iterations).toEqual(closed ? [1, 2, 3, 4, 5, 6] : [1, 2, 3, 4, 5, 6, 7]);
      const again = await RunRecorder.open(folder);
      again.add(step("refiner", 8));
      again.close();
    },
  );

  test("does not stop the steps, and is what closing returns; what was there before is there", async () => {
    const { recorder, add } = await begin();
    add(1);
    disk.room = 30;
    for (const iteration of [2, 3]) expect(() => add(iteration)).not.toThrow();
    const failure = recorder.close();
    expect(failure).toBeInstanceOf(ResourceError);
    expect(failure?.message).toMatch(/the disk is full/);
    expect(recorder.close()).toBeUndefined();
    expect(await points()).toMatchObject([{ iteration: 1 }]);
    // The half line is dropped by the next start.
    disk.room = Number.POSITIVE_INFINITY;
    const again = await RunRecorder.open(folder);
    for (const iteration of [2, 3]) again.add(step("refiner", iteration));
    expect(again.close()).toBeUndefined();
    expect((await points()).map(({ iteration }) => iteration)).toEqual([1, 2, 3]);
  });

  test("does not hide another failure: closing in a finally block throws nothing", async () => {
    const { recorder, add } = await begin();
    add(1);
    disk.room = 0;
    const useful = new ResourceError({ found: "the disk is full", hint: "it goes on from step 1" });
    const failed = async () => {
      try {
        add(2);
        throw useful;
      } finally {
        recorder.close();
      }
    };
    await expect(failed()).rejects.toBe(useful);
  });

  test("results that cannot be written are told at once, and are written when there is room", async () => {
    const { recorder } = await begin();
    disk.room = 10;
    expect(() => recorder.results({ "memory/peak": 1 })).toThrow(ResourceError);
    disk.room = Number.POSITIVE_INFINITY;
    recorder.results({ "memory/peak": 2 });
    expect(recorder.close()).toBeUndefined();
    const { entries } = await readLog(join(folder, logName));
    expect(entries).toMatchObject([{ result: "memory/peak", value: 2 }]);
  });
});
