import { fc, test } from "@fast-check/vitest";
import { ConfigError, GeometryError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { maskBox } from "./filters.js";
import { decodeRle, encodeRle } from "./rle.js";
import { cleanMasks, removeSmallRegions } from "./small-regions.js";

const rows = (...lines: string[]) => ({
  size: [lines.length, lines[0]!.length] as [number, number],
  mask: Uint8Array.from(lines.join(""), (letter) => (letter === "#" ? 1 : 0)),
});
const text = (mask: Uint8Array, [, width]: readonly [number, number]) =>
  Array.from(mask, (value) => (value === 1 ? "#" : "."))
    .join("")
    .match(new RegExp(`.{${width}}`, "g")) ?? [];

const ring = rows(
  "......#.", //
  ".####.##",
  ".#..#...",
  ".####...",
);

describe("removeSmallRegions", () => {
  test("fills holes below the area, at the border too", () => {
    const filled = removeSmallRegions(ring.mask, ring.size, 3, "holes");
    expect(filled.changed).toBe(true);
    expect(text(filled.mask, ring.size)).toEqual(["......##", ".####.##", ".####...", ".####..."]);
    expect(removeSmallRegions(ring.mask, ring.size, 1, "holes")).toEqual({ mask: ring.mask, changed: false });
  });

  test("removes islands below the area; corners connect", () => {
    expect(removeSmallRegions(ring.mask, ring.size, 3, "islands").changed).toBe(false);
    const removed = removeSmallRegions(ring.mask, ring.size, 4, "islands");
    expect(text(removed.mask, ring.size)).toEqual(["........", ".####...", ".#..#...", ".####..."]);
  });

  test("keeps the largest of islands that are all too small", () => {
    const { mask, size } = rows("#..##", ".....", "###..");
    const { mask: left } = removeSmallRegions(mask, size, 100, "islands");
    expect(text(left, size)).toEqual([".....", ".....", "###.."]);
  });

  test("leaves an empty mask empty", () => {
    const empty = new Uint8Array(12);
    expect(removeSmallRegions(empty, [3, 4], 5, "islands")).toEqual({ mask: empty, changed: false });
  });

  const masks = fc.uint8Array({ min: 0, max: 1, minLength: 48, maxLength: 48 });
  test.prop([masks, fc.integer({ min: 0, max: 20 }), fc.constantFrom("holes" as const, "islands" as const)])(
    "does nothing the second time, and never changes what it is given",
    (mask, area, mode) => {
      const before = mask.slice();
      const once = removeSmallRegions(mask, [6, 8], area, mode);
      expect(mask).toEqual(before);
      const twice = removeSmallRegions(once.mask, [6, 8], area, mode);
      expect(twice.mask).toEqual(once.mask);
      expect(once.changed).toBe(once.mask !== mask);
    },
  );

  test("refuses masks and areas that are none", () => {
    expect(() => removeSmallRegions(new Uint8Array(5), [2, 3], 1, "holes")).toThrow(GeometryError);
    expect(() => removeSmallRegions(new Uint8Array(6), [2, 3], -1, "holes")).toThrow(ConfigError);
    expect(() => removeSmallRegions(new Uint8Array(6), [2, 3], Number.NaN, "holes")).toThrow(ConfigError);
  });
});

describe("cleanMasks", () => {
  const found = (name: string, ...lines: string[]) => {
    const { mask, size } = rows(...lines);
    return { name, segmentation: encodeRle(mask, size), box: maskBox(mask, ...size) };
  };
  const noisy = found("noisy", "####...#", "####....", "####....", "........");
  const clean = found("clean", "####....", "####....", "####....", "........");

  test("cleans masks and measures them again", () => {
    const [cleaned] = cleanMasks([noisy], 2, 0.7);
    expect(cleaned?.box).toEqual([0, 0, 3, 2]);
    expect(cleaned?.segmentation).toEqual(clean.segmentation);
    expect(text(decodeRle(noisy.segmentation), [4, 8])[0]).toBe("####...#");
  });

  test("keeps the mask that needed no cleaning of two that have become alike, whichever was first", () => {
    for (const both of [
      [noisy, clean],
      [clean, noisy],
    ]) {
      expect(cleanMasks(both, 2, 0.7).map(({ name }) => name)).toEqual(["clean"]);
    }
  });

  test("puts unchanged masks first", () => {
    const other = found("other", "........", ".....###", ".....###", ".....###");
    expect(cleanMasks([noisy, other], 2, 0.7).map(({ name }) => name)).toEqual(["other", "noisy"]);
    expect(cleanMasks([], 2, 0.7)).toEqual([]);
  });
});
