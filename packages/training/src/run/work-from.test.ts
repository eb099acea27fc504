import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { FileError } from "@rfmedsam/base";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Partially, TrainingConfiguration } from "../config.js";
import type { Plan } from "../plan/plan.js";
import { tinyConfiguration } from "../testing/cases.js";
import { type RunIdentity, WorkFolder } from "./work-folder.js";
import { sharedWork, step0Differences } from "./work-from.js";

let parent: string;
let kept: WorkFolder;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "work-from-"));
  kept = new WorkFolder(join(parent, "kept/training"));
});
afterEach(() => rm(parent, { recursive: true }));

const identityOf = (changes: Partially<TrainingConfiguration>): RunIdentity => ({
  configuration: tinyConfiguration(changes),
  seed: 1,
  dataset: { labels: { background: 0, organ: 1 }, channelNames: ["CT"], files: {} },
});

const ids = ["one", "two"];

/** A finished step 0. @returns its files */
async function keep(settings: Partially<TrainingConfiguration>): Promise<string[]> {
  const identity = identityOf(settings);
  await kept.rememberPlan(identity, { plan: { patch: [1, 2, 3] } as unknown as Plan });
  const folds = Math.min(identity.configuration.folds, ids.length);
  const files = [
    ...ids.flatMap((id) => [kept.cases.fileOf(id), kept.predictions.fileOf(id)]),
    ...Array.from({ length: folds }, (_, fold) => kept.checkpoint(`step0-fold${fold}`)),
  ];
  for (const file of files) {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, "");
  }
  return files;
}

/** Whether a run of some settings takes cases and predictions over from one of others. */
async function taken(
  before: Partially<TrainingConfiguration>,
  now: Partially<TrainingConfiguration>,
): Promise<{ cases: boolean; predictions: boolean }> {
  await keep(before);
  const { bring } = await sharedWork(kept, identityOf(now), ids);
  const to = new WorkFolder(join(parent, "new/training"));
  await bring(to);
  return { cases: to.cases.has("one"), predictions: existsSync(to.predictions.fileOf("one")) };
}

describe("predictions of a run that kept its work are taken over", () => {
  test.each([
    ["the same settings", {}, {}, true],
    ["another validation; out of fold it does not matter to them", { validation: 0.2 }, { validation: 0.4 }, true],
    ["other prompting", { prompting: "outOfFold" }, { prompting: "inFold" }, false],
    ["in-fold ones and the same validation", { prompting: "inFold" }, { prompting: "inFold" }, true],
    [
      "in-fold ones and another validation, whose new cases would be predicted by a U-Net that has seen them",
      { prompting: "inFold", validation: 0.2 },
      { prompting: "inFold", validation: 0.4 },
      false,
    ],
  ] as const)("with %s", async (_, before, now, predictions) => {
    expect(await taken(before, now)).toEqual({ cases: true, predictions });
  });
});

describe("a step 0", () => {
  test("is the same whatever memory it may take and how often it is saved", async () => {
    expect(await taken({ memory: "auto", checkpointEvery: 2 }, { memory: 20, checkpointEvery: 5 })).toMatchObject({
      cases: true,
    });
    expect(step0Differences(tinyConfiguration(), tinyConfiguration({ memory: 3 }))).toEqual([]);
    expect(step0Differences(tinyConfiguration(), tinyConfiguration({ folds: 4 }))).toEqual(["folds"]);
  });

  test("of other settings is refused, by name", async () => {
    await expect(taken({}, { folds: 4, step0: { iterations: 9 } })).rejects.toThrow(/another folds, step0/);
  });

  test("that lacks a file of any kind is refused with its name; more U-Nets than cases were never there", async () => {
    const files = await keep({ folds: 5 });
    expect(files).toHaveLength(6);
    for (const file of files) {
      await rm(file);
      const failure = sharedWork(kept, identityOf({ folds: 5 }), ids);
      await expect(failure).rejects.toThrow(FileError);
      await expect(failure).rejects.toMatchObject({ file, found: "does not exist" });
      await writeFile(file, "");
    }
    await sharedWork(kept, identityOf({ folds: 5 }), ids);
  });

  test("has no U-Nets to bring for a refiner that makes its own prompts", async () => {
    const generator = { refiner: { generator: "light-decoder" } } as const;
    await keep(generator);
    for (const { folder } of [kept.predictions]) await rm(folder, { recursive: true });
    await rm(kept.checkpoint("step0-fold0"));
    await sharedWork(kept, identityOf(generator), ids);
    await expect(sharedWork(kept, identityOf({}), ids)).rejects.toThrow(/step0-fold0\.safetensors: does not exist/);
  });
});
