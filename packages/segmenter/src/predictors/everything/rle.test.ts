import { fc, test } from "@fast-check/vitest";
import { FormatError, GeometryError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { maskBox } from "./filters.js";
import { areaOfRle, compressRle, decodeRle, decompressRle, encodeRle } from "./rle.js";

const rows = (...lines: string[]) => ({
  size: [lines.length, lines[0]!.length] as [number, number],
  mask: Uint8Array.from(lines.join(""), (letter) => (letter === "#" ? 1 : 0)),
});

/** What pycocotools writes. */
const published = [
  { name: "a diagonal", ...rows("#..", ".#.", "..#"), counts: [0, 1, 3, 1, 3, 1], text: "013000" },
  { name: "a corner", ...rows(".....", ".#...", ".#...", ".###."), counts: [5, 3, 3, 1, 3, 1, 4], text: "533N001" },
  { name: "one full pixel", ...rows("#"), counts: [0, 1], text: "01" },
  { name: "two columns", ...rows(".##.", ".##.", ".##.", ".##.", ".##."), counts: [5, 10, 5], text: "5:5" },
  {
    name: "a chequerboard",
    ...rows(".#.#", "#.#.", ".#.#", "#.#."),
    counts: [1, 1, 1, 2, 1, 1, 2, 1, 1, 2, 1, 1, 1],
    text: "11110O10O10O0",
  },
];

const disc = rows(
  ".....#.....",
  "...#####...",
  "..#######..",
  "..#######..",
  ".#########.",
  "..#######..",
  "..#######..",
  "...#####...",
  ".....#.....",
);

const masks = fc
  .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }), fc.constantFrom(0, 1, 5, 9, 10))
  .chain(([height, width, density]) =>
    fc
      .array(fc.integer({ min: 0, max: 9 }), { minLength: height * width, maxLength: height * width })
      .map((values) => ({
        size: [height, width] as [number, number],
        mask: Uint8Array.from(values, (value) => (value < density ? 1 : 0)),
      })),
  );

describe("encodeRle", () => {
  test.each(published)("writes $name as COCO does", (example) => {
    expect(encodeRle(example.mask, example.size)).toEqual({ size: example.size, counts: example.counts });
  });

  test("writes an empty mask as one run", () => {
    expect(encodeRle(new Uint8Array(12), [3, 4])).toEqual({ size: [3, 4], counts: [12] });
  });

  test.prop([masks])("and decodeRle are inverse, and the area is what is inside", ({ size, mask }) => {
    const rle = encodeRle(mask, size);
    expect(decodeRle(rle)).toEqual(mask);
    expect(areaOfRle(rle)).toBe(mask.reduce((sum, value) => sum + value, 0));
    expect(rle.counts.slice(1).every((count) => count > 0)).toBe(true);
  });

  test.prop([masks])("gives the same when told where the mask lies", ({ size, mask }) => {
    expect(encodeRle(mask, size, {}, maskBox(mask, ...size))).toEqual(encodeRle(mask, size));
  });

  const margin = fc.integer({ min: 0, max: 3 });
  test.prop([masks, margin, margin, margin, margin])(
    "places a crop in its picture",
    ({ size: [height, width], mask }, left, top, right, bottom) => {
      const size = [top + height + bottom, left + width + right] as const;
      const whole = new Uint8Array(size[0] * size[1]);
      for (let y = 0; y < height; y++) {
        whole.set(mask.subarray(y * width, (y + 1) * width), (top + y) * size[1] + left);
      }
      const place = { size, offset: [left, top] } as const;
      expect(encodeRle(mask, [height, width], place)).toEqual(encodeRle(whole, size));
      expect(encodeRle(mask, [height, width], place, maskBox(mask, height, width))).toEqual(encodeRle(whole, size));
    },
  );

  test("refuses sizes that do not fit", () => {
    expect(() => encodeRle(new Uint8Array(5), [2, 3])).toThrow(GeometryError);
    expect(() => encodeRle(new Uint8Array(0), [0, 3])).toThrow(GeometryError);
    expect(() => encodeRle(new Uint8Array(6), [2, 3], { size: [4, 4], offset: [2, 0] })).toThrow(GeometryError);
    expect(() => encodeRle(new Uint8Array(6), [2, 3], { size: [4, 4], offset: [-1, 0] })).toThrow(GeometryError);
  });
});

describe("the compressed form", () => {
  test.each(published)("of $name is pycocotools'", (example) => {
    const rle = { size: example.size, counts: example.counts };
    expect(compressRle(rle)).toEqual({ size: example.size, counts: example.text });
    expect(decompressRle({ size: example.size, counts: example.text })).toEqual(rle);
  });

  test("of many runs and of long ones is pycocotools'", () => {
    expect(compressRle(encodeRle(disc.mask, disc.size)).counts).toBe("=164M2O0O20N101N3L7");
    expect(compressRle({ size: [64, 64], counts: [4096] }).counts).toBe("PP4");
    const before = 1234 * 2000 + 999;
    expect(compressRle({ size: [2000, 2000], counts: [before, 1, 4_000_000 - before - 1] }).counts).toBe("WT[[21hSg^1");
  });

  test.prop([masks])("and its inverse are the identity", ({ size, mask }) => {
    const rle = encodeRle(mask, size);
    expect(decompressRle(compressRle(rle))).toEqual(rle);
  });

  test.prop([fc.array(fc.integer({ min: 1, max: 400_000_000 }), { minLength: 1, maxLength: 5 })])(
    "holds runs of any length a picture can have",
    (counts) => {
      const size = [1, counts.reduce((sum, count) => sum + count, 0)] as const;
      expect(decompressRle(compressRle({ size, counts }))).toEqual({ size, counts });
    },
  );

  test.prop([fc.string({ maxLength: 12 })])("of any text is a mask or a FormatError", (counts) => {
    try {
      expect(areaOfRle(decompressRle({ size: [4, 5], counts }))).toBeLessThanOrEqual(20);
    } catch (error) {
      expect(error).toBeInstanceOf(FormatError);
    }
  });

  test.each([
    ["cut off in a number", "PP"],
    ["with a character that is none of its own", "5 3"],
    ["with a number that never ends", "ooooooooooooo0"],
    ["that is empty", ""],
    ["of another picture", "01"],
  ])("is refused %s", (_, counts) => {
    expect(() => decompressRle({ size: [4, 5], counts })).toThrow(FormatError);
  });
});

describe("decodeRle", () => {
  test.each([
    ["too few pixels", [3, 2]],
    ["too many pixels", [3, 20]],
    ["a run below 0", [-1, 7, 6]],
    ["half a pixel", [2.5, 9.5]],
    ["no number", [Number.NaN, 12]],
    ["no runs", []],
  ])("refuses runs of %s", (_, counts) => {
    expect(() => decodeRle({ size: [3, 4], counts })).toThrow(FormatError);
  });

  test("refuses a picture too large for 32-bit runs before it allocates", () => {
    expect(() => decodeRle({ size: [2 ** 20, 2 ** 20], counts: [2 ** 40] })).toThrow(GeometryError);
  });
});
