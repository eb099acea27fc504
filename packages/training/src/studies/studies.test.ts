/** The three studies on tiny phantoms and a tiny model: an ablation trains it, the others measure it. */
import { existsSync } from "node:fs";
import { cp, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, DatasetError, FormatError, InterruptedError, type Progress } from "@rfmedsam/base";
import { saveWeights } from "@rfmedsam/engine";
import { casesOfFold } from "@rfmedsam/metrics/node";
import { buildModel, smallSam2Config } from "@rfmedsam/models";
import { manualSeed, setNumThreads } from "@rfmedsam/torch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writePhantomDataset } from "../phantom/index.js";
import { type AblationOptions, runAblation } from "./ablation/run.js";
import type { StudyResult } from "./common/report.js";
import { runStress, type StressOptions } from "./stress/run.js";
import { runUpperBound, type UpperBoundOptions } from "./upper-bound/run.js";

setNumThreads(1);
let folder: string;
let dataset: string;
let ablated: StudyResult;
let trained: Set<string>;
const at = (...names: string[]) => join(folder, ...names);

const tiny = `
title: Tiny
preset: cpu
seed: 3
changes:
  folds: 2
  validation: 0.34
  checkpointEvery: 2
  choice: { stages: false, gate: false, largestComponent: false }
  step0: { patchVoxels: 2500, baseFeatures: 4, maximumFeatures: 8, maximumStages: 2, iterations: 4, foreground: 0.5 }
  refiner: { imageSize: 32, sequence: 2, batch: 1, iterations: 2, warmup: 0, promptSources: { outOfFold: 0, degradedTruth: 1 } }
variants:
  stage1: { about: no memory, stage: stage1 }
  repeat: { about: one slice in three colours, changes: { refiner: { slices: repeat } } }
  chance: { about: another seed, seedOffset: 1 }
`;

const ablation = (changes: Partial<AblationOptions> = {}): AblationOptions => ({
  file: at("tiny.yaml"),
  dataset,
  output: at("ablation"),
  device: "cpu",
  ...changes,
});
const stress = (changes: Partial<StressOptions> = {}): StressOptions => ({
  dataset,
  model: at("ablation/base"),
  output: at("stress"),
  degradations: ["dropped-slices", "noise"],
  seed: 1,
  device: "cpu",
  ...changes,
});
const upper = (changes: Partial<UpperBoundOptions> = {}): UpperBoundOptions => ({
  dataset,
  model: at("ablation/base"),
  output: at("upper"),
  prompts: ["mask", "clicks3", "step0"],
  strategies: ["every", "best"],
  directions: ["both", "backward"],
  device: "cpu",
  cases: 1,
  ...changes,
});

const stagesOf = (seen: Set<string>): Progress => {
  return ({ stage }) => void seen.add(stage);
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "studies-"));
  dataset = at("Dataset901_Tiny");
  await writePhantomDataset(dataset, {
    cases: 3,
    test: 2,
    seed: 2,
    organs: ["liver", "aorta"],
    inPlaneSpacing: 16,
    sliceSpacing: 20,
    absence: 0,
    fieldOfView: [140, 280, 340],
  });
  await writeFile(at("tiny.yaml"), tiny);
  trained = new Set();
  ablated = await runAblation(ablation({ progress: stagesOf(trained) }));
});
afterAll(() => rm(folder, { recursive: true }));

/** The base's model with another manifest. */
async function copyOfBase(name: string, manifest: object): Promise<string> {
  await cp(at("ablation/base"), at(name), { recursive: true, filter: (file) => !file.includes("training") });
  await writeFile(at(name, "model.json"), JSON.stringify(manifest));
  return at(name);
}

async function filesOf({ files }: StudyResult) {
  const [json, csv, html] = await Promise.all(
    [files.json, files.csv, files.html].map((file) => readFile(file, "utf8")),
  );
  return { json: JSON.parse(json!) as Record<string, unknown>, csv: csv!.trim().split("\n"), html: html! };
}

describe("an ablation", () => {
  test("trains each different model once, on one step 0, and measures the held-out cases", async () => {
    const unets = [...trained].filter((stage) => stage.includes("training U-Net"));
    expect(new Set(unets.map((stage) => stage.split(":")[0]))).toEqual(new Set(["base", "chance"]));
    expect(existsSync(at("ablation/stage1"))).toBe(false);
    expect(existsSync(at("ablation/repeat/model.json"))).toBe(true);
    const seeds = ["base", "repeat", "chance"].map(async (name) =>
      JSON.parse(await readFile(at("ablation", name, "model.json"), "utf8")),
    );
    expect((await Promise.all(seeds)).map(({ training }) => training.seed)).toEqual([3, 3, 4]);
    expect(ablated.measured.cases).toEqual(["phantom_004", "phantom_005"]);
    expect(ablated.table.rows.map(([name]) => name)).toEqual(["base", "stage1", "repeat", "chance"]);
    const { json, csv, html } = await filesOf(ablated);
    expect(json).toMatchObject({
      study: "ablation",
      cases: ["phantom_004", "phantom_005"],
      labels: ["liver", "aorta"],
    });
    expect(json.measurements).toHaveLength(8);
    expect(csv).toHaveLength(5);
    expect(html).toContain("<svg");
    expect(html).not.toMatch(/(src|href)="http/);
    expect(ablated.text).toContain("repeat");
  });

  test("does nothing twice", async () => {
    const before = await stat(at("ablation/base/model.json"));
    const seen = new Set<string>();
    const again = await runAblation(ablation({ progress: stagesOf(seen) }));
    expect([...seen].filter((stage) => /training|step 0|stage 1/.test(stage))).toEqual([]);
    expect(again.table).toEqual(ablated.table);
    expect((await stat(at("ablation/base/model.json"))).mtimeMs).toBe(before.mtimeMs);
  });

  test("stopped between two variants, leaves a table of those that are measured", async () => {
    const output = at("between");
    await cp(at("ablation"), output, {
      recursive: true,
      filter: (file) => !/ablation\/repeat/.test(file),
    });
    const signal = { aborted: false };
    const progress: Progress = ({ stage }) => {
      signal.aborted ||= stage.startsWith("repeat: ");
    };
    await expect(runAblation(ablation({ output, progress, signal }))).rejects.toThrow(InterruptedError);
    const { table, facts, measurements } = JSON.parse(await readFile(join(output, "ablation.json"), "utf8"));
    expect(table.map(({ variant }: { readonly variant: string }) => variant)).toEqual(["base", "stage1"]);
    expect(facts).toContainEqual({ name: "variants", value: "2 of 4 so far; the same command goes on" });
    expect(measurements).toHaveLength(4);
    expect((await runAblation(ablation({ output }))).table.rows).toHaveLength(4);
    const whole = await readFile(join(output, "ablation.json"), "utf8");
    expect(whole).not.toContain("so far");
  });

  test("refuses models of other settings, another data set's folder, and folds that make no sense", async () => {
    await writeFile(at("other.yaml"), tiny.replace("iterations: 2,", "iterations: 1,"));
    await expect(runAblation(ablation({ file: at("other.yaml") }))).rejects.toThrow(/trained with other settings/);
    await expect(runAblation(ablation({ seed: 9 }))).rejects.toThrow(/another seed/);
    const fold = (train: RegExp, measure: RegExp) =>
      runAblation(
        ablation({ output: at("no"), fold: { train: (id) => train.test(id), measure: (id) => measure.test(id) } }),
      );
    await expect(fold(/1|2/, /2|3/)).rejects.toThrow(/case phantom_002 on both sides/);
    await expect(fold(/x/, /3/)).rejects.toThrow(/no case to learn from/);
    await expect(fold(/1/, /x/)).rejects.toThrow(DatasetError);
    const half = { train: ["phantom_001", "other_002"], val: ["phantom_003"] };
    const halfThere = {
      train: casesOfFold(half, "train", "half.json"),
      measure: casesOfFold(half, "val", "half.json"),
    };
    await expect(runAblation(ablation({ output: at("no"), fold: halfThere }))).rejects.toThrow(
      /1 of the 2 .*other_002/,
    );
    expect(existsSync(at("no"))).toBe(false);
  });
});

describe("an ablation whose data change", () => {
  /** Puts a changed file in place of one, and the same bytes back again. */
  async function changing(name: string, content: Uint8Array | string, then: () => Promise<void>): Promise<void> {
    const file = join(dataset, name);
    const before = await readFile(file);
    await writeFile(file, content);
    try {
      await then();
    } finally {
      await writeFile(file, before);
    }
  }

  test("tells of a measured case that cannot be used before anything is trained", async () => {
    const fresh = { output: at("fresh") };
    const seen = new Set<string>();
    await changing("labelsTs/phantom_005.nii.gz", "damaged", async () => {
      await expect(runAblation(ablation({ ...fresh, progress: stagesOf(seen) }))).rejects.toThrow(FormatError);
    });
    expect([...seen]).toEqual(["reading the cases to measure"]);
    expect(existsSync(at("fresh"))).toBe(false);
    const stopped = runAblation(ablation({ ...fresh, signal: { aborted: true } }));
    await expect(stopped).rejects.toThrow(/same command again/);
  });

  test("refuses to join models of old and new labels, and knows a file that was only written anew", async () => {
    const other = await readFile(join(dataset, "labelsTr/phantom_002.nii.gz"));
    await changing("labelsTr/phantom_001.nii.gz", other, async () => {
      const refused = runAblation(ablation());
      await expect(refused).rejects.toThrow(ConfigError);
      await expect(refused).rejects.toThrow(/learned from other data: labelsTr\/phantom_001\.nii\.gz/);
    });
    expect((await runAblation(ablation())).table).toEqual(ablated.table);
  });

  test("measures a changed case again, says so, and trains nothing", async () => {
    const other = await readFile(join(dataset, "labelsTs/phantom_004.nii.gz"));
    const there = await readFile(join(dataset, "imagesTs/phantom_004_0000.nii.gz"));
    const image = await readFile(join(dataset, "imagesTs/phantom_005_0000.nii.gz"));
    const notes: string[] = [];
    const seen = new Set<string>();
    const again = () => runAblation(ablation({ onNote: (note) => notes.push(note), progress: stagesOf(seen) }));
    await changing("imagesTs/phantom_005_0000.nii.gz", there, async () =>
      changing("labelsTs/phantom_005.nii.gz", other, async () => {
        const { measurements } = (await again()).measured;
        const dice = measurements.map(({ scores }) => scores.dice);
        expect(dice[1]).toEqual(dice[0]);
      }),
    );
    expect(notes).toEqual([expect.stringMatching(/^Case phantom_005 is measured again.*imagesTs\/phantom_005_0000/)]);
    expect([...seen].filter((stage) => stage.includes("training"))).toEqual([]);
    expect(image.equals(there)).toBe(false);
    expect((await again()).measured.measurements.map(({ scores }) => scores)).toEqual(
      ablated.measured.measurements.map(({ scores }) => scores),
    );
  });
});

describe("a stress test", () => {
  test("shows every degradation before and after, undamaged cases first, and says what is gained", async () => {
    const result = await runStress(stress());
    expect(result.table.rows.map(([name]) => name)).toEqual(["none", "dropped-slices", "noise"]);
    expect(result.verdict).toHaveLength(2);
    expect(result.verdict[0]).toMatch(/at least 3 points of Dice on \d of 2 degradations/);
    expect(result.measured.measurements).toHaveLength(3 * 2 * 5);
    const { json, html } = await filesOf(result);
    expect((json.table as Record<string, unknown>[])[1]).toMatchObject({ degradation: "dropped-slices" });
    expect(html).toContain("three of ten slices lose all labels");
    const again = await runStress(stress());
    expect(again.table).toEqual(result.table);
    // The same damage whatever else is measured.
    const alone = await runStress(stress({ output: at("alone"), degradations: ["noise"], cases: 1 }));
    const dice = (of: StudyResult) => of.measured.measurements.find(({ arm }) => arm === "noise/final")?.scores;
    expect(dice(alone)).toEqual(dice(result));
  });

  test("shows what the gate does: without it the answer is that of a model that has none", async () => {
    const model = JSON.parse(await readFile(at("ablation/base/model.json"), "utf8"));
    const always = { kind: "fallback", stage: "stage2", scope: "case", confidence: 1 };
    const gated = await copyOfBase("gated", { ...model, gate: { liver: always, aorta: always } });
    const some = { degradations: ["noise"], cases: 1 };
    const [free, with_] = [
      await runStress(stress({ ...some, output: at("free") })),
      await runStress(stress({ ...some, model: gated, output: at("with") })),
    ];
    const dice = (of: StudyResult, arm: string) =>
      of.measured.measurements.find((each) => each.arm === arm)!.scores.dice!;
    expect(dice(free, "none/ungated")).toEqual(dice(free, "none/final"));
    expect(dice(with_, "none/ungated")).toEqual(dice(free, "none/final"));
    expect(dice(with_, "none/final")).not.toEqual(dice(with_, "none/ungated"));
  });

  test("says which held-out cases it did not measure, as they have no labels", async () => {
    const partly = at("Dataset902_Partly");
    await cp(dataset, partly, { recursive: true });
    await rm(join(partly, "labelsTs/phantom_005.nii.gz"));
    const some = { dataset: partly, degradations: ["noise"] };
    const result = await runStress(stress({ ...some, output: at("partly") }));
    expect(result.measured.cases).toEqual(["phantom_004"]);
    const { json, html } = await filesOf(result);
    expect(json.facts).toContainEqual({ name: "held-out cases without labels, not measured", value: "1: phantom_005" });
    expect(html).toContain("1: phantom_005");
  });

  test("stops when asked to", async () => {
    const stopped = runStress(stress({ output: at("stopped"), signal: { aborted: true } }));
    await expect(stopped).rejects.toThrow(InterruptedError);
  });

  test("refuses what there is not", async () => {
    await expect(runStress(stress({ degradations: ["noyse"] }))).rejects.toThrow(/"noise" is the nearest/);
    await expect(runStress(stress({ only: () => false }))).rejects.toThrow(DatasetError);
    const half = casesOfFold({ train: [], val: ["phantom_001", "other_002"] }, "val", "half.json");
    await expect(runStress(stress({ only: half }))).rejects.toThrow(/1 of the 2 chosen cases are not here: other_002/);
    await expect(runUpperBound(upper({ only: half }))).rejects.toThrow(DatasetError);
    await expect(runStress(stress({ cases: 0 }))).rejects.toThrow(ConfigError);
    const model = JSON.parse(await readFile(at("ablation/base/model.json"), "utf8"));
    const { refiner, ...bare } = model;
    const step0 = await copyOfBase("bare", { ...bare, outputStages: {}, gate: {} });
    await expect(runStress(stress({ model: step0 }))).rejects.toThrow(/without a refiner/);
    await expect(runUpperBound(upper({ model: step0 }))).rejects.toThrow(/without a refiner/);
    const others = { background: 0, spleen: 1, aorta: 2 };
    const renamed = await copyOfBase("renamed", {
      ...model,
      labels: others,
      outputStages: {},
      gate: {},
      largestComponent: [],
    });
    await expect(runStress(stress({ model: renamed }))).rejects.toThrow(/expected the model's: .*1 spleen/);
  });
});

describe("an upper bound", () => {
  test("measures every prompt, strategy and direction with a model's refiner", async () => {
    const result = await runUpperBound(upper());
    expect(result.table.rows.map((row) => row.slice(0, 3).join(" "))).toEqual([
      "mask every none",
      "mask best both",
      "mask best backward",
      "clicks3 every none",
      "clicks3 best both",
      "clicks3 best backward",
      "step0 as the model asks stage 1",
      "step0 as the model asks stage 2",
    ]);
    expect(result.verdict).toEqual([
      expect.stringMatching(/^Best: /),
      expect.stringMatching(/place of step 0: mean Dice of stage 1 0\.\d+, stage 2 0\.\d+\.$/),
    ]);
    const { measurements } = result.measured;
    expect(measurements.every(({ seconds, memory }) => seconds > 0 && memory > 0)).toBe(true);
    // A mask on every slice is the answer there, and nothing is found elsewhere.
    const every = measurements.find(({ arm }) => arm === "mask/every/none")!;
    const following = measurements.find(({ arm }) => arm === "mask/best/both")!;
    expect(every.scores.dice![0]).toBeGreaterThan(0.8);
    expect(every.scores.dice![0]).toBeGreaterThan(following.scores.dice![0]!);
    const { html } = await filesOf(result);
    expect(html).toContain("the true mask");
    const through = measurements.filter(({ arm }) => arm.startsWith("step0/"));
    expect(through.map(({ arm }) => arm)).toEqual(["step0/stage1", "step0/stage2"]);
  });

  test("puts the truth in step 0's place, alone if wanted", async () => {
    const only = {
      ...upper({ prompts: ["step0"], output: at("step0") }),
      strategies: undefined,
      directions: undefined,
    };
    const result = await runUpperBound(only);
    expect(result.table.rows).toHaveLength(2);
    expect(result.verdict).toEqual([expect.stringMatching(/place of step 0/)]);
    const { html } = await filesOf(result);
    expect(html).toContain("2 rows");
    expect(html.match(/<svg/g)).toHaveLength(1);
    await expect(runUpperBound(upper({ prompts: ["step0"] }))).rejects.toThrow(/strategies or directions, with step0/);
  });

  test("does the same with a file of weights, which are asked for at one size in one folder", async () => {
    manualSeed(5);
    const architecture = { family: "sam2" as const, config: smallSam2Config(64) };
    const model = buildModel(architecture);
    await saveWeights(at("weights.safetensors"), model, architecture);
    model.free();
    const way = { prompts: ["mask"], strategies: ["first"], directions: ["both"] };
    const official = { ...upper(way), model: undefined, weights: at("weights.safetensors"), output: at("official") };
    const { measured } = await runUpperBound(official);
    expect(measured.measurements.map(({ arm }) => arm)).toEqual(["mask/first/both"]);
    expect(measured.measurements[0]!.scores.dice).toHaveLength(2);
    await expect(runUpperBound({ ...official, imageSize: 128 })).rejects.toThrow(/another imageSize/);
    // Others, trained into the same file, are other weights.
    manualSeed(6);
    const another = buildModel(architecture);
    await saveWeights(at("weights.safetensors"), another, architecture);
    another.free();
    await expect(runUpperBound(official)).rejects.toThrow(/another content of the weights/);
    const asStep0 = { ...official, output: at("weights-step0"), prompts: ["mask", "step0"] };
    await expect(runUpperBound(asStep0)).rejects.toThrow(/prompts step0 for a file of weights.*a model folder/s);
  });

  test("refuses what there is not", async () => {
    await expect(runUpperBound(upper({ strategies: ["even0"] }))).rejects.toThrow(/no such strategy/);
    await expect(runUpperBound(upper({ prompts: ["boxes"] }))).rejects.toThrow(/"box" is the nearest/);
    await expect(runUpperBound(upper({ directions: [] }))).rejects.toThrow(ConfigError);
    await expect(runUpperBound(upper({ prompts: ["box"], strategies: ["every"] }))).rejects.toThrow(
      /directions, with every as the only strategy/,
    );
    await expect(runUpperBound(upper({ weights: at("w.pt") }))).rejects.toThrow(/both a model and weights/);
    await expect(runUpperBound(upper({ model: undefined }))).rejects.toThrow(/neither/);
    await expect(runUpperBound(upper({ imageSize: 64 }))).rejects.toThrow(/its own/);
  });
});
