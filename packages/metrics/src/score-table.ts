/** Scores as people compare them: one row per organ, one column per stage or model, the foreground mean below. */
import { ConfigError } from "@rfmedsam/base";
import type { Scores, Statistics, Summary } from "./summary.js";
import type { Spread, Table } from "./table.js";

/** A mean as a cell, with the number of infinite values it leaves out. */
export const spreadOf = ({ mean, deviation, infinite }: Statistics): Spread => ({ mean, deviation, infinite });

export interface ScoreTableOptions {
  readonly title?: string;
  /** Unit of the score, e.g. "mm"; none for a share. */
  readonly unit?: string;
  readonly digits?: number;
  /** Name of the first column. */
  readonly rows?: string;
}

/**
 * Mean ± standard deviation per label and summary.
 *
 * @param columns e.g. one summary per stage, all over the same labels
 * @throws ConfigError when the summaries are about different labels
 */
export function scoreTable(
  columns: readonly { readonly name: string; readonly summary: Summary }[],
  { title, unit, digits = 3, rows = "organ" }: ScoreTableOptions = {},
): Table {
  const labels = columns[0]?.summary.perLabel.map(({ label }) => label) ?? [];
  for (const { name, summary } of columns) {
    const others = summary.perLabel.map(({ label }) => label);
    if (others.length === labels.length && others.every((label, at) => label === labels[at])) continue;
    throw new ConfigError({ found: `${name} is about ${others.join(", ")}`, expected: labels.join(", ") });
  }
  return {
    ...(title === undefined ? {} : { title }),
    columns: [
      { name: rows },
      ...columns.map(({ name }) => ({ name, digits, ...(unit === undefined ? {} : { unit }) })),
    ],
    rows: [
      ...labels.map((label, at) => [
        label,
        ...columns.map(({ summary }) => spreadOf(summary.perLabel[at] as Statistics)),
      ]),
      ["mean", ...columns.map(({ summary }) => spreadOf(summary.foreground))],
    ],
    footerRows: 1,
  };
}

/**
 * What `after` gained over `before`, case by case; undefined where both are, nothing where both are infinite. Its summary's interval says
 * whether the gain is one.
 *
 * @param best what a side has that is undefined beside the other's score: it rightly sees nothing where the other sees something false
 *   (1 for Dice, 0 for a distance). Without it such a case is undefined, and a false organ would cost nothing
 * @throws ConfigError when cases or labels differ
 */
export function scoreGain(before: Scores, after: Scores, best = Number.NaN): Scores {
  for (const names of ["cases", "labels"] as const) {
    if (before[names].length === after[names].length && before[names].every((name, at) => name === after[names][at])) {
      continue;
    }
    throw new ConfigError({ found: `${names} ${after[names].join(", ")}`, expected: before[names].join(", ") });
  }
  const gain = (from: number, to: number): number => {
    if (Number.isNaN(from) && Number.isNaN(to)) return Number.NaN;
    const [old, now] = [from, to].map((value) => (Number.isNaN(value) ? best : value)) as [number, number];
    return old === now ? 0 : now - old;
  };
  return {
    ...after,
    values: after.values.map((row, c) => row.map((value, label) => gain(before.values[c]?.[label] as number, value))),
  };
}
