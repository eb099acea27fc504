/** What a recipe's run says and finds before it begins; whole runs are the command's tests. */
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, DatasetError, FormatError, InterruptedError } from "@rfmedsam/base";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { goodCases, layDataset, save, smallLabels } from "../dataset/testing/small-volumes.js";
import { readRecipe } from "./recipe.js";
import { runRecipe } from "./run.js";

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "recipe-run-"));
  await layDataset(at("data"), goodCases(5));
  const fold = { train: ["case_00", "case_01"], val: ["case_02", "case_03"] };
  await writeFile(at("splits.json"), JSON.stringify([fold]));
  const needs = "needs: { data: { obtain: here, licence: CC0, layout: nnU-Net's } }";
  await writeFile(
    at("r.yaml"),
    `title: T\nsummary: S\ncost: C\n${needs}\nsplit: splits.json\ntrain: { preset: cpu }\n`,
  );
});
afterEach(() => rm(folder, { recursive: true }));

async function begun(signal = { aborted: false }) {
  const notes: string[] = [];
  const stages = new Set<string>();
  const recipe = await readRecipe(at("r.yaml"));
  const error = await runRecipe({
    recipe,
    output: at("out"),
    configuration: recipe.configuration,
    data: at("data"),
    device: "cpu",
    onNote: (note) => notes.push(note),
    progress: ({ stage }) => stages.add(stage),
    signal,
  }).catch((caught: unknown) => caught);
  return { error: error as Error & { file?: string }, notes, stages };
}

describe("before anything is written", () => {
  test.each([3, "all"] as const)("a fold (%s) of a recipe that measures held-out cases is refused", async (fold) => {
    await writeFile(
      at("held.yaml"),
      "title: T\nsummary: S\ncost: C\nphantom: { cases: 4, test: 2 }\nsplit: heldOut\ntrain: { preset: cpu }\n",
    );
    const recipe = await readRecipe(at("held.yaml"));
    const { configuration } = recipe;
    const failure = runRecipe({ recipe, output: at("out"), configuration, fold, device: "cpu" });
    await expect(failure).rejects.toThrow(ConfigError);
    await expect(failure).rejects.toMatchObject({ file: "--fold", found: String(fold) });
    expect(existsSync(at("out"))).toBe(false);
  });

  test("cases that the split leaves out are told, and a stop says how to go on", async () => {
    const { error, notes } = await begun({ aborted: true });
    expect(error).toBeInstanceOf(InterruptedError);
    expect(error.message).toMatch(/run the same command again/i);
    expect(notes).toEqual([
      "1 of the data set's 5 labelled cases are on no side of the split and are not used (case_04).",
    ]);
    expect(existsSync(at("out"))).toBe(false);
  });

  test.each([
    ["voxels that are none", FormatError, (file: string) => writeFile(file, "damaged")],
    ["an unknown label", DatasetError, (file: string) => save(file, smallLabels(0, 9))],
  ])("a measured case with %s is told", async (_, type, damage) => {
    const file = at("data/labelsTr/case_03.nii.gz");
    await damage(file);
    const { error, stages } = await begun();
    expect(error).toBeInstanceOf(type);
    expect(error.file).toBe(file);
    expect([...stages]).toEqual(["reading the cases to measure"]);
    expect(existsSync(at("out"))).toBe(false);
  });
});
