import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, FileError, silent } from "@rfmedsam/base";
import { setNumThreads } from "@rfmedsam/torch";
import { readConfiguration, resolveConfiguration, writePhantomDataset } from "@rfmedsam/training";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeUi } from "../ui/ui.js";
import { describePlanned, plan } from "./plan.js";

setNumThreads(1); // test files run side by side

let folder: string;
let data: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "plan-"));
  data = join(folder, "data");
  const sizes = { cases: 3, test: 0, inPlaneSpacing: 9, sliceSpacing: 12 };
  await writePhantomDataset(data, { ...sizes, seed: 1, modality: "ct" }, silent);
});
afterAll(() => rm(folder, { recursive: true }));

/** The command by itself: what it writes out, and beside it. */
async function run(json: boolean, ...args: string[]): Promise<{ out: string; err: string }> {
  let [out, err] = ["", ""];
  const stdout = { write: (text: string) => (out += text) };
  const stderr = { write: (text: string) => (err += text) };
  const ui = makeUi({ stdout, stderr, json, debug: false });
  const context = {
    ui,
    signal: new AbortController().signal,
    options: { device: "cpu", threads: 1, seed: 0, json, debug: false },
    exitCode: 0,
  };
  const command = plan(() => context)
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  await command.parseAsync(args, { from: "user" });
  ui.close();
  return { out, err };
}

const resultOf = (out: string) =>
  out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .find(({ event }) => event === "result");

describe("rfmedsam plan", () => {
  test("says spacing, patch, network, division and memory, and writes nothing", async () => {
    const { out, err } = await run(false, data, "--memory", "8");
    for (const line of [
      /^cases +3$/m,
      /^spacing +12 × 9 × 9 mm$/m,
      /^patch +\d+ × \d+ × \d+ voxels, 2 at a time$/m,
      /^step 0 +\d to learn from, \d left out; /m,
      /^intensities +CT /m,
      /^memory to use +8.0 GB$/m,
      /^training step 0 +\d+ MB$/m,
      /^ {2}activations, encoder +/m,
      /^training the refiner +[\d.]+ [MG]B$/m,
      /^ {2}prepared cases +.+ \(mapped from files\)$/m,
      /^Dice +over the patches of a step together$/m,
      /^disk +[\d.]+ [MG]B in the output folder$/m,
      /^ {2}predictions of step 0 +[\d.]+ [kMG]B$/m,
    ])
      expect(out).toMatch(line);
    expect(err).not.toMatch(/more than/);
    expect(await readdir(folder)).toEqual(["data"]);
  });

  test("gives machines the whole plan", async () => {
    const { out } = await run(true, data, "--set", "step0.dimensions=2", "--set", "folds=3", "--memory", "8");
    const result = resultOf(out);
    expect(result).toMatchObject({ command: "plan", device: "cpu", budget: 8 * 2 ** 30, over: [] });
    expect(result.plan.patch[0]).toBe(1);
    expect(result.plan.architecture.strides[1]).toEqual([2, 2]);
    expect(result.configuration).toEqual(
      resolveConfiguration("cpu", { folds: 3, memory: 8, step0: { dimensions: 2 } }),
    );
    expect(result.division.folds).toEqual(new Array(3).fill({ training: 2, leftOut: 1 }));
    expect(result.memory.map(({ phase }: { phase: string }) => phase)).toContain("training the refiner");
    expect(result.plan.batchDice).toBe(true);
    expect(result.hostBudget).toBe(result.budget);
    expect(result.disk.total).toBeGreaterThan(0);
  });

  test("prints every setting with what it means, without a data set, as a file for --config", async () => {
    const settings = ["--preset", "demo", "--set", "step0.dimensions=2", "--memory", "3"];
    const expected = resolveConfiguration("demo", { memory: 3, step0: { dimensions: 2 } });
    const { out, err } = await run(false, "--configuration", ...settings);
    expect(out).toMatch(
      /^ {2}# Whether the U-Net sees slices or volumes\.\n {2}# Allowed: 2 or 3\.\n {2}dimensions: 2$/m,
    );
    expect(err).toBe("");
    const file = join(folder, "mine.yaml");
    await writeFile(file, out);
    expect(await readConfiguration(file)).toEqual(expected);
    await rm(file);
    const { out: json } = await run(true, "--configuration", ...settings);
    expect(resultOf(json)).toEqual({ event: "result", command: "plan", configuration: expected });
    await expect(run(false, "--configuration", "--set", "step0.dimensions=7")).rejects.toThrow(/to be 2 or 3/);
  });

  test("asks for a data set where it is to plan one, and says where every key of --set is told", async () => {
    await expect(run(false, "--preset", "cpu")).rejects.toThrow(/DATASET: not given.*--configuration/s);
    const help = plan(() => {
      throw new Error("nothing is run");
    }).helpInformation();
    expect(help.replaceAll(/\s+/g, " ")).toContain(
      "--set <key.path=value> change one value; may be given several times (rfmedsam plan --configuration prints every key",
    );
  });

  test("plans 2D as nnU-Net does where the preset leaves it open", async () => {
    const settings = ["step0.dimensions=2", "step0.patch=[1,256,256]", "refiner.enabled=false"];
    const { out } = await run(true, data, "--preset", "gpu", ...settings.flatMap((each) => ["--set", each]));
    const { architecture, batchDice } = resultOf(out).plan;
    expect(architecture.features).toEqual([32, 64, 128, 256, 512, 512, 512]);
    expect(batchDice).toBe(true);
  });

  test("says on a GPU which memory is meant", async () => {
    const { out } = await run(true, data, "--memory", "8");
    const { memory, ...planned } = resultOf(out);
    const places = memory.map((one: object, at: number) => ({ ...one, place: at === 0 ? "host" : "device" }));
    const text = describePlanned({ ...planned, hostBudget: 2 ** 34, memory: places }, "cuda:0");
    expect(text).toMatch(/^memory to use +8\.0 GB on cuda:0, 16 GB of main memory$/m);
    expect(text).toMatch(/^preparing cases +.+ of main memory$/m);
    expect(text).toMatch(/^training step 0 +.+ on cuda:0$/m);
  });

  test("warns of phases that do not fit, with what helps", async () => {
    const { out, err } = await run(false, data, "--memory", "0.3", "--set", "refiner.imageSize=256");
    expect(err).toMatch(/training the refiner takes .*, more than the 307 MB there are: set refiner.checkpointing/);
    expect(out).toMatch(/^patch/m);
    const { out: json } = await run(true, data, "--memory", "0.3", "--set", "refiner.imageSize=256");
    expect(resultOf(json).over).toContain("training the refiner");
  });

  test.each([
    [["--memory", "0"], /GiB/],
    [["--memory", "lots"], /GiB/],
    [["--set", "step0.dimension=2"], /dimension/],
    [["--preset", "huge"], /huge/],
  ])("refuses %j", async (options, message) => {
    await expect(run(false, data, ...options)).rejects.toThrow(message);
  });

  test("refuses a split whose fold leaks, or measures a case that is not there, before any case is looked at", async () => {
    const file = join(folder, "splits_final.json");
    const [a, b, c] = ["phantom_001", "phantom_002", "phantom_003"];
    const planned = async (fold: unknown) => {
      await writeFile(file, JSON.stringify([{ train: [a], val: [b] }, fold]));
      return run(true, data, "--split", file, "--fold", "1", "--memory", "8");
    };
    await expect(planned({ train: [a, b], val: [b, c] })).rejects.toMatchObject({
      file,
      found: `fold 1 learns from 1 of the cases it measures: ${b}`,
    });
    await expect(planned({ train: [a, b], val: [c, "ghost"] })).rejects.toThrow(
      `ghost; expected the cases of ${file}, fold 1, val`,
    );
    const { out } = await planned({ train: [a, b], val: [c] });
    expect(resultOf(out).fingerprint.cases).toBe(2);
    await rm(file);
  });

  test("refuses a folder that is no data set, and memory in which nothing fits", async () => {
    await expect(run(false, folder)).rejects.toThrow(FileError);
    await expect(run(false, data, "--memory", "0.1")).rejects.toThrow(/step0\.baseFeatures/);
    await expect(run(false, data, "--set", "memory=0")).rejects.toThrow(ConfigError);
  });
});
