/**
 * The demonstration: everything once, small.
 *
 *   phantoms ─► train (step 0, refiner) ─► segment held-out phantoms, all stages ─► compare with the truth ─► pictures and a page
 *
 * A stopped demonstration goes on where it was. Sizes and steps are chosen for two cores and ten minutes.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { type CancelSignal, type Progress, silent } from "@rfmedsam/base";
import { manifestName, openModel, readManifest, type SegmentedCase, segmentFiles } from "@rfmedsam/engine";
import type { Table } from "@rfmedsam/metrics";
import { type Evaluation, evaluateFolders, evaluationTables, summaryOf, writeEvaluation } from "@rfmedsam/metrics/node";
import { classTable, stageNames } from "@rfmedsam/segmenter";
import { chooseDevice, type Device, getNumThreads, measurePeak } from "@rfmedsam/torch";
import { resolveConfiguration, type TrainingConfiguration } from "../config.js";
import { type PhantomOptions, writePhantomDataset } from "../phantom/index.js";
import { train } from "../run/train.js";
import { openDemoFolder } from "./folder.js";
import { costTable, writeDemoReport } from "./report.js";
import { type DemoGoal, judge, type Verdict } from "./verdict.js";

export interface DemoOptions {
  /** The folder to fill; see `folder.ts` for what is in it. */
  readonly output: string;
  readonly seed?: number;
  readonly device?: Device | "auto" | undefined;
  /** Phantoms to train on, and held-out ones. */
  readonly cases?: number;
  readonly test?: number;
  readonly phantom?: PhantomOptions;
  /** The preset `demo` unless given. */
  readonly configuration?: TrainingConfiguration;
  readonly goal?: DemoGoal;
  /** A demonstration that was stopped is made anew instead of gone on with. */
  readonly restart?: boolean | undefined;
  readonly progress?: Progress;
  readonly signal?: CancelSignal | undefined;
}

export interface DemoResult {
  /** Dice per organ: step 0, stage 1, stage 2, final. */
  readonly dice: Table;
  /** Seconds and memory per volume. */
  readonly cost: Table;
  readonly verdict: Verdict;
  readonly evaluation: Evaluation;
  readonly report: string;
  /** Seconds of this run. */
  readonly seconds: number;
}

/** Sizes for ten minutes on two cores, with the preset `demo`. */
const defaults = {
  seed: 0,
  cases: 24,
  test: 6,
  phantom: { inPlaneSpacing: [5, 6], sliceSpacing: [5.5, 6.5], absence: 0 } as PhantomOptions,
  goal: { dice: 0.85 },
};

/**
 * Runs the demonstration. Threads are those set before (`setNumThreads`).
 *
 * @returns also when the goal is missed: `verdict` says so
 * @throws FileError when the folder holds something else; as `train`, `segmentFiles` and `evaluateFolders`; InterruptedError
 */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const started = performance.now();
  const { output, seed, cases, test, phantom, goal } = { ...defaults, ...options };
  const { progress = silent, signal, configuration = resolveConfiguration("demo") } = options;
  const device = chooseDevice(options.device);
  const folder = await openDemoFolder(output, { seed, cases, test, phantom, configuration }, options.restart);

  if (!existsSync(folder.data)) {
    const name = "Phantoms of the demonstration";
    await writePhantomDataset(folder.data, { ...phantom, cases, test, seed, name }, progress, signal);
  }
  const training = await trainUnlessDone({ ...folder, configuration, seed, device, progress, signal });
  const segmented = await segmentAll(folder.model, join(folder.data, "imagesTs"), folder.labels, options, device);
  const labels = await labelNames(folder.model);
  const evaluation = await evaluateFolders(folder.labels, join(folder.data, "labelsTs"), {
    labels,
    beside: stageNames,
    progress,
    signal,
  });
  await writeEvaluation(dirname(folder.report), evaluation, { title: "RFMedSAM 2 on phantoms: all numbers" });
  const dice = { ...evaluationTables(evaluation).dice, title: "Dice of the held-out phantoms" };
  const meanOf = (column: string) => summaryOf(evaluation, column).foreground.mean;
  const verdict = judge({ final: meanOf(evaluation.columns.at(-1)!), step0: meanOf(evaluation.columns[0]!) }, goal);
  const seconds = (performance.now() - started) / 1000;
  const facts = {
    modality: phantom.modality ?? "ct",
    seed,
    device,
    threads: getNumThreads(),
    trainingCases: cases,
    configuration,
    verdict,
    evaluation,
    segmented,
    dice,
    seconds: { training: training.seconds, total: seconds },
    trainingMemory: training.memory,
  };
  await writeDemoReport(facts, folder);
  return { dice, cost: costTable(segmented), verdict, evaluation, report: folder.report, seconds };
}

interface TrainStep {
  readonly data: string;
  readonly model: string;
  readonly configuration: TrainingConfiguration;
  readonly seed: number;
  readonly device: Device;
  readonly progress: Progress;
  readonly signal: CancelSignal | undefined;
}

/** Seconds and bytes of the training; NaN seconds when an earlier run had finished it. */
async function trainUnlessDone(step: TrainStep): Promise<{ seconds: number; memory: number }> {
  if (existsSync(join(step.model, manifestName))) return { seconds: Number.NaN, memory: Number.NaN };
  const peak = measurePeak(step.device);
  const started = performance.now();
  await train({ ...step, dataset: step.data, output: step.model });
  return { seconds: (performance.now() - started) / 1000, memory: peak() };
}

async function segmentAll(
  modelFolder: string,
  images: string,
  output: string,
  { progress, signal }: DemoOptions,
  device: Device,
): Promise<SegmentedCase[]> {
  using model = await openModel(modelFolder, { device });
  const segmented: SegmentedCase[] = [];
  // Labels of a stopped run are made again: their times are part of the report.
  for await (const each of segmentFiles(model, [images], output, {
    stages: true,
    existing: "overwrite",
    progress,
    signal,
  })) {
    // A phantom that fails ends the generator with its error; there is nothing to show for it here.
    if (!("failure" in each)) segmented.push(each);
  }
  return segmented;
}

async function labelNames(model: string): Promise<Record<string, number>> {
  const classes = classTable(await readManifest(model));
  return Object.fromEntries(classes.filter(({ value }) => value !== 0).map(({ name, value }) => [name, value]));
}
