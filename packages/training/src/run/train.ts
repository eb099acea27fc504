/**
 * The whole training, from a data set to a model folder:
 *
 *   data set ─► fingerprint ─► plan ─► prepared cases ─► step 0, K folds ─► out-of-fold logits ─► refiner ─► choices ─► model.json
 *
 * Every arrow leaves a file in `MODEL/training`, so that a stopped run goes on where it was; `model.json` is written last.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type CancelSignal, ConfigError, explain, type Progress } from "@rfmedsam/base";
import { writeJsonAtomic } from "@rfmedsam/base/node";
import { manifestName } from "@rfmedsam/engine";
import { classTable, type ModelManifest } from "@rfmedsam/segmenter";
import { type Device, getNumThreads, measurePeak, releaseUnused, writeSafetensors } from "@rfmedsam/torch";
import { chooseOutputs, type ModelChoices, type ValidationDice, validationDice } from "../choice/choose.js";
import type { MeasuredCase } from "../choice/measure.js";
import type { TrainingConfiguration } from "../config.js";
import { type Dataset, readDataset } from "../dataset/nnunet.js";
import { type Division, divide, fewestCases } from "../folds.js";
import type { Curve } from "../loop/loop.js";
import { placeOf } from "../plan/memory/sheet.js";
import { validationRows } from "../record/facts.js";
import { peakResult } from "../record/log-file.js";
import { RunRecorder } from "../record/recorder.js";
import { logFolder } from "../record/run-report.js";
import { versions } from "../version.js";
import { type Begun, begin, workFolderOf } from "./begin.js";
import { manifestOf } from "./model-manifest.js";
import { prepareCases, selectCases } from "./prepare.js";
import { runRefiner, type TrainedRefiner } from "./refiner-run.js";
import { generatorFile, type Run, recordFile, refinerFile, usesUNets } from "./run.js";
import { measureOutOfFold, step0MeasuredOn, trainFolds } from "./step0-folds.js";
import { WorkFolder } from "./work-folder.js";

export { workFolderOf } from "./begin.js";

export interface TrainOptions {
  /** In nnU-Net's layout. */
  readonly dataset: string;
  /** The model folder to make. */
  readonly output: string;
  readonly configuration: TrainingConfiguration;
  readonly seed: number;
  readonly device?: Device | "auto" | undefined;
  /** Case names to train on; all by default. */
  readonly only?: ((id: string) => boolean) | undefined;
  /** Throw the model or the stopped run in the output folder away: weights, record and work; other files stay. */
  readonly restart?: boolean | undefined;
  /** Keep `MODEL/training` when the model is finished, for `workFrom` of others. */
  readonly keepWork?: boolean | undefined;
  /**
   * A model folder that kept its work, not this one: its finished step 0 is taken over instead of training one, and its refiner where the
   * settings differ in `choice` at most.
   */
  readonly workFrom?: string | undefined;
  readonly progress: Progress;
  /** What a person should know, in sentences. */
  readonly note?: ((text: string) => void) | undefined;
  readonly signal?: CancelSignal | undefined;
}

export interface TrainResult {
  readonly manifest: ModelManifest;
  /** Of the validation cases as they are. */
  readonly validation: readonly ValidationDice[];
  readonly choices: ModelChoices["choices"];
}

/**
 * Trains a model, or goes on with a stopped training of the same settings.
 *
 * @throws typed errors for every fault of data, settings and machine; InterruptedError when stopped (nothing is lost)
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const { output, restart } = options;
  if (existsSync(join(output, manifestName)) && !restart) {
    throw new ConfigError({
      file: output,
      found: "a finished model",
      hint: "choose another output folder, or add --restart to replace it",
    });
  }
  const dataset = selectCases(await readDataset(options.dataset), options.only);
  const work = new WorkFolder(workFolderOf(output));
  await using _lock = await work.lock();
  const begun = await begin(options, dataset, work);
  const recorder = await RunRecorder.open(join(output, logFolder), restart ? { restart } : {});
  const peak = measurePeak(begun.device);
  try {
    return await runAll(options, dataset, work, begun, recorder);
  } finally {
    const unwritten = recorder.close({ [peakResult[placeOf(begun.device)]]: peak() });
    if (unwritten !== undefined) options.note?.(`The record of the training is not whole: ${explain(unwritten)}`);
    releaseUnused(begun.device);
  }
}

async function runAll(
  options: TrainOptions,
  dataset: Dataset,
  work: WorkFolder,
  { plan, device, memory }: Begun,
  recorder: RunRecorder,
): Promise<TrainResult> {
  const { output, configuration, seed, progress, signal } = options;
  const classes = classTable(dataset).map(({ name }) => name);
  const ids = dataset.training.map(({ id }) => id);
  const division = divide(ids, configuration.folds, configuration.validation, seed);
  tellOfChoices(options, division);
  await recorder.describe({
    dataset: { name: dataset.name, cases: ids.length, labels: dataset.labels, channels: [...dataset.channelNames] },
    configuration,
    plan,
    seed,
    device,
    threads: getNumThreads(),
    versions: versions(),
    ...(memory && { memory: memory.map(({ phase, place, total }) => ({ phase, place, bytes: total })) }),
    validationCases: configuration.refiner.enabled
      ? [...division.validation]
      : step0MeasuredOn(division, configuration),
  });
  const shared = { dataset, classes, configuration, seed, device, output, work, plan, division, progress, signal };
  const run: Run = { ...shared, record: (step) => recorder.add(step) };
  recorder.results(predictedMemory(memory));

  const { step0Curves, refined, measured } = await trainStages(run);
  using _refined = { [Symbol.dispose]: () => refined?.model.free() };
  const choices = chooseOutputs(measured, classes, { ...configuration.choice, refined: refined !== undefined });
  const validation = validationDice(measured, refined !== undefined);
  const manifest = manifestOf(run, refined, choices, validation);
  await writeRefiner(output, refined);
  await writeJsonAtomic(join(output, recordFile), {
    plan,
    configuration,
    seed,
    cases: ids,
    division,
    curves: { step0: step0Curves, refiner: refined?.curve ?? null },
    validation,
    choices: choices.choices,
  });
  await recorder.describe({
    validation: validationRows(validation, classes),
    choices: choices.choices.map(({ label, stage, reason, gate, largestComponent }) => ({
      label,
      stage,
      reason,
      gate: gate === undefined ? null : { ...gate.rule },
      largestComponent: largestComponent.kept,
    })),
    finished: true,
  });
  await writeJsonAtomic(join(output, manifestName), manifest);
  if (options.keepWork !== true) await work.remove();
  return { manifest, validation, choices: choices.choices };
}

/** The fullest moment in each place, as a result of the run. */
function predictedMemory(memory: Begun["memory"] = []): Record<string, number> {
  const names = { host: "memory/predicted", device: "memory/predicted on the device" } as const;
  const most: Record<string, number> = {};
  for (const { place, total } of memory) most[names[place]] = Math.max(total, most[names[place]] ?? 0);
  return most;
}

interface TrainedStages {
  readonly step0Curves: Curve[];
  readonly refined: TrainedRefiner | undefined;
  readonly measured: readonly MeasuredCase[];
}

/** Step 0 and the refiner; the prepared cases are mapped from disk as long as something learns from them. */
async function trainStages(run: Run): Promise<TrainedStages> {
  const cases = await prepareCases(run);
  try {
    const step0Curves = usesUNets(run.configuration) ? await trainFolds(run, cases) : [];
    const refined = run.configuration.refiner.enabled ? await runRefiner(run, cases) : undefined;
    return { step0Curves, refined, measured: refined?.measured ?? (await measureOutOfFold(run, cases)) };
  } finally {
    for (const { image, labels } of cases.values()) {
      image.free();
      labels.free();
    }
  }
}

/** What a person would otherwise find out from a refiner that never answers. */
function tellOfChoices({ configuration, note = () => {} }: TrainOptions, { validation, leftOut }: Division): void {
  const { refiner, choice } = configuration;
  if (!refiner.enabled || !(choice.stages || choice.gate)) return;
  if (leftOut.length === 1 && usesUNets(configuration) && validation.length > 0) {
    note(
      "The only U-Net learns from the validation cases, too: step 0 looks better on them than it is, and will be chosen too often.",
    );
  }
  if (validation.length >= fewestCases) return;
  const cases = validation.length === 1 ? "1 validation case" : `${validation.length} validation cases`;
  note(
    `With ${cases} nothing can be chosen (${fewestCases} are needed): ${choice.stages ? "step 0 will answer for every label" : "there will be no gate"}. ` +
      "More cases, or a larger `validation`, would let the refiner answer where it is better.",
  );
}

async function writeRefiner(output: string, refined: TrainedRefiner | undefined): Promise<void> {
  if (refined === undefined) return;
  const { sam2, generator } = refined.model;
  await writeSafetensors(join(output, refinerFile), sam2.stateDict());
  if (generator !== undefined) await writeSafetensors(join(output, generatorFile), generator.stateDict());
}
