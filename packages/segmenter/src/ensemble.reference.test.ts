/** `imgref/ensemble`: the mean of several models' probabilities, and labels from regions. */
import { compareNumbers } from "@rfmedsam/base/testing";
import { describe, expect, test } from "vitest";
import { labelsOfRegions, meanProbabilities, sigmoid } from "./ensemble.js";
import { argmaxOfSlice } from "./prompts.js";
import { largestDifference, type ReferenceCase, referenceCases } from "./testing/reference.js";

interface Facts {
  readonly kind: string;
  readonly words: string;
  readonly tolerance_abs: number;
}

const cases = referenceCases<Facts>("ensemble");

const compare = ({ name, facts, tensor }: ReferenceCase<Facts>, actual: Float32Array, expected: string) =>
  expect(
    compareNumbers(`imgref/ensemble/${name}`, actual, tensor(expected), facts.tolerance_abs),
    expected,
  ).toBeLessThanOrEqual(facts.tolerance_abs);

/** What each kind of case computes. A case of a new kind fails. */
const checks: Readonly<Record<string, (reference: ReferenceCase<Facts>) => void>> = {
  ensemble(reference) {
    const members = reference.names().filter((name) => /^p\d+$/.test(name));
    const mean = meanProbabilities(members.sort().map(reference.tensor));
    compare(reference, mean, "mean");
    const labels = reference.tensor("segmentation");
    expect(largestDifference(argmaxOfSlice(mean, mean.length / labels.length, labels.length), labels)).toBe(0);
  },
  regions(reference) {
    const probabilities = sigmoid(reference.tensor("logits") as Float32Array);
    compare(reference, probabilities, "probabilities");
    const order = JSON.parse(/regions_class_order (\[[\d, ]+\])/.exec(reference.facts.words)![1]!) as number[];
    expect(largestDifference(labelsOfRegions(probabilities, order), reference.tensor("segmentation"))).toBe(0);
  },
};

describe.each(cases)("$name", (reference) => {
  test("every output", () => checks[reference.facts.kind]!(reference));
});
