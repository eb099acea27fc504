import type { Command } from "commander";
import type { ContextOf } from "../context.js";
import { wholeNumber } from "../options/parsers.js";
import { casesOfSplit, type SplitOptions } from "../options/split.js";
import { declare } from "./command.js";

interface Options extends SplitOptions {
  readonly labels?: string;
  readonly output?: string;
}

/** `rfmedsam evaluate PRED REF` */
export function evaluate(context: ContextOf): Command {
  return declare({
    name: "evaluate",
    summary: "compare predicted labels with reference labels",
    description:
      "Prints Dice and other overlap scores per label, means over cases. Files belong together by name. " +
      "Stages that `rfmedsam segment --stages` wrote are compared beside the final labels.",
    examples: [
      ["rfmedsam evaluate labels Dataset900_Phantom/labelsTs", "labels are named by the data set's dataset.json"],
      [
        "rfmedsam evaluate labels reference --labels model/model.json -o report",
        "also as JSON, CSV and HTML in report",
      ],
    ],
  })
    .argument("<predictions>", "folder of label files, or one file")
    .argument("<references>", "folder of label files, or one file")
    .option("--labels <file>", "dataset.json or model.json that names the labels (default: the one beside REFERENCES)")
    .option("-o, --output <folder>", "where evaluation.json, .csv and .html go")
    .option("--split <file>", "nnU-Net's splits_final.json: only the validation cases of a fold")
    .option("--fold <k>", "which fold of the split, from 0", wholeNumber(0))
    .action(async (predictions: string, references: string, options: Options) => {
      const { ui, signal } = context();
      const cases = await casesOfSplit(options, "val");
      const { renderText, tableToJson } = await import("@rfmedsam/metrics");
      const metrics = await import("@rfmedsam/metrics/node");
      const { stageNames } = await import("@rfmedsam/segmenter");
      const file = options.labels ?? metrics.labelFileBeside(references);
      const labels = file === undefined ? undefined : await metrics.readLabelNames(file);
      const settings = { labels, beside: stageNames, cases, progress: ui.progress, signal };
      const evaluation = await metrics.evaluateFolders(predictions, references, settings);
      const files =
        options.output === undefined ? undefined : await metrics.writeEvaluation(options.output, evaluation);
      const { dice, scores } = metrics.evaluationTables(evaluation);
      for (const note of evaluation.notes) ui.note(note);
      const tables = evaluation.columns.length > 1 ? [dice, scores] : [scores];
      ui.result(tables.map(renderText).join("\n") + (files === undefined ? "" : `\n${files.html}`), {
        command: "evaluate",
        cases: evaluation.cases,
        missing: evaluation.missing,
        notes: evaluation.notes,
        dice: tableToJson(dice),
        scores: tableToJson(scores),
        ...(files && { files }),
      });
    });
}
