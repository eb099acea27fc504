/** The columns that every study's table ends with: Dice, surface Dice and HD95 with their intervals, seconds and memory. */
import {
  type Cell,
  type Column,
  finiteMean,
  type Scores,
  type Statistics,
  spreadOf,
  summarise,
} from "@rfmedsam/metrics";
import { costsOfArm, type Measured, type StudyScore, scoresOfArm, surfaceTolerance } from "./measurements.js";

export const intervalColumn = (digits = 3): Column => ({ name: "95 % interval", digits });

export const commonColumns: readonly Column[] = [
  { name: "Dice", digits: 3 },
  { name: "Dice, 95 % interval", digits: 3 },
  { name: `surface Dice ${surfaceTolerance} mm`, digits: 3 },
  { name: "surface Dice, 95 % interval", digits: 3 },
  { name: "HD95", unit: "mm", digits: 2 },
  { name: "HD95, 95 % interval", unit: "mm", digits: 2 },
  { name: "a case", unit: "s", digits: 1 },
  { name: "a case, 95 % interval", unit: "s", digits: 1 },
  { name: "memory at most", unit: "GiB", digits: 2 },
];

/** What a score of several labels and cases is. */
export const scoresLegend =
  "Scores are means over the labels of their means over the cases (± standard deviation of the cases' own means); distances to an empty mask " +
  "(∞) are counted and left out of the mean.";

export const commonLegend: readonly string[] = [
  scoresLegend,
  "Intervals are those of the mean, by the bootstrap over cases.",
];

/** An arm's foreground statistics of a score. */
export function statisticsOf(measured: Measured, arm: string, score: StudyScore): Statistics {
  return summarise(scoresOfArm(measured, arm, score), { absentLabels: "skip" }).foreground;
}

/** The cells of `commonColumns` for an arm. */
export function commonCells(measured: Measured, arm: string): Cell[] {
  const { seconds, memory } = costsOfArm(measured, arm);
  const time = summarise(single(seconds), { absentLabels: "skip" }).foreground;
  return [
    ...(["dice", `surfaceDice${surfaceTolerance}mm`, "hd95"] as const).flatMap((score) =>
      meanAndInterval(statisticsOf(measured, arm, score)),
    ),
    ...meanAndInterval(time),
    memory.length === 0 ? Number.NaN : Math.max(...memory) / 2 ** 30,
  ];
}

export const meanAndInterval = (statistics: Statistics): [Cell, Cell] => [
  spreadOf(statistics),
  { low: statistics.low, high: statistics.high },
];

/** A number a case, as scores of one label. */
const single = (values: readonly number[]): Scores => ({
  cases: values.map((_, at) => String(at)),
  labels: ["all"],
  values: values.map((value) => [value]),
});

/** Every case's mean over its labels, for plots. */
export const caseMeans = (measured: Measured, arm: string, score: StudyScore = "dice"): number[] =>
  scoresOfArm(measured, arm, score).values.map(finiteMean);
