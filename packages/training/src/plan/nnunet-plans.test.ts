import { type Triple, voxelCount } from "@rfmedsam/imaging";
import { describe, expect, test } from "vitest";
import { resolveConfiguration } from "../config.js";
import { makePlan, predictionMirrorAxes } from "./plan.js";

const channels = [{ mean: 40, std: 20, low: -100, high: 200, bulk: { low: 0, high: 80 } }];

/** The preset that trains as nnU-Net does, on a machine whose memory sets no limit. */
function planned(median: Triple, spacing: Triple, step0: object = {}, preprocessing: object = {}) {
  const medianExtent = median.map((voxels, axis) => voxels * spacing[axis]!) as unknown as Triple;
  const configuration = resolveConfiguration("gpu", { step0, preprocessing });
  return makePlan({ medianSpacing: spacing, medianExtent, channels }, ["CT"], 3, configuration);
}

interface Published {
  readonly name: string;
  readonly spacing: Triple;
  readonly median: Triple;
  /** Given to the planner where nnU-Net's limit on memory, which the preset does not have, decided it. */
  readonly patch: Triple | "auto";
  readonly dimensions: 2 | 3;
  /** `unet_max_num_features`. */
  readonly widest: number;
  /** `num_pool_per_axis`. */
  readonly halvings: readonly number[];
  readonly batchDice: boolean;
}

const kits = { spacing: [1, 0.78125, 0.78125], median: [528, 512, 512] } as const;
const bones = { spacing: [1.5, 0.9765625, 0.9765625], median: [1323, 512, 512] } as const;
const prostate = { spacing: [3.3, 0.78125, 0.78125], median: [40, 84, 95] } as const;
const flat = (extents: readonly [number, number]): Triple => [1, ...extents];

/**
 * Plans of nnU-Net v2 (`ExperimentPlanner`) as people published them; issue numbers are MIC-DKFZ/nnUNet's. Widths and `batch_dice` not
 * printed with them are what `default_experiment_planner.py` gives their configurations.
 */
const published: readonly Published[] = [
  {
    name: "Hippocampus, 3D (documentation/explanation_plans_files.md): no low resolution",
    ...{ spacing: [1, 1, 1], median: [36, 50, 35], patch: "auto", dimensions: 3 },
    ...{ widest: 320, halvings: [3, 3, 3], batchDice: false },
  },
  {
    name: "a prostate, 3D: no low resolution",
    ...{ ...prostate, patch: "auto", dimensions: 3, widest: 320, halvings: [2, 4, 4], batchDice: false },
  },
  {
    name: "KiTS23, 3D (#2227): beside a low resolution",
    ...{ ...kits, patch: [128, 128, 128], dimensions: 3, widest: 320, halvings: [5, 5, 5], batchDice: true },
  },
  {
    name: "KiTS23, 2D (#2227)",
    ...{ ...kits, patch: "auto", dimensions: 2, widest: 512, halvings: [7, 7], batchDice: true },
  },
  {
    name: "whole-body bones, 3D: beside a low resolution",
    ...{ ...bones, patch: [192, 96, 96], dimensions: 3, widest: 320, halvings: [5, 4, 4], batchDice: true },
  },
  {
    name: "whole-body bones, 2D",
    ...{ ...bones, patch: flat([448, 448]), dimensions: 2, widest: 512, halvings: [6, 6], batchDice: true },
  },
  {
    name: "photographs (#2251): single slices are 2D whatever the configuration says",
    ...{ spacing: [999, 1, 1], median: flat([2848, 4288]), patch: flat([1024, 1536]), dimensions: 3 },
    ...{ widest: 512, halvings: [8, 8], batchDice: true },
  },
];

test.each(published)("the preset gpu plans width, depth and Dice as nnU-Net does: $name", (one) => {
  const { patch, architecture, batchDice } = planned(one.median, one.spacing, {
    dimensions: one.dimensions,
    patch: one.patch,
  });
  const { features, strides } = architecture;
  if (one.patch !== "auto") expect(patch).toEqual(one.patch);
  expect(one.halvings.map((_, axis) => strides.filter((stride) => stride[axis] === 2).length)).toEqual(one.halvings);
  expect(strides[0]).toHaveLength(one.halvings.length);
  expect(features).toEqual(strides.map((_, stage) => Math.min(one.widest, 32 * 2 ** stage)));
  expect(batchDice).toBe(one.batchDice);
});

describe("what is auto", () => {
  test("at low resolution itself counts Dice patch by patch", () => {
    expect(planned(bones.median, bones.spacing, {}, { spacing: "low" }).batchDice).toBe(false);
  });

  test("is no low resolution of hardly fewer voxels, though a patch shows less than a quarter", () => {
    const [small, large] = [170, 260].map((side) => planned([side, side, side], [1, 1, 1], { patchVoxels: 96 ** 3 }));
    for (const { patch, medianShape } of [small!, large!])
      expect(voxelCount(patch)).toBeLessThan(0.25 * voxelCount(medianShape));
    expect([small!.batchDice, large!.batchDice]).toEqual([false, true]);
  });

  test("gives way to what the configuration says", () => {
    const { architecture, batchDice } = planned([36, 512, 512], [5, 1, 1], {
      dimensions: 2,
      maximumFeatures: 64,
      maximumStages: 3,
      batchDice: false,
    });
    expect(architecture.features).toEqual([32, 64, 64]);
    expect(batchDice).toBe(false);
    expect(planned([36, 50, 35], [1, 1, 1], { batchDice: true }).batchDice).toBe(true);
  });

  test("is decided in the plan, which is plain JSON", () => {
    const plan = planned([36, 50, 35], [1, 1, 1]);
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });
});

test("predictions are mirrored along the axes that the network learned, and none where none are wanted", () => {
  const axesOf = (step0: object) => predictionMirrorAxes(resolveConfiguration("gpu", { step0 }).step0);
  expect(axesOf({ augmentation: { mirrorAxes: [0, 1] } })).toEqual([0, 1]);
  expect(axesOf({ mirrorPrediction: false })).toEqual([]);
});
