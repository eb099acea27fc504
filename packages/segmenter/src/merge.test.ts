import { fc, test } from "@fast-check/vitest";

import { ConfigError } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
import { describe, expect } from "vitest";
import { type Calibration, noCalibration } from "./calibration.js";
import { meanScores, mergeSlice, scoresOfLogits, scoresOfStage, winningLabels } from "./merge.js";
import type { SliceResult, StageResult } from "./refine.js";
import { extractSlice, type SliceAxis, sliceAxes, sliceFrame } from "./slices.js";

const classes = 4;
const shape: Triple = [3, 4, 4];
const frame = sliceFrame(shape, [1, 1, 1], "axial", 16);
const plane = 16;

/** A slice where each of the given classes has one logit everywhere. */
function flat(slice: number, logits: Readonly<Record<number, number>>, absent: readonly number[] = []): SliceResult {
  const asked = Object.keys(logits).map(Number);
  const out = new Float32Array(asked.length * plane);
  asked.forEach((label, row) => {
    out.fill(logits[label]!, row * plane, (row + 1) * plane);
  });
  return {
    slice,
    classes: asked,
    logits: out,
    ious: new Float32Array(asked.length).fill(0.9),
    objectScores: Float32Array.from(asked, (label) => (absent.includes(label) ? -1 : 1)),
  };
}

const at = (scores: Float32Array, label: number) => scores[label * plane + 5]!;
const logit = fc.double({ min: -8, max: 8, noNaN: true });

describe("mergeSlice", () => {
  test.prop([fc.integer({ min: 1, max: 3 }), logit, logit, logit])(
    "picks the single active class, whatever the others say negatively",
    (active, a, b, c) => {
      const logits = [a, b, c].map((value, n) => (n + 1 === active ? Math.abs(value) + 0.1 : -Math.abs(value)));
      const scores = mergeSlice(
        flat(0, { 1: logits[0]!, 2: logits[1]!, 3: logits[2]! }),
        4,
        noCalibration,
        frame,
        classes,
      );
      const winner = [0, 1, 2, 3].reduce((best, k) => (at(scores, k) > at(scores, best) ? k : best));
      expect(winner).toBe(active);
    },
  );

  test.prop([logit, logit])("is a softmax over the background at 0 and the classes", (a, b) => {
    const scores = mergeSlice(flat(0, { 1: a, 3: b }), 4, noCalibration, frame, classes);
    const sum = 1 + Math.exp(a) + Math.exp(b);
    expect(at(scores, 0)).toBeCloseTo(1 / sum, 5);
    expect(at(scores, 1)).toBeCloseTo(Math.exp(a) / sum, 5);
    expect(at(scores, 2)).toBe(0);
    expect(at(scores, 3)).toBeCloseTo(Math.exp(b) / sum, 5);
  });

  test("calibrates each class by its own scale and bias", () => {
    const calibration: Calibration = { kind: "class", scale: [2, 1, 1], bias: [-3, 0, 0] };
    const scores = mergeSlice(flat(0, { 1: 1 }), 4, calibration, frame, classes);
    expect(at(scores, 1)).toBeCloseTo(1 / (1 + Math.exp(1)), 5);
  });

  test("leaves out a class the decoder does not see", () => {
    const scores = mergeSlice(flat(0, { 1: 9, 2: 1 }, [1]), 4, noCalibration, frame, classes);
    expect(at(scores, 1)).toBe(0);
    expect(at(scores, 2)).toBeGreaterThan(0.5);
  });

  test("without any class is background", () => {
    const scores = mergeSlice(undefined, 4, noCalibration, frame, classes);
    expect(at(scores, 0)).toBe(1);
    expect(scores.subarray(plane).every((value) => value === 0)).toBe(true);
  });
});

const stage = (...results: readonly SliceResult[]): StageResult => ({
  maskSize: 4,
  slices: new Map(results.map((result) => [result.slice, result])),
});

describe("class scores", () => {
  test.prop([fc.constantFrom<SliceAxis>("axial", "coronal", "sagittal"), fc.integer()])(
    "say the same by slice and by class",
    (along, seed) => {
      const axis = sliceAxes[along];
      const logits = Float32Array.from({ length: classes * 48 }, (_, n) => 3 * Math.sin(n * 7.13 + (seed % 100)));
      const side = sliceFrame(shape, [1, 1, 1], along, 16);
      const random = stage(
        { ...flat(0, { 1: 1, 2: 2 }), logits: logits.slice(0, 32) },
        { ...flat(2, { 3: 1 }), logits: logits.slice(32, 48) },
      );
      const sources = {
        step0: scoresOfLogits(logits, classes, shape, axis),
        stage1: scoresOfStage(random, { kind: "class", scale: [1, 2, 0.5], bias: [0, -1, 1] }, side, classes, shape),
      };
      for (const scores of Object.values(sources)) {
        for (let label = 0; label < classes; label++) {
          const volume = scores.volume(label);
          for (let index = 0; index < shape[axis]; index++) {
            const size = side.height * side.width;
            const expected = scores.slice(index).subarray(label * size, (label + 1) * size);
            const slice = extractSlice(volume, shape, axis, index, new Float32Array(size));
            slice.forEach((value, n) => {
              expect(value).toBeCloseTo(expected[n]!, 5);
            });
          }
        }
        const { volume } = scores;
        expect(winningLabels(scores)).toEqual(winningLabels({ classes, shape, volume }));
      }
    },
  );

  test("averaged are the mean of each class's probabilities", () => {
    const of = (logits: Readonly<Record<number, number>>) =>
      scoresOfStage(stage(flat(0, logits), flat(1, logits), flat(2, logits)), noCalibration, frame, classes, shape);
    const mean = meanScores([of({ 1: 0 }), of({ 1: 2, 2: 1 }), of({ 3: 5 })]);
    expect(mean.volume(3)[plane + 5]).toBeCloseTo(1 / (1 + Math.exp(-5)) / 3, 5);
    expect(() => meanScores([])).toThrow(ConfigError);
  });
});
