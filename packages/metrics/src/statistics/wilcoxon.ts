/**
 * Is one of two methods better? Wilcoxon's signed-rank test of paired differences, two-sided.
 *
 * Up to 25 pairs without ties the distribution is counted out; else it is taken as normal, corrected for ties and for continuity. Pairs
 * without a difference are left out (Wilcoxon's rule), or keep their ranks and count for neither side (Pratt's).
 *
 * Sources: Wilcoxon, "Individual comparisons by ranking methods" (1945); Pratt, "Remarks on zeros and ties in the Wilcoxon signed rank
 * procedures" (1959). The same numbers as scipy.stats.wilcoxon.
 */
import { ConfigError } from "@rfmedsam/base";
import { normalTail } from "./normal.js";

export type ZeroRule = "wilcoxon" | "pratt";

export interface SignedRankTest {
  /** Pairs that differ. */
  readonly count: number;
  /** Sums of the ranks of the positive and of the negative differences. */
  readonly plus: number;
  readonly minus: number;
  /** Two-sided; NaN when no pair differs. */
  readonly p: number;
  readonly distribution: "exact" | "normal";
}

/** Beyond so many pairs the normal distribution is close enough. */
const largestExact = 25;

/**
 * @param differences one per pair; NaN (undefined for one of the two) is left out, infinite ones rank as the largest
 * @throws ConfigError for an unknown rule
 */
export function signedRankTest(differences: readonly number[], zeros: ZeroRule = "wilcoxon"): SignedRankTest {
  if (zeros !== "wilcoxon" && zeros !== "pratt") {
    throw new ConfigError({ found: `the rule "${String(zeros)}" for zeros`, expected: "wilcoxon or pratt" });
  }
  const defined = differences.filter((difference) => !Number.isNaN(difference));
  const count = defined.filter((difference) => difference !== 0).length;
  const ranked = zeros === "pratt" ? defined : defined.filter((difference) => difference !== 0);
  const { ranks, ties } = rank(ranked.map(Math.abs));
  const sum = (sign: number) =>
    ranks.reduce((total, each, at) => total + (Math.sign(ranked[at]!) === sign ? each : 0), 0);
  const [plus, minus] = [sum(1), sum(-1)];
  const left = ranked.length - count;
  const exact = count <= largestExact && ties === 0 && left === 0;
  const distribution = exact ? "exact" : "normal";
  if (count === 0) return { count, plus, minus, p: Number.NaN, distribution };
  return {
    count,
    plus,
    minus,
    p: exact ? exactP(Math.min(plus, minus), count) : normalP(plus, ranked.length, left, ties),
    distribution,
  };
}

/** Ranks from 1, equal values sharing their mean rank, and the sum of t³ − t over groups of t equal ones (but zeros). */
function rank(values: readonly number[]): { ranks: Float64Array; ties: number } {
  const order = [...values.keys()].sort((a, b) => (values[a]! === values[b]! ? 0 : values[a]! - values[b]!));
  const ranks = new Float64Array(values.length);
  let ties = 0;
  for (let from = 0; from < order.length; ) {
    const value = values[order[from]!]!;
    let to = from + 1;
    while (to < order.length && values[order[to]!] === value) to++;
    for (let at = from; at < to; at++) ranks[order[at]!] = (from + 1 + to) / 2;
    const size = to - from;
    if (value !== 0) ties += size ** 3 - size;
    from = to;
  }
  return { ranks, ties };
}

/** Twice the share of all signs of the ranks 1 … n whose sum is no larger. */
function exactP(smaller: number, n: number): number {
  const largest = (n * (n + 1)) / 2;
  const ways = new Float64Array(largest + 1);
  ways[0] = 1;
  for (let each = 1; each <= n; each++) {
    for (let sum = largest; sum >= each; sum--) ways[sum]! += ways[sum - each]!;
  }
  const below = ways.subarray(0, smaller + 1).reduce((total, way) => total + way, 0);
  return Math.min(1, (2 * below) / 2 ** n);
}

/** @param zeros how many of the `n` ranked differences are 0 @param ties sum of t³ − t */
function normalP(plus: number, n: number, zeros: number, ties: number): number {
  const mean = (n * (n + 1) - zeros * (zeros + 1)) / 4;
  const variance = (n * (n + 1) * (2 * n + 1) - zeros * (zeros + 1) * (2 * zeros + 1) - ties / 2) / 24;
  const away = Math.abs(plus - mean);
  return Math.min(1, 2 * normalTail((away - (away === 0 ? 0 : 0.5)) / Math.sqrt(variance)));
}
