import { describe, expect, test } from "vitest";
import { empty } from "../factories.js";
import { manualSeed, setNumThreads } from "../runtime.js";
import { scope } from "../scope.js";
import {
  constant,
  type Initializer,
  kaimingNormal,
  kaimingUniform,
  normal,
  ones,
  truncatedNormal,
  uniform,
  xavierUniform,
  zeros,
} from "./init.js";

setNumThreads(1);
const shape = [64, 32, 5, 10]; // 102,400 values: the standard error of a standard deviation is 0.22 %

function statistics(init: Initializer) {
  manualSeed(5);
  return scope(() => {
    const x = init(empty(shape));
    const absolute = x.abs();
    return {
      mean: x.mean().item(),
      std: x.std().item(),
      largest: absolute.amax().item(),
      kurtosis: x.pow(4).mean().item() / x.square().mean().item() ** 2,
    };
  });
}

const fanIn = 32 * 5 * 10;
const receptive = 5 * 10;
/** Standard deviation of a standard normal cut at ±a: √(1 − 2aφ(a)/(2Φ(a) − 1)), for a = 2 and a = 1. */
const cut = { 2: 0.87962566, 1: 0.53956 };

/** Each row: what it is, its standard deviation, the value nothing exceeds. */
test.each<[string, Initializer, number, number]>([
  ["uniform", uniform(0.3), 0.3 / Math.sqrt(3), 0.3],
  ["normal", normal(0.02), 0.02, 0.02 * 6],
  ["truncatedNormal", truncatedNormal(0.02), 0.02 * cut[2], 0.04],
  ["truncatedNormal cut at one sigma", truncatedNormal(3, 1), 3 * cut[1], 3],
  ["kaimingUniform", kaimingUniform, 1 / Math.sqrt(3 * fanIn), 1 / Math.sqrt(fanIn)],
  ["kaimingNormal", kaimingNormal(), Math.sqrt(2 / fanIn), 6 * Math.sqrt(2 / fanIn)],
  ["kaimingNormal for leaky ReLUs", kaimingNormal(0.5), Math.sqrt(2 / 1.25 / fanIn), 6 * Math.sqrt(2 / 1.25 / fanIn)],
  ["xavierUniform", xavierUniform, Math.sqrt(2 / (96 * receptive)), Math.sqrt(6 / (96 * receptive))],
])("%s has the spread it should have and keeps to its bounds", (_, init, std, bound) => {
  const { mean, std: found, largest } = statistics(init);
  expect(Math.abs(mean)).toBeLessThan(0.015 * std);
  expect(found / std).toBeCloseTo(1, 1.9);
  expect(largest).toBeLessThanOrEqual(Math.fround(bound));
  expect(largest).toBeGreaterThan(0.6 * bound);
});

describe("truncatedNormal", () => {
  test("is the middle of a normal distribution, not a clamped one", () => {
    scope(() => {
      manualSeed(9);
      const x = truncatedNormal(1)(empty(shape));
      const atTheEdge = x.abs().gt(1.99).float().mean().item();
      expect(atTheEdge).toBeLessThan(0.002); // 2·0.01·φ(2)/0.9545 = 0.00114 of the values
      const inside = x.abs().lt(1).float().mean().item();
      expect(inside).toBeCloseTo(0.682689 / 0.9545, 2);
    });
  });
});

test("constants", () => {
  scope(() => {
    expect(zeros(empty([2])).toNumbers()).toEqual([0, 0]);
    expect(ones(empty([2])).toNumbers()).toEqual([1, 1]);
    expect(constant(2.5)(empty([2])).toNumbers()).toEqual([2.5, 2.5]);
  });
});
