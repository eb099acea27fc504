import { ResourceError } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
import { totalStride } from "@rfmedsam/models";
import { formatVersion, parseManifest } from "@rfmedsam/segmenter";
import { describe, expect, test } from "vitest";
import { presets } from "../presets.js";
import { tinyConfiguration } from "../testing/cases.js";
import { gibibyte, mebibyte } from "./memory/sheet.js";
import { estimateStep0 } from "./memory/step0.js";
import { makePlan, type PlanningFacts, type PlanOptions } from "./plan.js";
import { shapeAt } from "./spacing.js";

const statistics = { mean: 40, std: 20, low: -100, high: 200, bulk: { low: 0, high: 80 } };
const fingerprint = (medianSpacing: Triple, shape: Triple, channels = 1): PlanningFacts => ({
  medianSpacing,
  medianExtent: shape.map((extent, axis) => extent * medianSpacing[axis]!) as unknown as Triple,
  channels: Array.from({ length: channels }, () => statistics),
});

type Step0 = (typeof presets)["cpu"]["step0"];
type Changes = Partial<Record<keyof Step0, unknown>>;
const configured = (step0: Changes = {}, preprocessing: object = {}) =>
  ({
    precision: "float32",
    preprocessing: { ...presets.cpu.preprocessing, ...preprocessing },
    step0: { ...presets.cpu.step0, maximumStages: 6, ...step0 },
  }) as Parameters<typeof makePlan>[3];
const plan = (found: PlanningFacts, step0: Changes = {}, names = ["CT"], options: PlanOptions = {}) =>
  makePlan(found, names, 4, configured(step0), options);

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
    const extents = patch[0] === 1 ? patch.slice(1) : [...patch];
    expect(patch[0] === 1).toBe(dimensions === 2 || shape[0] === 1);
    expect(stride).toHaveLength(extents.length);
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
    const { architecture } = plan(fingerprint([1, 1, 1], [64, 64, 64]), { patchVoxels: 64 ** 3, baseFeatures: 12 });
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
    const { architecture } = plan(fingerprint([1, 1, 1], [64, 64, 64]), {
      maximumStages: 3,
      baseFeatures: 12,
      maximumFeatures: 20,
    });
    expect(architecture.features).toEqual([12, 20, 20]);
  });

  test("a patch that is asked for is only rounded up to the strides", () => {
    const { patch } = plan(fingerprint([1, 1, 1], [64, 64, 64]), { patch: [33, 40, 17], maximumStages: 3 });
    expect(patch).toEqual([36, 40, 20]);
    expect(plan(fingerprint([1, 1, 1], [64, 64, 64]), { patch: [33, 40, 17], dimensions: 2 }).patch[0]).toBe(1);
  });
});

test("data of one slice, and patches of one, get a network that looks at slices", () => {
  const found = plan(fingerprint([1, 1, 1], [1, 64, 64]), {});
  expect(found.patch[0]).toBe(1);
  expect(found.architecture.kernels.every((kernel) => kernel.length === 2)).toBe(true);
  expect(found.architecture.strides.every((stride) => stride.length === 2)).toBe(true);
  const wanted = plan(fingerprint([1, 1, 1], [64, 64, 64]), { patch: [1, 32, 32] });
  expect(wanted.architecture.kernels.every((kernel) => kernel.length === 2)).toBe(true);
});

test("low resolution of single slices is refused", () => {
  const configuration = tinyConfiguration({ preprocessing: { spacing: "low" }, step0: { dimensions: 2 } });
  expect(() => makePlan(fingerprint([1, 1, 1], [64, 64, 64]), ["CT"], 4, configuration)).toThrow(
    /"low" with step0\.dimensions: 2/,
  );
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

  test("nnU-Net's names of channels say how they are normalised", () => {
    const names = [" CT", "noNorm", "rescale_to_0_1", "rgb_to_0_1", "zscore", "T1"];
    expect(recipe({}, names).normalisation.map(({ kind }) => kind)).toEqual([
      "ct",
      "none",
      "range",
      "rgb",
      "zscore",
      "zscore",
    ]);
    expect(recipe({ normalisation: "ct" }, names).normalisation.map(({ kind }) => kind)).toEqual(names.map(() => "ct"));
  });

  test("spacing is the median, the case's own, or the one given", () => {
    expect(recipe({}).spacing).toEqual([2, 1, 1]);
    expect(recipe({ spacing: "keep" }).spacing).toBeNull();
    expect(recipe({ spacing: [3, 2, 2] }).spacing).toEqual([3, 2, 2]);
  });

  test("is one that a model folder may hold", () => {
    const { recipe: preprocessing, patch, architecture } = plan(fingerprint([2, 1, 1], [30, 40, 40]));
    const manifest = {
      formatVersion,
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

describe("the rules of patches", () => {
  test("a median case that is small enough is the patch", () => {
    expect(plan(fingerprint([1, 1, 1], [64, 48, 32]), { patchVoxels: 10 ** 6 }).patch).toEqual([64, 48, 32]);
  });

  test("as many mm in every direction come first, as much of the median case after that", () => {
    const cube = plan(fingerprint([1, 1, 1], [400, 400, 400]), { patchVoxels: 128 ** 3 }).patch;
    expect(new Set(cube).size).toBe(1);
    const flat = plan(fingerprint([5, 1, 1], [60, 512, 512]), { patchVoxels: 300_000 }).patch;
    expect(flat[0] / 60).toBeGreaterThan(0.2);
    expect(flat[1]).toBe(flat[2]);
    expect(flat[1]).toBeGreaterThan(2 * flat[0]);
  });

  test("a patch is cut by single pooling steps: 224 comes before 192", () => {
    const { patch } = plan(fingerprint([1, 1, 1], [1, 256, 256]), { dimensions: 2, patchVoxels: 256 * 230 });
    expect(patch).toEqual([1, 256, 224]);
  });
});

describe("a budget of memory", () => {
  const found = fingerprint([1, 1, 1], [160, 160, 160]);
  const wide = { patchVoxels: 10 ** 9, baseFeatures: 32, maximumFeatures: 320 };
  const total = (step0: Changes, planned: ReturnType<typeof plan>) =>
    estimateStep0(planned, { ...configured(step0).step0, precision: "float32", device: "cpu" }).total;

  test("is held by the patch, and used", () => {
    const patches = [2, 4, 8, 16].map((gib) => {
      const planned = plan(found, wide, ["CT"], { budget: gib * gibibyte });
      expect(total(wide, planned)).toBeLessThanOrEqual(gib * gibibyte);
      expect(total(wide, planned)).toBeGreaterThan(0.6 * gib * gibibyte);
      return planned.patch[0] * planned.patch[1] * planned.patch[2];
    });
    expect(patches).toEqual([...new Set(patches)].sort((a, b) => a - b));
  });

  test("makes a batch smaller, never larger than the configuration says", () => {
    const many = { ...wide, batch: 12, patchVoxels: 64 ** 3 };
    expect(plan(found, many).batch).toBe(12);
    expect(plan(found, many, ["CT"], { budget: 64 * gibibyte }).batch).toBe(12);
    const planned = plan(found, many, ["CT"], { budget: 3 * gibibyte });
    expect(planned.batch).toBeGreaterThanOrEqual(2);
    expect(planned.batch).toBeLessThan(12);
    expect(total(many, planned)).toBeLessThanOrEqual(3 * gibibyte);
    expect(total(many, { ...planned, batch: planned.batch + 1 })).toBeGreaterThan(3 * gibibyte);
  });

  test("lowers a batch that nobody asked for even where the patch is given", () => {
    const named = { ...wide, patch: [64, 64, 64], batch: "auto", patchVoxels: 128 ** 3 };
    expect(plan(found, named).batch).toBe(16);
    const planned = plan(found, named, ["CT"], { budget: 3 * gibibyte });
    expect(planned.batch).toBeLessThan(16);
    expect(total(named, planned)).toBeLessThanOrEqual(3 * gibibyte);
  });

  test("in which nothing fits is refused with the way out", () => {
    expect(() => plan(found, wide, ["CT"], { budget: 100 * mebibyte })).toThrow(ResourceError);
    expect(() => plan(found, wide, ["CT"], { budget: 100 * mebibyte })).toThrow(/step0\.baseFeatures/);
    expect(() => plan(found, { patchVoxels: 1 })).toThrow(/patchVoxels/);
  });

  test("leaves a patch alone that the configuration names", () => {
    const named = { ...wide, patch: [64, 64, 64] };
    expect(plan(found, named, ["CT"], { budget: gibibyte })).toMatchObject({ patch: [64, 64, 64], batch: 2 });
  });
});

test("one batch shows at most a twentieth of the data set, but two patches", () => {
  const found = fingerprint([1, 1, 1], [1, 128, 128]);
  const batchOf = (cases: number) =>
    plan({ ...found, totalVolume: cases * 128 * 128 }, { dimensions: 2, batch: 12 }).batch;
  expect([batchOf(2), batchOf(100), batchOf(1000)]).toEqual([2, 5, 12]);
});

test("without a number, a batch has the voxels of two of the largest patches", () => {
  const found = fingerprint([1, 1, 1], [40, 56, 40]);
  const planned = (changes: Changes, totalVolume?: number) =>
    plan(totalVolume === undefined ? found : { ...found, totalVolume }, { batch: "auto", ...changes });
  const { patch, batch } = planned({ patchVoxels: 128 ** 3 });
  expect(patch).toEqual([40, 56, 40]);
  expect(batch).toBe(Math.floor((2 * 128 ** 3) / (40 * 56 * 40)));
  expect(planned({ patchVoxels: 100_000 }).batch).toBe(2);
  // 208 cases of Hippocampus: a twentieth of their voxels, as nnU-Net plans them.
  expect(planned({ patchVoxels: 128 ** 3 }, 208 * 36 * 50 * 35).batch).toBe(7);
});

describe("low resolution", () => {
  const low = (found: PlanningFacts, patchVoxels: number) =>
    makePlan(found, ["CT"], 4, configured({ patchVoxels }, { spacing: "low" }));

  test("shows at least a quarter of the median case in a patch, and hardly more", () => {
    const { recipe, patch, medianShape } = low(fingerprint([1, 1, 1], [300, 300, 300]), 96 ** 3);
    const part = (patch[0] * patch[1] * patch[2]) / (medianShape[0] * medianShape[1] * medianShape[2]);
    expect(part).toBeGreaterThanOrEqual(0.25);
    expect(part).toBeLessThan(0.4);
    expect(recipe.spacing![0]).toBeGreaterThan(1.4);
    expect(new Set(recipe.spacing).size).toBe(1);
  });

  test("coarsens fine axes before all", () => {
    const { recipe } = low(fingerprint([5, 1, 1], [60, 400, 400]), 80 ** 3);
    const [z, y, x] = recipe.spacing!;
    expect(z).toBe(5);
    expect(y).toBe(x);
    expect(y).toBeGreaterThan(1.5);
    expect(y).toBeLessThan(2.7);
  });

  test("is full resolution where a patch shows enough", () => {
    expect(low(fingerprint([1, 1, 1], [64, 64, 64]), 64 ** 3).recipe.spacing).toEqual([1, 1, 1]);
  });
});

describe("the spacing of a coarse axis", () => {
  const coarse = { ...fingerprint([10, 1.5, 1.5], [10, 200, 200]), medianShape: [10, 200, 200] as Triple };
  const spacing = (facts: PlanningFacts) => plan(facts).recipe.spacing;

  test("with few voxels is the data set's 10th percentile", () => {
    expect(spacing({ ...coarse, fineSpacing: [5, 1, 1] })).toEqual([5, 1.5, 1.5]);
  });

  test("is not finer than the other axes'", () => {
    expect(spacing({ ...coarse, fineSpacing: [0.5, 1, 1] })).toEqual([1.5, 1.5, 1.5]);
  });

  test("stays the median with many voxels, or when it is not three times as coarse", () => {
    expect(spacing({ ...coarse, medianShape: [90, 200, 200], fineSpacing: [5, 1, 1] })).toEqual([10, 1.5, 1.5]);
    const mild = { ...coarse, medianSpacing: [4, 1.5, 1.5] as Triple, fineSpacing: [2, 1, 1] as Triple };
    expect(spacing(mild)).toEqual([4, 1.5, 1.5]);
  });
});

test("intensities of cases that are mostly empty are normalised by what is not", () => {
  const rule = (kept: number, cropToNonzero: boolean) =>
    makePlan({ ...fingerprint([1, 1, 1], [40, 40, 40]), kept }, ["T1"], 3, configured({}, { cropToNonzero })).recipe
      .normalisation[0];
  expect(rule(0.3, true)).toEqual({ kind: "zscore", insideNonzero: true });
  expect(rule(0.3, false)).toEqual({ kind: "zscore", insideNonzero: false });
  expect(rule(0.8, true)).toEqual({ kind: "zscore", insideNonzero: false });
});

test("a plan is plain JSON, and knows the median case", () => {
  const found = fingerprint([2, 1, 1], [30, 40, 44]);
  const planned = plan(found);
  expect(JSON.parse(JSON.stringify(planned))).toEqual(planned);
  expect(planned.medianShape).toEqual(shapeAt(found.medianExtent, [2, 1, 1]));
});
