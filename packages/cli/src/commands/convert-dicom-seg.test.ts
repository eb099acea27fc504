/** Labels into a DICOM segmentation and back, through the command line. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { reorient, scalingAffine, writeDicomSeg } from "@rfmedsam/imaging";
import { readDicomSegFile, readImage, readVolume, writeVolume } from "@rfmedsam/imaging/node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runCommandLine as run } from "../testing/command-line.js";
import { ctSlice } from "../testing/ct-slice.js";

let folder: string;
const at = (...names: string[]) => join(folder, ...names);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "convert-seg-"));
  await mkdir(at("ct"));
  for (let z = 0; z < 5; z++) await writeFile(at("ct", `${z}.dcm`), ctSlice(z));
  const { volume } = await readImage(at("ct"));
  const labels = { ...volume, data: Uint8Array.from({ length: 60 }, (_, index) => (index < 12 ? 0 : index % 3)) };
  await writeVolume(at("labels.nii.gz"), reorient(labels, "RAS"));
  await writeFile(at("dataset.json"), JSON.stringify({ labels: { background: 0, liver: 1, spleen: 2 } }));
});
afterEach(() => rm(folder, { recursive: true }));

const toSeg = (...more: string[]) => run("convert", at("labels.nii.gz"), at("seg.dcm"), "--like", at("ct"), ...more);

describe("convert to and from DICOM segmentations", () => {
  test("labels that lie in another orientation, named by a dataset.json, and back onto their image", async () => {
    const { code, out } = await toSeg("--labels", at("dataset.json"));
    expect(code).toBe(0);
    expect(out).toMatch(/segments 1 liver, 2 spleen/);
    const seg = await readDicomSegFile(at("seg.dcm"));
    expect(seg.segments.map(({ label, type }) => [label, type?.value])).toEqual([
      ["liver", "10200004"],
      ["spleen", "78961009"],
    ]);
    expect(seg.sources[0]?.seriesUid).toBe("1.2.3.4");
    expect(
      (await run("convert", at("seg.dcm"), at("back.nii.gz"), "--labels", "--like", at("labels.nii.gz"))).code,
    ).toBe(0);
    expect((await readVolume(at("back.nii.gz"))).data).toEqual((await readVolume(at("labels.nii.gz"))).data);
  });

  test("without names the labels are numbered, and that is said", async () => {
    const { code, err } = await toSeg();
    expect(code).toBe(0);
    expect(err).toMatch(/the labels have no names/);
    expect((await readDicomSegFile(at("seg.dcm"))).segments.map(({ label }) => label)).toEqual(["label 1", "label 2"]);
  });

  test("overlapping segments are told of when they become one label map", async () => {
    const source = await import("@rfmedsam/imaging/node").then(({ readDicom }) => readDicom(at("ct")));
    const labels = { ...source.volume, data: new Uint8Array(60).fill(1) };
    const { parts } = writeDicomSeg(labels, { liver: 1, abdomen: [1] }, source);
    await writeFile(at("both.dcm"), Buffer.concat(parts));
    const { code, err } = await run("convert", at("both.dcm"), at("both.nii.gz"));
    expect(code).toBe(0);
    expect(err).toMatch(/overlap on 60 voxels/);
  });

  test.each<[string, readonly string[], RegExp]>([
    ["no series", ["labels.nii.gz", "seg.dcm"], /DICOM_FOLDER/],
    ["a series that is not DICOM", ["labels.nii.gz", "seg.dcm", "--like", "labels.nii.gz"], /not DICOM/],
    ["a file that exists", ["labels.nii.gz", "ct/0.dcm", "--like", "ct"], /--overwrite/],
    ["an option for images", ["labels.nii.gz", "seg.dcm", "--like", "ct", "--dtype", "int16"], /--dtype/],
    ["labels of another grid", ["small.nii", "seg.dcm", "--like", "ct"], /convert LABELS OUT\.nii\.gz --like SERIES/],
  ])("refused: %s", async (_, args, words) => {
    await writeVolume(at("small.nii"), {
      data: new Uint8Array(8).fill(1),
      shape: [2, 2, 2],
      affine: scalingAffine([1, 1, 1]),
    });
    const { code, err } = await run("convert", ...args.map((arg) => (/\.|^ct$/.test(arg) ? at(arg) : arg)));
    expect(code).toBe(2);
    expect(err.replace(/\s+/g, " ")).toMatch(words);
  });
});
