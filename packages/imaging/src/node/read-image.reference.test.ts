/** The real images of `data/dicom`: DICOM series and the label maps that other programs wrote for them as NRRD. */
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { gunzipSync } from "node:zlib";
import { RfmedsamError } from "@rfmedsam/base";
import { compareNumbers, sharedPath } from "@rfmedsam/base/testing";
import { describe, expect, test } from "vitest";
import { sameGrid } from "../grid.js";
import type { Volume } from "../volume.js";
import { convertImage, readImage, readVolume } from "./index.js";

const root = sharedPath("data/dicom");
const files = (readdirSync(root, { recursive: true }) as string[]).sort();
const nrrds = files.filter((file) => file.endsWith(".nrrd"));
const folders = [...new Set(files.filter((file) => file.endsWith(".dcm") || /IM\d+$/.test(file)).map(dirname))];
const series = folders.filter((folder) => !nrrds.some((file) => dirname(file) === folder));

test("there are series and label maps to compare", () => {
  expect(nrrds.length).toBeGreaterThan(0);
  expect(series.length).toBeGreaterThan(0);
});

/** The volume, or the sentence that says why there is none. */
async function volumeOrReason(folder: string): Promise<Volume | string> {
  return readVolume(join(root, folder)).catch((error: unknown) => {
    expect(error).toBeInstanceOf(RfmedsamError);
    return (error as Error).message;
  });
}

describe.each(nrrds)("%s", (file) => {
  test("lies on the grid of a DICOM series beside it", async () => {
    const { volume, format, warnings } = await readImage(join(root, file));
    expect(format).toBe("nrrd");
    expect(warnings).toEqual([]);
    const near = series.filter((folder) => relative(dirname(dirname(file)), folder).startsWith("..") === false);
    const candidates = await Promise.all(near.map(volumeOrReason));
    expect(candidates.some((each) => typeof each !== "string" && sameGrid(each, volume))).toBe(true);
  });

  test("holds the numbers that its packed bytes say", async () => {
    const bytes = readFileSync(join(root, file));
    const header = bytes.indexOf("\n\n");
    expect(bytes.subarray(0, header).toString()).toContain("type: short");
    const stored = gunzipSync(bytes.subarray(header + 2));
    const { data } = await readVolume(join(root, file));
    const expected = new Int16Array(stored.buffer.slice(stored.byteOffset, stored.byteOffset + stored.length));
    expect(compareNumbers(join("data/dicom", file), data, expected, 0)).toBe(0);
  });
});

test.each(series)(
  "the series %s becomes NIfTI with the same voxels in the same place, or says why not",
  async (folder) => {
    const volume = await volumeOrReason(folder);
    if (typeof volume === "string") {
      expect(volume.length).toBeGreaterThan(40);
      return;
    }
    const out = await mkdtemp(join(tmpdir(), "series-"));
    try {
      await convertImage(join(root, folder), join(out, "a.nii.gz"));
      const back = await readVolume(join(out, "a.nii.gz"));
      expect(compareNumbers(join("data/dicom", folder), back.data, volume.data, 0)).toBe(0);
      expect(sameGrid(back, volume)).toBe(true);
    } finally {
      await rm(out, { recursive: true });
    }
  },
);
