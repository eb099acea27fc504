import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "@rfmedsam/base";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readConfiguration, resolveConfiguration, trainingSchema } from "./config.js";
import { type PresetName, presets } from "./presets.js";

describe("a configuration", () => {
  test.each(Object.keys(presets) as (keyof typeof presets)[])("preset %s is one, complete", (name) => {
    expect(resolveConfiguration(name)).toEqual(presets[name]);
    expect(trainingSchema.parse(presets[name])).toEqual(presets[name]);
  });

  test("changes only what is named, lists and unions as a whole", () => {
    const changed = resolveConfiguration("cpu", {
      step0: { patch: [8, 16, 16], augmentation: { mirrorAxes: [0, 1] } },
      preprocessing: { spacing: "keep" },
      refiner: { adapters: null },
    });
    const { cpu } = presets;
    expect(changed).toEqual({
      ...cpu,
      preprocessing: { ...cpu.preprocessing, spacing: "keep" },
      step0: { ...cpu.step0, patch: [8, 16, 16], augmentation: { ...cpu.step0.augmentation, mirrorAxes: [0, 1] } },
      refiner: { ...cpu.refiner, adapters: null },
    });
  });

  test("of a version without a key means what that version did", () => {
    const { rate: _rate, ...adapters } = presets.cpu.refiner.adapters;
    const { mask: _mask, ...promptSources } = presets.cpu.refiner.promptSources;
    const { bridgeSlices: _bridgeSlices, ...prompts } = presets.cpu.refiner.prompts;
    const { seedOffset: _seedOffset, ...others } = presets.cpu.refiner;
    const before = { ...presets.cpu, refiner: { ...others, adapters, promptSources, prompts } };
    const { refiner } = trainingSchema.parse(before);
    expect(refiner.adapters).toEqual({ ...adapters, rate: 1 });
    expect(refiner.promptSources).toEqual({ ...promptSources, mask: 0 });
    expect(refiner.seedOffset).toBe(0);
    expect(refiner.prompts.bridgeSlices).toBe(0);
  });

  test("may have any picture size and backbone where there is no refiner; an unknown backbone is told where it is made", () => {
    expect(resolveConfiguration("cpu", { refiner: { enabled: false, imageSize: 100 } }).refiner.imageSize).toBe(100);
    expect(resolveConfiguration("cpu", { refiner: { backbone: "sam3" } }).refiner.backbone).toBe("sam3");
  });

  test("may leave width, depth and Dice of step 0 to the plan", () => {
    const auto = { maximumFeatures: "auto", maximumStages: "auto", batchDice: "auto" } as const;
    expect(resolveConfiguration("cpu", { step0: auto }).step0).toEqual({ ...presets.cpu.step0, ...auto });
    expect(resolveConfiguration("gpu").step0).toMatchObject(auto);
    expect(() => resolveConfiguration("cpu", { step0: { maximumFeatures: "all" } })).toThrow(/maximumFeatures/);
  });

  test.each([
    ["an unknown key", { step0: { iteration: 5 } }, /iteration/],
    ["a wrong value", { step0: { dimensions: 4 } }, /dimensions/],
    ["a section that is a number", { refiner: 3 }, /refiner/],
    // A model folder could not hold it.
    ["a minimum area of nothing", { refiner: { prompts: { minimumArea: 0 } } }, /minimumArea/],
    [
      "a momentum with which nothing is ever forgotten",
      { step0: { momentum: 1 } },
      /"step0\.momentum" to be less than 1/,
    ],
    [
      "an axis twice",
      { step0: { augmentation: { mirrorAxes: [2, 2] } } },
      /mirrorAxes" is \[2,2\]; .*every axis at most/,
    ],
    ["dimensions there are not", { step0: { dimensions: 7 } }, /expected "step0\.dimensions" to be 2 or 3/],
    [
      "a spacing that is one number",
      { preprocessing: { spacing: 7 } },
      /"preprocessing\.spacing" to be "median", "low", "keep" or a list of 3 numbers greater than 0/,
    ],
    [
      "pictures that the network cannot halve",
      { refiner: { imageSize: 100 } },
      /^my\.yaml: "refiner\.imageSize" is 100; expected "refiner\.imageSize": a multiple of 32\.$/,
    ],
    ["nothing at all", null, /empty/],
    ["a list", [1], /keys and values/],
  ])("with %s is refused by name", (_, changes, words) => {
    const resolve = () => resolveConfiguration("cpu", changes, "my.yaml");
    expect(resolve).toThrow(ConfigError);
    expect(resolve).toThrow(words);
    expect(resolve).toThrow(/my\.yaml/);
  });
});

describe("a configuration file", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "config-"));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const read = async (text: string, asked?: PresetName) => {
    const file = join(folder, "a.yaml");
    await writeFile(file, text);
    return readConfiguration(file, asked);
  };

  test("in YAML or JSON names a preset and what it changes", async () => {
    expect(await read("preset: demo\nfolds: 3\n")).toEqual({ ...presets.demo, folds: 3 });
    expect(await read('{"refiner": {"enabled": false}}')).toMatchObject({ refiner: { enabled: false } });
    expect(await read("# nothing\n")).toEqual(presets.cpu);
  });

  test("may leave the preset to the command, but not to two that differ", async () => {
    expect(await read("folds: 3\n", "demo")).toEqual({ ...presets.demo, folds: 3 });
    expect(await read("preset: demo\n", "demo")).toEqual(presets.demo);
    await expect(read("preset: demo\n", "gpu")).rejects.toThrow(/preset demo, and --preset gpu/);
  });

  test.each([
    ["another preset", "preset: huge", /huge.*cpu/s],
    ["a key that does not exist", "fold: 3", /fold/],
    ["text that is no YAML", "a: [1", /neither YAML nor JSON/],
    ["a list", "- 1", /a\.yaml/],
  ])("with %s is refused", async (_, text, words) => {
    await expect(read(text)).rejects.toThrow(ConfigError);
    await expect(read(text)).rejects.toThrow(words);
  });
});
