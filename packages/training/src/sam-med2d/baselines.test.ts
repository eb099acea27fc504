import { fc, test } from "@fast-check/vitest";
import { ConfigError, GeometryError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { discAround, filledBox, inscribedEllipse, meanRadius } from "./baselines.js";
import { type BinaryMask, componentBoxes } from "./prompt-simulation.js";

const size = { height: 40, width: 50 };
const area = ({ data }: BinaryMask) => data.reduce((sum, value) => sum + value, 0);
const drawing = ({ data, width, height }: BinaryMask) =>
  Array.from({ length: height }, (_, y) =>
    Array.from(data.subarray(y * width, (y + 1) * width), (value) => (value === 0 ? "." : "#")).join(""),
  );

/** Boxes of whole pixels inside the picture. */
const boxes = fc
  .tuple(fc.nat(size.width - 1), fc.nat(size.height - 1))
  .chain(([x0, y0]) =>
    fc
      .tuple(fc.integer({ min: x0 + 1, max: size.width }), fc.integer({ min: y0 + 1, max: size.height }))
      .map(([x1, y1]) => [x0, y0, x1, y1] as const),
  );

describe("box and ellipse", () => {
  test.prop([boxes])("a box's own box is itself", (box) => {
    const mask = filledBox(box, size);
    expect(area(mask)).toBe((box[2] - box[0]) * (box[3] - box[1]));
    expect([...componentBoxes(mask, 1)]).toEqual([...box]);
  });

  test.prop([boxes])("the ellipse lies in the box, touches its sides and mirrors itself", (box) => {
    const [ellipse, whole] = [inscribedEllipse(box, size), filledBox(box, size)];
    const [x0, y0, x1, y1] = box;
    const at = (x: number, y: number) => ellipse.data[y * size.width + x];
    const wrong = ellipse.data.findIndex((value, pixel) => {
      if (value === 0) return false;
      const [x, y] = [pixel % size.width, Math.floor(pixel / size.width)];
      return whole.data[pixel] === 0 || at(x0 + x1 - 1 - x, y) === 0 || at(x, y0 + y1 - 1 - y) === 0;
    });
    expect(wrong).toBe(-1);
    expect(area(ellipse)).toBeGreaterThan(0);
  });

  test("an ellipse has π/4 of its box's area, give or take the pixels its border cuts", () => {
    // A fifth of the box's perimeter: far below a whole ring of pixels, far above what the grid makes uncertain.
    const sides = Array.from({ length: 40 }, (_, n) => n + 1);
    const wrong = sides.flatMap((width) =>
      sides.filter((height) => {
        const pixels = area(inscribedEllipse([0, 0, width, height], { width, height }));
        return Math.abs(pixels - (Math.PI / 4) * width * height) > (width + height) / 2.5;
      }),
    );
    expect(wrong).toEqual([]);
  });

  test("look as they are called", () => {
    expect(drawing(inscribedEllipse([1, 0, 7, 4], { height: 4, width: 8 }))).toEqual([
      "..####..",
      ".######.",
      ".######.",
      "..####..",
    ]);
  });

  test("what reaches beyond the picture is cut off", () => {
    expect(area(filledBox([-5, -5, 100, 3], size))).toBe(3 * size.width);
    expect(area(inscribedEllipse([200, 200, 210, 210], size))).toBe(0);
  });

  test.each([
    [[3, 3, 3, 9]],
    [[3, 9, 8, 2]],
    [[0, 0, Number.NaN, 9]],
    [[0, 0, 9]],
    [[0, 0, Number.POSITIVE_INFINITY, 9]],
  ])("%o is no box", (box) => {
    expect(() => filledBox(box, size)).toThrow(GeometryError);
    expect(() => inscribedEllipse(box, size)).toThrow(GeometryError);
  });
});

describe("disc", () => {
  test("holds the pixels at most so far from the click", () => {
    expect(drawing(discAround([2, 1], 1, { height: 4, width: 6 }))).toEqual(["..#...", ".###..", "..#...", "......"]);
    expect(area(discAround([2, 1], 0, size))).toBe(1);
  });

  test.prop([fc.nat(49), fc.nat(39), fc.double({ min: 0, max: 30, noNaN: true })])(
    "is what distances say",
    (x, y, radius) => {
      const disc = discAround([x, y], radius, size);
      const wrong = disc.data.findIndex((value, at) => {
        const distance = Math.hypot((at % size.width) - x, Math.floor(at / size.width) - y);
        return Math.abs(distance - radius) > 1e-9 && value !== (distance < radius ? 1 : 0);
      });
      expect(wrong).toBe(-1);
    },
  );

  test.each([
    [Number.NaN, 0, 1],
    [0, Number.POSITIVE_INFINITY, 1],
    [0, 0, -1],
    [0, 0, Number.NaN],
  ])("round %s, %s with radius %s is refused", (x, y, radius) => {
    expect(() => discAround([x, y], radius, size)).toThrow(GeometryError);
  });

  test("the mean radius is of discs of the masks' areas", () => {
    expect(meanRadius([Math.PI, 9 * Math.PI])).toBeCloseTo(2, 12);
    for (const wrong of [[], [4, 0], [Number.NaN], [-1], [Number.POSITIVE_INFINITY]])
      expect(() => meanRadius(wrong)).toThrow(ConfigError);
  });
});

test.each([0, 1.5, Number.NaN])("a picture %s pixels wide is refused", (width) => {
  expect(() => filledBox([0, 0, 1, 1], { height: 4, width })).toThrow(GeometryError);
});
