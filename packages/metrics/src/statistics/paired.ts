/**
 * Two methods on the same cases: by how much they differ, how sure that is, and whether chance explains it.
 *
 * Only cases count where one has a score: a label that one method rightly leaves out and the other sees counts with its best value for the
 * former, if that is given. The interval is the bootstrap's over cases, p Wilcoxon's signed-rank test, corrected over the
 * labels by Holm. Where one is infinite the difference is: it ranks as the largest in the test and has no place in the mean.
 */
import { scoreGain } from "../score-table.js";
import { finiteMean, type Scores, type Statistics, type SummaryOptions, summarise } from "../summary.js";
import { holm } from "./holm.js";
import { type SignedRankTest, signedRankTest, type ZeroRule } from "./wilcoxon.js";

/** What the second method gains over the first. */
export interface PairedDifference extends Statistics {
  readonly label: string;
  readonly test: SignedRankTest;
  /** p, corrected over the labels. */
  readonly corrected: number;
}

export interface PairedSummary {
  readonly perLabel: readonly PairedDifference[];
  /** Over the cases' own means; no correction, being one test. */
  readonly foreground: Statistics & { readonly test: SignedRankTest };
}

/** Under a table of differences that were made with a best value. */
export const falseOrganLegend =
  "A label that one of the two rightly leaves out and the other sees counts with the best score for the former.";

export interface PairedOptions extends SummaryOptions {
  readonly zeros?: ZeroRule | undefined;
  /** The score's best value; as for `scoreGain`. */
  readonly best?: number | undefined;
}

/** @throws ConfigError when cases or labels differ */
export function comparePaired(
  before: Scores,
  after: Scores,
  { zeros, best, ...options }: PairedOptions = {},
): PairedSummary {
  const gain = scoreGain(before, after, best);
  const { perLabel, foreground } = summarise(gain, { absentLabels: "skip", ...options });
  const tests = gain.labels.map((_, label) =>
    signedRankTest(
      gain.values.map((row) => row[label]!),
      zeros,
    ),
  );
  const corrected = holm(tests.map(({ p }) => p));
  return {
    perLabel: perLabel.map((statistics, at) => ({ ...statistics, test: tests[at]!, corrected: corrected[at]! })),
    foreground: { ...foreground, test: signedRankTest(gain.values.map(finiteMean), zeros) },
  };
}
