/** What `--data` may be: the download that a recipe converts, or what was made of it; and what is found before anything is written. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatasetError, GeometryError } from "@rfmedsam/base";
import { describe, expect, test } from "vitest";
import { convertDataset } from "../dataset/convert/convert.js";
import { conversionFolder, layAmos, layBtcv, layTask, span } from "../dataset/testing/downloads.js";
import { layDataset, save, smallImage, smallLabels } from "../dataset/testing/small-volumes.js";
import { conversionFor, isInLayout, lookAtData } from "./data-source.js";
import { checkSplit, splitNotes } from "./folds.js";
import { needsOf } from "./needs.js";
import { type Recipe, readRecipe } from "./recipe.js";

const { at } = conversionFolder();

/** Of a Decathlon task, with a split of its own. */
async function taskRecipe(train: readonly string[], val: readonly string[]): Promise<Recipe> {
  await mkdir(at("mine"), { recursive: true });
  await writeFile(at("mine/splits.json"), JSON.stringify([{ train, val }]));
  const text = "title: T\nsummary: S\ncost: C\nconvert: msd\nsplit: splits.json\ntrain: { preset: cpu }\n";
  await writeFile(at("mine/r.yaml"), text);
  return readRecipe(at("mine/r.yaml"));
}

const look = async (recipe: Recipe, folder: string) => lookAtData(recipe, folder, needsOf(recipe)[0]!, {});
const refused = async (recipe: Recipe, folder: string): Promise<Error & { file?: string; hint?: string }> =>
  look(recipe, folder).catch((error: Error) => error) as Promise<Error>;

describe("the data of a recipe that converts", () => {
  test("are a download, or what was made of it; dataset.json tells them apart", async () => {
    await layTask(at("Task"), 1);
    await convertDataset("msd", at("Task"), at("made"));
    const recipe = await taskRecipe(["p_00"], ["p_07"]);
    expect(await look(recipe, at("Task"))).toEqual({ form: "download", cases: ["p_00", "p_07"] });
    expect(await look(recipe, at("made"))).toEqual({ form: "layout", cases: ["p_00", "p_07"] });
    await layAmos(at("amos22"), { Tr: ["0001"], Va: ["0008"], Ts: [] });
    await writeFile(at("amos22/dataset.json"), JSON.stringify({ training: [] }));
    expect(await look(await readRecipe("amos22-ct"), at("amos22"))).toMatchObject({ form: "download" });
    await convertDataset("amos22-ct", at("amos22"), at("amos-made"));
    expect(await look(await readRecipe("amos22-ct"), at("amos-made"))).toMatchObject({ form: "layout" });
    expect(await isInLayout(at("nothing"))).toBe(false);
    await writeFile(at("made/dataset.json"), "{");
    await expect(isInLayout(at("made"))).rejects.toThrow(DatasetError);
  });

  test("are not those of another data set in the same layout", async () => {
    await layDataset(at("other"), { a: { image: smallImage(0), labels: smallLabels(0, 1) } });
    const error = await refused(await readRecipe("btcv"), at("other"));
    expect(error).toBeInstanceOf(DatasetError);
    expect(error.message).toMatch(/channels CT; labels .*1 organ.*expected channels CT; .*1 spleen.*synapse\.org/s);
    await layAmos(at("amos22"), { Tr: ["0001"], Va: ["0008"], Ts: [] });
    await convertDataset("amos22-ct", at("amos22"), at("ct"));
    expect((await refused(await readRecipe("amos22-mr"), at("ct"))).message).toMatch(/channels CT.*channels MRI/s);
  });

  test("miss no file and no header when they are looked at, and are not told options that a recipe lacks", async () => {
    await layBtcv(at("RawData"), [...span(1, 10), ...span(21, 40)], []);
    const btcv = await readRecipe("btcv");
    await rm(at("RawData/Training/label/label0023.nii.gz"));
    const missing = await refused(btcv, at("RawData"));
    expect(missing).toBeInstanceOf(DatasetError);
    expect(missing.file).toBe(at("RawData/Training/label/label0023.nii.gz"));
    expect(missing.message).not.toMatch(/--partial|--link/);
    await save(at("RawData/Training/label/label0023.nii.gz"), { ...smallLabels(0, 1), shape: [5, 4, 6] });
    expect(await refused(btcv, at("RawData"))).toBeInstanceOf(GeometryError);
    expect((await conversionFor(btcv)).advice?.link).toMatch(/dataset convert btcv .*--link.*--data/);
  });

  test("are looked at and converted as far as the recipe uses them", async () => {
    await layTask(at("Task"), 1);
    await save(at("Task/imagesTr/p_50.nii.gz"), smallImage(5));
    await save(at("Task/labelsTr/p_50.nii.gz"), smallLabels(0, 1));
    const description = JSON.parse(await readFile(at("Task/dataset.json"), "utf8"));
    const more = { image: "./imagesTr/p_50.nii.gz", label: "./labelsTr/p_50.nii.gz" };
    const training = [...description.training, more];
    await writeFile(at("Task/dataset.json"), JSON.stringify({ ...description, training }));
    // Neither is used.
    await writeFile(at("Task/imagesTr/p_50.nii.gz"), "damaged");
    await writeFile(at("Task/imagesTs/p_03.nii.gz"), "damaged");
    const recipe = await taskRecipe(["p_00"], ["p_07"]);
    const found = await look(recipe, at("Task"));
    expect(found.cases).toEqual(["p_00", "p_07", "p_50"]);
    expect(await splitNotes(recipe, found)).toEqual([
      "1 of the data set's 3 labelled cases are on no side of the split and are not used (p_50).",
    ]);
    const made = await convertDataset("msd", at("Task"), at("made"), await conversionFor(recipe));
    expect(made).toMatchObject({ training: ["p_00", "p_07"], test: [] });
    expect(await splitNotes(await readRecipe("btcv"), found)).toEqual([]);
    const other = await taskRecipe(["p_00"], ["p_08"]);
    const absent = checkSplit(other, 0, { folder: at("Task"), cases: found.cases });
    await expect(absent).rejects.toThrow(/1 of the split's cases are not there: p_08/);
  });

  test("bring the split that the recipe counts on", async () => {
    await layTask(at("Task"), 1);
    const recipe = await taskRecipe(["p_00"], ["p_07"]);
    for (const split of ["published", "heldOut"])
      expect((await refused({ ...recipe, split }, at("Task"))).message).toMatch(
        /the download brings none.*a file beside/,
      );
  });

  test("of AMOS have no test scans in them", async () => {
    await layAmos(at("amos22"), { Tr: ["0001"], Va: ["0008"], Ts: ["0002"] });
    const options = await conversionFor(await readRecipe("amos22-ct"));
    expect((await convertDataset("amos22-ct", at("amos22"), at("made"), options)).test).toEqual([]);
    expect((await convertDataset("amos22-ct", at("amos22"), join(at(), "all"))).test).toEqual(["amos_0002"]);
  });
});
