import { mkdir, readFile, rm, stat } from "node:fs/promises";
import { DatasetError, FileError } from "@rfmedsam/base";
import { publishedSplits } from "@rfmedsam/metrics/node";
import { describe, expect, test } from "vitest";
import { loadCase } from "../load.js";
import { readDataset } from "../nnunet.js";
import { conversionFolder, layBtcv } from "../testing/downloads.js";
import { save, smallImage, smallLabels } from "../testing/small-volumes.js";
import { convertDataset } from "./convert.js";

const { at, refused } = conversionFolder();

describe("BTCV", () => {
  test("gets its 13 organs and the 18/12 split, files as they are, original numbers kept", async () => {
    await layBtcv(at("RawData"));
    const converted = await convertDataset("btcv", at("RawData"), at("Dataset017_BTCV"));
    expect(converted.training).toHaveLength(30);
    expect(converted.test).toEqual(["btcv_0061", "btcv_0062", "btcv_0063"]);
    const dataset = await readDataset(at("Dataset017_BTCV"));
    expect(dataset.channelNames).toEqual(["CT"]);
    expect(Object.keys(dataset.labels)).toHaveLength(14);
    expect(dataset.labels).toMatchObject({
      spleen: 1,
      aorta: 8,
      "portal vein and splenic vein": 10,
      "left adrenal gland": 13,
    });
    const [fold, ...more] = (await publishedSplits(at("Dataset017_BTCV")))!;
    expect(more).toEqual([]);
    expect(fold!.val.map((id) => id.slice(5))).toEqual(
      "0001 0002 0003 0004 0008 0022 0025 0029 0032 0035 0036 0038".split(" "),
    );
    expect(fold!.train).toHaveLength(18);
    expect([...fold!.train, ...fold!.val].sort()).toEqual(dataset.training.map(({ id }) => id));
    const source = await readFile(at("RawData/Training/img/img0021.nii.gz"));
    expect(await readFile(at("Dataset017_BTCV/imagesTr/btcv_0021_0000.nii.gz"))).toEqual(source);
    expect((await stat(at("Dataset017_BTCV/imagesTr/btcv_0021_0000.nii.gz"))).nlink).toBe(1);
    for (const files of dataset.training) await loadCase(files, dataset.labels);
  });

  test.each(["RawData", "Abdomen/RawData", "Abdomen"])("is found when the download lies in %s", async (prefix) => {
    await layBtcv(at("download", prefix), ["0001"]);
    const { training } = await convertDataset("btcv", at("download"), at("out"), { partial: true });
    expect(training).toEqual(["btcv_0001"]);
  });

  test("missing files are named before anything is written, with where to get them", async () => {
    await layBtcv(at("RawData"));
    await rm(at("RawData/Training/label/label0023.nii.gz"));
    await rm(at("RawData/Training/img/img0040.nii.gz"));
    const error = await refused("btcv", at("RawData"));
    expect(error).toBeInstanceOf(DatasetError);
    expect(error.file).toBe(at("RawData/Training/label/label0023.nii.gz"));
    expect(error.message).toMatch(
      /nor do 1 more .*img0040\.nii\.gz.*RawData\/Training\/img.*synapse\.org.*licence.*--partial/s,
    );
  });

  test("--partial converts the complete cases and says which are left out", async () => {
    await layBtcv(at("RawData"), ["0001", "0005", "0006"]);
    await rm(at("RawData/Training/label/label0006.nii.gz"));
    const { training, split, notes } = await convertDataset("btcv", at("RawData"), at("out"), { partial: true });
    expect(training).toEqual(["btcv_0001", "btcv_0005"]);
    expect(split!.folds).toEqual([{ train: ["btcv_0005"], val: ["btcv_0001"] }]);
    expect(notes.join()).toMatch(/btcv_0006/);
    await rm(at("out"), { recursive: true });
    await rm(at("RawData/Training/label"), { recursive: true });
    await mkdir(at("RawData/Training/label"));
    expect(await refused("btcv", at("RawData"), { partial: true })).toBeInstanceOf(DatasetError);
  });

  test("the project's heart MRIs are not taken for the abdomen", async () => {
    await save(at("synapse/averaged-training-images/DET0000101_avg.nii.gz"), smallImage(1));
    await save(at("synapse/averaged-training-labels/DET0000101_avg_seg.nii.gz"), smallLabels(0, 1));
    for (const source of ["synapse", "synapse/averaged-training-images"]) {
      expect((await refused("btcv", at(source))).message).toMatch(/heart MRIs.*RawData\/Training/s);
    }
  });

  test("another folder is refused with what it holds and what was expected; a missing one is a FileError", async () => {
    await mkdir(at("other/things"), { recursive: true });
    expect((await refused("btcv", at("other"))).message).toMatch(/no Training\/img.*holds things.*img0001/s);
    expect(await refused("btcv", at("none"))).toBeInstanceOf(FileError);
  });
});
