import { fc, test } from "@fast-check/vitest";
import { ConfigError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { applyVoi, clipAndStretch, percentileToGrey, percentileWindow, windowToGrey } from "./window.js";

describe("windows", () => {
  test.prop([
    fc.array(fc.integer({ min: -2000, max: 3000 })),
    fc.integer({ min: -500, max: 500 }),
    fc.integer({ min: 1, max: 2000 }),
  ])("brighter values are never shown darker", (values, low, width) => {
    const sorted = Int16Array.from(values).sort();
    for (const grey of [
      windowToGrey(sorted, { low, high: low + width }),
      clipAndStretch(sorted, { low, high: low + width }),
    ]) {
      for (let i = 1; i < grey.length; i++) expect(grey[i]!).toBeGreaterThanOrEqual(grey[i - 1]!);
    }
  });

  test("a window without width is refused", () => {
    expect(() => windowToGrey([1], { low: 5, high: 5 })).toThrow(ConfigError);
    expect(() => windowToGrey([1], { low: Number.NaN, high: 5 })).toThrow(/NaN/);
    expect(() => applyVoi([1], { centre: 40, width: 0.5 })).toThrow(ConfigError);
    expect(applyVoi([39, 41], { centre: 40, width: 0.5 }, { function: "LINEAR_EXACT" })).toEqual(
      Float64Array.of(0, 255),
    );
  });

  test("an image of zeros has no percentile window and stays black", () => {
    expect(percentileWindow(new Int16Array(9))).toBeUndefined();
    expect(percentileToGrey(new Int16Array(9))).toEqual(new Uint8Array(9));
    expect(percentileToGrey(Int16Array.of(0, 7, 7))).toEqual(new Uint8Array(3));
  });
});
