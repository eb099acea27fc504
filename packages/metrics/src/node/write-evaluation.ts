/** An evaluation as tables, and as files: JSON and CSV with every number, one HTML page to look at. */
import { join } from "node:path";
import { writeFileAtomic, writeJsonAtomic } from "@rfmedsam/base/node";
import type { OverlapScores } from "../overlap.js";
import { renderReport } from "../report.js";
import { scoreTable } from "../score-table.js";
import { type Summary, summarise } from "../summary.js";
import { type Column, renderCsv, type Table, tableToJson } from "../table.js";
import { type Evaluation, scoresOf } from "./evaluate-folders.js";

export interface EvaluationTables {
  /** Dice per label, a column per stage; the column alone when there is one. */
  readonly dice: Table;
  /** All scores per label of the last column (the final labels). */
  readonly scores: Table;
  /** Dice per case of the last column. */
  readonly cases: Table;
  /** A row per case, column and label. */
  readonly everything: Table;
}

/** Dice of one column, summed up over the cases. */
export function summaryOf(evaluation: Evaluation, column: string, score: keyof OverlapScores = "dice"): Summary {
  return summarise(scoresOf(evaluation, column, score), { absentLabels: "skip" });
}

export function evaluationTables(evaluation: Evaluation): EvaluationTables {
  const { columns } = evaluation;
  const last = columns.at(-1)!;
  return {
    dice: scoreTable(
      columns.map((name) => ({ name, summary: summaryOf(evaluation, name) })),
      { title: "Dice", rows: "label" },
    ),
    scores: scoresByLabel(evaluation, last),
    cases: diceByCase(evaluation, last),
    everything: allRows(evaluation),
  };
}

/** Scores beside Dice, each with its column. */
const others = [
  ["jaccard", { name: "Jaccard", digits: 3 }],
  ["precision", { name: "precision", digits: 3 }],
  ["recall", { name: "recall", digits: 3 }],
  ["volumeSimilarity", { name: "volume similarity", digits: 3 }],
  ["predictedMl", { name: "predicted", unit: "ml", digits: 1 }],
  ["referenceMl", { name: "reference", unit: "ml", digits: 1 }],
] as const satisfies readonly (readonly [keyof OverlapScores, Column])[];

function scoresByLabel(evaluation: Evaluation, column: string): Table {
  const dice = summaryOf(evaluation, column);
  const summaries = others.map(([score]) => summaryOf(evaluation, column, score));
  const row = (label: string, of: (summary: Summary) => Summary["foreground"]) => {
    const { count, mean, deviation, low, high, min, median } = of(dice);
    return [label, count, { mean, deviation }, low, high, median, min, ...summaries.map((each) => of(each).mean)];
  };
  return {
    title: `All scores (${column})`,
    columns: [
      { name: "label" },
      { name: "cases", digits: 0 },
      { name: "Dice", digits: 3 },
      { name: "95 % from", digits: 3 },
      { name: "to", digits: 3 },
      { name: "median", digits: 3 },
      { name: "least", digits: 3 },
      ...others.map(([, shown]) => shown),
    ],
    rows: [
      ...dice.perLabel.map(({ label }, at) => row(label, (summary) => summary.perLabel[at]!)),
      row("mean", (summary) => summary.foreground),
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

function allRows({ rows }: Evaluation): Table {
  const numbers = ["dice", ...others.map(([score]) => score), "tp", "fp", "fn", "tn"] as const;
  return {
    columns: [{ name: "case" }, { name: "column" }, { name: "label" }, ...numbers.map((name) => ({ name, digits: 6 }))],
    rows: rows.map((row) => [row.case, row.column, row.label, ...numbers.map((name) => row[name])]),
  };
}

/** What may be said about a run beside the numbers. */
export interface EvaluationFacts {
  readonly title?: string;
  readonly facts?: readonly { readonly name: string; readonly value: string }[];
}

/**
 * Writes `evaluation.json`, `evaluation.csv` and `evaluation.html` into a folder, over those of an earlier run.
 *
 * @returns the files' paths
 * @throws FileError, ResourceError; no file is half-written
 */
export async function writeEvaluation(
  folder: string,
  evaluation: Evaluation,
  { title = "Evaluation", facts = [] }: EvaluationFacts = {},
): Promise<{ json: string; csv: string; html: string }> {
  const tables = evaluationTables(evaluation);
  const { labels, columns, cases, missing, notes } = evaluation;
  const files = {
    json: join(folder, "evaluation.json"),
    csv: join(folder, "evaluation.csv"),
    html: join(folder, "evaluation.html"),
  };
  await writeJsonAtomic(files.json, {
    labels,
    columns,
    cases,
    missing,
    notes,
    dice: tableToJson(tables.dice),
    scores: tableToJson(tables.scores),
    rows: tableToJson(tables.everything),
  });
  await writeFileAtomic(files.csv, renderCsv(tables.everything));
  await writeFileAtomic(files.html, page(evaluation, tables, title, facts));
  return files;
}

function page(
  evaluation: Evaluation,
  tables: EvaluationTables,
  title: string,
  facts: NonNullable<EvaluationFacts["facts"]>,
): string {
  const { columns, labels, cases, missing, notes } = evaluation;
  const { foreground } = summaryOf(evaluation, columns.at(-1)!);
  return renderReport({
    title,
    summary: `${cases.length} ${cases.length === 1 ? "case" : "cases"}, ${Object.keys(labels).length} labels.`,
    headlines: [
      {
        name: "mean Dice",
        value: Number.isNaN(foreground.mean) ? "–" : foreground.mean.toFixed(3),
        note: `95 % interval ${foreground.low.toFixed(3)} to ${foreground.high.toFixed(3)}`,
      },
      { name: "without a prediction", value: String(missing.length) },
    ],
    tables: [...(columns.length > 1 ? [tables.dice] : []), tables.scores, tables.cases],
    plots: [
      {
        title: "Dice of every case",
        axis: "Dice",
        groups: Object.keys(labels),
        cases,
        series: columns.map((column) => {
          const { values } = scoresOf(evaluation, column);
          return { name: column, values: Object.keys(labels).map((_, at) => values.map((row) => row[at]!)) };
        }),
      },
    ],
    facts: [...facts, ...notes.map((value) => ({ name: "note", value }))],
  });
}
