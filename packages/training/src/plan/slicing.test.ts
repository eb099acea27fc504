import { expect, test } from "vitest";
import { tinyConfiguration } from "../testing/cases.js";
import { adviseSlicing } from "./slicing.js";

const advice = (spacing: [number, number, number], changes: Parameters<typeof tinyConfiguration>[0] = {}) =>
  adviseSlicing(spacing, tinyConfiguration(changes));

test("slices across the coarsest axis, or of voxels that are nearly cubes, need no advice", () => {
  expect(advice([5, 0.7, 0.7], { step0: { dimensions: 2 } })).toEqual([]);
  expect(advice([1, 1, 1.9], { step0: { dimensions: 2 } })).toEqual([]);
});

test("slices through the coarsest axis are told, with the axis that would be better", () => {
  const [step0, refiner, ...more] = advice([0.5, 0.5, 4], { step0: { dimensions: 2 } });
  expect(step0).toMatch(/^Step 0 sees axial slices, but voxels are coarsest along x .*: step0\.dimensions=3/);
  expect(refiner).toMatch(/^The refiner sees axial slices.*: refiner\.axis=sagittal/);
  expect(more).toEqual([]);
  expect(advice([0.5, 4, 0.5])).toEqual([expect.stringMatching(/refiner\.axis=coronal/)]);
  expect(advice([4, 0.5, 0.5], { refiner: { axis: "sagittal" } })).toEqual([
    expect.stringMatching(/refiner\.axis=axial/),
  ]);
});

test("nothing is said of a refiner that sees all axes, or that there is not", () => {
  expect(advice([0.5, 0.5, 4], { refiner: { axis: "fused" } })).toEqual([]);
  expect(advice([0.5, 0.5, 4], { refiner: { enabled: false } })).toEqual([]);
});
