import { test } from "@fast-check/vitest";
import { GeometryError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { invert, multiply, originOf, scalingAffine, shiftedAffine, spacingOf } from "./geometry.js";
import { assertSameGrid, sameGrid } from "./grid.js";
import { affines } from "./testing/arbitraries.js";
import { largestDifference } from "./testing/reference.js";

const identity = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
const grid = { shape: [4, 5, 6] as const, affine: scalingAffine([3, 0.8, 0.7], [-10, 20, 30]) };

describe("affines", () => {
  test.prop([affines])("an affine times its inverse is the identity", (affine) => {
    expect(largestDifference(multiply(affine, invert(affine)), identity)).toBeLessThan(1e-8);
  });

  test("a singular affine cannot be inverted", () => {
    expect(() => invert([1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1])).toThrow(GeometryError);
  });

  test("spacing and origin of an axis-aligned grid are exact", () => {
    expect(spacingOf(grid)).toEqual([3, 0.8, 0.7]);
    expect(originOf(grid)).toEqual([-10, 20, 30]);
    expect(originOf({ affine: shiftedAffine(grid.affine, [1, 0, 2]) })).toEqual([-10 + 1.4, 20, 33]);
  });
});

describe("grids", () => {
  test("a shift below 1 % of a voxel does not matter, a larger one does", () => {
    const shifted = (mm: number) => ({ ...grid, affine: shiftedAffine(grid.affine, [0, 0, mm / 0.7]) });
    expect(sameGrid(grid, shifted(0.005))).toBe(true);
    expect(sameGrid(grid, shifted(0.1))).toBe(false);
  });

  test.each([
    ["the shapes differ (4×5×7 against 4×5×6)", { ...grid, shape: [4, 5, 7] as const }],
    [
      "the spacings differ (2.5×0.8×0.7 mm against 3×0.8×0.7 mm)",
      { ...grid, affine: scalingAffine([2.5, 0.8, 0.7], [-10, 20, 30]) },
    ],
    ["the first voxels lie 5 mm apart", { ...grid, affine: scalingAffine([3, 0.8, 0.7], [-10, 20, 35]) }],
    ["the axes point to LAS against RAS", { ...grid, affine: [-0.7, ...grid.affine.slice(1)] }],
  ])("%s", (difference, label) => {
    const files = { imageFile: "image.nii.gz", labelFile: "label.nii.gz" };
    expect(() => assertSameGrid(grid, label, files)).toThrow(GeometryError);
    try {
      assertSameGrid(grid, label, files);
    } catch (error) {
      const { file, found, expected } = error as GeometryError;
      expect(file).toBe("label.nii.gz");
      expect(found).toContain(difference);
      expect(expected).toBe("the image's shape 4×5×6, spacing 3×0.8×0.7 mm, orientation RAS (image.nii.gz)");
    }
  });
});
