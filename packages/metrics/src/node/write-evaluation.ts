/** An evaluation as files: JSON and CSV with every number, one HTML page to look at. */
import { join } from "node:path";
import { writeFileAtomic, writeJsonAtomic } from "@rfmedsam/base/node";
import { colourOf } from "../colours.js";
import type { StripPlot } from "../plot.js";
import { renderReport } from "../report.js";
import { intervalInWords } from "../summary.js";
import { renderCsv, tableToJson } from "../table.js";
import { type Evaluation, scoresOf } from "./evaluate-folders.js";
import { type EvaluationTables, evaluationTables, summaryOf } from "./evaluation-tables.js";
import { comparisonLegend, legendOf } from "./legend.js";
import { drawWorstCases, type WorstCases, type WorstCasesOptions } from "./worst-cases.js";

/** What may be said about a run beside the numbers. */
export interface EvaluationFacts {
  readonly title?: string;
  readonly facts?: readonly { readonly name: string; readonly value: string }[];
  /** Pictures of the worst cases on the page; none unless given. */
  readonly pictures?: WorstCasesOptions;
}

/**
 * Writes `evaluation.json`, `evaluation.csv` and `evaluation.html` into a folder, over those of an earlier run.
 *
 * @returns the files' paths, and what could not be drawn
 * @throws FileError, FormatError, ResourceError; InterruptedError; no file is half-written
 */
export async function writeEvaluation(
  folder: string,
  evaluation: Evaluation,
  { title = "Evaluation", facts = [], pictures }: EvaluationFacts = {},
): Promise<{ json: string; csv: string; html: string; notes: readonly string[] }> {
  const tables = evaluationTables(evaluation);
  const drawn = pictures === undefined ? undefined : await drawWorstCases(evaluation, pictures);
  const { labels, columns, cases, missing, notes, settings } = evaluation;
  const files = {
    json: join(folder, "evaluation.json"),
    csv: join(folder, "evaluation.csv"),
    html: join(folder, "evaluation.html"),
  };
  await writeJsonAtomic(files.json, {
    labels,
    settings,
    columns,
    cases,
    missing,
    notes,
    legend: [...legendOf(evaluation), ...(tables.comparison.length > 0 ? comparisonLegend : [])],
    dice: tableToJson(tables.dice),
    scores: tableToJson(tables.scores),
    summary: tableToJson(tables.summary),
    comparison: comparisonToJson(tables),
    rows: tableToJson(tables.everything),
  });
  await writeFileAtomic(files.csv, renderCsv(tables.everything));
  await writeFileAtomic(files.html, page(evaluation, tables, title, facts, drawn));
  return { ...files, notes: drawn?.notes ?? [] };
}

/** The comparison's tables as one list of objects per table. */
export const comparisonToJson = ({ comparison }: EvaluationTables) =>
  comparison.map((table) => ({ title: table.title!, rows: tableToJson(table) }));

function page(
  evaluation: Evaluation,
  tables: EvaluationTables,
  title: string,
  facts: NonNullable<EvaluationFacts["facts"]>,
  drawn: WorstCases | undefined,
): string {
  const { columns, labels, cases, missing, notes } = evaluation;
  const { foreground } = summaryOf(evaluation, columns.at(-1)!);
  const { dice, scores, intervals, others, comparison } = tables;
  return renderReport({
    title,
    summary: `${cases.length} ${cases.length === 1 ? "case" : "cases"}, ${Object.keys(labels).length} labels.`,
    headlines: [
      {
        name: "mean Dice",
        value: Number.isNaN(foreground.mean) ? "–" : foreground.mean.toFixed(3),
        note: intervalInWords(foreground),
      },
      { name: "without a prediction", value: String(missing.length) },
    ],
    tables: [
      ...(columns.length > 1 ? [dice] : []),
      scores,
      intervals,
      ...comparison,
      ...(others === undefined ? [] : [others]),
      tables.cases,
    ],
    plots: plotsOf(evaluation),
    ...(drawn && {
      cases: drawn.cases,
      casesTitle: "Worst cases",
      legend: [
        ...drawn.legend,
        ...Object.entries(labels).flatMap(([name, value]) =>
          typeof value === "number" ? { name, colour: colourOf(value) } : [],
        ),
      ],
    }),
    facts: [...facts, ...[...notes, ...(drawn?.notes ?? [])].map((value) => ({ name: "note", value }))],
  });
}

/** A plot per headline score, with a box per organ. */
function plotsOf(evaluation: Evaluation): StripPlot[] {
  const { columns, labels, cases, metrics } = evaluation;
  return metrics
    .filter(({ headline }) => headline)
    .map(({ key, title, unit }) => ({
      title: `${title} of every case`,
      axis: title,
      ...(unit && { unit }),
      groups: Object.keys(labels),
      cases,
      series: columns.map((column) => {
        const { values } = scoresOf(evaluation, column, key);
        return { name: column, values: Object.keys(labels).map((_, at) => values.map((row) => row[at]!)) };
      }),
    }));
}
