import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { absentLogit, type Calibration, calibrated, noCalibration, seenClasses } from "./calibration.js";

const logit = fc.double({ min: -14, max: 14, noNaN: true });
const of = (label: number, ...logits: number[]) => ({ label, logits: Float32Array.from(logits) });
const values = (classes: ReturnType<typeof seenClasses> | readonly { label: number; logits: Float32Array }[]) =>
  classes.map(({ label, logits }) => [label, ...logits]);

describe("calibration", () => {
  test.prop([logit, logit, fc.double({ min: 0.1, max: 3, noNaN: true }), fc.double({ min: -2, max: 2, noNaN: true })])(
    "a diagonal matrix is scale and bias",
    (a, b, scale, bias) => {
      const classes = [of(1, a, b), of(3, b, a)];
      const diagonal: Calibration = {
        kind: "matrix",
        weight: [
          [scale, 0, 0],
          [0, 1, 0],
          [0, 0, 1],
        ],
        bias: [bias, 0, -1],
      };
      const perClass: Calibration = { kind: "class", scale: [scale, 1, 1], bias: [bias, 0, -1] };
      const [one, other] = [calibrated(classes, diagonal), calibrated(classes, perClass)];
      one.forEach(({ logits }, n) => {
        logits.forEach((value, i) => {
          expect(value).toBeCloseTo(other[n]!.logits[i]!, 4);
        });
      });
    },
  );

  test("nothing changes nothing", () => {
    expect(values(calibrated([of(2, 1, -40)], noCalibration))).toEqual([[2, 1, -40]]);
  });

  test("a matrix sees classes that are not there, and no logit further from 0 than theirs", () => {
    const weight = [
      [1, 0.5, 0.1],
      [0, 1, 0],
      [0, 0, 1],
    ];
    const [first, second] = calibrated([of(1, 2), of(2, 99)], { kind: "matrix", weight, bias: [1, 0, 0] });
    expect(first!.logits[0]).toBeCloseTo(1 + 2 + 0.5 * 15 + 0.1 * absentLogit, 5);
    expect(second!.logits[0]).toBe(15);
  });
});

test("of a class's components the largest logit counts; one that is not seen does not", () => {
  const result = {
    slice: 0,
    classes: [1, 1, 1, 2],
    logits: Float32Array.of(5, -5, -5, -5, 6, 6, 6, 6, -5, -1, -5, 4, 1, 1, 1, 1),
    ious: new Float32Array(4),
    objectScores: Float32Array.of(1, -1, 0, -1),
  };
  expect(values(seenClasses(result, 2))).toEqual([[1, 5, -1, -5, 4]]);
});
