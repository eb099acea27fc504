import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { affineTransform } from "../filters/interpolate.js";
import { invert, multiply, scalingAffine } from "../geometry.js";
import { reorient } from "../orientation.js";
import { affines, axisLetters, shapes, volumes } from "../testing/arbitraries.js";
import { largestDifference } from "../testing/reference.js";
import type { Triple, Volume } from "../volume.js";
import { resampleLike } from "./like.js";

const ramp: Volume<Float32Array> = {
  data: Float32Array.from({ length: 60 }, (_, at) => Math.sin(at) * 100),
  shape: [3, 4, 5],
  affine: scalingAffine([2, 1, 0.5], [1, 2, 3]),
};

describe("a volume on another grid", () => {
  test.prop([volumes, fc.boolean()])("on its own it is the same", (volume, labels) => {
    expect(resampleLike(volume, volume, { labels })).toEqual(volume);
  });

  test.prop([volumes, axisLetters, fc.boolean()])(
    "turned or mirrored axes are only read in another order",
    (volume, letters, labels) => {
      const turned = reorient(volume, letters);
      expect(resampleLike(volume, turned, { labels }).data).toEqual(turned.data);
    },
  );

  test.prop([volumes, shapes, affines])("labels never gain a value but that of outside", (volume, shape, affine) => {
    const known = new Set([0, ...Array.from(volume.data, Number)]);
    for (const value of resampleLike(volume, { shape, affine }, { labels: true }).data) {
      expect(known.has(Number(value))).toBe(true);
    }
  });

  test.prop([shapes, affines])("between the voxels it gives what affineTransform gives", (shape, affine) => {
    // Scaled down around the middle of the volume, so that nothing lies outside the outermost centres.
    const centre = [1.25, 3.5, 5];
    const reach = Math.max(...affine.slice(0, 11).map(Math.abs), 1) * 12;
    const grid = {
      shape,
      affine: affine.map((v, at) => (at % 4 === 3 && at < 12 ? centre[(at - 3) / 4]! : at === 15 ? 1 : v / reach / 4)),
    };
    const toOld = multiply(invert(ramp.affine), grid.affine);
    const matrix = [2, 1, 0].map((row) => [2, 1, 0].map((column) => toOld[row * 4 + column]!));
    const offset = [11, 7, 3].map((at) => toOld[at]!) as unknown as Triple;
    const expected = affineTransform(ramp.data, ramp.shape, matrix, offset, shape, { order: 1, mode: "nearest" });
    const actual = resampleLike(ramp, grid, { fill: Number.NaN }).data;
    expect(largestDifference(actual, Float32Array.from(expected))).toBeLessThan(2e-3);
  });

  test("outside lies the smallest value, for labels 0; the outermost voxels reach half their width", () => {
    const line: Volume<Int16Array> = {
      data: Int16Array.of(-1000, 40),
      shape: [1, 1, 2],
      affine: scalingAffine([1, 1, 1]),
    };
    const grid = { shape: [1, 1, 6] as const, affine: scalingAffine([1, 1, 0.5], [-1, 0, 0]) };
    expect(resampleLike(line, grid).data).toEqual(Int16Array.of(-1000, -1000, -1000, -480, 40, 40));
    expect(resampleLike(line, grid, { labels: true }).data).toEqual(Int16Array.of(0, -1000, -1000, 40, 40, 0));
    expect(resampleLike(line, { ...grid, affine: scalingAffine([1, 1, 1], [9, 9, 9]) }, { fill: 7 }).data[0]).toBe(7);
  });
});
