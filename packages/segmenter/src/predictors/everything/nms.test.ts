import { fc, test } from "@fast-check/vitest";
import { ConfigError, GeometryError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { type MaskBox, suppressBoxes } from "./nms.js";

/** IoU in float32, operation by operation. */
function iou(a: MaskBox, b: MaskBox): number {
  const f = Math.fround;
  const area = (box: MaskBox) => f(f(box[2] - box[0]) * f(box[3] - box[1]));
  const side = (i: 0 | 1) => Math.max(0, f(Math.min(a[i + 2]!, b[i + 2]!) - Math.max(a[i]!, b[i]!)));
  const shared = f(side(0) * side(1));
  return f(shared / f(f(area(a) + area(b)) - shared));
}

/** The plain definition: again and again the best box left is kept, and all that overlap it too much go. */
function plainSuppression(boxes: readonly MaskBox[], scores: readonly number[], threshold: number): number[] {
  let left = [...boxes.keys()];
  const kept: number[] = [];
  while (left.length > 0) {
    const best = left.reduce((a, b) => (scores[b]! > scores[a]! ? b : a));
    kept.push(best);
    left = left.filter((index) => index !== best && !(iou(boxes[best]!, boxes[index]!) > threshold));
  }
  return kept;
}

const coordinate = fc.integer({ min: 0, max: 40 });
const box = fc
  .tuple(coordinate, coordinate, fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 20 }))
  .map(([x, y, width, height]): MaskBox => [x, y, x + width, y + height]);
const score = fc.oneof(fc.constantFrom(0.25, 0.5, 0.75), fc.double({ min: 0, max: 1, noNaN: true }));

describe("suppressBoxes", () => {
  test.prop([fc.array(fc.tuple(box, score), { maxLength: 60 }), fc.double({ min: 0, max: 1, noNaN: true })])(
    "is the plain definition",
    (scored, threshold) => {
      const boxes = scored.map(([b]) => b);
      const scores = scored.map(([, s]) => s);
      expect(suppressBoxes(boxes, scores, threshold)).toEqual(plainSuppression(boxes, scores, threshold));
    },
  );

  // What torchvision.ops.nms answers.
  const boxes: MaskBox[] = [
    [3, 4, 20, 30],
    [4, 4, 21, 30],
    [100, 100, 140, 140],
    [3, 4, 20, 31],
    [104, 100, 140, 140],
    [0, 0, 0, 0],
    [0, 0, 0, 0],
  ];
  test.each([
    [0.5, [1, 2, 5, 6]],
    [0.8, [1, 2, 5, 6]],
    [0.9, [1, 3, 2, 4, 5, 6]],
    [0.95, [1, 3, 2, 4, 5, 6]],
  ])("agrees with torchvision at a threshold of %s", (threshold, kept) => {
    expect(suppressBoxes(boxes, [0.5, 0.9, 0.5, 0.9, 0.5, 0.1, 0.1], threshold)).toEqual(kept);
  });

  test.each([
    [0.5, 5, [0, 1]],
    [0.6, 6, [0]], // 0.6 in float32 is more than 0.6
    [0.7, 7, [0, 1]],
  ])("decides an IoU of exactly %s as torchvision does", (threshold, height, kept) => {
    const pair: MaskBox[] = [
      [0, 0, 10, 10],
      [0, 0, 10, height],
    ];
    expect(suppressBoxes(pair, [1, 0.5], threshold)).toEqual(kept);
  });

  test("keeps the first of equal boxes with equal scores", () => {
    const same: MaskBox = [1, 2, 5, 6];
    expect(suppressBoxes([same, same, same], [0.5, 0.5, 0.5], 0.7)).toEqual([0]);
  });

  test("of nothing is nothing", () => {
    expect(suppressBoxes([], [], 0.5)).toEqual([]);
  });

  test("refuses boxes, scores and thresholds that are none", () => {
    expect(() => suppressBoxes(boxes, [1], 0.5)).toThrow(ConfigError);
    expect(() => suppressBoxes([[0, 0, 1, 1]], [Number.NaN], 0.5)).toThrow(ConfigError);
    expect(() => suppressBoxes([[0, 0, 1, 1]], [1], 1.5)).toThrow(ConfigError);
    expect(() => suppressBoxes([[0, 0, 1, 1]], [1], Number.NaN)).toThrow(ConfigError);
    expect(() => suppressBoxes([[0, Number.NaN, 1, 1]], [1], 0.5)).toThrow(GeometryError);
  });
});
