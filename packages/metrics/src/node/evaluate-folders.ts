/**
 * Folders of predicted labels against folders of reference labels: scores of every case and label.
 *
 * One case is in memory at a time. A label that is in neither map of a case has no score there (NaN), as in nnU-Net.
 */
import { type CancelSignal, ConfigError, FormatError, type Progress, silent, throwIfCancelled } from "@rfmedsam/base";
import { type LabelVolume, labelsIn } from "@rfmedsam/imaging";
import { readLabels } from "@rfmedsam/imaging/node";
import { type LabelOrRegion, labelsOf } from "../classes.js";
import { compareLabels, type MetricOptions } from "../compare.js";
import { type ChosenMetric, chooseMetrics, defaultTolerances } from "../metrics.js";
import type { Counts } from "../overlap.js";
import type { Scores } from "../summary.js";
import type { LabelNames } from "./label-names.js";
import { findPairs, type Pair, type PairOptions } from "./pairs.js";

export interface EvaluateOptions extends PairOptions, Omit<MetricOptions, "ignoreLabel"> {
  /** Name → value. Without it labels are called by the numbers found in the references. */
  readonly labels?: LabelNames | undefined;
  /** Voxels of the reference with this label count nowhere. If it has a name in `labels`, that is no label to be scored. */
  readonly ignoreLabel?: number | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: CancelSignal | undefined;
}

/** One label of one case in one column. */
export interface EvaluationRow {
  readonly case: string;
  readonly column: string;
  readonly label: string;
  readonly counts: Counts;
  /** By the metrics' keys; NaN where undefined. */
  readonly scores: Readonly<Record<string, number>>;
}

export interface Evaluation {
  /** Those that have scores. */
  readonly labels: LabelNames;
  /** What was computed; their keys are those of the rows' scores. */
  readonly metrics: readonly ChosenMetric[];
  /** How: whose surface distances, which tolerances (mm), which label counts nowhere. */
  readonly settings: Required<Pick<MetricOptions, "definition" | "tolerances">> & Pick<EvaluateOptions, "ignoreLabel">;
  /** What was compared: `prediction`, or the stages and `final`; before them `against` if another method was given. */
  readonly columns: readonly string[];
  readonly cases: readonly string[];
  /** Where they are, case by case. */
  readonly files: readonly Pair[];
  readonly rows: readonly EvaluationRow[];
  /** Cases with a reference and no prediction; they count nowhere. */
  readonly missing: readonly string[];
  /** What a reader of the numbers should know, in sentences. */
  readonly notes: readonly string[];
}

/**
 * Compares every prediction with the reference of the same name.
 *
 * @param predictions a folder, or one file; so are the `references`
 * @throws FileError, FormatError for what cannot be read and for labels that have no name; GeometryError when a prediction does not lie
 *   on its reference's grid; ConfigError for a negative tolerance, and when the ignored label is the only one; InterruptedError
 */
export async function evaluateFolders(
  predictions: string,
  references: string,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const { progress = silent, signal, definition = "deepmind", tolerances = defaultTolerances, ignoreLabel } = options;
  const metrics = chooseMetrics(options.metrics, tolerances);
  const { pairs, columns, missing, extra } = await findPairs(predictions, references, options);
  const named = options.labels ?? (await labelsOfReferences(pairs, signal));
  const labels = scoredLabels(named, ignoreLabel, references);
  const rows: EvaluationRow[] = [];
  for (const [index, pair] of pairs.entries()) {
    throwIfCancelled(signal);
    rows.push(...(await evaluateCase(pair, columns, labels, options)));
    progress({ stage: "comparing labels", done: index + 1, total: pairs.length });
  }
  const cases = pairs.map((pair) => pair.case);
  const ignored = Object.keys(options.labels ?? {}).filter((name) => !(name in labels));
  const found: Found = { labels, columns, cases, rows, missing, ignored };
  return {
    labels,
    columns,
    cases,
    rows,
    missing,
    metrics,
    settings: { definition, tolerances, ignoreLabel },
    files: pairs,
    notes: notesOn(options, found, extra),
  };
}

/**
 * The labels without the ignored one, under whatever name: voxels that count nowhere are nothing that could be missed, so a score of theirs
 * would be 0 wherever it is predicted. A region that holds it among others stays.
 */
function scoredLabels(named: LabelNames, ignored: number | undefined, references: string): LabelNames {
  const entries = Object.entries(named);
  const scored = entries.filter(([, value]) => labelsOf(value).some((label) => label !== ignored));
  if (scored.length === 0 && entries.length > 0) {
    throw new ConfigError({
      file: references,
      found: `no label beside ${ignored}, which is ignored`,
      expected: "at least one label that counts",
      hint: "ignore another label, or none",
    });
  }
  return scored.length === entries.length ? named : Object.fromEntries(scored);
}

/** A score as `summarise` and `scoreTable` want it. @param score a metric's key */
export function scoresOf(
  { cases, labels, rows }: Pick<Evaluation, "cases" | "labels" | "rows">,
  column: string,
  score = "dice",
): Scores {
  const names = Object.keys(labels);
  const values = new Map(
    rows.filter((row) => row.column === column).map((row) => [`${row.case}\n${row.label}`, row.scores[score]]),
  );
  return {
    cases,
    labels: names,
    values: cases.map((id) => names.map((label) => values.get(`${id}\n${label}`) ?? Number.NaN)),
  };
}

async function labelsOfReferences(pairs: readonly Pair[], signal: CancelSignal | undefined): Promise<LabelNames> {
  const found = new Set<number>();
  for (const { reference } of pairs) {
    throwIfCancelled(signal);
    for (const label of labelsIn((await readLabels(reference)).data)) found.add(label);
  }
  found.delete(0);
  return Object.fromEntries([...found].sort((a, b) => a - b).map((label) => [`label ${label}`, label]));
}

async function evaluateCase(
  pair: Pair,
  columns: readonly string[],
  labels: LabelNames,
  { metrics, definition, tolerances, ignoreLabel }: EvaluateOptions,
): Promise<EvaluationRow[]> {
  const names = Object.keys(labels);
  const known = new Set([0, ...Object.values(labels).flat(), ...(ignoreLabel === undefined ? [] : [ignoreLabel])]);
  const reference = await readKnown(pair.reference, known, labels);
  const rows: EvaluationRow[] = [];
  for (const column of columns) {
    const file = pair.predictions[column];
    if (file === undefined) continue;
    const scores = compareLabels(await readKnown(file, known, labels), reference, Object.values(labels), {
      metrics,
      definition,
      tolerances,
      ...(ignoreLabel === undefined ? {} : { ignoreLabel }),
      predictionFile: file,
      referenceFile: pair.reference,
    });
    rows.push(...scores.map((score, at) => ({ case: pair.case, column, label: names[at]!, ...score })));
  }
  return rows;
}

async function readKnown(file: string, known: ReadonlySet<number>, labels: LabelNames): Promise<LabelVolume> {
  const volume = await readLabels(file);
  const unknown = labelsIn(volume.data).filter((label) => !known.has(label));
  if (unknown.length === 0) return volume;
  throw new FormatError({
    file,
    found: `label${unknown.length === 1 ? "" : "s"} ${unknown.join(", ")}`,
    expected: `only 0 and ${Object.entries(labels)
      .map(([name, value]) => (name === `label ${value}` ? `${value}` : `${valuesOf(value)} (${name})`))
      .join(", ")}`,
    hint: "name the labels of these files with --labels dataset.json, or correct the file",
  });
}

const valuesOf = (value: LabelOrRegion) => (typeof value === "number" ? String(value) : value.join("+"));

interface Found extends Pick<Evaluation, "labels" | "columns" | "cases" | "rows" | "missing"> {
  /** Names of the ignored label. */
  readonly ignored: readonly string[];
}

function notesOn(
  { labels: given }: EvaluateOptions,
  { labels, columns, cases, rows, missing, ignored }: Found,
  extra: readonly string[],
): string[] {
  const notes: string[] = [];
  if (given === undefined) {
    notes.push("Labels are called by their numbers; --labels dataset.json (or a model.json) names them.");
  }
  if (ignored.length > 0) notes.push(`Ignored, so without scores: ${listed(ignored)}.`);
  if (missing.length > 0) {
    notes.push(
      `${counted(missing.length, "case")} without a prediction, left out of every number: ${listed(missing)}.`,
    );
  }
  if (extra.length > 0) notes.push(`${counted(extra.length, "prediction")} without a reference: ${listed(extra)}.`);
  for (const column of columns) {
    const here = new Set(rows.filter((row) => row.column === column).map((row) => row.case));
    const without = cases.filter((id) => !here.has(id));
    if (without.length > 0) notes.push(`${column} lacks ${counted(without.length, "case")}: ${listed(without)}.`);
  }
  const absent = Object.keys(labels).filter((label) =>
    rows.every((row) => row.label !== label || Number.isNaN(row.scores.dice)),
  );
  if (absent.length > 0) notes.push(`In no case and no prediction: ${listed(absent)}.`);
  return notes;
}

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`;

function listed(names: readonly string[], shown = 8): string {
  return names.slice(0, shown).join(", ") + (names.length > shown ? ` and ${names.length - shown} more` : "");
}
