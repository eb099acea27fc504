import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileError, FormatError } from "@rfmedsam/base";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readNifti } from "../formats/nifti/read.js";
import { writeNifti } from "../formats/nifti/write.js";
import { scalingAffine } from "../geometry.js";
import { readImageHeader, readLabels, readNiftiFile, readVolume, writeVolume } from "./index.js";

const volume = {
  data: Uint8Array.from({ length: 24 }, (_, index) => index % 5),
  shape: [2, 3, 4] as const,
  affine: scalingAffine([5, 0.5, 0.5], [1, 2, 3]),
};
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "imaging-"));
});
afterEach(() => rm(folder, { recursive: true }));

describe("NIfTI files on disk", () => {
  test.each(["a.nii", "a.nii.gz"])("%s: written and read again", async (name) => {
    const path = join(folder, "new", name);
    await writeVolume(path, volume);
    expect(await readVolume(path)).toEqual(volume);
    expect(await readLabels(path)).toEqual(volume);
    expect((await readImageHeader(path)).dims).toEqual([4, 3, 2]);
    expect(await readdir(join(folder, "new"))).toEqual([name]);
  });

  test("the content decides, not the name", async () => {
    await writeFile(join(folder, "plain.nii.gz"), writeNifti(volume));
    await writeFile(join(folder, "packed.img.txt"), writeNifti(volume, { gzip: true }));
    expect(await readVolume(join(folder, "plain.nii.gz"))).toEqual(volume);
    expect(await readVolume(join(folder, "packed.img.txt"))).toEqual(volume);
  });

  test("a pair is read by either name, and a lone header says what is missing", async () => {
    const whole = writeNifti(volume);
    const header = whole.slice(0, 348);
    header[345] = 0x69; // "ni1"
    new DataView(header.buffer).setFloat32(108, 0, true);
    await writeFile(join(folder, "a.hdr"), header);
    await expect(readVolume(join(folder, "a.hdr"))).rejects.toThrow(/without its \.img/);
    await writeFile(join(folder, "a.img"), whole.slice(352));
    expect(await readVolume(join(folder, "a.hdr"))).toEqual(volume);
    expect(await readVolume(join(folder, "a.img"))).toEqual(volume);
    expect(readNifti(header, { voxels: whole.slice(352) }).data).toEqual(volume.data);
  });

  test("a missing file, a folder and other content each get their own words", async () => {
    await expect(readVolume(join(folder, "none.nii.gz"))).rejects.toThrow(FileError);
    await expect(readVolume(join(folder, "none.nii.gz"))).rejects.toThrow(/does not exist/);
    await mkdir(join(folder, "dicom"));
    await expect(readVolume(join(folder, "dicom"))).rejects.toThrow(FileError);
    await expect(readNiftiFile(join(folder, "dicom"))).rejects.toThrow(/is a folder/);
    const dicom = new Uint8Array(200);
    dicom.set(new TextEncoder().encode("DICM"), 128);
    await writeFile(join(folder, "a.nii"), dicom);
    await expect(readVolume(join(folder, "a.nii"))).rejects.toThrow(FormatError);
    await expect(readVolume(join(folder, "a.nii"))).rejects.toThrow(/DICOM/);
    await expect(readImageHeader(join(folder, "a.nii"))).rejects.toThrow(/DICOM/);
  });

  test("a cut .nii.gz is refused", async () => {
    const whole = writeNifti(volume, { gzip: true });
    await writeFile(join(folder, "cut.nii.gz"), whole.subarray(0, whole.length - 5));
    await expect(readVolume(join(folder, "cut.nii.gz"))).rejects.toThrow(/ends too early/);
  });

  test("a volume that cannot be written leaves nothing behind", async () => {
    const wrong = { ...volume, data: new Float32Array(24).fill(0.5) };
    await expect(writeVolume(join(folder, "out.nii.gz"), wrong, { dtype: "uint8" })).rejects.toThrow(/uint8/);
    expect(await readdir(folder)).toEqual([]);
  });
});
