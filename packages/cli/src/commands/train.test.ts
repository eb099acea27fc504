/** The real command, killed while it trains the refiner: no error is thrown, nothing is cleaned up, the process is gone. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writePhantomDataset } from "@rfmedsam/training";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommandLine } from "../testing/command-line.js";

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "train-"));
  await writePhantomDataset(join(folder, "data"), {
    organs: ["liver", "aorta"],
    inPlaneSpacing: 16,
    sliceSpacing: 20,
    fieldOfView: [140, 280, 340],
    cases: 3,
    test: 0,
    seed: 2,
  });
}, 60_000);
afterAll(() => rm(folder, { recursive: true }));

const settings = [
  "folds=1",
  "checkpointEvery=3",
  "step0.iterations=2",
  "step0.baseFeatures=4",
  "step0.maximumStages=2",
  "step0.patchVoxels=2500",
  "refiner.iterations=9",
  "refiner.imageSize=32",
  "refiner.sequence=2",
  "refiner.batch=1",
  "refiner.averaging=0.9",
].flatMap((setting) => ["--set", setting]);

const options = (model: string) => [
  "--threads",
  "1",
  "train",
  join(folder, "data"),
  "-o",
  join(folder, model),
  ...settings,
];

/** `rfmedsam train` as a process of its own, killed `delay` ms after the refiner's step `killAt`. @returns the steps it made */
function killed(model: string, killAt: number, delay: number): Promise<readonly number[]> {
  const hooks = source("../../../torch/src/testing/typescript-hooks.mjs");
  const node = ["--conditions=source", "--import", hooks, source("../main.ts"), "--json"];
  const child = spawn(process.execPath, [...node, ...options(model)]);
  const steps: number[] = [];
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const lines = (out + text).split("\n");
    out = lines.pop()!;
    for (const line of lines) {
      const { stage, done } = JSON.parse(line) as { readonly stage?: string; readonly done?: number };
      if (stage?.startsWith("refiner: training") !== true) continue;
      steps.push(done!);
      if (done! >= killAt) setTimeout(() => child.kill("SIGKILL"), delay);
    }
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  return new Promise((done, fail) => {
    child.on("error", fail);
    child.on("close", (_, signal) => (signal === "SIGKILL" ? done(steps) : fail(new Error(`not killed: ${err}`))));
  });
}

test("a split that leaks or names cases that are not there is refused before anything is done", async () => {
  const file = join(folder, "splits_final.json");
  const train = async (fold: unknown) => {
    await writeFile(file, JSON.stringify([fold]));
    return runCommandLine(...options("refused"), "--split", file, "--fold", "0");
  };
  const leaking = await train({ train: ["phantom_001", "phantom_002"], val: ["phantom_002"] });
  expect(leaking.code).toBe(2);
  expect(leaking.err).toContain(`${file}: fold 0 learns from 1 of the cases it measures: phantom_002`);
  const unknown = await train({ train: ["phantom_001", "phantom_002"], val: ["ghost"] });
  expect(unknown.code).toBe(2);
  expect(unknown.err).toContain(`ghost); expected the cases of ${file}, fold 0, val`);
  expect(existsSync(join(folder, "refused"))).toBe(false);
});

test("killed again and again in the refiner's training, it comes to the same refiner, bit for bit", async () => {
  expect(await runCommandLine(...options("whole"))).toMatchObject({ code: 0 });
  // Between two states, then while one is saved or just after.
  await killed("killed", 4, 0);
  const [first] = await killed("killed", 6, 3);
  expect(first! % 3).toBe(1); // the step after a saved state
  expect(first).toBeGreaterThan(3);
  expect(existsSync(join(folder, "killed/model.json"))).toBe(false);
  expect(await runCommandLine(...options("killed"))).toMatchObject({ code: 0 });
  for (const name of ["step0-fold0.safetensors", "refiner.safetensors"]) {
    const [whole, gone] = await Promise.all(["whole", "killed"].map((model) => readFile(join(folder, model, name))));
    expect(gone!.equals(whole!), name).toBe(true);
  }
}, 240_000);
