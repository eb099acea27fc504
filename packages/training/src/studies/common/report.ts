/** A study's result as text, JSON, CSV and a page: one table, a plot, what it says in sentences, and all that was measured. */
import { join } from "node:path";
import { writeFileAtomic, writeJsonAtomic } from "@rfmedsam/base/node";
import {
  type Headline,
  type LinePlot,
  renderCsv,
  renderReport,
  renderText,
  type StripPlot,
  type Table,
  tableToJson,
} from "@rfmedsam/metrics";
import { madeWith } from "../../version.js";
import { type Measured, toPlain } from "./measurements.js";

export interface Study {
  /** Also the name of its files: `stress`, `upper-bound`, `ablation`. */
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  readonly table: Table;
  /** What the table says, in sentences. */
  readonly verdict: readonly string[];
  readonly headlines?: readonly Headline[];
  readonly plots: readonly (StripPlot | LinePlot)[];
  readonly facts: readonly { readonly name: string; readonly value: string }[];
  readonly measured: Measured;
}

export interface StudyResult {
  readonly table: Table;
  readonly verdict: readonly string[];
  /** For the terminal. */
  readonly text: string;
  readonly measured: Measured;
  readonly files: { readonly json: string; readonly csv: string; readonly html: string };
}

/** @throws FileError, ResourceError; no file is half-written */
export async function writeStudy(folder: string, study: Study): Promise<StudyResult> {
  const { name, title, table, verdict, measured, facts } = study;
  const file = (ending: string) => join(folder, `${name}.${ending}`);
  const files = { json: file("json"), csv: file("csv"), html: file("html") };
  await writeJsonAtomic(files.json, {
    study: name,
    title,
    table: tableToJson(table),
    legend: table.legend ?? [],
    verdict,
    facts,
    labels: measured.labels,
    cases: measured.cases,
    measurements: toPlain(measured.measurements),
  });
  await writeFileAtomic(files.csv, renderCsv(table));
  await writeFileAtomic(files.html, page(study));
  return { table, verdict, text: [renderText(table), ...verdict].join("\n"), measured, files };
}

function page({ title, summary, headlines = [], table, verdict, plots, facts, measured }: Study): string {
  return renderReport({
    title,
    summary: [summary, ...verdict].join(" "),
    headlines,
    tables: [table],
    plots,
    facts: [
      ...facts,
      { name: "cases", value: `${measured.cases.length}: ${measured.cases.join(", ")}` },
      ...madeWith(),
    ],
  });
}
