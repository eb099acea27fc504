import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, FileError, FormatError } from "@rfmedsam/base";
import { type LabelVolume, scalingAffine } from "@rfmedsam/imaging";
import { writeVolume } from "@rfmedsam/imaging/node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { evaluateFolders } from "./evaluate-folders.js";
import { evaluationTables } from "./evaluation-tables.js";
import { joinEvaluations, readEvaluation } from "./read-evaluation.js";
import { writeEvaluation } from "./write-evaluation.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "evaluation-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** One case; the prediction has `found` of 4 voxels of label 1, and label 2 is nowhere or missed. */
async function evaluated(id: string, found: number) {
  const volume = (data: number[]): LabelVolume => ({
    data: Uint8Array.from(data),
    shape: [2, 2, 2],
    affine: scalingAffine([1, 1, 1]),
  });
  await writeVolume(join(folder, id, "truth", `${id}.nii.gz`), volume([1, 1, 1, 1, 0, 0, 0, found > 2 ? 2 : 0]));
  const predicted = Array.from({ length: 8 }, (_, at) => (at < found ? 1 : 0));
  await writeVolume(join(folder, id, "labels", `${id}.nii.gz`), volume(predicted));
  return evaluateFolders(join(folder, id, "labels"), join(folder, id, "truth"), { labels: { a: 1, b: 2 } });
}

describe("an evaluation that was written", () => {
  test("is read as it was, with undefined and infinite scores", async () => {
    for (const found of [2, 3]) {
      const evaluation = await evaluated(`case${found}`, found);
      const { json } = await writeEvaluation(folder, evaluation);
      const read = await readEvaluation(json);
      expect(read.rows).toEqual(evaluation.rows);
      expect(evaluationTables(read)).toEqual(evaluationTables(evaluation));
    }
  });

  test("another file is told from it", async () => {
    const file = join(folder, "evaluation.json");
    await expect(readEvaluation(file)).rejects.toThrow(FileError);
    for (const content of ["[", "{}", "null", '{"rows": 3}']) {
      await writeFile(file, content);
      await expect(readEvaluation(file)).rejects.toThrow(FormatError);
    }
  });
});

describe("evaluations of several folds", () => {
  test("are one over all their cases", async () => {
    const parts = [await evaluated("one", 2), await evaluated("two", 3)];
    const joined = joinEvaluations(parts);
    expect(joined.cases).toEqual(["one", "two"]);
    expect(joined.rows).toEqual(parts.flatMap(({ rows }) => rows));
  });

  test("with a case in two of them, of other columns, or none at all are refused", async () => {
    const one = await evaluated("one", 2);
    expect(() => joinEvaluations([one, one])).toThrow(/the case one twice/);
    const other = await evaluated("two", 2);
    expect(() => joinEvaluations([one, { ...other, columns: ["final"] }])).toThrow(ConfigError);
    expect(() => joinEvaluations([])).toThrow(ConfigError);
  });
});
