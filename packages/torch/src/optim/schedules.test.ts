import { fc, test } from "@fast-check/vitest";
import { ConfigError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { schedule, scheduleNames } from "./schedules.js";

const runs = fc
  .integer({ min: 1, max: 2000 })
  .chain((steps) => fc.tuple(fc.constant(steps), fc.integer({ min: 0, max: steps })));

describe.each(scheduleNames)("%s", (name) => {
  test.prop([runs])("rises in a line to 1 while warming up, then never rises again", ([steps, warmup]) => {
    const factor = schedule(name, { steps, warmup });
    for (let step = 0; step < warmup; step++) expect(factor(step)).toBeCloseTo((step + 1) / warmup, 12);
    if (warmup < steps) expect(factor(warmup)).toBe(1);
    for (let step = warmup; step < steps; step++) {
      expect(factor(step)).toBeGreaterThan(0);
      expect(factor(step + 1)).toBeLessThanOrEqual(factor(step));
    }
    expect(factor(10 * steps)).toBe(factor(steps));
  });
});

test("poly is nnU-Net's and cosine half a period", () => {
  expect(schedule("poly", { steps: 1000 })(250)).toBeCloseTo(0.75 ** 0.9, 14);
  expect(schedule("cosine", { steps: 100 })(50)).toBeCloseTo(0.5, 14);
  expect(schedule("cosine", { steps: 100 })(100)).toBe(0);
});

test("nonsense is refused", () => {
  expect(() => schedule("poly", { steps: 0 })).toThrow(ConfigError);
  expect(() => schedule("poly", { steps: 5, warmup: 6 })).toThrow(ConfigError);
});
