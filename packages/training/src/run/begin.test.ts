/** How a run begins or goes on, without any training. */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { ConfigError, ResourceError } from "@rfmedsam/base";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Partially, TrainingConfiguration } from "../config.js";
import { type Dataset, readDataset } from "../dataset/nnunet.js";
import { writePhantomDataset } from "../phantom/index.js";
import { tinyConfiguration } from "../testing/cases.js";
import { type BeginOptions, begin, workFolderOf } from "./begin.js";
import { WorkFolder } from "./work-folder.js";

let folder: string;
let dataset: Dataset;
let output: string;
let notes: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "begin-"));
  await writePhantomDataset(join(folder, "data"), {
    organs: ["liver"],
    inPlaneSpacing: 16,
    sliceSpacing: 20,
    fieldOfView: [140, 280, 340],
    cases: 2,
    test: 0,
    seed: 2,
  });
  dataset = await readDataset(join(folder, "data"));
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() => {
  output = join(folder, `model ${expect.getState().currentTestName!.replaceAll(/\W+/g, " ")}`);
  notes = [];
});

const start = (changes: Partially<TrainingConfiguration> = {}, others: Partial<BeginOptions> = {}) =>
  begin(
    {
      output,
      configuration: tinyConfiguration(changes),
      seed: 1,
      device: "cpu",
      progress: () => {},
      note: (text) => void notes.push(text),
      ...others,
    },
    dataset,
    new WorkFolder(workFolderOf(output)),
  );

describe("a run that goes on", () => {
  test("has the plan and the estimate it began with", async () => {
    const begun = await start({ memory: 8 });
    expect(begun.memory!.map(({ phase }) => phase)).toContain("training the refiner");
    notes = [];
    expect(await start({ memory: 8 })).toEqual(begun);
    expect(notes).toEqual([]);
  });

  test("does so with less memory than it began with, and is told", async () => {
    const begun = await start();
    notes = [];
    expect(await start({ memory: 0.05 })).toEqual(begun);
    expect(notes).toEqual([
      expect.stringMatching(
        /more memory than it may now: .*training step 0 about 0\.\d+ GiB of the 0\.05 GiB it may.*training the refiner/,
      ),
    ]);
  });

  test("does so with the memory that is asked for, and with other times to save", async () => {
    const begun = await start();
    expect(await start({ memory: 20, checkpointEvery: 7 })).toEqual(begun);
  });

  test("is told of other settings before its memory is looked at", async () => {
    await start();
    const other = start({ memory: 0.05, refiner: { sequence: 3 } });
    await expect(other).rejects.toThrow(ConfigError);
    await expect(other).rejects.toThrow(/something else: refiner\.sequence \(was 2, is 3\); expected/);
  });

  test("was begun by a version that did not know a setting, and did what it does by default", async () => {
    const begun = await start({ refiner: { promptSources: { mask: 0 } } });
    const file = join(workFolderOf(output), "run.json");
    const { memory, ...run } = JSON.parse(await readFile(file, "utf8"));
    delete run.configuration.refiner.adapters.rate;
    delete run.configuration.refiner.promptSources.mask;
    await writeFile(file, JSON.stringify(run));
    expect(memory).toEqual(begun.memory);
    expect((await start({ refiner: { promptSources: { mask: 0 } } })).plan).toEqual(begun.plan);
    await expect(start({ refiner: { promptSources: { mask: 0.5 } } })).rejects.toThrow(/mask \(was 0, is 0\.5\)/);
    await expect(
      start({ refiner: { promptSources: { mask: 0 }, adapters: { placements: ["hiera"], ratio: 0.25, rate: 2 } } }),
    ).rejects.toThrow(/adapters\.rate \(was 1, is 2\)/);
  });

  test("is no new run: that one is refused where it does not fit", async () => {
    await expect(start({ memory: 0.05 })).rejects.toThrow(ResourceError);
    expect(existsSync(output)).toBe(false);
  });
});

describe("a run that is thrown away", () => {
  test("leaves no file of the larger model it was, and everything that is not a training's", async () => {
    await mkdir(join(output, "generator.safetensors"), { recursive: true });
    const elsewhere = join(folder, "elsewhere.safetensors");
    await writeFile(elsewhere, "somebody's weights");
    await symlink(elsewhere, join(output, "step0-fold7.safetensors"));
    const manifest = { step0: { folds: ["../elsewhere.safetensors"] }, refiner: { weights: "notes.txt" } };
    await writeFile(join(output, "model.json"), JSON.stringify(manifest));
    for (const name of ["step0-fold0", "step0-fold4", "step0-fold12", "refiner", "step0-fold", "my-refiner"]) {
      await writeFile(join(output, `${name}.safetensors`), "");
    }
    for (const name of ["training.json", "notes.txt"]) await writeFile(join(output, name), "");
    await start({}, { restart: true });
    expect((await readdir(output)).sort()).toEqual([
      "generator.safetensors",
      "my-refiner.safetensors",
      "notes.txt",
      "step0-fold.safetensors",
      "training",
    ]);
    expect(await readFile(elsewhere, "utf8")).toBe("somebody's weights");
  });

  test("stays whole where the new one cannot begin", async () => {
    await mkdir(output);
    for (const name of ["model.json", "step0-fold4.safetensors"]) await writeFile(join(output, name), "");
    await expect(start({ memory: 0.05 }, { restart: true })).rejects.toThrow(ResourceError);
    expect((await readdir(output)).sort()).toEqual(["model.json", "step0-fold4.safetensors"]);
  });
});

describe("a run that is to take its step 0 from the folder it throws away", () => {
  test.each([
    ["its own name", false],
    ["another name of it", true],
  ])("by %s is refused, and nothing is lost", async (_, linked) => {
    await start();
    const work = workFolderOf(output);
    await writeFile(join(work, "step0-fold0.safetensors"), "days of work");
    const workFrom = linked ? `${output} linked` : join(output, "..", basename(output));
    if (linked) await symlink(output, workFrom);
    const failure = start({}, { restart: true, workFrom });
    await expect(failure).rejects.toThrow(ConfigError);
    await expect(failure).rejects.toThrow(/in the very folder that is to be thrown away; expected a step 0 of another/);
    expect(await readFile(join(work, "step0-fold0.safetensors"), "utf8")).toBe("days of work");
  });
});

test("a run whose files have no room on the disk is refused before anything is written, and others hear what they will take", async () => {
  const fine = start({ preprocessing: { spacing: [0.005, 0.005, 0.005] } });
  await expect(fine).rejects.toThrow(ResourceError);
  await expect(fine).rejects.toThrow(/free on its disk; expected about .* GiB while training \(/);
  expect(existsSync(output)).toBe(false);
  await start();
  expect(notes).toContainEqual(expect.stringMatching(/files will take about [\d.]+ GiB of the output folder's disk/));
});
