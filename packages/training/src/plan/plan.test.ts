import type { Triple } from "@rfmedsam/imaging";
import { totalStride } from "@rfmedsam/models";
import { parseManifest } from "@rfmedsam/segmenter";
import { describe, expect, test } from "vitest";
import { presets } from "../presets.js";
import { tinyConfiguration } from "../testing/cases.js";
import type { Fingerprint } from "./fingerprint.js";
import { makePlan } from "./plan.js";

const statistics = { mean: 40, std: 20, low: -100, high: 200, bulk: { low: 0, high: 80 } };
const fingerprint = (medianSpacing: Triple, shape: Triple, channels = 1): Fingerprint => ({
  medianSpacing,
  medianExtent: shape.map((extent, axis) => extent * medianSpacing[axis]!) as unknown as Triple,
  channels: Array.from({ length: channels }, () => statistics),
});

type Step0 = (typeof presets)["cpu"]["step0"];
const plan = (found: Fingerprint, step0: Partial<Record<keyof Step0, unknown>> = {}, names = ["CT"]) =>
  makePlan(found, names, 4, {
    preprocessing: presets.cpu.preprocessing as never,
    step0: { ...presets.cpu.step0, maximumStages: 6, ...step0 } as never,
  });

const shapes: readonly (readonly [string, Triple, Triple])[] = [
  ["isotropic", [1, 1, 1], [90, 100, 80]],
  ["anisotropic", [5, 0.8, 0.8], [40, 320, 300]],
  ["thin", [1, 1, 1], [9, 128, 128]],
  ["a few slices", [8, 1, 1], [3, 200, 200]],
  ["one slice", [3, 1, 1], [1, 200, 160]],
  ["tiny", [1, 1, 1], [5, 6, 7]],
  ["fine along a thin axis", [1, 4, 4], [6, 60, 60]],
  ["large", [0.7, 0.7, 0.7], [600, 512, 512]],
];

describe.each(shapes)("a plan for cases that are %s", (_, spacing, shape) => {
  test.each([3, 2] as const)("in %i dimensions fits its network and its budget", (dimensions) => {
    const { patch, architecture } = plan(fingerprint(spacing, shape), { dimensions, patchVoxels: 60_000 });
    const stride = totalStride(architecture);
    const extents = dimensions === 2 ? patch.slice(1) : [...patch];
    expect(stride).toHaveLength(dimensions);
    for (const [axis, extent] of extents.entries()) {
      expect(extent % stride[axis]!).toBe(0);
      expect(extent / stride[axis]!).toBeGreaterThanOrEqual(1);
    }
    expect(patch[0] * patch[1] * patch[2]).toBeLessThanOrEqual(60_000);
    const { features, kernels, strides } = architecture;
    expect(kernels).toHaveLength(features.length);
    expect(strides).toHaveLength(features.length);
    expect(strides[0]!.every((step) => step === 1)).toBe(true);
    // No kernel may step over voxels, and none shrinks again further down.
    for (const [stage, kernel] of kernels.entries()) {
      for (const [axis, extent] of kernel.entries()) {
        expect(extent).toBeGreaterThanOrEqual(strides[stage]![axis] === 2 ? 3 : 1);
        expect(extent).toBeGreaterThanOrEqual(kernels[stage - 1]?.[axis] ?? 1);
      }
    }
  });
});

describe("the rules of pooling", () => {
  test("isotropic cases are halved along all axes with kernels of 3", () => {
    const { architecture } = plan(fingerprint([1, 1, 1], [64, 64, 64]), { patchVoxels: 64 ** 3 });
    expect(architecture.strides).toEqual([[1, 1, 1], ...new Array(4).fill([2, 2, 2])]);
    expect(architecture.kernels).toEqual(new Array(5).fill([3, 3, 3]));
    expect(architecture.features).toEqual([12, 24, 48, 96, 128]);
  });

  test("a coarse axis waits, in strides and in kernels, until the others are as coarse", () => {
    const { architecture } = plan(fingerprint([5, 0.8, 0.8], [40, 128, 128]), { patchVoxels: 10 ** 6 });
    expect(architecture.strides.slice(1, 4)).toEqual([
      [1, 2, 2],
      [1, 2, 2],
      [2, 2, 2],
    ]);
    expect(architecture.kernels.slice(0, 3)).toEqual([
      [1, 3, 3],
      [1, 3, 3],
      [3, 3, 3],
    ]);
  });

  test("an axis too short to be halved leaves the others their kernels", () => {
    const { architecture, patch } = plan(fingerprint([1, 1, 1], [9, 128, 128]), { patchVoxels: 10 ** 6 });
    expect(patch).toEqual([10, 128, 128]);
    expect(architecture.strides.slice(1)).toEqual([[2, 2, 2], ...new Array(4).fill([1, 2, 2])]);
    expect(architecture.kernels).toEqual(new Array(6).fill([3, 3, 3]));
  });

  test("2D networks know nothing of z", () => {
    const { architecture, patch } = plan(fingerprint([5, 1, 1], [40, 100, 90]), { dimensions: 2 });
    expect(patch[0]).toBe(1);
    expect([...architecture.strides, ...architecture.kernels].every((extents) => extents.length === 2)).toBe(true);
    expect(architecture.kernels.every(([y, x]) => y === 3 && x === 3)).toBe(true);
  });

  test("the number of stages and the width have limits", () => {
    const { architecture } = plan(fingerprint([1, 1, 1], [64, 64, 64]), { maximumStages: 3, maximumFeatures: 20 });
    expect(architecture.features).toEqual([12, 20, 20]);
  });

  test("a patch that is asked for is only rounded up to the strides", () => {
    const { patch } = plan(fingerprint([1, 1, 1], [64, 64, 64]), { patch: [33, 40, 17], maximumStages: 3 });
    expect(patch).toEqual([36, 40, 20]);
    expect(plan(fingerprint([1, 1, 1], [64, 64, 64]), { patch: [33, 40, 17], dimensions: 2 }).patch[0]).toBe(1);
  });
});

describe("the recipe", () => {
  const recipe = (preprocessing: object, names = ["CT"], channels = names.length) =>
    makePlan(
      fingerprint([2, 1, 1], [30, 40, 40], channels),
      names,
      3,
      tinyConfiguration({ preprocessing: preprocessing as never }),
    ).recipe;

  test("CT is clipped and scaled by the training set, other channels by themselves", () => {
    const { normalisation, window } = recipe({}, ["CT", "T1"]);
    expect(normalisation).toEqual([
      { kind: "ct", mean: 40, std: 20, low: -100, high: 200 },
      { kind: "zscore", insideNonzero: false },
    ]);
    expect(window).toEqual({ kind: "fixed", low: -4, high: 4 });
    expect(recipe({}, ["MRI"]).window).toEqual({ kind: "percentiles", low: 0.5, high: 99.5 });
  });

  test("spacing is the median, the case's own, or the one given", () => {
    expect(recipe({}).spacing).toEqual([2, 1, 1]);
    expect(recipe({ spacing: "keep" }).spacing).toBeNull();
    expect(recipe({ spacing: [3, 2, 2] }).spacing).toEqual([3, 2, 2]);
  });

  test("is one that a model folder may hold", () => {
    const { recipe: preprocessing, patch, architecture } = plan(fingerprint([2, 1, 1], [30, 40, 40]));
    const manifest = {
      formatVersion: 1,
      rfmedsam: "0",
      labels: { background: 0, a: 1, b: 2, c: 3 },
      channelNames: ["CT"],
      preprocessing,
      step0: { kind: "unet", architecture, patch, folds: ["a"], mirrorAxes: [], overlap: 0.5 },
      outputStages: {},
      training: { dataset: "", seed: 0, revision: "", versions: {}, configuration: {}, validation: [] },
    };
    expect(parseManifest(JSON.parse(JSON.stringify(manifest)), { file: "model.json" }).preprocessing).toEqual(
      preprocessing,
    );
  });
});
