import { fc, test } from "@fast-check/vitest";
import { ConfigError, GeometryError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { type Triple, voxelCount } from "../volume.js";
import { type BoundaryMode, boundaryIndex, boundaryPosition } from "./boundary.js";
import { affineTransform, mapCoordinates, zoom } from "./interpolate.js";
import { gaussianFilter, rankFilter, uniformFilter } from "./neighbourhood.js";
import type { SplineDegree } from "./spline.js";

const modes = Object.keys(boundaryIndex) as BoundaryMode[];
const volumes = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }))
  .chain((shape) =>
    fc.record({
      shape: fc.constant(shape as Triple),
      data: fc
        .array(fc.double({ min: -100, max: 100, noNaN: true }), {
          minLength: voxelCount(shape),
          maxLength: voxelCount(shape),
        })
        .map((values) => Float64Array.from(values)),
    }),
  );
const identity = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
];

describe("beyond the ends of an axis", () => {
  test.prop([fc.constantFrom(...modes), fc.integer({ min: -40, max: 40 }), fc.integer({ min: 1, max: 7 })])(
    "a whole place is stood for by the sample its index is",
    (mode, at, length) => {
      const index = boundaryIndex[mode](at, length);
      const position = boundaryPosition[mode](at, length);
      expect(index).toBeLessThan(length);
      if (mode === "grid-constant") expect(position).toBe(at);
      else expect(Number.isNaN(position) ? -1 : position).toBeCloseTo(index, 9);
    },
  );
});

describe("interpolation", () => {
  // scipy's start of the recursion for `reflect` is inexact on very short lines (spline.ts), and so is ours
  const exact = modes.filter((mode) => mode !== "reflect");
  test.prop([volumes, fc.constantFrom<SplineDegree>(0, 1, 2, 3), fc.constantFrom(...exact)])(
    "through the identity gives the samples back, at any degree",
    ({ data, shape }, order, mode) => {
      const same = affineTransform(data, shape, identity, [0, 0, 0], shape, { order, mode });
      const zoomed = zoom(data, shape, shape, { order, mode });
      for (const [i, value] of data.entries()) {
        expect(same[i]).toBeCloseTo(value, 4);
        expect(zoomed[i]).toBeCloseTo(value, 4);
      }
    },
  );

  test("refuses data of another length and lists of different lengths", () => {
    expect(() => zoom(new Float64Array(7), [2, 2, 2], [1, 1, 1])).toThrow(GeometryError);
    expect(() => mapCoordinates(new Float64Array(8), [2, 2, 2], [[0], [0, 1], [0]])).toThrow(GeometryError);
  });
});

describe("smoothing", () => {
  test.prop([volumes, fc.constantFrom<BoundaryMode>("reflect", "grid-wrap")])(
    "keeps the mean where the volume goes on as it is",
    ({ data, shape }, mode) => {
      const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
      expect(mean(gaussianFilter(data, shape, [0.7, 1, 0.4], { mode }))).toBeCloseTo(mean(data), 6);
      expect(mean(uniformFilter(data, shape, 3, { mode }))).toBeCloseTo(mean(data), 6);
    },
  );

  test.prop([volumes])("lies between the smallest and the largest neighbour", ({ data, shape }) => {
    const [least, most] = [rankFilter(data, shape, "minimum", 3), rankFilter(data, shape, "maximum", 3)];
    const [middle, mean] = [rankFilter(data, shape, "median", 3), uniformFilter(data, shape, 3)];
    for (const [i, value] of data.entries()) {
      for (const inside of [value, middle[i]!, mean[i]!]) {
        expect(inside).toBeGreaterThanOrEqual(least[i]! - 1e-9);
        expect(inside).toBeLessThanOrEqual(most[i]! + 1e-9);
      }
    }
  });

  test("refuses even neighbourhoods and negative sigmas", () => {
    expect(() => uniformFilter(new Float64Array(8), [2, 2, 2], 2)).toThrow(ConfigError);
    expect(() => gaussianFilter(new Float64Array(8), [2, 2, 2], [1, -1, 1])).toThrow(ConfigError);
  });
});
