import { type Triple, voxelCount } from "@rfmedsam/imaging";
import { describe, expect, test } from "vitest";
import { lowSpacing, shapeAt } from "./spacing.js";
import { fitPatch, type PooledPatch, pooledPatch } from "./topology.js";

/** nnU-Net's own limit for 8 GB: elements of all feature maps of one patch, at a batch of two (3D) or twelve (2D). */
const limits = { 2: (85_000_000 / 2) * 12, 3: 560_000_000 } as const;
const unlimited = 999;

function featureElements({ patch, strides }: PooledPatch, dimensions: 2 | 3): number {
  const widest = dimensions === 2 ? 512 : 320;
  const features = strides.map((_, stage) => Math.min(widest, 32 * 2 ** stage));
  let voxels = voxelCount(patch);
  const sizes = strides.map((stride) => (voxels /= voxelCount(stride)));
  const encoder = features.reduce((sum, width, stage) => sum + 2 * width * sizes[stage]!, 0);
  const decoder = features.slice(0, -1).reduce((sum, width, stage) => sum + 3 * width * sizes[stage]!, 0);
  return encoder + decoder + 2 * sizes[0]!;
}

/** As nnU-Net plans; on the CPU's presets other limits hold. */
function planned(median: Triple, spacing: Triple): PooledPatch {
  const dimensions = median[0] === 1 ? 2 : 3;
  return fitPatch(median, spacing, unlimited, (one) => featureElements(one, dimensions) <= limits[dimensions])!;
}

interface PublishedPlan {
  readonly name: string;
  readonly spacing: Triple;
  readonly median: Triple;
  readonly patch: Triple;
  /** Halvings of each axis, where published. */
  readonly halvings?: Triple;
  /** Axes that the kernels of each stage span, where published. */
  readonly kernels?: readonly string[];
}

/** Plans of nnU-Net v2 (`ExperimentPlanner`) as people published them; issue numbers are MIC-DKFZ/nnUNet's. */
const published: readonly PublishedPlan[] = [
  {
    name: "Hippocampus (documentation/explanation_plans_files.md)",
    spacing: [1, 1, 1],
    median: [36, 50, 35],
    patch: [40, 56, 40],
    halvings: [3, 3, 3],
  },
  { name: "#2094", spacing: [1.24498, 0.785156, 0.785156], median: [252, 512, 512], patch: [80, 192, 160] },
  { name: "#1768", spacing: [1.5, 0.783203, 0.783203], median: [143, 512, 512], patch: [56, 224, 192] },
  {
    name: "#2227, low resolution",
    spacing: [2.35657, 1.84107, 1.84107],
    median: [177, 217, 217],
    patch: [128, 128, 128],
  },
  {
    name: "a prostate",
    spacing: [3.3, 0.78125, 0.78125],
    median: [40, 84, 95],
    patch: [40, 96, 96],
    halvings: [2, 4, 4],
    kernels: ["yx", "yx", "zyx", "zyx", "zyx"],
  },
  { name: "2D, photographs, #2251", spacing: [999, 1, 1], median: [1, 2848, 4288], patch: [1, 1024, 1536] },
  { name: "2D, small", spacing: [999, 1, 1], median: [1, 500, 500], patch: [1, 512, 512], halvings: [0, 7, 7] },
  { name: "2D, brain", spacing: [1, 0.8594, 0.8594], median: [1, 227, 215], patch: [1, 256, 224], halvings: [0, 5, 5] },
];

test.each(published)("patch and pooling are nnU-Net's where its limit holds: $name", (one) => {
  const { patch, strides, kernels } = planned(one.median, one.spacing);
  expect(patch).toEqual(one.patch);
  const halved = [0, 1, 2].map((axis) => strides.filter((stride) => stride[axis] === 2).length);
  if (one.halvings) expect(halved).toEqual(one.halvings);
  if (one.kernels)
    expect(kernels.map((kernel) => [..."zyx"].filter((_, axis) => kernel[axis] === 3).join(""))).toEqual(one.kernels);
});

test("low resolution is coarsened in nnU-Net's steps (#1768: 1.5 mm and 0.783 mm alike)", () => {
  const full: Triple = [1.5, 0.783203, 0.783203];
  const tried: Triple[] = [];
  const extent = [143 * full[0], 512 * full[1], 512 * full[2]] as unknown as Triple;
  lowSpacing(full, { medianSpacing: full, medianExtent: extent }, (spacing) => {
    tried.push(spacing);
    return planned(shapeAt(extent, spacing), spacing).patch;
  });
  const stated: readonly Triple[] = [
    [1.545, 0.80669916, 0.80669916],
    [1.59135, 0.83090013, 0.83090013],
    [1.6390905, 0.85582714, 0.85582714],
    [1.68826322, 0.88150195, 0.88150195],
    [1.73891111, 0.90794701, 0.90794701],
  ];
  for (const [step, spacing] of stated.entries())
    for (const [axis, mm] of spacing.entries()) expect(tried[step + 1]![axis]).toBeCloseTo(mm, 5);
});

describe("pooling", () => {
  test("of the last axis alone stops earlier", () => {
    const halvings = (extent: number) =>
      pooledPatch([8, 8, extent], [1, 1, 1], unlimited).strides.filter((stride) => stride[2] === 2).length;
    expect([8, 16, 22, 23, 46].map(halvings)).toEqual([1, 1, 1, 2, 3]);
  });

  test.each([
    [
      [5, 6, 7],
      [1, 1, 1],
      [8, 8, 8],
    ],
    [
      [1, 5, 7],
      [1, 1, 1],
      [1, 8, 8],
    ],
    [
      [1, 1, 9],
      [1, 1, 1],
      [1, 1, 12],
    ],
    [
      [1, 1, 1],
      [1, 1, 1],
      [1, 12, 12],
    ],
    [
      [5, 6, 7],
      [9, 3, 1],
      [12, 12, 12],
    ],
  ] as const)("goes at least one stage down: %j of %j mm grows to %j", (wanted, spacing, patch) => {
    const { strides, ...grown } = pooledPatch(wanted, spacing, unlimited);
    expect(strides.length).toBeGreaterThan(1);
    expect(grown.patch).toEqual(patch);
  });

  test("never steps over voxels, though the finest axis be too short to pool", () => {
    const { strides, kernels } = pooledPatch([6, 60, 60], [1, 4, 4], unlimited);
    strides.forEach((stride, stage) => {
      for (const axis of [0, 1, 2]) if (stride[axis] === 2) expect(kernels[stage]![axis]).toBe(3);
    });
    expect(strides.length).toBeGreaterThan(2);
  });

  test("spans all axes at the coarsest stage, but no axis of one voxel", () => {
    expect(pooledPatch([8, 64, 64], [30, 1, 1], 3).kernels).toEqual([
      [1, 3, 3],
      [1, 3, 3],
      [3, 3, 3],
    ]);
    expect(pooledPatch([1, 64, 64], [30, 1, 1], 3).kernels).toEqual(new Array(3).fill([1, 3, 3]));
  });
});

test("a patch that cannot be made small enough is none", () => {
  expect(fitPatch([64, 64, 64], [1, 1, 1], 6, () => false)).toBeUndefined();
  expect(fitPatch([1, 64, 64], [1, 1, 1], 6, ({ patch }) => voxelCount(patch) < 64)).toBeUndefined();
});
