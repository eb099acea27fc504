/** The stress test's table, plot and verdict. */
import { type Cell, comparePaired, metrics, type PairedSummary } from "@rfmedsam/metrics";
import { type Measured, scoresOfArm } from "../common/measurements.js";
import type { Study } from "../common/report.js";
import { caseMeans, commonCells, commonColumns, commonLegend, intervalColumn, statisticsOf } from "../common/table.js";
import { type DegradationName, degradations, undamaged } from "./degradations.js";

/** What is measured under a degradation. */
export const stressColumns = {
  step0: "step 0",
  stage1: "stage 1",
  stage2: "stage 2",
  ungated: "final without gate",
  final: "final",
} as const;
export type StressColumn = keyof typeof stressColumns;

export const armOf = (row: DegradationName | typeof undamaged, column: StressColumn): string => `${row}/${column}`;

/** Dice; a point is 0.01. */
const goals = { gain: 0.03, loss: 0.005 };

type RowName = DegradationName | typeof undamaged;

/** @param chosen the degradations that were measured; the undamaged cases are always among the arms */
export function stressStudy(measured: Measured, chosen: readonly DegradationName[], facts: Study["facts"]): Study {
  const rows: readonly RowName[] = [undamaged, ...chosen];
  const gains = new Map(rows.map((row) => [row, gainOf(measured, row)]));
  const dice = (row: RowName, column: StressColumn): Cell => statisticsOf(measured, armOf(row, column), "dice").mean;
  const reached = chosen.filter((row) => gains.get(row)!.mean >= goals.gain);
  return {
    name: "stress",
    title: "Stress test: a degraded step 0, before and after refinement",
    summary: `${measured.cases.length} cases, ${measured.labels.length} labels; a point is 0.01 Dice.`,
    verdict: [gainSentence(chosen, reached), lossSentence(rows, gains)],
    headlines: [{ name: `gain of ${points(goals.gain)} points`, value: `${reached.length} of ${chosen.length}` }],
    table: {
      title: "Dice of a degraded step 0, before and after refinement",
      columns: [
        { name: "degradation" },
        { name: "step 0, undamaged", digits: 3 },
        { name: "step 0", digits: 3 },
        { name: "stage 1", digits: 3 },
        { name: "stage 2", digits: 3 },
        { name: "final without gate", digits: 3 },
        { name: "gain of final", digits: 4 },
        { ...intervalColumn(4), name: "gain, 95 % interval" },
        { name: "p", digits: 4 },
        ...commonColumns.map((column, at) => (at === 0 ? { ...column, name: "final Dice" } : column)),
      ],
      rows: rows.map((row) => {
        const { mean, low, high, test } = gains.get(row)!;
        return [
          row,
          dice(undamaged, "step0"),
          ...(["step0", "stage1", "stage2", "ungated"] as const).map((column) => dice(row, column)),
          mean,
          { low, high },
          test.p,
          ...commonCells(measured, armOf(row, "final")),
        ];
      }),
      legend: [
        ...chosen.map((row) => `${row}: ${degradations[row].sentence}.`),
        ...commonLegend,
        "Gains are final (with the gate) − step 0 on the same damaged cases, paired; where only one of the two sees a label that is not there, the other is right (Dice 1); the undamaged cases' gain is in all of them; p by Wilcoxon's signed-rank test.",
        "Seconds are those of what comes behind step 0: one prediction serves all damage to it.",
      ],
    },
    plots: [
      {
        title: "Mean Dice of every case",
        axis: "Dice",
        groups: rows,
        cases: measured.cases,
        series: [
          {
            name: "step 0, undamaged",
            values: rows.map(() => caseMeans(measured, armOf(undamaged, "step0"))),
          },
          ...(Object.entries(stressColumns) as [StressColumn, string][]).map(([column, name]) => ({
            name,
            values: rows.map((row) => caseMeans(measured, armOf(row, column))),
          })),
        ],
      },
    ],
    facts,
    measured,
  };
}

function gainOf(measured: Measured, row: RowName): PairedSummary["foreground"] {
  const scores = (column: StressColumn) => scoresOfArm(measured, armOf(row, column), "dice");
  const [before, after] = [scores("step0"), scores("final")];
  return comparePaired(before, after, { best: metrics.dice.best }).foreground;
}

const points = (dice: number): string => (100 * dice).toFixed(1).replace(/\.0$/, "");

function gainSentence(chosen: readonly string[], reached: readonly string[]): string {
  const names = reached.length === 0 ? "" : ` (${reached.join(", ")})`;
  return `Refinement gains at least ${points(goals.gain)} points of Dice on ${reached.length} of ${chosen.length} degradations${names}.`;
}

function lossSentence(rows: readonly RowName[], gains: ReadonlyMap<RowName, { readonly mean: number }>): string {
  const lost = rows.filter((row) => gains.get(row)!.mean < -goals.loss);
  if (lost.length === 0) return `None loses more than ${points(goals.loss)} points, the undamaged cases included.`;
  const list = lost.map((row) => `${row} (${points(-gains.get(row)!.mean)} points)`);
  return `More than ${points(goals.loss)} points are lost with: ${list.join(", ")}.`;
}
