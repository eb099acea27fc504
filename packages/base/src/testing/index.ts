/**
 * For tests alone: where reference results lie (shared.ts), how long things take (processor-time.ts), and how far a result is from its
 * reference, told to whoever runs them. `make reference` prints one table of all cases from what is recorded here
 * (tools/vitest/reference-table.mjs).
 */
import { TestRunner } from "vitest";

export { collectGarbage } from "./garbage.js";
export { processorClock } from "./processor-time.js";
export { sharedPath } from "./shared.js";

/** One compared output of a reference case. */
export interface Difference {
  /** The case, as a path in the folder of references: `parity/sam2/mini/seq_click`. */
  readonly case: string;
  /** Largest absolute difference. */
  readonly absolute: number;
  /** The same, divided by the reference's largest magnitude. */
  readonly relative: number;
  /** Largest absolute difference the reference allows. */
  readonly tolerance: number;
}

declare module "vitest" {
  interface TaskMeta {
    differences?: Difference[];
  }
}

/** Adds a line to the running test's record. Judging it is the test's own business. */
export function recordDifference(difference: Difference): void {
  const test = TestRunner.getCurrentTest();
  if (test === undefined) throw new Error("a difference is recorded inside a test");
  test.meta.differences ??= [];
  test.meta.differences.push(difference);
}

/**
 * Compares two lists of numbers (NaN equals NaN, an infinity itself) and records the outcome.
 * @returns the largest absolute difference; infinite when one list is longer, or has a NaN where the other has none
 */
export function compareNumbers(
  name: string,
  actual: ArrayLike<number | bigint>,
  expected: ArrayLike<number | bigint>,
  tolerance: number,
): number {
  let [absolute, range] = [actual.length === expected.length ? 0 : Number.POSITIVE_INFINITY, 0];
  for (let i = 0; i < expected.length && absolute < Number.POSITIVE_INFINITY; i++) {
    const [a, e] = [Number(actual[i]), Number(expected[i])];
    if (Number.isFinite(e)) range = Math.max(range, Math.abs(e));
    if (a === e || (Number.isNaN(a) && Number.isNaN(e))) continue;
    const difference = Math.abs(a - e);
    absolute = Math.max(absolute, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
  }
  const relative = absolute === 0 ? 0 : absolute / (range || 1);
  recordDifference({ case: name, absolute, relative, tolerance });
  return absolute;
}
