import { ConfigError, GeometryError } from "@rfmedsam/base";
import { describe, expect, test } from "vitest";
import { meanScores, promptedScores, sigmoid } from "./scores.js";

const truth = Uint8Array.of(1, 1, 0, 0);

describe("what is inside", () => {
  test("with a negative value anywhere, values are logits: above 0", () => {
    const { iou, dice } = promptedScores(Float32Array.of(0.3, -4, 0.3, 0), truth, 1);
    expect(iou[0]).toBeCloseTo(1 / 3, 6);
    expect(dice[0]).toBeCloseTo(1 / 2, 6);
  });

  test("without one they are probabilities: above ½, ½ itself is not", () => {
    const { iou, dice } = promptedScores(Float32Array.of(0.6, 0.5, 0.3, 0.51), truth, 1);
    expect(iou[0]).toBeCloseTo(1 / 3, 6);
    expect(dice[0]).toBeCloseTo(1 / 2, 6);
  });

  test("one negative value of one mask makes logits of the whole batch", () => {
    const [both, alone] = [Float32Array.of(0.3, 0.3, 0, 0, -1, -1, 3, 3), Float32Array.of(0.3, 0.3, 0, 0)];
    expect(promptedScores(both, Uint8Array.of(...truth, ...truth), 2).iou[0]).toBe(1);
    expect(promptedScores(alone, truth, 1).iou[0]).toBeCloseTo(0, 6);
  });

  test("a logit so small that float32 makes ½ of it is outside", () => {
    expect(sigmoid(1e-9)).toBe(0.5);
    expect(promptedScores(Float32Array.of(1e-9, 2, -1, -1), truth, 1).iou[0]).toBeCloseTo(1 / 2, 6);
    expect(promptedScores(Float32Array.of(1e-6, 2, -1, -1), truth, 1).iou[0]).toBe(1);
  });

  test("masks of 0/1 and 0/255 are as good as probabilities", () => {
    const prediction = Uint8Array.of(1, 0, 0, 1);
    const expected = promptedScores(Float32Array.from(prediction), truth, 1);
    expect(promptedScores(prediction, truth, 1)).toEqual(expected);
    expect(
      promptedScores(
        prediction,
        truth.map((value) => 255 * value),
        1,
      ),
    ).toEqual(expected);
  });
});

describe("nothing", () => {
  const [nothing, everything] = [new Uint8Array(4), new Uint8Array(4).fill(1)];

  test("against nothing is 1, as is everything against everything", () => {
    for (const mask of [nothing, everything]) {
      const { iou, dice } = promptedScores(mask, mask, 1);
      expect(iou[0]).toBeCloseTo(1, 12);
      expect(dice[0]).toBeCloseTo(1, 12);
    }
  });

  test("against something is 10⁻⁷ of its pixels, not quite 0", () => {
    const { iou, dice } = promptedScores(nothing, everything, 1);
    expect(iou[0]).toBeCloseTo(1e-7 / 4, 12);
    expect(dice[0]).toBeCloseTo(1e-7 / 4, 12);
  });
});

test("the mean is over masks, not over their pixels", () => {
  const scores = promptedScores(Uint8Array.of(1, 1, 0, 0, 0, 0, 0, 1), Uint8Array.of(1, 1, 0, 0, 1, 1, 1, 0), 2);
  const { iou, dice } = meanScores(scores);
  expect(iou).toBeCloseTo(0.5, 6);
  expect(dice).toBeCloseTo(0.5, 6);
});

test.each([
  [4, 5, 1],
  [5, 4, 1],
  [4, 4, 3],
  [4, 4, 0],
  [4, 4, 1.5],
  [0, 0, 1],
])("%i predicted and %i true pixels for %s masks are refused", (predicted, real, count) => {
  const attempt = () => promptedScores(new Float32Array(predicted), new Uint8Array(real), count);
  expect(attempt).toThrow(GeometryError);
});

test("NaN in a prediction is refused, wherever it is", () => {
  for (const at of [0, 3]) {
    const prediction = Float32Array.of(-1, 1, -1, 1);
    prediction[at] = Number.NaN;
    expect(() => promptedScores(prediction, truth, 1)).toThrow(ConfigError);
  }
});

test("infinite logits are as sure as it gets", () => {
  const prediction = Float32Array.of(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1);
  expect(promptedScores(prediction, truth, 1).dice[0]).toBe(1);
});
