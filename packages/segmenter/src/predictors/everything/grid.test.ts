import { fc, test } from "@fast-check/vitest";
import { ConfigError, GeometryError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { cropBoxes, pointGrid, pointsPerLayer } from "./grid.js";

describe("pointGrid", () => {
  test("puts each point in the middle of its cell, row by row", () => {
    expect(Array.from(pointGrid(2))).toEqual([0.25, 0.25, 0.75, 0.25, 0.25, 0.75, 0.75, 0.75]);
    expect(Array.from(pointGrid(1))).toEqual([0.5, 0.5]);
  });

  test("has numpy's values to the last bit", () => {
    const along = (perSide: number) => Array.from(pointGrid(perSide)).filter((_, i) => i % 2 === 0 && i < 2 * perSide);
    expect(along(3)).toEqual([0.16666666666666666, 0.5, 0.8333333333333334]);
    const points = along(32);
    expect([points[1], points[17], points[31]]).toEqual([0.046875, 0.546875, 0.984375]);
  });

  test.each([0, -1, 1.5, Number.NaN])("refuses %s points per side", (perSide) => {
    expect(() => pointGrid(perSide)).toThrow(ConfigError);
  });

  test("has fewer points in deeper layers when asked to", () => {
    expect(pointsPerLayer(32, 3, 1)).toEqual([32, 32, 32, 32]);
    expect(pointsPerLayer(32, 3, 3)).toEqual([32, 10, 3, 1]);
    expect(pointsPerLayer(4, 2, 3)).toEqual([4, 1, 0]);
  });
});

describe("cropBoxes", () => {
  const ratio = 512 / 1500;
  const boxes = (height: number, width: number, layers: number) =>
    cropBoxes(height, width, layers, ratio).map(({ box }) => box);

  test("of no layers is the whole picture", () => {
    expect(cropBoxes(30, 40, 0, ratio)).toEqual([{ box: [0, 0, 40, 30], layer: 0 }]);
  });

  test("agrees with the reference on a picture of 1000 × 1500 pixels", () => {
    const crops = boxes(1000, 1500, 2);
    expect(crops).toHaveLength(21);
    expect(crops.slice(0, 9)).toEqual([
      [0, 0, 1500, 1000],
      [0, 0, 921, 671],
      [0, 330, 921, 1000],
      [580, 0, 1500, 671],
      [580, 330, 1500, 1000],
      [0, 0, 503, 378],
      [0, 208, 503, 586],
      [0, 416, 503, 794],
      [0, 624, 503, 1000],
    ]);
    expect(cropBoxes(1000, 1500, 2, ratio).map(({ layer }) => layer)).toEqual([
      0,
      ...Array(4).fill(1),
      ...Array(16).fill(2),
    ]);
  });

  test("agrees with the reference on a picture of 7 × 5 pixels", () => {
    expect(boxes(7, 5, 1)).toEqual([
      [0, 0, 5, 7],
      [0, 0, 3, 4],
      [0, 3, 3, 7],
      [2, 0, 5, 4],
      [2, 3, 5, 7],
    ]);
  });

  test("leaves out crops without pixels", () => {
    expect(boxes(1, 1, 1)).toEqual([
      [0, 0, 1, 1],
      [0, 0, 1, 1],
    ]);
    expect(boxes(3, 3, 2)).toHaveLength(1 + 4 + 9);
  });

  const side = fc.integer({ min: 1, max: 300 });
  test.prop([side, side, fc.integer({ min: 0, max: 4 }), fc.double({ min: 0, max: 1, noNaN: true })])(
    "covers the picture in every layer with crops inside it",
    (height, width, layers, overlap) => {
      for (let layer = 0; layer <= layers; layer++) {
        const crops = cropBoxes(height, width, layers, overlap).filter((crop) => crop.layer === layer);
        const columns = new Uint8Array(width);
        const rows = new Uint8Array(height);
        for (const { box } of crops) {
          const [x0, y0, x1, y1] = box;
          expect(x0 >= 0 && y0 >= 0 && x0 < x1 && y0 < y1 && x1 <= width && y1 <= height).toBe(true);
          columns.fill(1, x0, x1);
          rows.fill(1, y0, y1);
        }
        expect(columns.includes(0) || rows.includes(0)).toBe(false);
      }
    },
  );

  test.each([
    [0, 5],
    [5, 0],
    [2.5, 5],
    [Number.NaN, 5],
  ])("refuses a picture of %s × %s pixels", (height, width) => {
    expect(() => cropBoxes(height, width, 1, ratio)).toThrow(GeometryError);
  });
});
