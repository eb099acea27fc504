import { describe, expect, test } from "vitest";
import { manualSeed, setNumThreads } from "./runtime.js";
import { scope } from "./scope.js";
import { gradientCases, withoutGradient } from "./testing/gradient-cases.js";
import { gradientError } from "./testing/gradients.js";
import { operatorNames } from "./testing/operator-names.js";

setNumThreads(1);

describe("the gradient that autograd gives is the finite difference's", () => {
  test.each(Object.entries(gradientCases))("%s", (_, make) => {
    manualSeed(7);
    const error = scope(() => gradientError(make()));
    expect(error).toBeLessThan(2e-7);
  });
});

test("every operator is checked or has a reason why not", () => {
  const unaccounted = operatorNames().filter((name) => !(name in gradientCases) && !(name in withoutGradient));
  expect(unaccounted).toEqual([]);
});

test("no operator is in both tables, and none that operators.txt lacks is in either", () => {
  const names = new Set(operatorNames());
  const listed = [...Object.keys(gradientCases), ...Object.keys(withoutGradient)];
  expect(listed.filter((name) => !names.has(name))).toEqual([]);
  expect(new Set(listed).size).toBe(listed.length);
});
