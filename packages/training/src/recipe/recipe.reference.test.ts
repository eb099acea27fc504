/** The recipes whose data lie in the shared folder fit these data: nothing is missing, and every fold's cases are there. */
import { sharedPath } from "@rfmedsam/base/testing";
import { readSplits } from "@rfmedsam/metrics/node";
import { describe, expect, test } from "vitest";
import { readDataset } from "../dataset/nnunet.js";
import { foldsOf, splitNotes } from "./folds.js";
import { checkNeeds } from "./needs.js";
import { readRecipe, splitFileOf } from "./recipe.js";

describe.each([
  ["hippocampus", "data/Dataset004_Hippocampus"],
  ["left-atrium", "data/Dataset902_LeftAtrium"],
])("the recipe %s", (name, data) => {
  test("finds what it needs, and its split divides all cases", async () => {
    const recipe = await readRecipe(name);
    const folder = sharedPath(data);
    const dataset = await readDataset(folder);
    const ids = dataset.training.map(({ id }) => id).sort();
    const found = { form: "layout", cases: dataset.training.map(({ id }) => id) };
    expect(await checkNeeds(recipe, { data: folder, converted: false })).toEqual({
      weights: undefined,
      notes: [],
      data: found,
    });
    expect(await splitNotes(recipe, found)).toEqual([]);
    const folds = await foldsOf(recipe, dataset, "all");
    for (const { train, val } of await readSplits(splitFileOf(recipe)!)) expect([...train, ...val].sort()).toEqual(ids);
    for (const { train, measure } of folds) expect(ids.filter((id) => train(id) === measure(id))).toEqual([]);
  });
});
