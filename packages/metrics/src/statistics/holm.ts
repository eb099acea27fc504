/**
 * Many tests at once: Holm's correction, which keeps the chance of a single false alarm among all at the level of one.
 *
 * Source: Holm, "A simple sequentially rejective multiple test procedure" (1979).
 */

/** Corrected p values in the same order; NaN (no test) stays and does not count. */
export function holm(p: readonly number[]): number[] {
  const order = [...p.keys()].filter((at) => !Number.isNaN(p[at]!)).sort((a, b) => p[a]! - p[b]!);
  const corrected = p.map(() => Number.NaN);
  let largest = 0;
  for (const [done, at] of order.entries()) {
    largest = Math.max(largest, Math.min(1, (order.length - done) * p[at]!));
    corrected[at] = largest;
  }
  return corrected;
}
