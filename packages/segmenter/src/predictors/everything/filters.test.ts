import { fc, test } from "@fast-check/vitest";
import { boundingBox } from "@rfmedsam/imaging";
import { describe, expect } from "vitest";
import { maskBox, nearCropEdge, stabilityScore, thresholdInto } from "./filters.js";

describe("stabilityScore", () => {
  // Above −1: seven; above 1: three (1 itself is not above 1, −1 not above −1).
  const logits = Float32Array.of(-3, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3);

  test("is the IoU of the mask cut above with the mask cut below", () => {
    expect(stabilityScore(logits, 0, 1)).toBe(Math.fround(3 / 7));
    expect(stabilityScore(logits, 1, 1)).toBe(Math.fround(1 / 5));
    expect(stabilityScore(logits, 0, 0)).toBe(1);
  });

  test("is 0 for a mask that is only doubtful and NaN for one that is nowhere", () => {
    expect(stabilityScore(Float32Array.of(0.5, -9), 0, 1)).toBe(0);
    expect(stabilityScore(Float32Array.of(-8, -9), 0, 1)).toBeNaN();
  });

  test("compares in float32, as the logits are", () => {
    // 0.1 in float32 is more than 0.1: a logit of 0.1 must not be above a cut of 0.1.
    expect(stabilityScore(Float32Array.of(0.1, 5), 0.1, 0)).toBe(1);
    const mask = new Uint8Array(2);
    thresholdInto(mask, Float32Array.of(0.1, 5), 0.1);
    expect(Array.from(mask)).toEqual([0, 1]);
  });
});

describe("maskBox", () => {
  const masks = fc
    .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }))
    .chain(([height, width]) =>
      fc
        .array(fc.integer({ min: 0, max: 3 }), { minLength: height * width, maxLength: height * width })
        .map((values) => ({ height, width, mask: Uint8Array.from(values, (value) => (value === 3 ? 1 : 0)) })),
    );

  test.prop([masks])("goes from the first to the last pixel", ({ mask, height, width }) => {
    const whole = boundingBox(mask, [1, height, width]);
    const expected =
      whole === undefined ? [0, 0, 0, 0] : [whole.start[2], whole.start[1], whole.end[2] - 1, whole.end[1] - 1];
    expect(maskBox(mask, height, width)).toEqual(expected);
  });
});

describe("nearCropEdge", () => {
  const picture = [0, 0, 200, 100] as const;

  test("notices a box that ends within 20 pixels of an inner side of the crop", () => {
    const crop = [50, 0, 150, 100] as const;
    expect(nearCropEdge([70, 30, 120, 60], crop, picture)).toBe(true);
    expect(nearCropEdge([71, 30, 129, 60], crop, picture)).toBe(false);
    expect(nearCropEdge([71, 30, 130, 60], crop, picture)).toBe(true);
  });

  test("does not mind the sides of the picture itself", () => {
    expect(nearCropEdge([0, 0, 199, 99], picture, picture)).toBe(false);
    const corner = [0, 0, 110, 60] as const;
    expect(nearCropEdge([0, 0, 80, 30], corner, picture)).toBe(false);
    expect(nearCropEdge([0, 0, 95, 30], corner, picture)).toBe(true);
  });
});
