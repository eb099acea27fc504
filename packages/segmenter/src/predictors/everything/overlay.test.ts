import { test } from "@fast-check/vitest";
import { ConfigError, GeometryError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { everythingOverlay, type OverlayColour } from "./overlay.js";
import { areaOfRle, encodeRle } from "./rle.js";

const picture = { height: 4, width: 6, data: new Uint8Array(72).fill(100) };
const maskOf = (inside: (x: number, y: number) => boolean, [height, width] = [4, 6]) => {
  const mask = Uint8Array.from({ length: height! * width! }, (_, i) =>
    inside(i % width!, Math.floor(i / width!)) ? 1 : 0,
  );
  const segmentation = encodeRle(mask, [height!, width!]);
  return { segmentation, area: areaOfRle(segmentation) };
};
const pixel = ({ data }: { data: ArrayLike<number> }, x: number, y: number) =>
  [0, 1, 2].map((c) => data[(y * 6 + x) * 3 + c]);

describe("everythingOverlay", () => {
  const left = maskOf((x) => x < 4);
  const small = maskOf((x, y) => x === 1 && y === 2);

  test("shows small masks above large ones and leaves the rest of the picture", () => {
    const colours = (index: number): OverlayColour => [[200, 0, 0] as const, [0, 0, 250] as const][index]!;
    for (const [masks, largeFirst] of [
      [[left, small], true],
      [[small, left], false],
    ] as const) {
      const shown = everythingOverlay(picture, masks, { opacity: 0.5, colours });
      const [large, tiny] = largeFirst
        ? [
            [150, 50, 50],
            [50, 50, 175],
          ]
        : [
            [50, 50, 175],
            [150, 50, 50],
          ];
      expect(pixel(shown, 0, 0)).toEqual(large);
      expect(pixel(shown, 1, 2)).toEqual(tiny);
      expect(pixel(shown, 5, 3)).toEqual([100, 100, 100]);
    }
    expect(picture.data.every((value) => value === 100)).toBe(true);
  });

  test("gives fifty masks colours of their own", () => {
    const masks = Array.from({ length: 50 }, (_, n) => maskOf((x, y) => y * 10 + x === n, [5, 10]));
    const { data } = everythingOverlay({ height: 5, width: 10, data: new Uint8Array(150) }, masks, { opacity: 1 });
    const colours = Array.from({ length: 50 }, (_, n) => Array.from(data.slice(n * 3, n * 3 + 3)));
    colours.forEach((a, n) => {
      for (const b of colours.slice(n + 1)) {
        expect(Math.hypot(a[0]! - b[0]!, a[1]! - b[1]!, a[2]! - b[2]!)).toBeGreaterThan(10);
      }
    });
  });

  test("of no masks is the picture", () => {
    expect(Array.from(everythingOverlay(picture, []).data)).toEqual(Array.from(picture.data));
  });

  test("refuses masks of another size and opacities that are none", () => {
    expect(() => everythingOverlay(picture, [maskOf(() => true, [6, 4])])).toThrow(GeometryError);
    expect(() => everythingOverlay(picture, [left], { opacity: 1.5 })).toThrow(ConfigError);
    expect(() => everythingOverlay(picture, [left], { opacity: Number.NaN })).toThrow(ConfigError);
    expect(() => everythingOverlay({ ...picture, width: 5 }, [])).toThrow(GeometryError);
  });
});
