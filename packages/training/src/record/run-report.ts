/**
 * One page about a training, finished or not, from what its model folder holds: `log/` (the record), and `model.json` where the record
 * lacks something. Nothing is computed again.
 */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { FileError } from "@rfmedsam/base";
import { fileErrorOf, readFileOrExplain } from "@rfmedsam/base/node";
import { manifestName, readManifest } from "@rfmedsam/engine";
import { type Headline, type ReportCase, renderReport, summarise } from "@rfmedsam/metrics";
import type { ModelManifest } from "@rfmedsam/segmenter";
import type { TrainingConfiguration } from "../config.js";
import { curvesOf, plotsOf } from "./curves.js";
import { type RunFacts, readFacts } from "./facts.js";
import { isPoint, peakResult, readLog, resultIn } from "./log-file.js";
import { logName } from "./recorder.js";
import {
  chosenScores,
  configurationTable,
  costTable,
  dataTable,
  gainTable,
  type Planned,
  validationTable,
} from "./run-tables.js";

/** Where a model folder keeps its record, and pictures for the page. */
export const logFolder = "log";
const pictureFolder = "pictures";

/**
 * @param model a folder that `train` wrote or is writing
 * @returns HTML
 * @throws FileError when there is no training in the folder; FormatError, ConfigError for damaged files
 */
export async function renderRunReport(model: string): Promise<string> {
  const log = join(model, logFolder);
  const finished = existsSync(join(model, manifestName));
  if (!finished && !existsSync(log)) {
    throw new FileError({
      file: model,
      found: existsSync(model) ? "no record of a training" : "does not exist",
      expected: `a model folder, with ${manifestName} or ${logFolder}/ in it`,
      hint: "name the folder that was given to `rfmedsam train -o`",
    });
  }
  const manifest = finished ? await readManifest(model) : undefined;
  const facts: RunFacts = { ...(manifest && factsOf(manifest)), ...(await readFacts(log)), finished };
  const { entries } = await readLog(join(log, logName));
  const points = entries.filter(isPoint);
  const curves = curvesOf(points);
  const planned = plannedSteps(facts, Object.keys(curves));
  const cost = costTable(points, planned, {
    expected: facts.memory,
    peak: { host: resultIn(entries, peakResult.host), device: resultIn(entries, peakResult.device) },
  });
  const cases = await pictures(join(log, pictureFolder));
  return renderReport({
    title: `Training: ${facts.dataset?.name ?? basename(resolve(model))}`,
    summary: summaryOf(facts, cost.state),
    headlines: headlines(facts, cost),
    tables: [validationTable(facts), gainTable(facts), cost.table, dataTable(facts), configurationTable(facts)].flatMap(
      (table) => table ?? [],
    ),
    plots: plotsOf(curves),
    cases,
    facts: [
      { name: "folder", value: resolve(model) },
      ...(facts.seed === undefined ? [] : [{ name: "seed", value: String(facts.seed) }]),
      ...(facts.device === undefined
        ? []
        : [{ name: "device", value: facts.threads ? `${facts.device}, ${facts.threads} threads` : facts.device }]),
      ...Object.entries(facts.versions ?? {}).map(([name, value]) => ({ name, value })),
    ],
  });
}

/** What a finished model says about itself. */
function factsOf({ training, labels, channelNames, outputStages, gate, largestComponent }: ModelManifest): RunFacts {
  const stages = ["step0", "stage1", "stage2", "mean"];
  const cases = [...new Set(training.validation.map((row) => String(row.case)))];
  return {
    seed: training.seed,
    versions: { ...training.versions, revision: training.revision },
    dataset: { name: training.dataset, labels, channels: channelNames },
    configuration: training.configuration as object,
    validationCases: cases,
    validation: training.validation.map((row) => ({
      case: String(row.case),
      label: String(row.label),
      dice: Object.fromEntries(
        stages.filter((stage) => stage in row).map((stage) => [stage, row[stage] as number | null]),
      ),
    })),
    choices: Object.entries(outputStages).map(([label, stage]) => ({
      label,
      stage,
      gate: gate[label] ?? null,
      largestComponent: largestComponent.includes(label),
    })),
  };
}

/** How many steps each stage is to make, as far as the configuration says. */
function plannedSteps({ configuration }: RunFacts, stages: readonly string[]): Planned {
  const { step0, refiner } = (configuration ?? {}) as Partial<
    Record<"step0" | "refiner", { readonly iterations?: number }>
  >;
  const stepsOf = (stage: string) => (stage.startsWith("step 0") ? step0?.iterations : refiner?.iterations);
  return Object.fromEntries(stages.map((stage) => [stage, stepsOf(stage)]));
}

function summaryOf({ finished, validationCases, configuration }: RunFacts, state: string): string {
  const measured = validationCases?.length ?? 0;
  const { folds, refiner } = (configuration ?? {}) as Partial<Pick<TrainingConfiguration, "folds" | "refiner">>;
  const step0 =
    folds === 1
      ? "the only U-Net did, so that step 0 looks better on them than it is."
      : "step 0 is by U-Nets that did not either.";
  const whose =
    refiner?.enabled === false
      ? ", each by a U-Net that has not seen it."
      : ` that the refiner did not learn from; ${step0}`;
  const cases = measured === 0 ? "" : ` Dice are those of ${measured} cases${whose}`;
  return finished ? `Finished.${cases}` : `Not finished: ${state}.${cases}`;
}

function headlines(facts: RunFacts, { seconds, steps }: { seconds: number; steps: number }): Headline[] {
  const { mean } = summarise(chosenScores(facts), { absentLabels: "skip" }).foreground;
  return [
    ...(Number.isNaN(mean)
      ? []
      : [{ name: "validation Dice", value: mean.toFixed(3), note: "chosen stages, mean of the labels" }]),
    ...(steps === 0
      ? []
      : [
          { name: "steps", value: String(steps) },
          { name: "time in steps", value: duration(seconds), note: `${(seconds / steps).toPrecision(3)} s a step` },
        ]),
  ];
}

const duration = (seconds: number): string =>
  seconds < 100
    ? `${seconds.toFixed(0)} s`
    : seconds < 6000
      ? `${(seconds / 60).toFixed(0)} min`
      : `${(seconds / 3600).toFixed(1)} h`;

/** PNG files of the folder, a case for each name before the last dash: `case_1-axial.png`. */
async function pictures(folder: string): Promise<ReportCase[]> {
  if (!existsSync(folder)) return [];
  let names: string[];
  try {
    names = (await readdir(folder)).filter((name) => name.endsWith(".png")).sort();
  } catch (cause) {
    throw fileErrorOf(cause, folder);
  }
  const cases = new Map<string, { png: Uint8Array; caption: string }[]>();
  for (const name of names) {
    const [, id, caption] = /^(.*?)(?:-([^-]*))?\.png$/.exec(name)!;
    const known = cases.get(id!) ?? [];
    known.push({ png: await readFileOrExplain(join(folder, name)), caption: caption ?? "picture" });
    cases.set(id!, known);
  }
  return [...cases].map(([name, own]) => ({ name, pictures: own }));
}
