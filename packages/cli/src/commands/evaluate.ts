import { assertWritableFolder } from "@rfmedsam/base/node";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { ContextOf } from "../context.js";
import { wholeNumber } from "../options/parsers.js";
import { casesOfSplit, type SplitOptions } from "../options/split.js";
import { declare } from "./command.js";

interface Options extends SplitOptions {
  readonly labels?: string;
  readonly output?: string;
  readonly against?: string;
  readonly metrics?: string;
  readonly surface: boolean;
  readonly definition: "deepmind" | "medpy" | "monai";
  readonly tolerance: readonly number[];
  readonly ignoreLabel?: number;
  readonly images?: string;
  readonly worst: number;
}

/** `1,2`: millimetres, 0 or more. */
function tolerances(text: string): number[] {
  const values = text.split(",").map((each) => (each.trim() === "" ? Number.NaN : Number(each)));
  if (values.every((value) => Number.isFinite(value) && value >= 0)) return [...new Set(values)];
  throw new InvalidArgumentError("Expected millimetres with commas between them, such as 1,2.");
}

/** `rfmedsam evaluate PRED REF` */
export function evaluate(context: ContextOf): Command {
  return declare({
    name: "evaluate",
    summary: "compare predicted labels with reference labels",
    description:
      "Prints Dice, surface distances and other scores per label: mean ± standard deviation over the cases, and 95 % intervals. " +
      "Files belong together by name. Stages that `rfmedsam segment --stages` wrote are compared beside the final labels.",
    examples: [
      ["rfmedsam evaluate labels Dataset900_Phantom/labelsTs", "labels are named by the data set's dataset.json"],
      [
        "rfmedsam evaluate labels reference --labels model/model.json -o report --images imagesTs",
        "also as JSON, CSV and HTML in report, with pictures of the worst cases",
      ],
      ["rfmedsam evaluate labels reference --against other-labels", "is it better than another method? p per label"],
      ["rfmedsam evaluate labels reference --metrics dice,hd95,surface-dice --tolerance 2,5", "only these scores"],
    ],
  })
    .argument("<predictions>", "folder of label files, or one file")
    .argument("<references>", "folder of label files, or one file")
    .option("--labels <file>", "dataset.json or model.json that names the labels (default: the one beside REFERENCES)")
    .option("-o, --output <folder>", "where evaluation.json, .csv and .html go")
    .option("--against <folder>", "another method's labels of the same cases: paired differences and p values")
    .option("--metrics <list>", "which scores, such as dice,hd95,assd,surface-dice (default: all)")
    .option("--no-surface", "no surface distances: faster")
    .addOption(
      new Option("--definition <tool>", "whose surface distances")
        .choices(["deepmind", "medpy", "monai"])
        .default("deepmind"),
    )
    .option("--tolerance <mm,mm>", "of the surface Dice", tolerances, [1, 2])
    .option(
      "--ignore-label <n>",
      "label whose voxels in the reference count nowhere, itself without scores (default: the one called ignore)",
      wholeNumber(0),
    )
    .option("--images <folder>", "images under the pictures of the worst cases (with -o)")
    .option("--worst <n>", "how many cases are drawn (with -o)", wholeNumber(0), 6)
    .option("--split <file>", "nnU-Net's splits_final.json: only the validation cases of a fold")
    .option("--fold <k>", "which fold of the split, from 0", wholeNumber(0))
    .action(async (predictions: string, references: string, options: Options) => {
      const { ui, signal } = context();
      const cases = await casesOfSplit(options, "val");
      const { chooseScores } = await import("../options/scores.js");
      const { renderText, tableToJson } = await import("@rfmedsam/metrics");
      const metrics = await import("@rfmedsam/metrics/node");
      const { stageNames } = await import("@rfmedsam/segmenter");
      const file = options.labels ?? metrics.labelFileBeside(references);
      const named = file === undefined ? {} : metrics.withoutIgnored(await metrics.readLabelNames(file));
      const scores = chooseScores(options);
      if (options.output !== undefined) await assertWritableFolder(options.output);
      const evaluation = await metrics.evaluateFolders(predictions, references, {
        ...named,
        ...(options.ignoreLabel !== undefined && { ignoreLabel: options.ignoreLabel }),
        metrics: scores,
        definition: options.definition,
        tolerances: options.tolerance,
        against: options.against,
        beside: stageNames,
        cases,
        progress: ui.progress,
        signal,
      });
      const pictures = { worst: options.worst, images: options.images, signal };
      const written =
        options.output === undefined
          ? undefined
          : await metrics.writeEvaluation(options.output, evaluation, {
              pictures,
              facts: factsOf(predictions, references, options),
            });
      const tables = metrics.evaluationTables(evaluation);
      const { dice, intervals, others, comparison } = tables;
      const { notes: undrawn = [], ...files } = written ?? {};
      const notes = [...evaluation.notes, ...undrawn];
      for (const note of notes) ui.note(note);
      const shown = [
        ...(evaluation.columns.length > 1 ? [dice] : []),
        ...(others === undefined ? [] : [others]),
        intervals,
        tables.scores,
        ...comparison,
      ];
      ui.result(shown.map(renderText).join("\n") + (written === undefined ? "" : `\n${written.html}`), {
        command: "evaluate",
        cases: evaluation.cases,
        missing: evaluation.missing,
        notes,
        dice: tableToJson(dice),
        scores: tableToJson(tables.scores),
        summary: tableToJson(tables.summary),
        ...(comparison.length > 0 && { comparison: metrics.comparisonToJson(tables) }),
        ...(written && { files }),
      });
    });
}

/** What the page says about how it was made. */
function factsOf(predictions: string, references: string, options: Options): { name: string; value: string }[] {
  return Object.entries({
    predictions,
    references,
    others: options.against,
    "surface scores": options.surface ? options.definition : undefined,
  }).flatMap(([name, value]) => (value === undefined ? [] : { name, value }));
}
