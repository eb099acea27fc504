/** Whatever happens to a training or to its files, the last good state is there, and going on from it gives the same numbers. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CheckpointError, type ProgressEvent, Random } from "@rfmedsam/base";
import { liveTensors, readSafetensorsHeader } from "@rfmedsam/torch";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type LoopOptions, trainLoop } from "./loop.js";
import { previousState } from "./state.js";
import { makeRun } from "./testing/runs.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "state-"));
});
afterEach(() => rm(folder, { recursive: true }));

describe("a process that is", () => {
  const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  const iterations = 24;

  interface Ended {
    readonly code: number | null;
    readonly err: string;
    /** Steps made. */
    readonly steps: number[];
  }

  /** Runs the training in `place`; `onStep` may kill it; no file may become larger than `limit` blocks (of 512 bytes or 1024). */
  function runIn(
    place: string,
    onStep: (step: number, kill: () => void) => void = () => {},
    limit?: number,
  ): Promise<Ended> {
    const hooks = file("../../../torch/src/testing/typescript-hooks.mjs");
    const node = [process.execPath, "--conditions=source", "--import", hooks, file("testing/training-process.ts")];
    const shell = `${limit === undefined ? "" : `ulimit -f ${limit}; `}exec "$@"`;
    const child = spawn("/bin/sh", ["-c", shell, "sh", ...node, place, `${iterations}`]);
    const steps: number[] = [];
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      for (const line of text.trim().split("\n")) {
        steps.push(Number(line));
        onStep(Number(line), () => child.kill("SIGKILL"));
      }
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      err += text;
    });
    return new Promise((done, fail) => {
      child.on("error", fail);
      child.on("close", (code) => done({ code, err, steps }));
    });
  }

  const resultIn = async (place: string) => JSON.parse(await readFile(join(place, "result.json"), "utf8")) as unknown;

  /** What a process that nothing happened to leaves. */
  let whole: { readonly result: unknown; readonly record: string[] };
  const recordIn = async (place: string) => (await readFile(join(place, "record"), "utf8")).trim().split("\n");

  beforeAll(async () => {
    const place = await mkdtemp(join(tmpdir(), "whole-"));
    expect(await runIn(place)).toMatchObject({ code: 0, err: "" });
    whole = { result: await resultIn(place), record: await recordIn(place) };
    await rm(place, { recursive: true });
  }, 120_000);

  test("killed again and again at random moments comes to the same weights, averages and curve, bit for bit", async () => {
    const place = join(folder, "killed");
    await mkdir(place);
    const random = new Random(Date.now());
    const moments: string[] = [];
    for (let kills = 0; kills < 3; kills++) {
      // After so many steps, and so many ms into the next one or the saving of a state.
      const [after, delay] = [1 + random.below(8), random.uniform(0, 6)];
      let [first, asked] = [0, false];
      const { steps } = await runIn(place, (step, kill) => {
        first ||= step;
        if (asked || step < first + after) return;
        asked = true;
        setTimeout(kill, delay);
      });
      moments.push(`${steps.at(0)} to ${steps.at(-1)}, ${delay} ms`);
    }
    const last = await runIn(place);
    expect(last, moments.join("; ")).toMatchObject({ code: 0, err: "" });
    expect(await resultIn(place), moments.join("; ")).toEqual(whole.result);

    // The record has every step, and steps made twice have the same numbers.
    expect([...new Set(await recordIn(place))].sort()).toEqual([...whole.record].sort());
  }, 240_000);

  test("out of disk space keeps the last state, says so, and goes on from it", async () => {
    const place = join(folder, "full");
    await mkdir(place);
    await runIn(place, (step, kill) => step >= 7 && kill());
    const before = await stateIn(place);
    const full = await runIn(place, undefined, 60);
    expect(full.code).toBe(1);
    expect(full.err).toMatch(
      /state\.safetensors: the disk is full \(EFBIG\)\. Free some space and run the command again: /,
    );
    expect(full.err).toContain(`it goes on from step ${before}.`);
    expect(await stateIn(place)).toBe(before);
    expect(await runIn(place)).toMatchObject({ code: 0, err: "", steps: expect.arrayContaining([before + 1]) });
    expect(await resultIn(place)).toEqual(whole.result);
  }, 120_000);

  async function stateIn(place: string): Promise<number> {
    const newest = [join(place, "state.safetensors")].flatMap((name) => [name, previousState(name)]).find(existsSync)!;
    const { metadata } = await readSafetensorsHeader(newest);
    return (JSON.parse(metadata.state!) as { iteration: number }).iteration;
  }
});

/** Trains to step 11 of 12, so that states of step 10 and (before it) of step 5 are there. */
async function stoppedRun(): Promise<LoopOptions["checkpoint"]> {
  const file = join(folder, "net.safetensors");
  const run = makeRun("adam", file, {
    progress: ({ done }) => {
      if (done === 11) throw new Error("killed");
    },
  });
  await expect(trainLoop(run.options)).rejects.toThrow("killed");
  run.finish();
  return file;
}

async function wholeRun(): Promise<number[][]> {
  const run = makeRun("adam", join(folder, "whole.safetensors"));
  await trainLoop(run.options);
  const weights = run.weights();
  run.finish();
  return weights;
}

async function flip(file: string, at: (length: number) => number): Promise<void> {
  const bytes = await readFile(file);
  bytes[at(bytes.length)]! ^= 1;
  await writeFile(file, bytes);
}

const damages: readonly (readonly [string, (file: string) => Promise<void>, RegExp])[] = [
  ["empty", (file) => truncate(file, 0), /0 bytes/],
  ["cut off", (file) => truncate(file, 700), /bytes/],
  ["cut off in its last tensor", async (file) => truncate(file, (await readFile(file)).length - 3), /bytes/],
  ["changed in a single bit of a weight", (file) => flip(file, (length) => length - 30), /checksum/],
  ["changed in its header", (file) => flip(file, () => 9), /./],
  ["something else", (file) => writeFile(file, "a text that is no state"), /./],
];

describe("a saved state that is", () => {
  test.each(damages)("%s is told, and the one before it gives the same weights", async (_, damage, what) => {
    const expected = await wholeRun();
    const file = await stoppedRun();
    await damage(file);
    const events: ProgressEvent[] = [];
    const run = makeRun("adam", file, { progress: (event) => events.push(event) });
    await trainLoop(run.options);
    expect(run.weights()).toEqual(expected);
    expect(events[0]).toMatchObject({ done: 5, total: 12 });
    expect(events[0]!.stage).toContain(`fitting: ${file} is damaged`);
    expect(events[0]!.stage).toMatch(what);
    expect(events[1]!.done).toBe(6);
    run.finish();
  });

  test.each(damages)("%s, and the one before it too, is an error that says what to do", async (_, damage) => {
    const file = await stoppedRun();
    for (const state of [file, previousState(file)]) await damage(state);
    const live = liveTensors();
    const run = makeRun("adam", file);
    const made = liveTensors() - live;
    const error = await trainLoop(run.options).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(CheckpointError);
    expect((error as CheckpointError).file).toBe(file);
    expect((error as Error).message).toMatch(
      /cannot be used \(.+\); expected the file as it was written\. Delete this file/,
    );
    expect(liveTensors()).toBe(live + made);
    expect(existsSync(file)).toBe(true);
    run.finish();
  });

  test("of another model is refused, and both states stay", async () => {
    const file = await stoppedRun();
    const before = await readFile(file);
    const run = makeRun("sgd", file);
    await expect(trainLoop(run.options)).rejects.toThrow(CheckpointError);
    await expect(trainLoop(run.options)).rejects.toThrow(/net\.safetensors: the optimiser state has an unknown/);
    expect(await readFile(file)).toEqual(before);
    expect(existsSync(previousState(file))).toBe(true);
    run.finish();
  });
});

test("after a damaged state the sound one is not pushed out by the next", async () => {
  const file = await stoppedRun();
  await truncate(file, 10);
  const run = makeRun("adam", file, {
    progress: ({ done }) => {
      if (done === 7) throw new Error("killed again");
    },
  });
  await expect(trainLoop(run.options)).rejects.toThrow("killed again");
  run.finish();
  expect(await readdir(folder)).toEqual(["net.safetensors"]);
  const { metadata } = await readSafetensorsHeader(file);
  expect(JSON.parse(metadata.state!)).toMatchObject({ iteration: 5 });
});
