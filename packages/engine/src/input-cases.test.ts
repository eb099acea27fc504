import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { FileError, FormatError } from "@rfmedsam/base";
import { type SegmentedSeries, scalingAffine } from "@rfmedsam/imaging";
import { readChannels, writeDicomSegFile } from "@rfmedsam/imaging/node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findCases } from "./input-cases.js";

let folder: string;
const at = (name: string) => join(folder, name);

/** The start of a DICOM file with an image: transfer syntax (explicit, little endian) and pixels. */
const dicomImage = [
  ...["\0".repeat(128), "DICM"],
  ...["\x02\0\x10\0", "UI\x14\0", "1.2.840.10008.1.2.1\0"],
  ...["\xe0\x7f\x10\0", "OW\0\0\x02\0\0\0", "\0\0"],
].join("");

/** Files of which only the name, or the first bytes, are looked at. */
async function files(...names: readonly string[]): Promise<void> {
  for (const name of names) {
    await mkdir(dirname(at(name)), { recursive: true });
    await writeFile(at(name), name.toLowerCase().endsWith(".dcm") ? dicomImage : "", "latin1");
  }
}

/** A segmentation of one voxel. */
async function writeSeg(name: string): Promise<void> {
  const volume = { shape: [1, 1, 1], affine: scalingAffine([1, 1, 1]) } as const;
  const slice = {
    file: "1.dcm",
    sopClassUid: "1.2.840.10008.5.1.4.1.1.2",
    sopInstanceUid: "1.2.3.5",
    frame: 1,
    frames: 1,
  };
  const series: SegmentedSeries["series"] = {
    studyUid: "1.2.3",
    seriesUid: "1.2.3.4",
    frameOfReferenceUid: "1.2.3.6",
    rows: 1,
    columns: 1,
    pixelSpacing: [1, 1],
    sliceThickness: undefined,
    attributes: {},
    slices: [
      {
        ...slice,
        imagePosition: [0, 0, 0],
        imageOrientation: [
          [1, 0, 0],
          [0, 1, 0],
        ],
      },
    ],
  };
  const labels = { ...volume, data: Uint8Array.of(1) };
  await writeDicomSegFile(at(name), labels, { liver: 1 }, { volume, series });
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

  test("volumes and DICOM folders in one folder are all cases; what is left out is told", async () => {
    await files("in/a.nii.gz", "in/a.png", "in/ct/1.dcm", "in/more/b.nii.gz", "in/papers/read.txt", "in/.old/c.nii");
    await writeSeg("in/seg/s.dcm");
    await symlink(at("in/ct"), at("in/linked"));
    expect(await found("in")).toEqual([
      ["a", "in/a.nii.gz"],
      ["ct", "in/ct"],
      ["linked", "in/linked"],
    ]);
    const { notes } = await findCases([at("in")], ["CT"]);
    expect(notes.map((note) => note.replaceAll(folder, ""))).toEqual([
      "/in/seg are no scans (DICOM objects such as segmentations and reports).",
      "/in/a.png were left out as previews of the volumes.",
      "/in/more were not looked into; name them, too, if their volumes are meant.",
    ]);
  });

  test("DICOM files beside volumes are a case of the folder's name; pictures beside them are none", async () => {
    await files("mixed/a.nii.gz", "mixed/1.dcm", "scan/1.dcm", "scan/preview.png");
    expect(await found("mixed")).toEqual([
      ["a", "mixed/a.nii.gz"],
      ["mixed", "mixed"],
    ]);
    expect(await found("scan")).toEqual([["scan", "scan"]]);
  });

  test("a hundred volumes do not hide a DICOM file", async () => {
    await files(...Array.from({ length: 100 }, (_, n) => `many/${n}.nii`), "many/z.dcm");
    expect((await found("many")).at(-1)).toEqual(["many", "many"]);
  });

  test("results in the folder are no cases", async () => {
    await files("in/a.nii.gz", "in/out/a.dcm");
    const { cases, notes } = await findCases([at("in")], ["CT"], join(folder, "in", "out", ""));
    expect(cases.map((each) => each.case)).toEqual(["a"]);
    expect(notes).toEqual([]);
  });

  test("a DICOM file's name is one without its ending; a folder of nothing but other DICOM objects is refused by its reader", async () => {
    await files("x.dcm", "Y.DCM");
    expect(await found("x.dcm", "Y.DCM")).toEqual([
      ["x", "x.dcm"],
      ["Y", "Y.DCM"],
    ]);
    await writeSeg("seg/s.dcm");
    expect(await found("seg")).toEqual([["seg", "seg"]]);
    await expect(readChannels([at("seg")])).rejects.toThrow(/without images.*a segmentation/);
  });

  test("a DICOM segmentation is no scan", async () => {
    await writeSeg("s.dcm");
    await expect(readChannels([at("s.dcm")])).rejects.toThrow(FormatError);
    await expect(readChannels([at("s.dcm")])).rejects.toThrow(
      /s\.dcm: a DICOM segmentation \(modality SEG\).*expected a scan\. Name the series/,
    );
  });

  test("volumes one folder deeper are pointed at", async () => {
    await files("set/images/a.nii.gz");
    const { failed } = await findCases([at("set")], ["CT"]);
    expect(failed[0]!.failure.message).toMatch(
      /no volume is in this folder.*Name the folder with the volumes: .*images/,
    );
  });

  test("a folder with neither says what is looked for", async () => {
    await files("empty/read.txt");
    const { failed } = await findCases([at("empty")], ["CT"]);
    expect(failed[0]!.failure).toBeInstanceOf(FileError);
    expect(failed[0]!.failure.message).toMatch(/no volume is in this folder.*\.nrrd.*DICOM/);
  });
});
