import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, DatasetError, FileError } from "@rfmedsam/base";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { assertKnown, casesOfFold, publishedSplits, readSplits, splitsFile } from "./splits.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "splits-"));
});
afterEach(() => rm(folder, { recursive: true }));

const write = async (content: string) => {
  await writeFile(join(folder, splitsFile), content);
  return join(folder, splitsFile);
};

describe("splits_final.json", () => {
  test("is a list of folds, found beside the data set", async () => {
    const folds = [{ train: ["a"], val: ["b", "c"] }];
    expect(await readSplits(await write(JSON.stringify(folds)))).toEqual(folds);
    expect(await publishedSplits(folder)).toEqual(folds);
  });

  test("need not be there, unless it is named", async () => {
    expect(await publishedSplits(folder)).toBeUndefined();
    await expect(readSplits(join(folder, splitsFile))).rejects.toThrow(FileError);
  });

  test.each(["", "{}", '[{"train": ["a"]}]', '[{"train": "a", "val": []}]', '[{"train": [1], "val": []}]'])(
    "%s is refused with the file's name",
    async (content) => {
      const file = await write(content);
      const error = await publishedSplits(folder).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(ConfigError);
      expect(error).toMatchObject({ file });
    },
  );
});

describe("a fold whose cases are not all there", () => {
  const fold = { train: ["a", "b"], val: ["c", "d", "e", "f"] };
  const measured = casesOfFold(fold, "val", "splits.json");
  const learned = casesOfFold(fold, "train", "splits.json");

  test("is told from one whose cases are", () => {
    expect(["a", "b", "c", "x"].filter(learned)).toEqual(["a", "b"]);
    expect(["a", "b", "c", "x"].filter(measured)).toEqual(["c"]);
    assertKnown(measured, new Set(["f", "e", "d", "c", "x"]), "folder");
    assertKnown(learned, ["a", "b", "c", "d", "e", "f"], "folder");
  });

  test("is refused with their number, the first three, and the names that are there", () => {
    const refused = () => assertKnown(measured, ["d", "hippo_1"], "imagesTr");
    expect(refused).toThrow(DatasetError);
    expect(refused).toThrow(
      "imagesTr: 3 of the 4 chosen cases are not here: c, e, f; expected the cases of splits.json. " +
        "The cases here are called d, hippo_1.",
    );
    const none = () => assertKnown(measured, ["x_c", "x_d", "x_e", "x_f"], "imagesTr");
    expect(none).toThrow(/none of the chosen cases is here \(4: c, d, e, …\).*are called x_c, x_d, x_e, …/);
    expect(() => assertKnown(measured, [], "imagesTr")).toThrow(/none of the chosen cases/);
  });

  test("asks for the cases of its own side alone", () => {
    expect(() => assertKnown(learned, ["a", "c", "d", "e", "f"], "folder")).toThrow(/1 of the 2 .*: b/);
    assertKnown(learned, fold.train, "folder");
    assertKnown(measured, fold.val, "folder");
  });

  test("nothing is asked of other choices of cases", () => {
    assertKnown(undefined, [], "folder");
    assertKnown((id) => id === "a", ["b"], "folder");
  });
});
