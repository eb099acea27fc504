import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, FileError, FormatError, GeometryError } from "@rfmedsam/base";
import { scalingAffine } from "@rfmedsam/imaging";
import { writeVolume } from "@rfmedsam/imaging/node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { evaluateFolders, evaluationTables, readLabelNames, scoresOf, writeEvaluation } from "./index.js";

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
    expect(evaluation.rows[0]).toMatchObject({ case: "a", label: "liver", referenceMl: 0.004, tp: 2, fn: 2 });
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

  test("is written as JSON, CSV and a page", async () => {
    const evaluation = await evaluateFolders(at("pred"), at("ref"), { labels });
    await writeEvaluation(at("result"), evaluation);
    expect((await readdir(at("result"))).sort()).toEqual(["evaluation.csv", "evaluation.html", "evaluation.json"]);
    const { rows, dice } = JSON.parse(await readFile(at("result/evaluation.json"), "utf8"));
    expect(rows).toHaveLength(4);
    expect(dice.at(-1)).toMatchObject({ label: "mean", prediction: (5 / 6 + 2 / 3) / 2 });
    expect((await readFile(at("result/evaluation.csv"), "utf8")).split("\n")[1]).toMatch(/^a,prediction,liver,0\.66/);
    expect(await readFile(at("result/evaluation.html"), "utf8")).toContain("spleen");
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
