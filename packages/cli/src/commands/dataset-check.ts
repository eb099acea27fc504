import type { CheckReport, Finding } from "@rfmedsam/training";
import type { Command } from "commander";
import type { ContextOf } from "../context.js";
import { exitCodes } from "../faults.js";
import { wholeNumber } from "../options/parsers.js";
import { declare } from "./command.js";

interface Options {
  readonly most: number;
}

/** `rfmedsam dataset check DATASET` */
export function datasetCheck(context: ContextOf): Command {
  return declare({
    name: "check",
    summary: "look at every file of a data set and say what is wrong with it",
    description:
      "Reads a data set in nnU-Net's layout, one case at a time: files that are missing or damaged, grids that do not fit, labels that " +
      "dataset.json does not know, the same scan twice or in the test, cases unlike the others. " +
      "Ends with code 2 when training would stop or learn from wrong data.",
    examples: [
      ["rfmedsam dataset check Dataset017_BTCV", "a table of what was found"],
      ["rfmedsam dataset check Dataset017_BTCV --json", "every finding, for a script"],
    ],
  })
    .argument("<dataset>", "folder in nnU-Net's layout")
    .option("--most <n>", "lines shown of one rule", wholeNumber(1), 8)
    .action(async (folder: string, { most }: Options) => {
      const running = context();
      const { ui, signal } = running;
      const { checkDataset } = await import("@rfmedsam/training");
      const { renderText } = await import("@rfmedsam/metrics");
      const report = await checkDataset(folder, { progress: ui.progress, signal });
      const tables = [classesOf(report), ...(report.findings.length > 0 ? [findingsOf(report, most)] : [])];
      ui.result(`${tables.map(renderText).join("\n")}\n${summaryOf(report)}`, { command: "dataset check", ...report });
      if (report.counts.error > 0) running.exitCode = exitCodes.user;
    });
}

function classesOf({ classes, training }: CheckReport) {
  return {
    columns: [{ name: "label" }, { name: "class" }, { name: "cases" }, { name: "mean volume", unit: "ml", digits: 2 }],
    rows: classes.map(({ value, name, cases, volume }) => [String(value), name, `${cases} of ${training}`, volume]),
  };
}

/** Findings under the sentence they break, at most `most` of each. */
function findingsOf({ findings, rules, folder }: CheckReport, most: number) {
  const rows = rules.flatMap(({ name, severity, sentence }) => {
    const broken = findings.filter(({ rule }) => rule === name);
    if (broken.length === 0) return [];
    const rest = broken.length - most;
    return [
      [severity, name, sentence],
      ...broken.slice(0, most).map((finding) => ["", subjectOf(finding, folder), finding.found]),
      ...(rest > 0 ? [["", "…", `and ${rest} more (--most, or --json for all)`]] : []),
    ];
  });
  return { columns: [{ name: "" }, { name: "rule, case" }, { name: "what should be, what is" }], rows };
}

/** The case, and the file where it says more than the case's name. */
function subjectOf({ case: of, file }: Finding, folder: string): string {
  const path = file?.startsWith(folder) ? file.slice(folder.length).replace(/^[\\/]/, "") : file;
  return path ?? of ?? "";
}

function summaryOf({ name, training, test, channelNames, usual, counts }: CheckReport): string {
  const grid = usual === undefined ? "" : `; usually ${usual.shape} voxels of ${usual.spacing} (z×y×x)`;
  const plural = (count: number, word: string) => `${count} ${word}${count === 1 ? "" : "s"}`;
  return (
    `${name}: ${plural(training, "case")} to train on, ${test} to test, ${channelNames.join(" + ")}${grid}.\n` +
    `${plural(counts.error, "error")}, ${plural(counts.warning, "warning")}, ${plural(counts.note, "note")}.`
  );
}
