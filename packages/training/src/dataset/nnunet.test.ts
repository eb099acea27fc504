import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, DatasetError, FileError } from "@rfmedsam/base";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readDataset } from "./nnunet.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "nnunet-"));
});
afterEach(() => rm(folder, { recursive: true }));

const description = {
  channel_names: { "1": "T2", "0": "T1" },
  labels: { tumour: 2, background: 0, organ: 1 },
  numTraining: 2,
  file_ending: ".nii.gz",
};

async function lay(json: unknown, images: readonly string[], labels: readonly string[]): Promise<void> {
  await writeFile(join(folder, "dataset.json"), typeof json === "string" ? json : JSON.stringify(json));
  for (const [part, names] of [
    ["imagesTr", images],
    ["labelsTr", labels],
  ] as const) {
    await mkdir(join(folder, part), { recursive: true });
    for (const name of names) await writeFile(join(folder, part, name), "");
  }
}

const images = ["b_0001.nii.gz", "b_0000.nii.gz", "a_7_0000.nii.gz", "a_7_0001.nii.gz"];
const labels = ["b.nii.gz", "a_7.nii.gz"];

describe("nnU-Net's layout", () => {
  test("is read with channels, labels and cases in order", async () => {
    await lay(description, [...images, "notes.txt", ".hidden_0000.nii.gz"], [...labels, "unused.nii.gz"]);
    const dataset = await readDataset(folder);
    expect(dataset.channelNames).toEqual(["T1", "T2"]);
    expect(Object.entries(dataset.labels)).toEqual([
      ["background", 0],
      ["organ", 1],
      ["tumour", 2],
    ]);
    expect(dataset.training).toEqual([
      {
        id: "a_7",
        images: [join(folder, "imagesTr/a_7_0000.nii.gz"), join(folder, "imagesTr/a_7_0001.nii.gz")],
        labels: join(folder, "labelsTr/a_7.nii.gz"),
      },
      {
        id: "b",
        images: [join(folder, "imagesTr/b_0000.nii.gz"), join(folder, "imagesTr/b_0001.nii.gz")],
        labels: join(folder, "labelsTr/b.nii.gz"),
      },
    ]);
  });

  test("the name is dataset.json's, else the folder's", async () => {
    await lay({ ...description, name: "Organs" }, images, labels);
    expect((await readDataset(folder)).name).toBe("Organs");
    await lay(description, [], []);
    expect(folder.endsWith((await readDataset(folder)).name)).toBe(true);
  });

  test.each([
    ["a channel", images.slice(1), labels, /b_\*\.nii\.gz.*expected 2/s],
    ["a label file", images, labels.slice(1), /b\.nii\.gz.*no labels/s],
    ["all images", [], labels, /no image files/],
    ["the right channel", [...images.slice(0, 2), "a_7_0000.nii.gz", "a_7_0002.nii.gz"], labels, /0002/],
  ])("%s missing is a fault of the data set", async (_, present, marked, words) => {
    await lay(description, present, marked);
    const error = await readDataset(folder).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(DatasetError);
    expect((error as Error).message).toMatch(words);
  });

  test.each([
    ["a gap", { background: 0, organ: 2 }],
    ["a number twice", { background: 0, organ: 1, other: 1 }],
    ["no background", { organ: 1, other: 2 }],
    ["another name for 0", { nothing: 0, organ: 1 }],
    ["nothing but background", { background: 0 }],
  ])("labels with %s are refused with the labels", async (_, wrong) => {
    await lay({ ...description, labels: wrong }, images, labels);
    const error = await readDataset(folder).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(DatasetError);
    expect((error as Error).message).toContain(JSON.stringify(wrong));
  });

  test.each([
    ["regions", { background: 0, whole: [1, 2], core: 2 }, /label "whole" is a region, the values 1, 2; expected one/],
    ["voxels to ignore", { background: 0, organ: 1, ignore: 2 }, /label 2 is "ignore"; expected classes alone/],
  ])("labels with %s cannot be learned", async (_, wrong, words) => {
    await lay({ ...description, labels: wrong }, images, labels);
    await expect(readDataset(folder)).rejects.toThrow(DatasetError);
    await expect(readDataset(folder)).rejects.toThrow(words);
  });

  test.each([
    ["labels that are texts", { ...description, labels: { background: 0, organ: "1" } }],
    ["a label above 255", { ...description, labels: { background: 0, organ: 1000 } }],
    ["no channel names", { labels: description.labels }],
    ["a list instead of a record", []],
  ])("dataset.json with %s is refused", async (_, json) => {
    await lay(json, images, labels);
    const error = await readDataset(folder).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).file).toBe(join(folder, "dataset.json"));
  });

  test("dataset.json of the Medical Segmentation Decathlon is told as that, with the command that converts it", async () => {
    const decathlon = {
      modality: { "0": "CT" },
      labels: { "0": "background", "1": "organ" },
      training: [{ image: "./imagesTr/a_7.nii.gz", label: "./labelsTr/a_7.nii.gz" }],
    };
    await lay(decathlon, ["a_7.nii.gz"], ["a_7.nii.gz"]);
    const error = await readDataset(folder).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(DatasetError);
    expect(error).toMatchObject({
      file: join(folder, "dataset.json"),
      found: expect.stringMatching(/^the layout of the Medical Segmentation Decathlon/),
      hint: expect.stringContaining(`rfmedsam dataset convert msd ${folder} OUT`),
    });
    // Not everything with a key of that name is one.
    await lay({ ...description, modality: "MR" }, images, labels);
    expect((await readDataset(folder)).training).toHaveLength(2);
    await lay({ modality: { "0": "CT" }, labels: description.labels }, images, labels);
    await expect(readDataset(folder)).rejects.toThrow(/"channel_names" is missing/);
  });

  test("dataset.json that is no JSON, or is missing, is said to be so", async () => {
    await lay("{ channel_names", images, labels);
    await expect(readDataset(folder)).rejects.toThrow(/not JSON/);
    await rm(join(folder, "dataset.json"));
    await expect(readDataset(folder)).rejects.toThrow(FileError);
  });

  test("a missing folder names itself", async () => {
    await lay(description, images, labels);
    await rm(join(folder, "labelsTr"), { recursive: true });
    const error = await readDataset(folder).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(FileError);
    expect((error as FileError).file).toContain("labelsTr");
  });
});
