import { existsSync } from "node:fs";
import { copyFile, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, FileError, InterruptedError, type Progress, ResourceError } from "@rfmedsam/base";
import { collectGarbage } from "@rfmedsam/base/testing";
import { openModel, readManifest } from "@rfmedsam/engine";
import { sameGrid } from "@rfmedsam/imaging";
import { readVolume } from "@rfmedsam/imaging/node";
import { liveTensors, setNumThreads } from "@rfmedsam/torch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Partially, TrainingConfiguration } from "../config.js";
import { writePhantomDataset } from "../phantom/index.js";
import { readFacts } from "../record/facts.js";
import { readLog, resultIn } from "../record/log-file.js";
import { logName } from "../record/recorder.js";
import { renderRunReport } from "../record/run-report.js";
import { tinyConfiguration } from "../testing/cases.js";
import { type TrainOptions, train } from "./train.js";

setNumThreads(1);
let folder: string;
let dataset: string;
let whole: string;

const settings = (changes: Partially<TrainingConfiguration> = {}) =>
  tinyConfiguration({
    folds: 2,
    validation: 0.25,
    step0: { iterations: 4, foreground: 0.5 },
    // Untrained U-Nets find little; degraded truth always gives something to refine.
    refiner: { iterations: 3, promptSources: { outOfFold: 0, degradedTruth: 1 } },
    ...changes,
  });

const options = (output: string, changes: Partial<TrainOptions> = {}): TrainOptions => ({
  dataset,
  output: join(folder, output),
  configuration: settings(),
  seed: 4,
  device: "cpu",
  progress: () => {},
  ...changes,
});

/** Everything of a model that must not depend on how it came about. */
async function contents(model: string): Promise<Record<string, unknown>> {
  const names = (await readdir(model)).filter((name) => name !== "log").sort();
  const entries = await Promise.all(
    names.map(async (name) => {
      const bytes = await readFile(join(model, name));
      return [name, name.endsWith(".json") ? JSON.parse(bytes.toString()) : bytes.toString("base64")] as const;
    }),
  );
  return Object.fromEntries(entries);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "run-"));
  dataset = join(folder, "Dataset901_Tiny");
  whole = join(folder, "whole");
  const phantom = {
    organs: ["liver", "aorta"],
    inPlaneSpacing: 16,
    sliceSpacing: 20,
    absence: 0,
    fieldOfView: [140, 280, 340],
  } as const;
  await writePhantomDataset(dataset, { cases: 4, test: 1, seed: 2, ...phantom });
  await train(options("whole"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("a finished training", () => {
  test("leaves a model folder and nothing else", async () => {
    expect((await readdir(whole)).sort()).toEqual([
      "log",
      "model.json",
      "refiner.safetensors",
      "step0-fold0.safetensors",
      "step0-fold1.safetensors",
      "training.json",
    ]);
    const record = JSON.parse(await readFile(join(whole, "training.json"), "utf8"));
    expect(record.curves.step0).toHaveLength(2);
    expect(record.curves.step0[0].iterations).toEqual([1, 2, 3, 4]);
    expect(record.curves.refiner.values.loss).toHaveLength(3);
    expect(record.division.leftOut.flat()).toHaveLength(4);
    expect(record.configuration).toEqual(settings());
  });

  test("says where it comes from and which stage every label comes from", async () => {
    const { labels, outputStages, training, step0, refiner } = await readManifest(whole);
    expect(labels).toEqual({ background: 0, liver: 1, aorta: 2 });
    expect(Object.keys(outputStages)).toEqual(["liver", "aorta"]);
    expect(training).toMatchObject({ dataset: "Dataset901_Tiny", seed: 4 });
    expect(training.validation).toHaveLength(2);
    expect(step0).toMatchObject({ kind: "unet", folds: ["step0-fold0.safetensors", "step0-fold1.safetensors"] });
    expect(refiner?.memory).toEqual({ confident: 1, neighbours: 6 });
  });

  test("opens and labels a case it has not seen, on the case's own grid", async () => {
    using model = await openModel(whole, { device: "cpu" });
    const image = await readVolume(join(dataset, "imagesTs/phantom_005_0000.nii.gz"));
    const { labels, stages } = await model.segmenter.segment([image]);
    expect(sameGrid(labels, image)).toBe(true);
    expect(labels.data.every((label) => label <= 2)).toBe(true);
    expect(Object.keys(stages)).toEqual(["step0", "stage1", "stage2"]);
  });

  test("without a refiner is measured on what each U-Net has not seen", async () => {
    const { validation, choices, manifest } = await train(
      options("step0", { configuration: settings({ refiner: { enabled: false } }) }),
    );
    expect(validation).toHaveLength(4 * 2);
    expect(validation.every(({ dice }) => Object.keys(dice).join() === "step0")).toBe(true);
    expect(new Set(validation.map((row) => row.case)).size).toBe(4);
    expect(choices.map(({ stage, reason }) => `${stage}: ${reason}`)).toEqual([
      "step0: there is no refiner",
      "step0: there is no refiner",
    ]);
    const written = JSON.parse(await readFile(join(folder, "step0/training.json"), "utf8"));
    choices.forEach(({ largestComponent: { before } }, n) => {
      const dice = validation
        .filter((row) => row.class === n + 1)
        .map((row) => row.dice.step0!)
        .filter(Number.isFinite);
      expect(before).toBeCloseTo(dice.reduce((sum, one) => sum + one, 0) / dice.length, 9);
      expect(written.choices[n].gains).toBeUndefined();
    });
    const page = await renderRunReport(join(folder, "step0"));
    expect(page).toContain("Dice are those of 4 cases, each by a U-Net that has not seen it.");
    expect(page).toContain("Dice of step 0 on cases it has not seen");
    expect(page).not.toContain("the refiner did not learn");
    expect(manifest.gate).toEqual({});
    expect(manifest.training.validation[0]).toEqual({
      case: expect.any(String),
      label: "liver",
      step0: expect.anything(),
    });
  });

  test("is not begun where it would not fit, and it is said what to lower", async () => {
    const crammed = train(options("crammed", { configuration: settings({ memory: 0.21 }) }));
    await expect(crammed).rejects.toThrow(ResourceError);
    await expect(crammed).rejects.toThrow(
      /would take about 0\.\d+ GiB.*at most the 0\.21 GiB.*refiner\.sequence.*set memory/s,
    );
    expect(existsSync(join(folder, "crammed/step0-fold0.safetensors"))).toBe(false);
  });

  test("is not overwritten", async () => {
    await expect(train(options("whole"))).rejects.toThrow(/finished model.*--restart/is);
  });
});

/** Small tables that a refiner's layers keep until they are garbage; every network here has more parameters. */
const tablesOfPositions = 10;

const refiner = "refiner: training stages 1 and 2";
/** Where a run can die, and what is left to do then (saved states are two steps apart). */
const deaths: readonly (readonly [string, string, number, readonly string[]])[] = [
  ["while looking at the data", "looking at the data set", 2, ["looking at the data set 4", "preparing cases 4"]],
  [
    "between a U-Net and its predictions",
    "step 0: predicting with U-Net 1 of 2",
    1,
    ["preparing cases 4", "step 0: predicting with U-Net 1 of 2 1", "step 0: training U-Net 2 of 2 4"],
  ],
  [
    "in the second U-Net's last step",
    "step 0: training U-Net 2 of 2",
    4,
    ["preparing cases 4", "step 0: training U-Net 2 of 2 2", "step 0: predicting with U-Net 2 of 2 2"],
  ],
  ["in the refiner", refiner, 3, ["preparing cases 4", `${refiner} 1`, "measuring the validation cases 1"]],
  ["after the refiner", "measuring the validation cases", 1, ["preparing cases 4", "measuring the validation cases 1"]],
];

test.each(deaths)(
  "a training that dies %s goes on to the same model, nothing done twice",
  async (_, stage, at, left) => {
    const output = `died ${stage.replaceAll(/\W+/g, " ")}`;
    const progress: Progress = (event) => {
      if (event.stage === stage && event.done === at) throw new Error("killed");
    };
    await collectGarbage();
    const before = liveTensors();
    await expect(train(options(output, { progress }))).rejects.toThrow("killed");
    expect(liveTensors() - before).toBeLessThanOrEqual(tablesOfPositions);
    await expect(readManifest(join(folder, output))).rejects.toThrow(FileError);
    const done = new Map<string, number>();
    await train(options(output, { progress: (event) => void done.set(event.stage, (done.get(event.stage) ?? 0) + 1) }));
    const work = [...done].map(([name, times]) => `${name} ${times}`);
    expect(work.slice(0, left.length)).toEqual(left);
    expect(await contents(join(folder, output))).toEqual(await contents(whole));
  },
);

describe("a training that is stopped", () => {
  test("by the signal says where, and goes on to the same model", async () => {
    const stop = new AbortController();
    const progress: Progress = ({ stage, done }) => {
      if (stage.includes("U-Net 2 of 2") && done === 1) stop.abort();
    };
    const error = await train(options("stopped", { progress, signal: stop.signal })).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(InterruptedError);
    expect((error as Error).message).toMatch(/step 1 of 4.*U-Net 2 of 2.*same command again/s);
    const log = join(folder, "stopped/log");
    const peak = async () => resultIn((await readLog(join(log, logName))).entries, "memory/peak");
    const before = await peak();
    expect(before).toBeGreaterThan(2 ** 26);
    await train(options("stopped"));
    expect(await contents(join(folder, "stopped"))).toEqual(await contents(whole));
    // What was expected is not forgotten over the stop, nor what the first session took.
    expect(await peak()).toBeGreaterThanOrEqual(before!);
    const { memory } = await readFacts(log);
    expect(memory?.map(({ phase }) => phase)).toEqual(
      expect.arrayContaining(["training step 0", "training the refiner"]),
    );
    expect(memory).toEqual((await readFacts(join(whole, "log"))).memory);
  });

  test("refuses to go on with other settings, and says which", async () => {
    const progress: Progress = ({ stage }) => {
      if (stage === "preparing cases") throw new Error("killed");
    };
    await expect(train(options("changed", { progress }))).rejects.toThrow("killed");
    const refusal = async (changes: Partial<TrainOptions>) => {
      const error = await train(options("changed", changes)).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(ConfigError);
      return error as ConfigError;
    };
    expect((await refusal({ seed: 5 })).found).toContain("seed (was 4, is 5)");
    const other = { configuration: settings({ validation: 0.5 }), seed: 5 };
    expect((await refusal(other)).found).toContain("validation (was 0.25, is 0.5); seed (was 4, is 5)");
    expect((await refusal({ only: (id) => id !== "phantom_001" })).found).toContain("phantom_001");
    const file = join(dataset, "labelsTr/phantom_002.nii.gz");
    const before = await readFile(file);
    await copyFile(join(dataset, "labelsTr/phantom_003.nii.gz"), file);
    const touched = await refusal({});
    await writeFile(file, before);
    expect(touched.found).toContain("phantom_002");
    expect(touched.hint).toContain("--restart");
  });

  test("can be thrown away, also when it is finished; then it is no model until the new one is", async () => {
    const progress: Progress = ({ stage, done }) => {
      if (stage.includes("U-Net 2 of 2") && done === 2) throw new Error("killed");
    };
    await train(options("again", { configuration: settings({ refiner: { enabled: false } }) }));
    const early: Progress = ({ stage }) => {
      if (stage === "looking at the data set") throw new Error("killed early");
    };
    await expect(train(options("again", { restart: true, progress: early }))).rejects.toThrow("killed early");
    expect(existsSync(join(folder, "again/model.json"))).toBe(true);
    await expect(train(options("again", { restart: true, progress }))).rejects.toThrow("killed");
    expect(existsSync(join(folder, "again/model.json"))).toBe(false);
    await expect(openModel(join(folder, "again"))).rejects.toThrow(/not finished/);
    const { manifest } = await train(options("again"));
    expect(manifest.refiner).toBeDefined();
  });
});

describe("other ways to train", () => {
  test("a second refiner on the step 0 of a model that kept it", async () => {
    const again = settings({ refiner: { iterations: 2, promptSources: { outOfFold: 0, degradedTruth: 1 } } });
    await train(options("kept", { keepWork: true }));
    const stages = new Set<string>();
    const before = liveTensors();
    // Copied data have other times: it is their contents that count.
    await utimes(join(dataset, "imagesTr/phantom_001_0000.nii.gz"), 1, 1);
    await train(
      options("second", {
        configuration: again,
        workFrom: join(folder, "kept"),
        progress: ({ stage }) => void stages.add(stage),
      }),
    );
    expect(liveTensors()).toBe(before);
    expect([...stages].filter((stage) => /training U-Net|predicting|looking/.test(stage))).toEqual([]);
    expect((await contents(join(folder, "second")))["step0-fold1.safetensors"]).toBe(
      (await contents(whole))["step0-fold1.safetensors"],
    );
    const drawn = { configuration: settings({ refiner: { seedOffset: 1 } }), workFrom: join(folder, "kept") };
    await train(options("drawn anew", drawn));
    const [first, second] = [await contents(whole), await contents(join(folder, "drawn anew"))];
    expect(second["step0-fold0.safetensors"]).toBe(first["step0-fold0.safetensors"]);
    expect(second["refiner.safetensors"]).not.toBe(first["refiner.safetensors"]);

    // Where the choices alone differ, the refiner is taken over as well.
    stages.clear();
    await train(
      options("chosen otherwise", {
        configuration: settings({ choice: { stages: false, gate: false } }),
        workFrom: join(folder, "kept"),
        progress: ({ stage }) => void stages.add(stage),
      }),
    );
    expect([...stages]).toEqual(["preparing cases", "measuring the validation cases"]);
    expect((await contents(join(folder, "chosen otherwise")))["refiner.safetensors"]).toBe(
      (await contents(whole))["refiner.safetensors"],
    );

    const other = settings({ step0: { iterations: 5 } });
    await expect(train(options("third", { configuration: other, workFrom: join(folder, "kept") }))).rejects.toThrow(
      /another step0/,
    );
    await expect(train(options("fourth", { workFrom: whole }))).rejects.toThrow(FileError);

    // What a run that is thrown away left behind does not get in between.
    const progress: Progress = ({ stage }) => {
      if (stage === "step 0: predicting with U-Net 1 of 2") throw new Error("killed");
    };
    await expect(train(options("replaced", { configuration: other, progress }))).rejects.toThrow("killed");
    await train(options("replaced", { configuration: again, workFrom: join(folder, "kept"), restart: true }));
    expect(await contents(join(folder, "replaced"))).toEqual(await contents(join(folder, "second")));
  });

  test.each(["light-decoder", "learned-tokens"] as const)(
    "the refiner's own %s instead of U-Nets",
    async (generator) => {
      const configuration = settings({ refiner: { generator, promptSources: { outOfFold: 1, degradedTruth: 1 } } });
      const { manifest } = await train(options(generator, { configuration }));
      expect(manifest.step0).toEqual({ kind: "proposal", generator, weights: "generator.safetensors" });
      using model = await openModel(join(folder, generator), { device: "cpu" });
      const image = await readVolume(join(dataset, "imagesTs/phantom_005_0000.nii.gz"));
      expect(sameGrid((await model.segmenter.segment([image])).labels, image)).toBe(true);
    },
  );

  test("a single U-Net in 2D without a refiner", async () => {
    const configuration = settings({ folds: 1, step0: { dimensions: 2, iterations: 2 }, refiner: { enabled: false } });
    const { manifest } = await train(options("flat", { configuration }));
    expect(manifest.outputStages).toEqual({ liver: "step0", aorta: "step0" });
    using model = await openModel(join(folder, "flat"), { device: "cpu" });
    const image = await readVolume(join(dataset, "imagesTs/phantom_005_0000.nii.gz"));
    expect(sameGrid((await model.segmenter.segment([image])).labels, image)).toBe(true);
  });

  test("a single case, which leaves nothing to validate on", async () => {
    const only = (id: string) => id === "phantom_003";
    const notes: string[] = [];
    const { manifest, validation } = await train(options("single", { only, note: (text) => void notes.push(text) }));
    expect(notes.at(-1)).toMatch(/^With 0 validation cases nothing can be chosen \(3 are needed\): step 0 will answer/);
    expect(validation).toEqual([]);
    expect(manifest.step0).toMatchObject({ kind: "unet", folds: ["step0-fold0.safetensors"] });
    expect(manifest.outputStages).toEqual({ liver: "step0", aorta: "step0" });
  });

  test("no case at all is refused before anything is written", async () => {
    await expect(train(options("none", { only: () => false }))).rejects.toThrow(/none of the chosen cases/);
    expect(existsSync(join(folder, "none"))).toBe(false);
  });
});
