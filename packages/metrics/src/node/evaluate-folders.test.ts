import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, FileError, FormatError, GeometryError } from "@rfmedsam/base";
import { scalingAffine } from "@rfmedsam/imaging";
import { writeVolume } from "@rfmedsam/imaging/node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { tableToJson } from "../table.js";
import {
  evaluateFolders,
  evaluationTables,
  readLabelNames,
  scoresOf,
  withoutIgnored,
  writeEvaluation,
} from "./index.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "evaluate-"));
});
afterEach(() => rm(folder, { recursive: true }));
const at = (...parts: string[]) => join(folder, ...parts);

/** One row of eight voxels. */
const save = async (name: string, labels: readonly number[], millimetres = 1) => {
  const affine = scalingAffine([1, 1, millimetres]);
  await writeVolume(at(name), { data: Uint8Array.from(labels), shape: [1, 1, labels.length], affine });
};

const labels = { liver: 1, spleen: 2 };

describe("folders against folders", () => {
  beforeEach(async () => {
    await save("ref/a.nii.gz", [1, 1, 1, 1, 0, 0, 0, 0]);
    await save("ref/b.nii.gz", [1, 1, 0, 0, 2, 2, 2, 2]);
    await save("pred/a.nii.gz", [1, 1, 0, 0, 0, 0, 0, 0]);
    await save("pred/b.nii", [1, 1, 0, 0, 2, 2, 0, 0]);
  });

  test("every case and label gets its scores; a label in neither map has none", async () => {
    const evaluation = await evaluateFolders(at("pred"), at("ref"), { labels });
    expect(evaluation).toMatchObject({ cases: ["a", "b"], columns: ["prediction"], missing: [], notes: [] });
    expect(scoresOf(evaluation, "prediction").values).toEqual([
      [2 / 3, Number.NaN],
      [1, 2 / 3],
    ]);
    expect(scoresOf(evaluation, "prediction", "recall").values[0]?.[0]).toBe(0.5);
    expect(evaluation.rows[0]).toMatchObject({ case: "a", label: "liver", counts: { tp: 2, fn: 2 } });
    expect(evaluation.rows[0]!.scores).toMatchObject({ referenceMl: 0.004, hd: 2, surfaceDice2mm: 1 });
    expect(evaluation.rows[1]!.scores).toMatchObject({ hd95: Number.NaN, surfaceDice1mm: Number.NaN });
  });

  test("missing and surplus predictions are told and count nowhere", async () => {
    await save("ref/c.nii.gz", [1, 0]);
    await save("pred/d.nii.gz", [1, 0]);
    const { cases, missing, notes } = await evaluateFolders(at("pred"), at("ref"), { labels });
    expect(cases).toEqual(["a", "b"]);
    expect(missing).toEqual(["c"]);
    expect(notes.join("\n")).toMatch(/1 case without a prediction, .*: c\.\n1 prediction without a reference: d\./);
  });

  test("stages beside the predictions become columns of their own", async () => {
    await save("pred/step0/a.nii.gz", [1, 1, 1, 1, 0, 0, 0, 0]);
    const evaluation = await evaluateFolders(at("pred"), at("ref"), { labels, beside: ["step0", "stage1"] });
    expect(evaluation.columns).toEqual(["step0", "final"]);
    expect(scoresOf(evaluation, "step0").values).toEqual([
      [1, Number.NaN],
      [Number.NaN, Number.NaN],
    ]);
    expect(evaluation.notes).toEqual(["step0 lacks 1 case: b."]);
    expect(evaluationTables(evaluation).dice.columns.map(({ name }) => name)).toEqual(["label", "step0", "final"]);
  });

  test("without names, labels are called by their numbers", async () => {
    const evaluation = await evaluateFolders(at("pred"), at("ref"));
    expect(evaluation.labels).toEqual({ "label 1": 1, "label 2": 2 });
    expect(evaluation.notes[0]).toMatch(/--labels/);
  });

  test("only chosen cases, and two single files", async () => {
    expect((await evaluateFolders(at("pred"), at("ref"), { cases: (id) => id === "b" })).cases).toEqual(["b"]);
    const single = await evaluateFolders(at("pred/a.nii.gz"), at("ref/b.nii.gz"), { labels });
    expect(single.cases).toEqual(["b"]);
  });

  test("a region counts several labels as one mask", async () => {
    const evaluation = await evaluateFolders(at("pred"), at("ref"), { labels: { both: [1, 2] } });
    expect(scoresOf(evaluation, "prediction").values[1]).toEqual([0.8]);
  });

  test("another grid, an unknown label, an image instead of labels and nothing in common are refused", async () => {
    await save("pred/a.nii.gz", [1, 1, 0, 0, 0, 0, 0, 0], 2);
    await expect(evaluateFolders(at("pred"), at("ref"), { labels })).rejects.toThrow(GeometryError);
    await save("pred/a.nii.gz", [1, 1, 0, 9, 0, 0, 0, 0]);
    await expect(evaluateFolders(at("pred"), at("ref"), { labels })).rejects.toThrow(
      /a\.nii\.gz: label 9; expected only 0 and 1 \(liver\), 2 \(spleen\)/,
    );
    const fractions = {
      data: new Float32Array(8).fill(0.5),
      shape: [1, 1, 8],
      affine: scalingAffine([1, 1, 1]),
    } as const;
    await writeVolume(at("pred/a.nii.gz"), fractions);
    await expect(evaluateFolders(at("pred"), at("ref"), { labels })).rejects.toThrow(FormatError);
    await save("else/z.nii.gz", [1]);
    await expect(evaluateFolders(at("else"), at("ref"))).rejects.toThrow(/none of the 1 label maps has a reference/);
    await expect(evaluateFolders(at("none"), at("ref"))).rejects.toThrow(FileError);
  });

  test("only the wanted scores are computed, as wanted", async () => {
    const chosen = { labels, metrics: ["hd95", "surfaceDice"], tolerances: [0.5], definition: "medpy" } as const;
    const evaluation = await evaluateFolders(at("pred"), at("ref"), chosen);
    expect(Object.keys(evaluation.rows[0]!.scores)).toEqual(["dice", "hd95", "surfaceDice0.5mm"]);
    const { scores, others } = evaluationTables(evaluation);
    expect(others).toBeUndefined();
    expect(scores.legend!.join(" ")).toMatch(/MedPy's/);
    await expect(evaluateFolders(at("pred"), at("ref"), { labels, tolerances: [-1] })).rejects.toThrow(ConfigError);
  });

  test("an ignored label counts nowhere and needs no name", async () => {
    await save("ref/a.nii.gz", [1, 1, 9, 9, 0, 0, 0, 0]);
    const { labels: named, ignoreLabel } = withoutIgnored({ ...labels, ignore: 9 });
    const evaluation = await evaluateFolders(at("pred"), at("ref"), { labels: named, ignoreLabel });
    expect(evaluation.rows[0]!.scores).toMatchObject({ dice: 1, hd: 0 });
    expect((await evaluateFolders(at("pred"), at("ref"), { ignoreLabel })).labels).not.toHaveProperty("label 9");
    expect(evaluationTables(evaluation).scores.legend!.join(" ")).toMatch(/label 9 .* count nowhere/);
  });

  test("an ignored label that has a name has no row and no part in the mean; a region keeps its others", async () => {
    await save("ref/b.nii.gz", [1, 1, 0, 0, 2, 2, 0, 0]);
    await save("pred/b.nii", [1, 1, 0, 0, 2, 2, 2, 2]);
    const evaluation = await evaluateFolders(at("pred"), at("ref"), { labels, ignoreLabel: 2 });
    expect(evaluation.labels).toEqual({ liver: 1 });
    expect(evaluation.rows.map(({ label }) => label)).toEqual(["liver", "liver"]);
    expect(evaluation.notes).toEqual(["Ignored, so without scores: spleen."]);
    const { dice, scores } = evaluationTables(evaluation);
    expect(tableToJson(dice).map(({ label, prediction }) => [label, prediction])).toEqual([
      ["liver", expect.closeTo(5 / 6)],
      ["mean", expect.closeTo(5 / 6)],
    ]);
    expect(tableToJson(scores).map(({ label }) => label)).toEqual(["liver", "mean"]);
    const regions = { labels: { both: [1, 2], spleen: [2] }, ignoreLabel: 2 };
    expect((await evaluateFolders(at("pred"), at("ref"), regions)).labels).toEqual({ both: [1, 2] });
    const alone = { labels: { spleen: 2, again: 2 }, ignoreLabel: 2 };
    await expect(evaluateFolders(at("pred"), at("ref"), alone)).rejects.toThrow(ConfigError);
    await expect(evaluateFolders(at("pred"), at("ref"), alone)).rejects.toThrow(/no label beside 2, which is ignored/);
  });

  test("a label found in one map alone is infinitely far: told, and in no mean", async () => {
    await save("pred/a.nii.gz", [1, 1, 0, 0, 2, 0, 0, 0]);
    const { scores, summary } = evaluationTables(await evaluateFolders(at("pred"), at("ref"), { labels }));
    const column = scores.columns.findIndex(({ name }) => name === "HD95");
    expect(scores.rows[1]![column]).toMatchObject({ infinite: 1 });
    expect((scores.rows[1]![column] as { mean: number }).mean).toBeLessThan(10);
    expect(tableToJson(summary)).toContainEqual(
      expect.objectContaining({ label: "spleen", score: "hd95", unit: "mm", count: 1, infinite: 1 }),
    );
  });

  test("another method's labels are compared pair by pair", async () => {
    await save("other/a.nii.gz", [1, 0, 0, 0, 0, 0, 0, 0]);
    await save("other/b.nii.gz", [1, 0, 0, 0, 2, 0, 0, 0]);
    const evaluation = await evaluateFolders(at("pred"), at("ref"), { labels, against: at("other") });
    expect(evaluation.columns).toEqual(["against", "prediction"]);
    const { comparison, dice } = evaluationTables(evaluation);
    expect(dice.columns.map(({ name }) => name)).toEqual(["label", "against", "prediction"]);
    expect(comparison[0]!.title).toMatch(/^Dice: prediction against the others/);
    const [liver, spleen, mean] = tableToJson(comparison[0]!);
    expect(liver).toMatchObject({ label: "liver", pairs: 2, p: 0.5, "p (Holm)": 1 });
    expect(liver!.difference).toBeCloseTo((2 / 3 - 2 / 5 + 1 - 2 / 3) / 2, 12);
    expect(spleen).toMatchObject({ pairs: 1, p: 1 });
    expect(mean).toMatchObject({ label: "mean", "p (Holm)": null });
    await rm(at("other/b.nii.gz"));
    const without = await evaluateFolders(at("pred"), at("ref"), { labels, against: at("other") });
    expect(without.notes).toEqual(["against lacks 1 case: b."]);
    const files = await evaluateFolders(at("pred/a.nii.gz"), at("ref/a.nii.gz"), {
      labels,
      against: at("other/a.nii.gz"),
    });
    expect(files.columns).toEqual(["against", "prediction"]);
    await expect(evaluateFolders(at("pred"), at("ref"), { against: at("nowhere") })).rejects.toThrow(FileError);
  });

  test("is written as JSON, CSV and a page", async () => {
    const evaluation = await evaluateFolders(at("pred"), at("ref"), { labels });
    await writeEvaluation(at("result"), evaluation);
    expect((await readdir(at("result"))).sort()).toEqual(["evaluation.csv", "evaluation.html", "evaluation.json"]);
    const { rows, dice, summary, legend } = JSON.parse(await readFile(at("result/evaluation.json"), "utf8"));
    expect(rows).toHaveLength(4);
    expect(dice.at(-1)).toMatchObject({ label: "mean", prediction: (5 / 6 + 2 / 3) / 2 });
    expect(summary[0]).toMatchObject({ column: "prediction", label: "liver", score: "dice", count: 2, infinite: 0 });
    expect(legend.join(" ")).toMatch(/Empty masks: a label in neither map of a case is left out/);
    const [header, first] = (await readFile(at("result/evaluation.csv"), "utf8")).split("\n");
    expect(header).toMatch(/^case,column,label,dice,.*,tp,fp,fn,tn,hd,hd95,assd,surfaceDice1mm,surfaceDice2mm$/);
    expect(first).toMatch(/^a,prediction,liver,0\.66/);
    const page = await readFile(at("result/evaluation.html"), "utf8");
    for (const part of ["spleen", "HD95 of every case", "DeepMind"]) expect(page).toContain(part);
    expect(page).not.toContain("<img");
  });

  test("the page shows the worst cases, over their images where there are some", async () => {
    const evaluation = await evaluateFolders(at("pred"), at("ref"), { labels });
    const shown = async (images?: string) => {
      const { notes, html } = await writeEvaluation(at("result"), evaluation, { pictures: { worst: 1, images } });
      return { notes, page: await readFile(html, "utf8") };
    };
    const bare = await shown();
    expect(bare.page).toMatch(/<h2>Worst cases<\/h2>/);
    expect(bare.page.match(/<img/g)).toHaveLength(5);
    expect(bare.page).toMatch(/<h3>a <small>mean Dice 0\.667; worst: liver, Dice 0\.667, HD95 2\.0 mm/);
    await save("images/a_0000.nii.gz", [9, 8, 7, 6, 5, 4, 3, 2]);
    const overImage = await shown(at("images"));
    expect(overImage.notes).toEqual([]);
    expect(overImage.page).not.toBe(bare.page);
    await save("images/a_0000.nii.gz", [9, 8, 7, 6, 5, 4, 3, 2], 3);
    expect((await shown(at("images"))).notes.join()).toMatch(/a is drawn without its image: .* lies on another grid/);
    await rm(at("images/a_0000.nii.gz"));
    expect((await shown(at("images"))).notes.join()).toMatch(/there is none/);
    await expect(shown(at("nowhere"))).rejects.toThrow(FileError);
  });
});

describe("names of labels", () => {
  const names = async (content: string) => {
    await mkdir(at("set"), { recursive: true });
    await writeFile(at("set/dataset.json"), content);
    return readLabelNames(at("set/dataset.json"));
  };

  test("come from the file, background left out", async () => {
    expect(await names('{"labels": {"background": 0, "liver": 1, "both": [1, 2]}}')).toEqual({
      liver: 1,
      both: [1, 2],
    });
  });

  test.each(["", "[]", "{}", '{"labels": {"liver": "1"}}', '{"labels": {"background": 0}}'])(
    "%s is refused",
    (content) => expect(names(content)).rejects.toThrow(ConfigError),
  );
});
