import { fc, test } from "@fast-check/vitest";
import { ConfigError, GeometryError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { type PillowFilter, resizePillow } from "./pillow-resize.js";

const picture = Uint8Array.from([172, 47, 117, 192, 67, 251, 195, 103, 9, 211, 21, 242, 36, 87, 70]);

describe("the numbers are Pillow's (9.5)", () => {
  const shrunk = { bilinear: [137, 119, 142, 87], bicubic: [140, 118, 144, 82] };
  const enlarged = {
    bilinear: [
      [172, 117, 51, 95, 140, 187, 122, 67, 221, 186, 137, 118, 99, 80, 123, 157],
      [165, 186, 204, 120, 66, 41, 106, 158, 21, 118, 229, 100, 52, 84, 77, 70],
    ],
    bicubic: [
      [177, 113, 38, 86, 151, 203, 120, 49, 245, 199, 133, 119, 97, 71, 128, 174],
      [167, 199, 219, 122, 47, 23, 110, 179, 0, 113, 243, 94, 33, 89, 76, 61],
    ],
  };
  const narrowed = { bilinear: [109, 129, 183, 103, 118, 77], bicubic: [111, 127, 186, 99, 117, 75] };

  test.each(["bilinear", "bicubic"] as const)("%s", (filter) => {
    expect([...resizePillow(picture, [3, 5, 1], [2, 2], filter)]).toEqual(shrunk[filter]);
    expect([...resizePillow(picture, [3, 5, 1], [4, 8], filter)]).toEqual(enlarged[filter].flat());
    expect([...resizePillow(picture, [3, 5, 1], [3, 2], filter)]).toEqual(narrowed[filter]);
  });

  test("overshoot of the cubic is cut off at 0 and 255", () => {
    const steps = Uint8Array.from([0, 255, 0, 255]);
    expect([...resizePillow(steps, [1, 4, 1], [1, 8], "bicubic")]).toEqual([0, 54, 216, 215, 40, 39, 201, 255]);
  });
});

const side = fc.integer({ min: 1, max: 40 });
const filter = fc.constantFrom<PillowFilter>("bilinear", "bicubic");

test.prop([side, side, side, side, filter, fc.integer({ min: 0, max: 255 })])(
  "a picture of one colour keeps it",
  (height, width, rows, columns, kind, value) => {
    const resized = resizePillow(
      new Uint8Array(height * width * 3).fill(value),
      [height, width, 3],
      [rows, columns],
      kind,
    );
    expect(resized).toEqual(new Uint8Array(rows * columns * 3).fill(value));
  },
);

test.prop([side, side, side, side, filter, fc.nat()])(
  "channels are resized each by itself",
  (height, width, rows, columns, kind, seed) => {
    const colours = Uint8Array.from({ length: height * width * 3 }, (_, i) => (i * 7919 + seed * 31) % 256);
    const together = resizePillow(colours, [height, width, 3], [rows, columns], kind);
    for (let channel = 0; channel < 3; channel++) {
      const own = colours.filter((_, i) => i % 3 === channel);
      const alone = resizePillow(own, [height, width, 1], [rows, columns], kind);
      expect(together.filter((_, i) => i % 3 === channel)).toEqual(alone);
    }
  },
);

test("a picture of the wanted size comes back as a copy", () => {
  const same = resizePillow(picture, [3, 5, 1], [3, 5], "bicubic");
  expect(same).toEqual(picture);
  expect(same).not.toBe(picture);
});

describe("refused", () => {
  test.each([
    ["no rows", [0, 5, 1], [2, 2]],
    ["half a pixel", [3, 5, 1], [2, 2.5]],
    ["no size", [3, 5, 1], [Number.NaN, 2]],
    ["data of another size", [3, 4, 1], [2, 2]],
  ] as const)("%s", (_, from, to) => {
    expect(() => resizePillow(picture, from, to, "bilinear")).toThrow(GeometryError);
  });

  test("a filter that is not there", () => {
    expect(() => resizePillow(picture, [3, 5, 1], [2, 2], "lanczos" as PillowFilter)).toThrow(ConfigError);
  });
});
