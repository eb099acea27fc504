/** What `info` tells about a model folder: who answers for what, and which files are missing. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatVersion } from "@rfmedsam/segmenter";
import { expect, onTestFinished, test } from "vitest";
import { describeModel } from "./model.js";

test("a model's answers, its gate and whose largest part is kept", async () => {
  const folder = await mkdtemp(join(tmpdir(), "info-model-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const calibration = { kind: "none" };
  await writeFile(
    join(folder, "model.json"),
    JSON.stringify({
      formatVersion,
      rfmedsam: "0.1.0",
      labels: { background: 0, liver: 1, spleen: 2, aorta: 3 },
      channelNames: ["CT"],
      preprocessing: {
        orientation: "RAS",
        spacing: [3, 1.5, 1.5],
        cropToNonzero: false,
        normalisation: [{ kind: "ct", mean: 0, std: 1, low: -1000, high: 1000 }],
        window: { kind: "fixed", low: 0, high: 2 },
      },
      step0: { kind: "unet", architecture: {}, patch: [4, 8, 8], folds: ["fold-0.safetensors"] },
      refiner: {
        architecture: {},
        weights: "refiner.safetensors",
        calibration: { stage1: calibration, stage2: calibration },
      },
      outputStages: { liver: "step0", spleen: "mean" },
      gate: { liver: { kind: "rescue", stage: "stage1", scope: "slices", agreement: 0.5, confidence: 0.8 } },
      largestComponent: ["spleen"],
      training: { dataset: "Dataset901_Test", seed: 3, revision: "none", versions: {}, configuration: {} },
    }),
  );
  await writeFile(join(folder, "refiner.safetensors"), new Uint8Array(2048));
  const { text } = await describeModel(folder);
  expect(text).toMatch(/^answers +liver from step 0, spleen from the mean of all stages$/m);
  expect(text).toMatch(
    /^gate +liver from stage 1 where it is 0\.80 sure and agrees with step 0 by less than 0\.50, slice by slice$/m,
  );
  expect(text).toMatch(/^largest part +spleen$/m);
  expect(text).toMatch(/fold-0\.safetensors \(missing\)/);
  expect(text).toMatch(/refiner\.safetensors \(2\.0 kB\)/);
});
