/** A recipe's second table: what every stage is worth and what it costs, a row each. */
import type { SegmentedCase } from "@rfmedsam/engine";
import { type Cell, spreadOf, type Table } from "@rfmedsam/metrics";
import { type Evaluation, summaryOf } from "@rfmedsam/metrics/node";
import { stageNames } from "@rfmedsam/segmenter";
import { scoresLegend } from "../studies/common/table.js";

/**
 * Scores: means over the labels of their means over the cases, with 95 % intervals. Seconds of a stage are its own, those of the final
 * labels a case's whole; memory is the most that any case took.
 *
 * @param segmented the costs that are known: none of cases that another program segmented
 */
export function stageTable(evaluation: Evaluation, segmented: readonly SegmentedCase[]): Table {
  // Costs come from a file, in which what is unknown is null.
  const peaks = segmented.flatMap(({ peakMemory }) => peakMemory ?? []);
  const metrics = evaluation.metrics.filter(({ headline }) => headline);
  return {
    title: "Every stage",
    columns: [
      { name: "labels of" },
      ...metrics.flatMap(({ title, unit, digits }) => [
        { name: title, digits, ...(unit && { unit }) },
        { name: `${title}, 95 % interval`, digits, ...(unit && { unit }) },
      ]),
      { name: "a case", unit: "s", digits: 1 },
      { name: "memory at most", unit: "GiB", digits: 2 },
    ],
    rows: evaluation.columns.map((column) => [
      column,
      ...metrics.flatMap(({ key }): Cell[] => {
        const { foreground } = summaryOf(evaluation, column, key);
        return [spreadOf(foreground), { low: foreground.low, high: foreground.high }];
      }),
      secondsOf(column, segmented),
      isStage(column) || peaks.length === 0 ? null : Math.max(...peaks) / 2 ** 30,
    ]),
    legend: [
      scoresLegend,
      "Seconds of a stage are its own, on average; those of the final labels are all there is to a case, reading and writing included.",
    ],
  };
}

const isStage = (column: string) => (stageNames as readonly string[]).includes(column);

function secondsOf(column: string, segmented: readonly SegmentedCase[]): number | null {
  const known = segmented.flatMap(({ seconds }) => seconds[isStage(column) ? column : "total"] ?? []);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}
