import { test } from "@fast-check/vitest";
import { ConfigError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import type { PictureRuleName } from "../picture.js";
import { type EverythingSettings, everythingFamilies, resolveEverything } from "./options.js";

describe("resolveEverything", () => {
  test.each<[PictureRuleName, number]>([
    ["sam2", 0.8],
    ["sam", 0.88],
    ["sam-med2d", 0.88],
  ])("has the official defaults of %s", (rule, predIouThresh) => {
    const { grids, family, ...settings } = resolveEverything(rule, {});
    expect(settings).toEqual({
      pointsPerBatch: 64,
      predIouThresh,
      stabilityScoreThresh: 0.95,
      stabilityScoreOffset: 1,
      maskThreshold: 0,
      boxNmsThresh: 0.7,
      cropNLayers: 0,
      cropNmsThresh: 0.7,
      cropOverlapRatio: 512 / 1500,
      cropNPointsDownscaleFactor: 1,
      minMaskRegionArea: 0,
      useM2m: false,
      multimaskOutput: true,
    });
    expect(grids.map(({ length }) => length / 2)).toEqual([32 * 32]);
    expect(family).toBe(everythingFamilies[rule]);
  });

  test("makes one grid for every layer", () => {
    const settings = { pointsPerSide: 12, cropNLayers: 2, cropNPointsDownscaleFactor: 2 };
    expect(resolveEverything("sam2", settings).grids.map(({ length }) => length / 2)).toEqual([144, 36, 9]);
    const pointGrids: [number, number][][] = [[[0.5, 0.25]], [[0, 1]]];
    const own = resolveEverything("sam2", { pointGrids, cropNLayers: 1 });
    expect(own.grids.map((grid) => Array.from(grid))).toEqual([
      [0.5, 0.25],
      [0, 1],
    ]);
  });

  test("names the nearest key for an unknown one, also for the official spelling", () => {
    const settings = { points_per_side: 16, boxNmsTresh: 0.5 } as EverythingSettings;
    expect(() => resolveEverything("sam2", settings)).toThrow(
      /did you mean "pointsPerSide".*did you mean "boxNmsThresh"/,
    );
  });

  test.each<[string, Record<string, unknown>]>([
    ["points per side", { pointsPerSide: 0 }],
    ["half a point", { pointsPerSide: 1.5 }],
    ["a batch of none", { pointsPerBatch: 0 }],
    ["an IoU above 1", { predIouThresh: 1.1 }],
    ["an IoU that is no number", { predIouThresh: Number.NaN }],
    ["text for a number", { stabilityScoreThresh: "0.9" }],
    ["a stability below 0", { stabilityScoreThresh: -0.1 }],
    ["an offset below 0", { stabilityScoreOffset: -1 }],
    ["an infinite threshold", { maskThreshold: Number.POSITIVE_INFINITY }],
    ["layers below 0", { cropNLayers: -1 }],
    ["an overlap above 1", { cropOverlapRatio: 2 }],
    ["a factor below 1", { cropNPointsDownscaleFactor: 0 }],
    ["an area below 0", { minMaskRegionArea: -5 }],
    ["a point outside the picture", { pointGrids: [[[0.5, 1.5]]] }],
    ["a grid without points", { pointGrids: [[]] }],
    ["a layer without points", { pointsPerSide: 4, cropNLayers: 2, cropNPointsDownscaleFactor: 3 }],
    ["two kinds of points", { pointsPerSide: 4, pointGrids: [[[0.5, 0.5]]] }],
    ["too few grids", { cropNLayers: 1, pointGrids: [[[0.5, 0.5]]] }],
  ])("refuses %s", (_, settings) => {
    expect(() => resolveEverything("sam", settings)).toThrow(ConfigError);
  });
});
