import { fc, test } from "@fast-check/vitest";
import { GeometryError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { masks } from "../testing/arbitraries.js";
import { distanceTransform } from "./distance.js";

const spacing = fc.double({ min: 0.1, max: 5, noNaN: true });

describe("distance transform", () => {
  test.prop([masks, fc.tuple(spacing, spacing, spacing)])(
    "is the smallest of the distances to every background voxel",
    ({ mask, shape }, spacing) => {
      const [, height, width] = shape;
      const place = (i: number) => [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
      const plain = Array.from(mask, (value, i) => {
        if (value === 0) return 0;
        let least = Number.POSITIVE_INFINITY;
        for (let other = 0; other < mask.length; other++) {
          if (mask[other] !== 0) continue;
          const [a, b] = [place(i), place(other)];
          least = Math.min(least, Math.hypot(...a.map((at, axis) => (at - b[axis]!) * spacing[axis]!)));
        }
        return least;
      });
      const fast = distanceTransform(mask, shape, spacing);
      plain.forEach((distance, i) => {
        if (Number.isFinite(distance)) expect(fast[i]).toBeCloseTo(distance, 9);
        else expect(fast[i]).toBe(distance);
      });
    },
  );

  test("refuses a mask of another size and spacings that are none", () => {
    expect(() => distanceTransform(new Uint8Array(7), [2, 2, 2])).toThrow(GeometryError);
    expect(() => distanceTransform(new Uint8Array(8), [2, 2, 2], [1, 0, 1])).toThrow(/0/);
    expect(() => distanceTransform(new Uint8Array(8), [2, 2, 2], [1, Number.NaN, 1])).toThrow(GeometryError);
  });
});
