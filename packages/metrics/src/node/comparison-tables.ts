/** Two methods on the same cases, a table per headline score. */
import { spreadOf } from "../score-table.js";
import { comparePaired } from "../statistics/paired.js";
import type { Statistics, Summary } from "../summary.js";
import type { Table } from "../table.js";
import { type Evaluation, scoresOf } from "./evaluate-folders.js";
import { comparisonLegend } from "./legend.js";
import { againstColumn } from "./pairs.js";

/** @returns nothing when no other method was given */
export function comparisonTables(
  evaluation: Evaluation,
  summaries: (column: string, score: string) => Summary,
): Table[] {
  const { columns, metrics } = evaluation;
  if (!columns.includes(againstColumn)) return [];
  const own = columns.at(-1)!;
  return metrics
    .filter(({ headline }) => headline)
    .map(({ key, title, unit, digits, better, best }, at, all) => {
      const [before, after] = [againstColumn, own].map((column) => scoresOf(evaluation, column, key));
      const { perLabel, foreground } = comparePaired(before!, after!, { best });
      const [theirs, ours] = [summaries(againstColumn, key), summaries(own, key)];
      const shown = { digits, ...(unit && { unit }) };
      const row = (label: string, of: (summary: Summary) => Statistics, gain: typeof foreground, corrected: number) => [
        label,
        gain.count,
        spreadOf(of(theirs)),
        spreadOf(of(ours)),
        spreadOf(gain),
        { low: gain.low, high: gain.high },
        gain.test.p,
        corrected,
      ];
      return {
        title: `${title}: ${own} against the others (${better} is better)`,
        columns: [
          { name: "label" },
          { name: "pairs", digits: 0 },
          { name: "others", ...shown },
          { name: own, ...shown },
          { name: "difference", ...shown },
          { name: "95 % interval", ...shown },
          { name: "p", digits: 4 },
          { name: "p (Holm)", digits: 4 },
        ],
        rows: [
          ...perLabel.map((gain, label) =>
            row(gain.label, (summary) => summary.perLabel[label]!, gain, gain.corrected),
          ),
          row("mean", (summary) => summary.foreground, foreground, Number.NaN),
        ],
        footerRows: 1,
        ...(at === all.length - 1 && { legend: comparisonLegend }),
      };
    });
}
