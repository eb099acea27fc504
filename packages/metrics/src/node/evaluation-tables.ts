/** An evaluation as tables: what a person reads first, and every number behind it. */
import { scoreTable, spreadOf } from "../score-table.js";
import { type Statistics, type Summary, summarise } from "../summary.js";
import type { Table } from "../table.js";
import { comparisonTables } from "./comparison-tables.js";
import { type Evaluation, scoresOf } from "./evaluate-folders.js";
import { legendOf } from "./legend.js";

export interface EvaluationTables {
  /** Dice per label, a column per stage; the column alone when there is one. */
  readonly dice: Table;
  /** The headline scores per label of the last column (the final labels): mean ± standard deviation. */
  readonly scores: Table;
  /** 95 % intervals of those means. */
  readonly intervals: Table;
  /** Means of the other scores; absent when there are none. */
  readonly others?: Table;
  /** The last column against the other method, a table per headline score; none without one. */
  readonly comparison: readonly Table[];
  /** Dice per case of the last column. */
  readonly cases: Table;
  /** A row per column, label and score: all statistics. */
  readonly summary: Table;
  /** A row per case, column and label. */
  readonly everything: Table;
}

/** One score of one column, summed up over the cases. @param score a metric's key */
export function summaryOf(evaluation: Evaluation, column: string, score = "dice"): Summary {
  return summarise(scoresOf(evaluation, column, score), { absentLabels: "skip" });
}

/** Summaries by column and score, each computed once. */
type Summaries = (column: string, score: string) => Summary;

export function evaluationTables(evaluation: Evaluation): EvaluationTables {
  const { columns, metrics } = evaluation;
  const last = columns.at(-1)!;
  const known = new Map<string, Summary>();
  const summaries: Summaries = (column, score) => {
    const key = `${column}\n${score}`;
    const summary = known.get(key) ?? summaryOf(evaluation, column, score);
    known.set(key, summary);
    return summary;
  };
  const headlines = metrics.filter(({ headline }) => headline);
  const others = metrics.filter(({ headline }) => !headline);
  return {
    dice: scoreTable(
      columns.map((name) => ({ name, summary: summaries(name, "dice") })),
      { title: "Dice", rows: "label" },
    ),
    scores: {
      ...byLabel(evaluation, headlines, (metric) => summaries(last, metric), spreadOf),
      title: `Scores (${last}), mean ± standard deviation over the cases`,
      legend: legendOf(evaluation),
    },
    intervals: {
      ...byLabel(
        evaluation,
        headlines,
        (metric) => summaries(last, metric),
        ({ low, high }) => ({ low, high }),
      ),
      title: `95 % intervals of the means (${last})`,
    },
    ...(others.length > 0 && {
      others: {
        ...byLabel(evaluation, others, (metric) => summaries(last, metric), spreadOf),
        title: `Further scores (${last}), mean ± standard deviation over the cases`,
      },
    }),
    comparison: comparisonTables(evaluation, summaries),
    cases: diceByCase(evaluation, last),
    summary: allStatistics(evaluation, summaries),
    everything: allRows(evaluation),
  };
}

/** A row per label and one for the mean over them, a column per score. */
function byLabel(
  { labels }: Evaluation,
  metrics: Evaluation["metrics"],
  summary: (score: string) => Summary,
  cell: (statistics: Statistics) => Table["rows"][number][number],
): Table {
  const row = (label: string, of: (summary: Summary) => Statistics) => [
    label,
    of(summary("dice")).count,
    ...metrics.map(({ key }) => cell(of(summary(key)))),
  ];
  return {
    columns: [
      { name: "label" },
      { name: "cases", digits: 0 },
      ...metrics.map(({ title, unit, digits }) => ({ name: title, digits, ...(unit && { unit }) })),
    ],
    rows: [
      ...Object.keys(labels).map((label, at) => row(label, ({ perLabel }) => perLabel[at]!)),
      row("mean", ({ foreground }) => foreground),
    ],
    footerRows: 1,
  };
}

function diceByCase(evaluation: Evaluation, column: string): Table {
  const { cases, labels, values } = scoresOf(evaluation, column);
  return {
    title: `Dice per case (${column})`,
    columns: [{ name: "case" }, ...labels.map((name) => ({ name, digits: 3 }))],
    rows: cases.map((id, at) => [id, ...values[at]!]),
  };
}

const statisticNames = ["count", "infinite", "mean", "deviation", "low", "high", "min", "median", "max"] as const;

function allStatistics({ columns, metrics }: Evaluation, summaries: Summaries): Table {
  const digits = { digits: 6 };
  return {
    columns: [
      ...["column", "label", "score", "unit"].map((name) => ({ name })),
      ...statisticNames.map((name) => ({ name, ...digits })),
    ],
    rows: columns.flatMap((column) =>
      metrics.flatMap(({ key, unit = null }) => {
        const { perLabel, foreground } = summaries(column, key);
        return [...perLabel, { label: "mean", ...foreground }].map((statistics) => [
          column,
          statistics.label,
          key,
          unit,
          ...statisticNames.map((name) => statistics[name]),
        ]);
      }),
    ),
  };
}

/** Overlap, then counts, then distances. */
function allRows({ rows, metrics }: Evaluation): Table {
  const counts = ["tp", "fp", "fn", "tn"] as const;
  const overlap = metrics.filter(({ surface }) => !surface).map(({ key }) => key);
  const surface = metrics.filter((metric) => metric.surface).map(({ key }) => key);
  return {
    columns: [
      ...["case", "column", "label"].map((name) => ({ name })),
      ...[...overlap, ...counts, ...surface].map((name) => ({ name, digits: 6 })),
    ],
    rows: rows.map((row) => [
      row.case,
      row.column,
      row.label,
      ...overlap.map((key) => row.scores[key]!),
      ...counts.map((name) => row.counts[name]),
      ...surface.map((key) => row.scores[key]!),
    ]),
  };
}
