/** An evaluation as `writeEvaluation` left it in `evaluation.json`, and several of them as one. */
import { ConfigError, FormatError } from "@rfmedsam/base";
import { readFileOrExplain } from "@rfmedsam/base/node";
import { chooseMetrics, metricNames } from "../metrics.js";
import type { Evaluation, EvaluationRow } from "./evaluate-folders.js";

type Written = Pick<Evaluation, "labels" | "settings" | "columns" | "cases" | "missing" | "notes"> & {
  readonly rows: readonly Readonly<Record<string, string | number | null>>[];
};

/**
 * @param file an `evaluation.json`
 * @returns what it was written from, but for the places of the files
 * @throws FormatError for another file, FileError
 */
export async function readEvaluation(file: string): Promise<Evaluation> {
  const text = new TextDecoder().decode(await readFileOrExplain(file, "`rfmedsam evaluate -o FOLDER` writes it"));
  const written = parse(text, file);
  const first = written.rows[0] ?? {};
  const metrics = chooseMetrics(metricNames, written.settings.tolerances).filter(({ key }) => key in first);
  const number = (value: string | number | null | undefined) => (value === null ? Number.NaN : Number(value));
  const rows = written.rows.map(
    (row): EvaluationRow => ({
      case: String(row.case),
      column: String(row.column),
      label: String(row.label),
      counts: { tp: number(row.tp), fp: number(row.fp), fn: number(row.fn), tn: number(row.tn) },
      scores: Object.fromEntries(metrics.map(({ key }) => [key, number(row[key])])),
    }),
  );
  const { labels, settings, columns, cases, missing, notes } = written;
  return { labels, settings, columns, cases, missing, notes, metrics, rows, files: [] };
}

function parse(text: string, file: string): Written {
  const wrong = (cause?: unknown) =>
    new FormatError({ file, found: "something else than an evaluation", expected: "an evaluation.json", cause });
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw wrong(cause);
  }
  const { labels, settings, columns, cases, missing, notes, rows } = (parsed ?? {}) as Partial<Written>;
  const lists = [columns, cases, missing, notes, rows, settings?.tolerances];
  if (!lists.every(Array.isArray) || typeof labels !== "object") throw wrong();
  return parsed as Written;
}

/**
 * Evaluations of different cases, e.g. of the folds of a cross-validation, as one.
 *
 * @throws ConfigError when they compare different things, or a case is in two of them
 */
export function joinEvaluations(evaluations: readonly Evaluation[]): Evaluation {
  const [first, ...others] = evaluations;
  if (first === undefined) throw new ConfigError({ found: "no evaluation", expected: "at least one" });
  const compared = ({ labels, settings, columns, metrics }: Evaluation) =>
    JSON.stringify([labels, settings, columns, metrics.map(({ key }) => key)]);
  const different = others.find((each) => compared(each) !== compared(first));
  if (different !== undefined) {
    throw new ConfigError({
      found: `evaluations of ${[first, different].map(({ columns }) => columns.join(", ")).join(" and of ")}, or with other labels or settings`,
      expected: "the same labels, settings and columns in all of them",
    });
  }
  const all = <Key extends "cases" | "rows" | "missing" | "files">(key: Key) =>
    evaluations.flatMap((each): readonly unknown[] => each[key]) as unknown as Evaluation[Key];
  const cases = all("cases");
  const twice = cases.find((id, at) => cases.indexOf(id) !== at);
  if (twice !== undefined)
    throw new ConfigError({ found: `the case ${twice} twice`, expected: "every case in one evaluation" });
  const notes = [...new Set(evaluations.flatMap((each) => each.notes))];
  return { ...first, cases, rows: all("rows"), missing: all("missing"), files: all("files"), notes };
}
