/** What `stress`, `upper-bound` and `ablate` have in common: their options, how they call a study, and how they end. */
import type { StudyResult } from "@rfmedsam/training";
import { type Command, InvalidArgumentError } from "commander";
import { type Context, startEngine } from "../context.js";
import { wholeNumber } from "../options/parsers.js";
import type { SplitOptions } from "../options/split.js";

export interface StudyOptions extends SplitOptions {
  readonly output: string;
}

/** Adds the options that choose cases and name the output. */
export function withStudyOptions(command: Command): Command {
  return command
    .requiredOption("-o, --output <folder>", "where the table goes: JSON, CSV and HTML")
    .option("--split <file>", "nnU-Net's splits_final.json: the validation cases of a fold (default: imagesTs)")
    .option("--fold <k>", "which fold of the split, from 0", wholeNumber(0));
}

/** For studies of models that are there: how many cases. */
export const withCaseCount = (command: Command): Command =>
  command.option("--cases <n>", "at most so many cases, the first by name", wholeNumber(1));

/** `a,b,c` */
export function nameList(text: string): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.every((name) => name !== "")) return names;
  throw new InvalidArgumentError("Expected names with commas between them, such as first,middle.");
}

/** What every study is told beside its own options. */
export async function runStudy(
  running: Context,
  command: string,
  study: (
    training: typeof import("@rfmedsam/training"),
    common: Pick<Context, "signal"> & {
      readonly device: string;
      readonly progress: Context["ui"]["progress"];
      readonly onNote: Context["ui"]["note"];
    },
  ) => Promise<StudyResult>,
): Promise<void> {
  const { ui, signal, options } = running;
  await startEngine(running);
  const training = await import("@rfmedsam/training");
  const { tableToJson } = await import("@rfmedsam/metrics");
  const common = { signal, device: options.device, progress: ui.progress, onNote: ui.note };
  const { text, table, verdict, measured, files } = await study(training, common);
  ui.result(`${text}\n${files.html}`, {
    command,
    cases: measured.cases,
    labels: measured.labels,
    table: tableToJson(table),
    verdict,
    files,
  });
}
