/**
 * The whole path on the command line, as small as it gets: phantoms, training, segmentation with every stage, evaluation, information.
 * How good the labels are is not the question here; that every part fits the next one is.
 */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { orientationOf } from "@rfmedsam/imaging";
import { readVolume, writeVolume } from "@rfmedsam/imaging/node";
import { type Modality, makePhantom } from "@rfmedsam/training";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventsOf, run } from "./support/command-line.js";
import { coarse, smallTraining } from "./support/small-data.js";

const organs = ["liver", "spleen", "right_kidney", "left_kidney", "stomach", "aorta"];
const stages = ["step0", "stage1", "stage2"];

describe.each<Modality>(["ct", "mr"])("a model for %s", (modality) => {
  let home: string;
  const at = (...parts: string[]) => join(home, ...parts);
  const good = async (...args: string[]) => {
    const outcome = await run(...args);
    expect(outcome).toMatchObject({ code: 0, err: "" });
    return eventsOf(outcome);
  };

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "end-to-end-"));
  });
  afterAll(() => rm(home, { recursive: true, force: true }));

  test("phantoms are made", async () => {
    const spacing = [
      "--in-plane-spacing",
      String(coarse.inPlaneSpacing),
      "--slice-spacing",
      String(coarse.sliceSpacing),
    ];
    await good("phantom", at("data"), "--modality", modality, "--cases", "3", "--test", "2", "--seed", "3", ...spacing);
    expect((await readdir(at("data/imagesTs"))).length).toBe(2);
    const [described] = await good("info", at("data"));
    expect(described).toMatchObject({ kind: "dataset", channelNames: [modality === "ct" ? "CT" : "MRI"] });
  });

  test("a model is trained on them, and tells what it is", async () => {
    const two = [...smallTraining, "--set", "folds=2", "--set", "step0.iterations=10"];
    const events = await good("train", at("data"), "-o", at("model"), ...two);
    const shown = new Set(events.filter(({ event }) => event === "progress").map(({ stage }) => String(stage)));
    for (const part of [/looking at the data/, /U-Net 1 of 2/, /U-Net 2 of 2/, /refiner/, /measuring the validation/]) {
      expect(
        [...shown].some((stage) => part.test(stage)),
        String(part),
      ).toBe(true);
    }
    expect(Object.keys(events.at(-1)?.outputStages as object)).toEqual(organs);
    const [described] = await good("info", at("model"));
    expect(described).toMatchObject({ kind: "model", manifest: { training: { seed: 0, dataset: "data" } } });
    const [weights] = await good("info", at("model/refiner.safetensors"));
    expect(weights).toMatchObject({ kind: "weights" });
  });

  test("held-out volumes are segmented by every stage, each on its own grid", async () => {
    const events = await good("segment", at("data/imagesTs"), "-m", at("model"), "-o", at("labels"), "--stages");
    const results = events.filter(({ event }) => event === "result");
    expect(results.map((result) => result.case)).toEqual(["phantom_004", "phantom_005"]);
    for (const { case: id, file, stageFiles, seconds, peakMemory } of results) {
      const image = await readVolume(at("data/imagesTs", `${String(id)}_0000.nii.gz`));
      const files = [String(file), ...Object.values(stageFiles as Record<string, string>)];
      expect(files).toHaveLength(4);
      for (const each of files) {
        const labels = await readVolume(each);
        expect(labels.shape).toEqual(image.shape);
        expect(labels.affine).toEqual(image.affine);
        expect(labels.data).toBeInstanceOf(Uint8Array);
        expect(Math.max(...(labels.data as Uint8Array))).toBeLessThanOrEqual(organs.length);
      }
      expect(Object.keys(seconds as object)).toEqual(expect.arrayContaining([...stages, "total"]));
      expect(peakMemory).toBeGreaterThan(0);
    }
  });

  test("a file stored LPS, with other voxels, gets labels on exactly its grid", async () => {
    const spacing = { inPlaneSpacing: 11, sliceSpacing: 16 };
    const { image } = makePhantom({ modality, orientation: "LPS", ...spacing }, 77);
    await writeVolume(at("lps.nii"), image);
    await good("segment", at("lps.nii"), "-m", at("model"), "-o", at("lps-labels"), "--through", "stage1");
    const labels = await readVolume(at("lps-labels/lps.nii.gz"));
    expect(orientationOf(labels)).toBe("LPS");
    expect(labels.affine).toEqual((await readVolume(at("lps.nii"))).affine);
    expect(labels.shape).toEqual(image.shape);
    const [described] = await good("info", at("lps-labels/lps.nii.gz"));
    expect(described).toMatchObject({ kind: "volume", orientation: "LPS", type: "uint8", shape: [...image.shape] });
  });

  test("the labels are compared with the truth, stage by stage", async () => {
    const [, , ...others] = await good("evaluate", at("labels"), at("data/labelsTs"), "-o", at("report"));
    const result = others.at(-1);
    expect(result).toMatchObject({ cases: ["phantom_004", "phantom_005"], missing: [] });
    const rows = result?.dice as Record<string, unknown>[];
    expect(rows.map(({ label }) => label)).toEqual([...organs, "mean"]);
    for (const column of [...stages, "final"]) expect(rows.at(-1)?.[column]).toBeGreaterThanOrEqual(0);
    expect(await readFile(at("report/evaluation.html"), "utf8")).toContain("right_kidney");
  });

  test("the truth compared with itself is perfect", async () => {
    const events = await good("evaluate", at("data/labelsTs"), at("data/labelsTs"));
    const rows = events.at(-1)?.dice as Record<string, unknown>[];
    expect(rows.at(-1)).toMatchObject({ label: "mean", prediction: 1 });
  });
});
