import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, DatasetError, FileError } from "@rfmedsam/base";
import { assertKnown } from "@rfmedsam/metrics/node";
import { selectCases } from "@rfmedsam/training";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { casesOfSplit } from "./split.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "split-"));
});
afterEach(() => rm(folder, { recursive: true }));

const split = async (content: unknown) => {
  const file = join(folder, "splits_final.json");
  await writeFile(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
};
const folds = [
  { train: ["a", "b"], val: ["c"] },
  { train: ["c"], val: ["a", "b"] },
];

describe("nnU-Net's splits", () => {
  test("choose the cases of one side of a fold", async () => {
    const file = await split(folds);
    const chosen = async (fold: number, side: "train" | "val") => {
      const wanted = await casesOfSplit({ split: file, fold }, side);
      return ["a", "b", "c"].filter((id) => wanted?.(id)).join("");
    };
    expect([await chosen(0, "train"), await chosen(0, "val"), await chosen(1, "val")]).toEqual(["ab", "c", "ab"]);
  });

  test("are refused where cases are missing, with the split's name", async () => {
    const file = await split(folds);
    const wanted = await casesOfSplit({ split: file, fold: 1 }, "val");
    assertKnown(wanted, ["a", "b", "d"], "folder");
    expect(() => assertKnown(wanted, ["a"], "folder")).toThrow(DatasetError);
    expect(() => assertKnown(wanted, ["a"], "folder")).toThrow(
      `1 of the 2 chosen cases are not here: b; expected the cases of ${file}`,
    );
  });

  test.each([
    ["a case on both sides", { train: ["a", "b"], val: ["c", "b"] }, /fold 1 learns from 1 of the cases .*: b; /],
    ["a case to learn from twice", { train: ["a", "b", "a"], val: ["c"] }, /fold 1 lists a case more than once: a; /],
    ["a case to measure twice", { train: ["a"], val: ["c", "c"] }, /fold 1 lists a case more than once: c; /],
  ])("with %s are refused on either side, with the file's name; other folds are not", async (_, wrong, message) => {
    const file = await split([folds[0], wrong]);
    for (const side of ["train", "val"] as const) {
      const failure = casesOfSplit({ split: file, fold: 1 }, side);
      await expect(failure).rejects.toThrow(DatasetError);
      await expect(failure).rejects.toMatchObject({ file, found: expect.stringMatching(/fold 1/) });
      await expect(failure).rejects.toThrow(message);
      expect(await casesOfSplit({ split: file, fold: 0 }, side)).toBeDefined();
    }
  });

  test("to learn from are refused where a case to measure is missing, with the split's name, the fold and the case", async () => {
    const file = await split(folds);
    const learned = await casesOfSplit({ split: file, fold: 0 }, "train");
    const cases = (...ids: string[]) => ({
      folder: "folder",
      name: "d",
      channelNames: ["CT"],
      labels: { background: 0, organ: 1 },
      fileEnding: ".nii.gz",
      training: ids.map((id) => ({ id, images: [], labels: undefined })),
    });
    expect(selectCases(cases("a", "b", "c"), learned).training.map(({ id }) => id)).toEqual(["a", "b"]);
    expect(() => selectCases(cases("a", "b"), learned)).toThrow(DatasetError);
    expect(() => selectCases(cases("a", "b", "d"), learned)).toThrow(
      `: c); expected the cases of ${file}, fold 0, val`,
    );
    expect(() => selectCases(cases("a", "c"), learned)).toThrow(`: b; expected the cases of ${file}, fold 0, train`);
  });

  test("without a split, all cases are wanted", async () => {
    expect(await casesOfSplit({}, "train")).toBeUndefined();
  });

  test("a split without a fold, a fold that is not there, and a missing file are refused", async () => {
    const file = await split(folds);
    await expect(casesOfSplit({ split: file }, "val")).rejects.toThrow(/no --fold K with it/);
    await expect(casesOfSplit({ fold: 0 }, "val")).rejects.toThrow(/no --split FILE with it/);
    await expect(casesOfSplit({ split: file, fold: 2 }, "val")).rejects.toThrow(/2 folds; expected a fold 2/);
    await expect(casesOfSplit({ split: join(folder, "none"), fold: 0 }, "val")).rejects.toThrow(FileError);
  });

  test.each(["", "{}", '[{"train": ["a"]}]', '[{"train": "a", "val": []}]'])("%s is refused", async (content) => {
    await expect(casesOfSplit({ split: await split(content), fold: 0 }, "val")).rejects.toThrow(ConfigError);
  });
});
