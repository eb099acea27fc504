import { readdir, readFile, writeFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { ConfigError, DatasetError, FormatError, GeometryError } from "@rfmedsam/base";
import { readVolume } from "@rfmedsam/imaging/node";
import { describe, expect, test } from "vitest";
import { readDataset } from "../nnunet.js";
import { conversionFolder, layTask } from "../testing/downloads.js";
import { save, smallImage, smallLabels, smallShape } from "../testing/small-volumes.js";
import { convertDataset } from "./convert.js";

const { at, refused } = conversionFolder();

describe("a task of the Decathlon", () => {
  test("4D images become a file a channel, junk files are passed over, no split is made up", async () => {
    await layTask(at("Task05"), 3);
    const { split, test: tests } = await convertDataset("msd", at("Task05"), at("out"));
    expect(split).toBeUndefined();
    expect(tests).toEqual(["p_03"]);
    expect((await readdir(at("out"))).sort()).toEqual(["dataset.json", "imagesTr", "imagesTs", "labelsTr"]);
    const dataset = await readDataset(at("out"));
    expect(dataset).toMatchObject({
      name: "PROSTATE",
      channelNames: ["T2", "ADC", "DWI"],
      labels: { background: 0, PZ: 1, TZ: 2 },
    });
    expect(dataset.training.map(({ id }) => id)).toEqual(["p_00", "p_07"]);
    for (const [seed, files] of dataset.training.entries()) {
      for (const [channel, file] of files.images.entries()) {
        const { data, shape, affine } = await readVolume(file);
        expect(data).toEqual(smallImage(10 * seed + channel).data);
        expect({ shape, affine }).toEqual({ shape: smallShape, affine: smallImage(0).affine });
      }
    }
    expect(await readdir(at("out/imagesTs"))).toHaveLength(3);
    expect(JSON.parse(await readFile(at("out/dataset.json"), "utf8"))).toMatchObject({
      numTraining: 2,
      licence: "CC BY-SA 4.0",
    });
  });

  test("images of one channel are copied, byte for byte; unpacked ones are packed", async () => {
    await layTask(at("Task04"), 1);
    const plain = gunzipSync(await readFile(at("Task04/labelsTr/p_07.nii.gz")));
    await writeFile(at("Task04/labelsTr/p_07.nii.gz"), plain);
    await convertDataset("msd", at("Task04"), at("out"));
    expect(await readFile(at("out/imagesTr/p_00_0000.nii.gz"))).toEqual(
      await readFile(at("Task04/imagesTr/p_00.nii.gz")),
    );
    expect(gunzipSync(await readFile(at("out/labelsTr/p_07.nii.gz")))).toEqual(plain);
  });

  test.each([
    [
      "3D images where 4D ones are promised",
      1,
      { modality: { 0: "T2", 1: "ADC" } },
      DatasetError,
      /1 channel \(.*4D image of 2: T2, ADC/s,
    ],
    ["more channels than promised", 3, { modality: { 0: "T2" } }, DatasetError, /3 channels.*one 3D image/s],
    ["labels with a gap", 1, { labels: { 0: "background", 2: "TZ" } }, DatasetError, /without gaps/],
    ["a name for two labels", 1, { labels: { 0: "background", 1: "PZ", 2: "PZ" } }, DatasetError, /a name of its own/],
    ["a case twice", 1, { test: ["./imagesTs/p_00.nii.gz"] }, DatasetError, /p_00 twice/],
    ["a file outside its folder", 1, { test: ["../../secret.nii.gz"] }, DatasetError, /inside the data set's folder/],
    ["no list of cases", 1, { training: undefined }, ConfigError, /training/],
  ])("refuses %s", async (_, channels, change, type, words) => {
    await layTask(at("Task"), channels, change);
    const error = await refused("msd", at("Task"));
    expect(error).toBeInstanceOf(type);
    expect(error.message).toMatch(words);
  });

  test("labels of another shape are refused, labels on another grid are noted", async () => {
    await layTask(at("Task"), 1);
    const labels = smallLabels(0, 1);
    await save(at("Task/labelsTr/p_00.nii.gz"), {
      ...labels,
      affine: [...labels.affine.slice(0, 3), 99, ...labels.affine.slice(4)],
    });
    expect((await convertDataset("msd", at("Task"), at("fine"))).notes.join()).toMatch(/elsewhere.*p_00/);
    await save(at("Task/labelsTr/p_00.nii.gz"), { ...labels, shape: [5, 4, 6] });
    const error = await refused("msd", at("Task"));
    expect(error).toBeInstanceOf(GeometryError);
    expect(error.message).toMatch(/labelsTr\/p_00.*5×4×6.*4×5×6.*imagesTr\/p_00/s);
  });

  test("a file that is no NIfTI is told before anything is written", async () => {
    await layTask(at("Task"), 1);
    await writeFile(at("Task/imagesTs/p_03.nii.gz"), "<html>404</html>");
    const error = await refused("msd", at("Task"));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.file).toBe(at("Task/imagesTs/p_03.nii.gz"));
  });

  test("images that the list leaves out are left out, and noted", async () => {
    await layTask(at("Task"), 1);
    await save(at("Task/imagesTr/p_99.nii.gz"), smallImage(3));
    expect((await convertDataset("msd", at("Task"), at("out"))).notes.join()).toMatch(/p_99\.nii\.gz/);
  });
});
