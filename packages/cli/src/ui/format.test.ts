import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import {
  formatBytes,
  formatDuration,
  formatNumber,
  formatRate,
  progressLine,
  progressSentence,
  type StageView,
} from "./format.js";

const view: StageView = {
  stage: "training",
  done: 72,
  total: 160,
  values: { loss: 0.31234 },
  elapsed: 22.5,
  rate: 3.2,
};

describe("numbers as people read them", () => {
  test.each([
    [0, "0:00"],
    [7.4, "0:07"],
    [750, "12:30"],
    [3599.6, "1:00:00"],
    [3750, "1:02:30"],
  ])("%d seconds are %s", (seconds, text) => expect(formatDuration(seconds)).toBe(text));

  test.each([
    [812, "812 B"],
    [14 * 2 ** 20, "14 MB"],
    [1.4 * 2 ** 30, "1.4 GB"],
  ])("%d bytes are %s", (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  test.each([
    [250.4, "250/s"],
    [3.21, "3.2/s"],
    [0.5, "2.0 s each"],
    [1 / 200, "3:20 each"],
  ])("%d a second are %s", (rate, text) => expect(formatRate(rate)).toBe(text));

  test.each([
    [0.31234, "0.312"],
    [-1023.6, "-1024"],
    [12, "12"],
    [0, "0"],
    [0.00001, "1.00e-5"],
    [Number.NaN, "NaN"],
  ])("%d is %s", (value, text) => expect(formatNumber(value)).toBe(text));
});

describe("a line of progress", () => {
  test("tells where it is, how fast, how long still, and the figures", () => {
    expect(progressLine(view, 200)).toBe("training  █████████░░░░░░░░░░░   45 %  72/160  3.2/s  0:28 left  loss 0.312");
    expect(progressSentence(view)).toBe("training: 45 %, 72/160, 3.2/s, 0:28 left, loss 0.312");
  });

  test("when finished, tells how long it took", () => {
    expect(progressSentence({ ...view, done: 160 })).toBe("training: 100 %, 160/160, 3.2/s, 0:23, loss 0.312");
  });

  test("before a rate is known, leaves it out", () => {
    expect(progressSentence({ stage: "training", done: 1, total: 160, elapsed: 0 })).toBe("training: 0 %, 1/160");
  });

  test.prop([fc.integer({ min: 1, max: 120 }), fc.nat(200), fc.string({ maxLength: 60 })])(
    "is never wider than the terminal",
    (width, done, stage) => {
      expect(progressLine({ ...view, stage, done }, width).length).toBeLessThanOrEqual(width);
    },
  );
});
