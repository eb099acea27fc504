import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, FileError } from "@rfmedsam/base";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { publishedSplits, readSplits, splitsFile } from "./splits.js";

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
