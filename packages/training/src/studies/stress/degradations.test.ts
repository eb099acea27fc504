/** Damages are as large as they say, the same for the same stream, and leave alone what they are given. */
import { fc, test } from "@fast-check/vitest";
import { Random } from "@rfmedsam/base";
import type { Triple, Volume } from "@rfmedsam/imaging";
import { argmaxOfSlice } from "@rfmedsam/segmenter";
import { describe, expect } from "vitest";
import { alteredStep0, type LabelGrid } from "../../choice/altered-step0.js";
import { streamOf } from "../common/streams.js";
import { degradationNames, degradations } from "./degradations.js";
import { lowDose, noisy, poisson } from "./image-noise.js";
import { dropSlices, erode, falseBlobs, shift, swapLabels } from "./label-damage.js";

const grids = fc
  .record({
    shape: fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })),
    spacing: fc.tuple(fc.constantFrom(1, 2.5, 6), fc.constantFrom(1, 3, 12), fc.constantFrom(0.7, 3, 12)),
    classes: fc.integer({ min: 2, max: 4 }),
    seed: fc.nat(1000),
  })
  .map(({ shape, spacing, classes, seed }): LabelGrid => {
    const random = new Random(seed);
    const labels = Uint8Array.from({ length: shape[0] * shape[1] * shape[2] }, () => random.below(classes));
    return { labels, shape, spacing, classes };
  });

const count = (labels: Uint8Array, label: number) => labels.reduce((sum, own) => sum + (own === label ? 1 : 0), 0);

/** A block of one label in the middle. */
function block(shape: Triple, spacing: Triple, [z0, y0, x0]: Triple, [z1, y1, x1]: Triple): LabelGrid {
  const labels = new Uint8Array(shape[0] * shape[1] * shape[2]);
  for (let z = z0; z <= z1; z++)
    for (let y = y0; y <= y1; y++) for (let x = x0; x <= x1; x++) labels[(z * shape[1] + y) * shape[2] + x] = 1;
  return { labels, shape, spacing, classes: 3 };
}

describe("every damage", () => {
  test.prop([fc.constantFrom(...degradationNames), grids, fc.nat(99)])(
    "keeps its input, makes classes of the case, and is the same for the same stream",
    (name, grid, seed) => {
      const damage = degradations[name];
      if (damage.of !== "step0") return;
      const before = grid.labels.slice();
      const after = damage.apply(grid, streamOf(seed, name));
      expect(grid.labels).toEqual(before);
      expect(after).toHaveLength(before.length);
      expect(after.every((label) => label < grid.classes)).toBe(true);
      expect(damage.apply(grid, streamOf(seed, name))).toEqual(after);
    },
  );

  test.prop([grids, fc.nat(99)])("what was taken away is background, where nothing is put", (grid, seed) => {
    for (const made of [dropSlices(grid, 0.3, new Random(seed)), erode(grid, 3)]) {
      expect(made.every((label, at) => label === 0 || label === grid.labels[at])).toBe(true);
    }
    const blobs = falseBlobs(grid, 3, 10, new Random(seed));
    expect(blobs.every((label, at) => grid.labels[at] === 0 || label === grid.labels[at])).toBe(true);
  });
});

describe("strengths", () => {
  test.each([10, 20, 7])("of %i slices three of ten are empty", (slices) => {
    const full = { labels: new Uint8Array(slices * 4).fill(1), shape: [slices, 2, 2] as Triple };
    const made = dropSlices({ ...full, spacing: [1, 1, 1], classes: 2 }, 0.3, new Random(3));
    expect(count(made, 0)).toBe(4 * Math.round(0.3 * slices));
  });

  test("three millimetres of rim are three voxels of 1 mm, one voxel of 6 mm, and only in the plane of thick slices", () => {
    const eroded = (spacing: Triple) => count(erode(block([9, 9, 9], spacing, [0, 0, 0], [8, 8, 8]), 3), 1);
    // What lies outside the volume counts as nothing, so a hole in the middle is what eats.
    expect(eroded([1, 1, 1])).toBe(9 ** 3);
    const cube = (spacing: Triple) => count(erode(block([11, 11, 11], spacing, [1, 1, 1], [9, 9, 9]), 3), 1);
    expect(cube([1, 1, 1])).toBe(3 ** 3);
    expect(cube([6, 6, 6])).toBe(7 ** 3);
    expect(cube([10, 1, 1])).toBe(9 * 3 * 3);
  });

  test.prop([fc.nat(500), fc.constantFrom(1, 2, 20)])("labels move 8 mm, one voxel at least", (seed, spacing) => {
    const size = 25;
    const grid = block([1, size, size], [5, spacing, spacing], [0, 12, 12], [0, 12, 12]);
    const made = shift(grid, 8, new Random(seed));
    expect(count(made, 1)).toBe(1);
    const at = made.indexOf(1);
    const far = Math.hypot(Math.floor(at / size) - 12, (at % size) - 12) * spacing;
    expect(Math.abs(far - Math.max(8, spacing))).toBeLessThanOrEqual(spacing * Math.SQRT1_2 * (spacing > 8 ? 2 : 1));
  });

  test("what is shifted by more than the picture is gone", () => {
    const made = shift(block([2, 3, 3], [1, 1, 1], [0, 0, 0], [1, 2, 2]), 50, new Random(1));
    expect(count(made, 0)).toBe(18);
  });

  test.prop([grids, fc.nat(99)])("swapped labels keep their number together, on three of ten slices", (grid, seed) => {
    const made = swapLabels(grid, 0.3, new Random(seed));
    expect(count(made, 0)).toBe(count(grid.labels, 0));
    const plane = grid.shape[1] * grid.shape[2];
    const changed = Array.from({ length: grid.shape[0] }, (_, z) => z).filter((z) =>
      made.subarray(z * plane, (z + 1) * plane).some((label, at) => label !== grid.labels[z * plane + at]),
    );
    expect(changed.length).toBeLessThanOrEqual(Math.max(1, Math.round(0.3 * grid.shape[0])));
  });

  test("a blob is a ball of 10 mm", () => {
    const empty = { labels: new Uint8Array(41 ** 3), shape: [41, 41, 41] as Triple, spacing: [1, 1, 1] as Triple };
    const made = falseBlobs({ ...empty, classes: 2 }, 1, 10, new Random(8));
    const voxels = count(made, 1);
    expect(voxels).toBeGreaterThan(100);
    expect(voxels).toBeLessThanOrEqual(4169); // of a whole ball
  });
});

describe("the hook", () => {
  const sizesAt = (logits: Float32Array, at: number, classes: number) =>
    Array.from({ length: classes }, (_, k) => logits[k * (logits.length / classes) + at]!).sort((a, b) => a - b);

  test("is as sure of the new labels as step 0 was of what it saw", () => {
    const prepared = {
      data: new Float32Array(4),
      channels: 1,
      shape: [1, 2, 2],
      spacing: [1, 1, 1],
      windows: [],
    } as const;
    const surely = (p: number) => Math.log((2 * p) / (1 - p)); // of three classes
    const logits = new Float32Array(3 * 4);
    logits.set([surely(0.999), surely(0.99)], 0); // background
    logits.set([surely(0.8), surely(0.6)], 4 + 2);
    const altered = alteredStep0(3, ({ labels }) => labels.map((label) => (label === 1 ? 2 : 0)))(logits, prepared);
    for (const [at, label] of [0, 0, 2, 2].entries()) {
      const shares = Array.from({ length: 3 }, (_, k) => Math.exp(altered[k * 4 + at]!));
      expect(shares[label]! / (shares[0]! + shares[1]! + shares[2]!)).toBeCloseTo(0.7, 5);
    }
    const sure = alteredStep0(3, () => new Uint8Array(4))(new Float32Array(12).fill(80, 0, 4), prepared);
    expect(sure.every(Number.isFinite)).toBe(true);
  });

  test.prop([grids, fc.constantFrom(...degradationNames), fc.nat(99)])(
    "makes the damaged labels win, and leaves no trace of those before",
    (grid, name, seed) => {
      const damage = degradations[name];
      if (damage.of !== "step0") return;
      const voxels = grid.labels.length;
      const random = new Random(seed);
      const logits = Float32Array.from({ length: grid.classes * voxels }, () => random.uniform(-5, 5));
      const before = logits.slice();
      const own = argmaxOfSlice(before, grid.classes, voxels);
      const wanted = damage.apply({ ...grid, labels: own }, streamOf(seed));
      const altered = alteredStep0(grid.classes, (labels) => damage.apply(labels, streamOf(seed)))(logits, {
        data: new Float32Array(voxels),
        channels: 1,
        shape: grid.shape,
        spacing: grid.spacing,
        windows: [],
      });
      expect(argmaxOfSlice(altered, grid.classes, voxels)).toEqual(wanted);
      // By their sizes alone, damaged voxels are like all others.
      const sizes = new Set(Array.from(wanted, (_, at) => sizesAt(altered, at, grid.classes).join()));
      expect(sizes.size).toBe(1);
    },
  );
});

describe("noise", () => {
  const ramp: Volume<Float32Array> = {
    shape: [10, 40, 50],
    affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
    data: Float32Array.from({ length: 20_000 }, (_, at) => at % 1000),
  };
  const differences = (made: Volume<Float32Array>) => Array.from(made.data, (value, at) => value - ramp.data[at]!);
  const deviation = (values: readonly number[]) =>
    Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / values.length);

  test("has the standard deviation it says, of the image's range", () => {
    const found = differences(noisy(ramp, 0.1, new Random(1)));
    expect(deviation(found)).toBeCloseTo(0.1 * 990, -1);
    expect(Math.abs(found.reduce((a, b) => a + b) / found.length)).toBeLessThan(3);
  });

  test("of low dose grows with the intensity as Poisson's does, and has no bias", () => {
    const found = differences(lowDose(ramp, 50, new Random(2)));
    expect(Math.abs(found.reduce((a, b) => a + b) / found.length)).toBeLessThan(3);
    const of = (low: number, high: number) =>
      deviation(found.filter((_, at) => ramp.data[at]! >= low && ramp.data[at]! < high));
    // sqrt(counts) of a range of 990 in 50 counts
    expect(of(450, 550) / ((990 / 50) * 5)).toBeCloseTo(1, 1);
    expect(of(900, 990) / ((990 / 50) * Math.sqrt(47.5))).toBeCloseTo(1, 1);
    expect(of(0, 5)).toBeLessThan(10);
  });

  test.each([0, 0.5, 7, 29, 31, 400])("draws Poisson numbers of mean %d", (mean) => {
    const random = new Random(4);
    const drawn = Array.from({ length: 4000 }, () => poisson(mean, random));
    const found = drawn.reduce((a, b) => a + b) / drawn.length;
    expect(drawn.every((n) => Number.isInteger(n) && n >= 0)).toBe(true);
    expect(Math.abs(found - mean)).toBeLessThanOrEqual(5 * Math.sqrt(mean / 4000));
    const variance = drawn.reduce((sum, n) => sum + (n - found) ** 2, 0) / drawn.length;
    expect(Math.abs(variance - mean)).toBeLessThanOrEqual(0.15 * mean);
  });

  test("leaves an image of one intensity, and voxels that are no numbers, as they are", () => {
    const flat = { ...ramp, data: new Float32Array(20_000).fill(7) };
    expect(lowDose(flat, 50, new Random(1)).data).toEqual(flat.data);
    expect(noisy(flat, 0.1, new Random(1)).data).toEqual(flat.data);
    const empty = { ...ramp, data: new Float32Array(20_000).fill(Number.NaN) };
    expect(lowDose(empty, 50, new Random(1)).data[0]).toBeNaN();
  });
});
