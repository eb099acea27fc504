import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { FileError } from "@rfmedsam/base";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findCases } from "./input-cases.js";

let folder: string;
const at = (name: string) => join(folder, name);

/** Files of which only the name, or the first bytes, are looked at. */
async function files(...names: readonly string[]): Promise<void> {
  for (const name of names) {
    await mkdir(dirname(at(name)), { recursive: true });
    const isDicom = name.endsWith(".dcm");
    await writeFile(at(name), isDicom ? `${"\0".repeat(128)}DICM` : "");
  }
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "cases-"));
});
afterEach(() => rm(folder, { recursive: true }));

const found = async (...inputs: string[]) => {
  const { cases, failed } = await findCases(inputs.map(at), ["CT"]);
  expect(failed).toEqual([]);
  return cases.map(({ case: id, images }) => [id, ...images.map((image) => image.slice(folder.length + 1))]);
};

describe("cases among files and folders", () => {
  test("a folder's volumes in any format; pictures only where there is no volume", async () => {
    await files("in/a.nrrd", "in/b.mha", "in/c.nii.gz", "in/b.png", "in/notes.txt", "in/d_0000.mhd", "in/d.zraw");
    expect(await found("in")).toEqual([
      ["d", "in/d_0000.mhd"],
      ["a", "in/a.nrrd"],
      ["b", "in/b.mha"],
      ["c", "in/c.nii.gz"],
    ]);
    await files("pictures/a.png", "pictures/b.TIF", "pictures/notes.txt");
    expect(await found("pictures")).toEqual([
      ["a", "pictures/a.png"],
      ["b", "pictures/b.TIF"],
    ]);
  });

  test("a folder of DICOM files is one case, named after it; a folder of such folders has a case per folder", async () => {
    await files("study/ct.1/1.dcm", "study/ct.1/2.dcm", "study/mr/deep/1.dcm", "study/papers/read.txt");
    expect(await found("study/ct.1")).toEqual([["ct.1", "study/ct.1"]]);
    expect(await found("study")).toEqual([
      ["ct.1", "study/ct.1"],
      ["mr", "study/mr"],
    ]);
  });

  test("a folder with neither says what is looked for", async () => {
    await files("empty/read.txt");
    const { failed } = await findCases([at("empty")], ["CT"]);
    expect(failed[0]!.failure).toBeInstanceOf(FileError);
    expect(failed[0]!.failure.message).toMatch(/no volume is in this folder.*\.nrrd.*DICOM/);
  });
});
