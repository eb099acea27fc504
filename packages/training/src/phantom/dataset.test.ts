import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InterruptedError } from "@rfmedsam/base";
import { readVolume } from "@rfmedsam/imaging/node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type PhantomDatasetOptions, writePhantomDataset } from "./dataset.js";
import { makePhantom } from "./phantom.js";

const options: PhantomDatasetOptions = { cases: 2, test: 1, seed: 11, inPlaneSpacing: 10, sliceSpacing: 12 };

let parent: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "phantom-"));
});
afterEach(() => rm(parent, { recursive: true }));

const filesOf = async (folder: string) =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();

describe("a data set of phantoms", () => {
  test("has nnU-Net's layout", async () => {
    const folder = join(parent, "Dataset900_Phantom");
    await writePhantomDataset(folder, options);
    expect(await filesOf(folder)).toEqual([
      "dataset.json",
      "imagesTr/phantom_001_0000.nii.gz",
      "imagesTr/phantom_002_0000.nii.gz",
      "imagesTs/phantom_003_0000.nii.gz",
      "labelsTr/phantom_001.nii.gz",
      "labelsTr/phantom_002.nii.gz",
      "labelsTs/phantom_003.nii.gz",
    ]);
    expect(JSON.parse(await readFile(join(folder, "dataset.json"), "utf8"))).toMatchObject({
      channel_names: { 0: "CT" },
      labels: { background: 0, liver: 1, spleen: 2, right_kidney: 3, left_kidney: 4, stomach: 5, aorta: 6 },
      numTraining: 2,
      file_ending: ".nii.gz",
      name: "Dataset900_Phantom",
    });
  });

  test.each(["ct", "mr"] as const)("%s volumes read back as they were made", async (modality) => {
    const folder = join(parent, "set");
    await writePhantomDataset(folder, { ...options, modality });
    const { image, labels } = makePhantom({ modality, inPlaneSpacing: 10, sliceSpacing: 12 }, [11, 2]);
    const readImage = await readVolume(join(folder, "imagesTs/phantom_003_0000.nii.gz"));
    const readLabels = await readVolume(join(folder, "labelsTs/phantom_003.nii.gz"));
    for (const [read, made] of [
      [readImage, image],
      [readLabels, labels],
    ] as const) {
      expect(read.affine).toEqual(made.affine);
      expect(read.shape).toEqual(made.shape);
      expect(read.data).toEqual(made.data);
    }
  });

  test("is the same, byte for byte, for the same seed", async () => {
    const [one, two] = [join(parent, "one"), join(parent, "two")];
    await writePhantomDataset(one, { ...options, name: "set" });
    await writePhantomDataset(two, { ...options, name: "set" });
    for (const file of await filesOf(one)) {
      expect((await readFile(join(one, file))).equals(await readFile(join(two, file))), file).toBe(true);
    }
  });

  test("refuses a folder that exists", async () => {
    const folder = join(parent, "there");
    await mkdir(folder);
    await expect(writePhantomDataset(folder, options)).rejects.toThrow(/exists already/);
    expect(await readdir(parent)).toEqual(["there"]);
  });

  test("leaves nothing behind when stopped", async () => {
    const signal = { aborted: false };
    const stop = ({ done }: { done: number }) => {
      signal.aborted = done === 1;
    };
    const writing = writePhantomDataset(join(parent, "stopped"), options, stop, signal);
    await expect(writing).rejects.toThrow(InterruptedError);
    expect(await readdir(parent)).toEqual([]);
  });

  test.each([
    [{ cases: 0, test: 0 }, /no phantoms/],
    [{ cases: 1.5 }, /cases = 1.5/],
    [{ test: -1 }, /test = -1/],
  ])("refuses %o", async (wrong, message) => {
    await expect(writePhantomDataset(join(parent, "wrong"), { ...options, ...wrong })).rejects.toThrow(message);
  });
});
