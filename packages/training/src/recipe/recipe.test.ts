import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { CheckpointError, ConfigError, DatasetError, FileError } from "@rfmedsam/base";
import { splitsFile } from "@rfmedsam/metrics/node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkSplit, foldsOf } from "./folds.js";
import { checkDevice, checkNeeds, describeRecipe, needsOf } from "./needs.js";
import { type Recipe, readRecipe, recipeFolder, recipeNames, splitFileOf } from "./recipe.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "recipe-"));
});
afterEach(() => rm(folder, { recursive: true }));

const put = async (name: string, content: string) => {
  const file = join(folder, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
  return file;
};

const data = "data: { obtain: https://example.org/scans, licence: CC0, layout: dataset.json and so on }";

/** A recipe on data in nnU-Net's layout. */
const written = (changes: Readonly<Record<string, string>> = {}) =>
  Object.entries({
    title: "T",
    summary: "S",
    cost: "C",
    needs: `{ ${data} }`,
    split: "splits.json",
    train: "{ preset: cpu }",
    ...changes,
  })
    .filter(([, value]) => value !== "")
    .map(([key, value]) => `${key}: ${value}\n`)
    .join("");

const recipeOf = async (changes: Readonly<Record<string, string>> = {}) =>
  readRecipe(await put("r.yaml", written(changes)));

describe("this project's recipes", () => {
  test("are the ones promised, and all can be read", async () => {
    const names = await recipeNames();
    expect(names).toEqual([
      "amos22-ct",
      "amos22-mr",
      "btcv",
      "hippocampus",
      "hippocampus-gpu",
      "left-atrium",
      "phantom",
    ]);
    for (const name of names) {
      const recipe = await readRecipe(name);
      expect(recipe.name).toBe(name);
      const split = splitFileOf(recipe);
      if (split !== undefined) expect((await foldsIn(split)).length).toBeGreaterThan(0);
    }
  });

  test("the paper's data sets are trained at the paper's scale, from official weights", async () => {
    for (const name of ["btcv", "amos22-ct", "amos22-mr"]) {
      const { configuration, needs, split } = await readRecipe(name);
      expect(configuration).toMatchObject({
        folds: 5,
        step0: { dimensions: 3, iterations: 250_000 },
        refiner: { backbone: "sam2.1_hiera_b+", imageSize: 1024 },
      });
      expect(configuration.refiner.groups.map(({ pattern }) => pattern).join()).toMatch(
        /mask_decoder.*memory_attention/,
      );
      expect(needs.weights).toMatchObject({
        file: "sam2.1_hiera_base_plus.pt",
        sha256: expect.stringMatching(/^a2345aed/),
      });
      expect(split).toBe("published");
    }
  });

  test("no case of a split is learned from and measured", async () => {
    for (const name of ["hippocampus", "left-atrium"]) {
      for (const { train, val } of await foldsIn(splitFileOf(await readRecipe(name))!)) {
        expect(train.filter((id) => val.includes(id))).toEqual([]);
        expect(new Set([...train, ...val]).size).toBe(train.length + val.length);
      }
    }
  });

  test("say what they need before anything starts", async () => {
    expect(needsOf(await readRecipe("phantom"))).toEqual([]);
    const text = describeRecipe(await readRecipe("btcv"));
    for (const part of [
      "--data",
      "synapse.org",
      "--weights",
      "dl.fbaipublicfiles.com",
      "Apache-2.0",
      "img0001.nii.gz",
      "dataset convert btcv",
    ])
      expect(text).toContain(part);
  });

  test("the example of their page is one", async () => {
    const page = await readFile(join(recipeFolder, "README.md"), "utf8");
    const recipe = await readRecipe(await put("liver.yaml", /```yaml\n([\s\S]*?)```/.exec(page)![1]!));
    expect(recipe.configuration.step0.iterations).toBe(2000);
  });

  const foldsIn = async (file: string) => (await import("@rfmedsam/metrics/node")).readSplits(file);
});

describe("a recipe's file", () => {
  test("gives preset and changes as a configuration", async () => {
    const recipe = await recipeOf({ train: "{ preset: cpu, changes: { step0: { iterations: 7 } } }", fold: "2" });
    expect(recipe.configuration.step0).toMatchObject({ iterations: 7, batch: 2 });
    expect(recipe).toMatchObject({ fold: 2, seed: 0, evaluate: { tolerances: [1, 2] } });
  });

  test.each([
    ["no YAML", { title: "[" }, /neither YAML nor JSON; expected a recipe/],
    ["nothing about the split", { split: "" }, /"split" is missing/],
    ["an unknown key", { splt: "x" }, /unknown key "splt" \(did you mean "split"/],
    ["an unknown preset", { train: "{ preset: tpu }" }, /preset "tpu"; expected one of/],
    ["a wrong change", { train: "{ preset: cpu, changes: { step0: { iterations: many } } }" }, /step0.iterations/],
    ["no source of data", { needs: "{}" }, /one source of data/],
    ["two sources of data", { convert: "btcv" }, /one source of data/],
    ["an unknown converter", { needs: "{}", convert: "btvc" }, /convert/],
    [
      "a checksum that is none",
      { needs: `{ ${data}, weights: { file: a.pt, obtain: https://e.org, licence: x, sha256: abc } }` },
      /sha256/,
    ],
    ["an unknown measure", { evaluate: "{ metrics: [dize] }" }, /metrics/],
    ["a negative fold", { fold: "-1" }, /fold/],
    ["a fold of held-out cases", { split: "heldOut", fold: "3" }, /"fold" is 3; expected "fold": none/],
  ])("with %s is refused", async (_, changes, message) => {
    const failure = recipeOf(changes as unknown as Readonly<Record<string, string>>);
    await expect(failure).rejects.toThrow(ConfigError);
    await expect(failure).rejects.toThrow(message);
  });

  test("an unknown name is told with the nearest one, a missing file as missing", async () => {
    await expect(readRecipe("btvc")).rejects.toThrow(/did you mean btcv/);
    await expect(readRecipe(join(folder, "none.yaml"))).rejects.toThrow(FileError);
  });
});

describe("what a recipe needs", () => {
  const bytes = "weights";
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const withWeights = (sum: string) =>
    recipeOf({
      needs: `{ ${data}, weights: { file: a.pt, obtain: https://example.org/a.pt, licence: MIT, sha256: ${sum} } }`,
    });
  const dataset = async () => {
    await put("set/dataset.json", '{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1}}');
    await put("set/imagesTr/x_0000.nii.gz", "");
    await put("set/labelsTr/x.nii.gz", "");
    return join(folder, "set");
  };

  test("and was not named is told with where it is given out", async () => {
    const recipe = await withWeights("unknown");
    await expect(checkNeeds(recipe, { converted: false })).rejects.toThrow(
      /--data.*https:\/\/example.org\/scans; licence: CC0/,
    );
    await expect(checkNeeds(recipe, { data: await dataset(), converted: false })).rejects.toThrow(
      /--weights.*a\.pt; licence: MIT/,
    );
    const converting = await readRecipe("btcv");
    await expect(checkNeeds(converting, { converted: false })).rejects.toThrow(ConfigError);
    // Once converted, the download may be thrown away; the weights are still asked for.
    await expect(checkNeeds(converting, { converted: true })).rejects.toThrow(/--weights/);
  });

  test("and is asked for whatever lies in the output folder, unless the recipe converts it", async () => {
    for (const recipe of [await recipeOf(), await readRecipe("left-atrium")])
      await expect(checkNeeds(recipe, { converted: true })).rejects.toThrow(/--data FOLDER: not given/);
    // Looked at, too: a folder `data` there may be anybody's.
    await expect(checkNeeds(await recipeOf(), { data: folder, converted: true })).rejects.toThrow(FileError);
  });

  test("and is not what was named is told, too", async () => {
    const recipe = await recipeOf();
    for (const each of [join(folder, "none"), await put("set2/dataset.json", "{")].map((file) =>
      file.replace("/dataset.json", ""),
    )) {
      const failure = checkNeeds(recipe, { data: each, converted: false });
      await expect(failure).rejects.toThrow(/https:\/\/example.org\/scans/);
      await expect(failure).rejects.toSatisfy((error) => error instanceof FileError || error instanceof DatasetError);
    }
    await expect(
      checkNeeds(await readRecipe("btcv"), { data: folder, weights: folder, converted: false }),
    ).rejects.toThrow(DatasetError);
    await expect(checkNeeds(await readRecipe("phantom"), { data: folder, converted: false })).rejects.toThrow(
      /makes its data itself/,
    );
  });

  test("weights are compared with their checksum; other weights are let through with a note", async () => {
    const given = { data: await dataset(), converted: false };
    const file = await put("a.pt", bytes);
    expect(await checkNeeds(await withWeights(sha256), { ...given, weights: file })).toMatchObject({
      weights: file,
      notes: [],
    });
    expect(await checkNeeds(await withWeights(sha256), { ...given, weights: folder })).toMatchObject({
      weights: file,
      notes: [],
    });
    expect((await checkNeeds(await withWeights("unknown"), { ...given, weights: file })).notes).toEqual([]);
    const other = await put("b.pt", "other");
    expect((await checkNeeds(await withWeights(sha256), { ...given, weights: other })).notes[0]).toContain(
      "is not a.pt",
    );
    await put("a.pt", "damaged");
    await expect(checkNeeds(await withWeights(sha256), { ...given, weights: file })).rejects.toThrow(CheckpointError);
    await expect(checkNeeds(await withWeights(sha256), { ...given, weights: join(folder, "no.pt") })).rejects.toThrow(
      FileError,
    );
  });
});

test("a recipe for a GPU is not begun without one, unless it is asked for", async () => {
  const btcv = await readRecipe("btcv");
  expect(() => checkDevice(btcv, "cpu")).toThrow(ConfigError);
  expect(() => checkDevice(btcv, "cpu", "auto")).toThrow(/no GPU, and the recipe btcv .*--device cpu/s);
  expect(() => checkDevice(btcv, "cpu", "cpu")).not.toThrow();
  expect(() => checkDevice(btcv, "cuda:0")).not.toThrow();
  expect(describeRecipe(btcv)).toContain("Needs a GPU");
  const phantom = await readRecipe("phantom");
  expect(() => checkDevice(phantom, "cpu")).not.toThrow();
  expect(describeRecipe(phantom)).not.toContain("GPU");
});

describe("a recipe's folds", () => {
  const dataset = (ids: readonly string[]) => ({
    folder,
    name: "d",
    channelNames: ["CT"],
    labels: { background: 0, a: 1 },
    fileEnding: ".nii.gz",
    training: ids.map((id) => ({ id, images: [], labels: undefined })),
  });
  const folds = JSON.stringify([
    { train: ["a", "b"], val: ["c"] },
    { train: ["c"], val: ["a"] },
  ]);
  const of = async (split: string): Promise<Recipe> => recipeOf({ split });

  test("are those of the file beside it, one or all", async () => {
    await put("s.json", folds);
    const recipe = await of("s.json");
    const all = await foldsOf(recipe, dataset(["a", "b", "c"]), "all");
    expect(all.map(({ name }) => name)).toEqual(["fold-0", "fold-1"]);
    expect(["a", "b", "c"].map((id) => all[0]!.train(id))).toEqual([true, true, false]);
    expect(["a", "b", "c"].map((id) => all[1]!.measure(id))).toEqual([true, false, false]);
    expect((await foldsOf(recipe, dataset(["a", "b", "c"]), 1)).map(({ name }) => name)).toEqual(["fold-1"]);
    await expect(foldsOf(recipe, dataset(["a", "b", "c"]), 2)).rejects.toThrow(/--fold: 2; expected all, or 0 to 1/);
    await expect(foldsOf(recipe, dataset(["a", "b"]), 0)).rejects.toThrow(/1 of the split's cases are not there: c/);
  });

  test("or the data set's published ones, or its held-out cases; both must be there", async () => {
    const published = await of("published");
    await expect(foldsOf(published, dataset(["a"]), "all")).rejects.toThrow(DatasetError);
    await put(splitsFile, folds);
    expect(await foldsOf(published, dataset(["a", "b", "c"]), "all")).toHaveLength(2);
    const heldOut = await of("heldOut");
    await expect(foldsOf(heldOut, dataset(["a"]), "all")).rejects.toThrow(/imagesTs/);
    await mkdir(join(folder, "imagesTs"));
    await mkdir(join(folder, "labelsTs"));
    await put("labelsTs/t2.nii.gz", "");
    await expect(foldsOf(heldOut, dataset(["a"]), "all")).rejects.toThrow(/t2\.nii\.gz: labels without an image/);
    for (const id of ["t3", "t2", "t1"]) await put(`imagesTs/${id}_0000.nii.gz`, "");
    await put("labelsTs/t1.nii.gz", "");
    await put("labelsTs/plans.json", "");
    const [fold] = await foldsOf(heldOut, dataset(["b", "a"]), "all");
    expect(fold).toMatchObject({ name: "held-out", cases: { train: ["a", "b"], measure: ["t1", "t2"] } });
    expect(fold!.files.measure.map(({ labels }) => labels)).toEqual([
      join(folder, "labelsTs/t1.nii.gz"),
      join(folder, "labelsTs/t2.nii.gz"),
    ]);
    expect(fold!.measure("t3")).toBe(false);
    expect(fold!.notes).toEqual(["Held-out cases without labels are not measured: 1 (t3)."]);
  });

  test.each([
    [
      "a case on both sides",
      { train: ["a", "b"], val: ["c", "b"] },
      /s\.json: fold 1 learns from 1 of the cases it measures: b/,
    ],
    ["a case twice", { train: ["a"], val: ["c", "c"] }, /s\.json: fold 1 lists a case more than once: c/],
    ["nothing to learn from", { train: [], val: ["c"] }, /s\.json: fold 1 has 0 cases to learn from and 1 to measure/],
    ["nothing to measure", { train: ["c"], val: [] }, /fold 1 has 1 cases to learn from and 0 to measure/],
  ])("with %s are refused, also before the data are there", async (_, wrong, message) => {
    await put("s.json", JSON.stringify([{ train: ["a"], val: ["b"] }, wrong]));
    const recipe = await of("s.json");
    for (const check of [() => foldsOf(recipe, dataset(["a", "b", "c"]), "all"), () => checkSplit(recipe, 1)]) {
      const failure = check();
      await expect(failure).rejects.toThrow(DatasetError);
      await expect(failure).rejects.toThrow(message);
    }
    expect((await foldsOf(recipe, dataset(["a", "b", "c"]), 0))[0]?.cases).toEqual({ train: ["a"], measure: ["b"] });
    await expect(checkSplit(recipe, 2)).rejects.toThrow(/--fold: 2; expected all, or 0 to 1/);
    await checkSplit(recipe, 0);
    await checkSplit(await of("heldOut"), 5);
  });
});
