/** A whole model folder of small untrained networks: opened with libtorch, run from file to files. */
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "@rfmedsam/base";
import { scalingAffine, type Volume } from "@rfmedsam/imaging";
import { readVolume, writeVolume } from "@rfmedsam/imaging/node";
import { PlainConvUNet, promptGeneratorNamed, Sam2, sam2Config, smallSam2Config } from "@rfmedsam/models";
import { formatVersion, type SegmentOptions } from "@rfmedsam/segmenter";
import { liveTensors, type Module, manualSeed, setNumThreads, writeSafetensors } from "@rfmedsam/torch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openModel, readManifest, type SegmentedCase, segmentFiles } from "./index.js";

setNumThreads(1);

const classes = 3;
const unet = {
  inputChannels: 1,
  classes,
  features: [4, 8],
  kernels: [
    [3, 3, 3],
    [3, 3, 3],
  ],
  strides: [
    [1, 1, 1],
    [1, 2, 2],
  ],
  convsPerStage: 1,
};
const sam2 = smallSam2Config(32);

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);

/** Soft spots that a random network makes something of. */
const image: Volume<Float32Array> = {
  data: Float32Array.from({ length: 6 * 14 * 12 }, (_, n) => {
    const [z, y, x] = [Math.floor(n / 168), Math.floor(n / 12) % 14, n % 12];
    return 100 * Math.sin(z / 2) * Math.cos(y / 3) + 60 * Math.sin((x + y) / 2);
  }),
  shape: [6, 14, 12],
  affine: scalingAffine([1, 1, 2]),
};

async function save(name: string, module: Module): Promise<void> {
  await writeSafetensors(at(name), module.stateDict());
  module.free();
}

const manifest = (changes: Record<string, unknown> = {}, refiner: Record<string, unknown> = {}) => ({
  formatVersion,
  rfmedsam: "0",
  labels: { background: 0, liver: 1, "left/kidney": 4 },
  channelNames: ["MR"],
  preprocessing: { normalisation: [{ kind: "zscore" }], cropToNonzero: false },
  step0: { kind: "unet", architecture: unet, patch: [4, 8, 8], folds: ["fold0", "fold1"] },
  refiner: {
    architecture: sam2,
    weights: "refiner",
    axis: "fused",
    prompt: { minimumArea: 1, perComponent: true },
    calibration: {
      stage1: { kind: "none" },
      stage2: {
        kind: "matrix",
        weight: [
          [1, -0.1],
          [0, 1],
        ],
        bias: [0, 0.1],
      },
    },
    ...refiner,
  },
  outputStages: { liver: "mean", "left/kidney": "step0" },
  largestComponent: ["liver"],
  training: { dataset: "", seed: 0, revision: "", versions: {}, configuration: {} },
  ...changes,
});
const describeModel = (...changes: Parameters<typeof manifest>) =>
  writeFile(at("model.json"), JSON.stringify(manifest(...changes)));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "model-folder-"));
  for (const fold of [0, 1]) {
    manualSeed(fold + 1);
    await save(`fold${fold}`, new PlainConvUNet(unet));
  }
  manualSeed(3);
  const network = new Sam2(sam2Config(sam2));
  await save("generator", promptGeneratorNamed("light-decoder", network, classes));
  await save("refiner", network);
  await writeVolume(at("scan.nii.gz"), image);
});
afterAll(() => rm(folder, { recursive: true }));

/** What a model answers, its memory given back. */
async function answer(options: SegmentOptions = {}, folds?: readonly number[]) {
  using model = await openModel(folder, { device: "cpu", folds });
  const { labels, stages } = await model.segmenter.segment([image], options);
  return { labels: labels.data, step0: stages.step0?.data, stage2: stages.stage2?.data };
}

describe("a model folder", () => {
  test("is run from file to files, with everything that can be asked for", async () => {
    await describeModel();
    using model = await openModel(folder, { device: "cpu" });
    const all = { stages: true, probabilities: true, uncertainty: true, batch: 3 };
    const results: SegmentedCase[] = [];
    for await (const result of segmentFiles(model, [at("scan.nii.gz")], at("out"), all)) {
      if ("failure" in result) throw result.failure;
      results.push(result);
    }
    const [done] = results;
    expect(done!.switched).toEqual([]);
    expect((await readdir(at("out"))).sort()).toEqual(
      ["probabilities", "scan.nii.gz", "stage1", "stage2", "step0", "uncertainty"].sort(),
    );
    expect(done!.probabilityFiles).toEqual({
      liver: at("out/probabilities/scan/liver.nii.gz"),
      "left/kidney": at("out/probabilities/scan/left_kidney.nii.gz"),
    });
    for (const file of Object.values(done!.probabilityFiles)) {
      const { data, affine, shape } = await readVolume(file);
      expect(data).toBeInstanceOf(Uint8Array);
      expect([shape, [...affine]]).toEqual([image.shape, [...image.affine]]);
      expect(Math.max(...(data as Uint8Array))).toBeLessThanOrEqual(100);
    }
    const unsure = (await readVolume(done!.uncertaintyFile!)).data as Float32Array;
    expect(Math.min(...unsure)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...unsure)).toBeLessThanOrEqual(1);
    expect(Math.max(...unsure)).toBeGreaterThan(0.2);
    // What exists already is told before anything is done, probability maps included.
    await rm(at("out/scan.nii.gz"));
    await expect(segmentFiles(model, [at("scan.nii.gz")], at("out"), all).next()).rejects.toThrow(
      /exists already, as do 5 more/,
    );
  });

  test("answers the same however few memories and embeddings it may keep", async () => {
    await describeModel();
    const [plenty, few] = [await answer(), await answer({ maxMemories: 1, maxEmbeddings: 2, embedBatch: 1 })];
    expect(few).toEqual(plenty);
    expect(new Set(plenty.step0).size).toBeGreaterThan(1);
  });

  test("keeps nothing of a case", async () => {
    await describeModel();
    using model = await openModel(folder, { device: "cpu" });
    await model.segmenter.segment([image]);
    const before = liveTensors();
    await model.segmenter.segment([image], { maxMemories: 2, uncertainty: true });
    expect(liveTensors()).toBe(before);
  });

  test("answers with the folds asked for", async () => {
    await describeModel();
    const [both, first] = [await answer(), await answer({}, [0])];
    expect(first.step0).not.toEqual(both.step0);
    await describeModel({ step0: { ...manifest().step0, folds: ["fold0"] } });
    expect(await answer()).toEqual(first);
    const before = liveTensors();
    await expect(openModel(folder, { device: "cpu", folds: [1] })).rejects.toThrow(
      /fold 1 of a model that has 1; expected fold 0, its only one/,
    );
    await expect(openModel(folder, { device: "cpu", folds: [] })).rejects.toThrow(ConfigError);
    expect(liveTensors()).toBe(before);
  });

  test("needs no U-Net where the refiner proposes", async () => {
    const step0 = { kind: "proposal", generator: "light-decoder", weights: "generator" };
    await describeModel({ step0 }, { axis: "axial" });
    const { labels, step0: proposed } = await answer();
    expect(labels.length).toBe(image.data.length);
    expect(new Set(proposed).size).toBeGreaterThan(1);
    const before = liveTensors();
    await expect(openModel(folder, { device: "cpu", folds: [0] })).rejects.toThrow(/leave --folds out/i);
    await describeModel({ step0: { ...step0, generator: "oracle" } });
    await expect(openModel(folder, { device: "cpu" })).rejects.toThrow(
      /unknown kind "oracle"; expected light-decoder or learned-tokens/,
    );
    expect(liveTensors()).toBe(before);
  });

  test("of the format before is refused with what to do", async () => {
    await describeModel({ formatVersion: 1 });
    await expect(readManifest(folder)).rejects.toThrow(
      /written by another version of rfmedsam \(format 1\); expected format 2\. Train the model again/,
    );
  });
});
