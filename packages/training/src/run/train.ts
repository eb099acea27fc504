/**
 * The whole training, from a data set to a model folder:
 *
 *   data set ─► fingerprint ─► plan ─► prepared cases ─► step 0, K folds ─► out-of-fold logits ─► refiner ─► validation ─► model.json
 *
 * Every arrow leaves a file in `MODEL/training`, so that a stopped run goes on where it was; `model.json` is written last.
 */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type CancelSignal, ConfigError, type Progress, throwIfCancelled } from "@rfmedsam/base";
import { writeJsonAtomic } from "@rfmedsam/base/node";
import { manifestName } from "@rfmedsam/engine";
import { TorchPatchNetwork, TorchRefiner } from "@rfmedsam/models";
import { formatVersion, type ModelManifest, predictVolume } from "@rfmedsam/segmenter";
import { chooseDevice, type Device, noGrad, scope, writeSafetensors } from "@rfmedsam/torch";
import type { TrainingConfiguration } from "../config.js";
import { loadCase } from "../dataset/load.js";
import { type Dataset, readDataset } from "../dataset/nnunet.js";
import type { StoredCase } from "../dataset/store.js";
import { type Division, divide } from "../folds.js";
import type { Curve } from "../loop/loop.js";
import { type CaseFingerprint, fingerprintCase, fingerprintDataset } from "../plan/fingerprint.js";
import { makePlan, type Plan } from "../plan/plan.js";
import { chooseStages, measureCase, type StageDice } from "../refiner/choose.js";
import type { RefinerModel } from "../refiner/model.js";
import { RefinerCase } from "../refiner/sequences.js";
import { neighbours, trainRefiner } from "../refiner/train.js";
import { trainUNet } from "../step0/train.js";
import { version, versions } from "../version.js";
import { datasetHash, type RunIdentity, WorkFolder } from "./work-folder.js";

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
  /** Throw a stopped run in the output folder away. */
  readonly restart?: boolean | undefined;
  readonly progress: Progress;
  readonly signal?: CancelSignal | undefined;
}

export interface TrainResult {
  readonly manifest: ModelManifest;
  readonly validation: readonly StageDice[];
}

/** What the steps below share. */
interface Run {
  readonly dataset: Dataset;
  readonly classes: number;
  readonly configuration: TrainingConfiguration;
  readonly seed: number;
  readonly device: Device;
  readonly work: WorkFolder;
  readonly plan: Plan;
  readonly division: Division;
  readonly progress: Progress;
  readonly signal: CancelSignal | undefined;
}

/**
 * Trains a model, or goes on with a stopped training of the same settings.
 *
 * @throws typed errors for every fault of data, settings and machine; InterruptedError when stopped (nothing is lost)
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const { output, configuration, seed, progress, signal } = options;
  const device = chooseDevice(options.device);
  if (existsSync(join(output, manifestName)) && !options.restart) {
    throw new ConfigError({
      file: output,
      found: "a finished model",
      hint: "choose another output folder, or add --restart to replace it",
    });
  }
  const dataset = await selectCases(await readDataset(options.dataset), options.only);
  const work = new WorkFolder(join(output, "training"));
  const identity: RunIdentity = { configuration, seed, dataset: await datasetHash(dataset) };
  const known = options.restart ? undefined : await work.begin(identity);
  const classes = Object.keys(dataset.labels).length;
  const plan = known ?? (await planRun(dataset, classes, configuration, seed, progress, signal));
  if (known === undefined) {
    // Only data that can be trained on replace what was here. The manifest goes first, so that nobody takes old and new weights for
    // one model, and a replaced run can be gone on with.
    if (options.restart) {
      await rm(join(output, manifestName), { force: true });
      await work.remove();
    }
    await work.rememberPlan(identity, plan);
  }
  const division = divide(
    dataset.training.map(({ id }) => id),
    configuration.folds,
    configuration.validation,
    seed,
  );
  const run: Run = { dataset, classes, configuration, seed, device, work, plan, division, progress, signal };

  const cases = await prepareCases(run);
  const step0Curves = await trainStep0(run, cases, output);
  const refined = configuration.refiner.enabled ? await trainAndMeasureRefiner(run, cases) : undefined;
  const manifest = manifestOf(run, refined);
  if (refined) await writeSafetensors(join(output, refinerFile), refined.model.sam2.stateDict());
  await writeJsonAtomic(join(output, "training.json"), {
    plan,
    configuration,
    seed,
    division,
    curves: { step0: step0Curves, refiner: refined?.curve ?? null },
    validation: refined?.measured ?? [],
  });
  await writeJsonAtomic(join(output, manifestName), manifest);
  await work.remove();
  refined?.model.free();
  return { manifest, validation: refined?.measured ?? [] };
}

const refinerFile = "refiner.safetensors";
const foldFile = (fold: number) => `step0-fold${fold}.safetensors`;

async function selectCases(dataset: Dataset, only: ((id: string) => boolean) | undefined): Promise<Dataset> {
  if (only === undefined) return dataset;
  const training = dataset.training.filter(({ id }) => only(id));
  if (training.length === 0)
    throw new ConfigError({ file: dataset.folder, found: "none of the chosen cases is in the data set" });
  return { ...dataset, training };
}

async function planRun(
  { training, labels, channelNames }: Dataset,
  classes: number,
  configuration: TrainingConfiguration,
  seed: number,
  progress: Progress,
  signal: CancelSignal | undefined,
): Promise<Plan> {
  const fingerprints: CaseFingerprint[] = [];
  for (const [index, files] of training.entries()) {
    throwIfCancelled(signal);
    fingerprints.push(fingerprintCase(await loadCase(files, labels), seed));
    progress({ stage: "looking at the data set", done: index + 1, total: training.length });
  }
  return makePlan(
    fingerprintDataset(fingerprints, configuration.preprocessing.clip),
    channelNames,
    classes,
    configuration,
  );
}

async function prepareCases({ dataset, plan, work, classes, progress, signal }: Run): Promise<Map<string, StoredCase>> {
  const cases = new Map<string, StoredCase>();
  for (const [index, files] of dataset.training.entries()) {
    throwIfCancelled(signal);
    if (!work.cases.has(files.id)) await work.cases.add(await loadCase(files, dataset.labels), plan.recipe);
    cases.set(files.id, await work.cases.open(files.id, classes));
    progress({ stage: "preparing cases", done: index + 1, total: dataset.training.length });
  }
  return cases;
}

/** Trains the folds one after the other; each then predicts the cases it has not seen. */
async function trainStep0(run: Run, cases: ReadonlyMap<string, StoredCase>, output: string): Promise<Curve[]> {
  const { division, configuration, plan, seed, device, work, progress, signal, classes } = run;
  const folds = division.leftOut.length;
  const curves: Curve[] = [];
  for (const [fold, leftOut] of division.leftOut.entries()) {
    const stage = folds === 1 ? "step 0: training the U-Net" : `step 0: training U-Net ${fold + 1} of ${folds}`;
    const seen = [...cases.values()].filter(({ id }) => !leftOut.includes(id));
    const { network, curve } = await trainUNet({
      cases: seen,
      plan,
      configuration: configuration.step0,
      seed: seed + 1000 * (fold + 1),
      device,
      stage,
      checkpoint: work.checkpoint(`step0-fold${fold}`),
      checkpointEvery: configuration.checkpointEvery,
      progress,
      signal,
    });
    curves.push(curve);
    await writeSafetensors(join(output, foldFile(fold)), network.stateDict());
    // With a single fold there are no unseen cases: prompts then come from the network's own.
    const toPredict = (folds === 1 ? [...cases.keys()] : leftOut).filter((id) => !work.predictions.has(id));
    const patches = new TorchPatchNetwork(network, plan.patch, device);
    for (const [index, id] of toPredict.entries()) {
      throwIfCancelled(signal);
      const stored = cases.get(id)!;
      const logits = await predictVolume(patches, stored, { overlap: configuration.step0.overlap });
      await work.predictions.add(id, logits, classes, stored.shape);
      progress({
        stage: `step 0: predicting ${folds === 1 ? "its cases" : "unseen cases"}${folds === 1 ? "" : `, U-Net ${fold + 1} of ${folds}`}`,
        done: index + 1,
        total: toPredict.length,
      });
    }
    network.free();
  }
  return curves;
}

interface Refined {
  readonly model: RefinerModel;
  readonly curve: Curve;
  readonly measured: readonly StageDice[];
}

async function trainAndMeasureRefiner(run: Run, cases: ReadonlyMap<string, StoredCase>): Promise<Refined> {
  const { work, classes, configuration, division, seed, device, progress, signal } = run;
  const all = new Map<
    string,
    { refinerCase: RefinerCase; logits: Awaited<ReturnType<typeof work.predictions.open>> }
  >();
  for (const [id, stored] of cases) {
    const logits = await work.predictions.open(id);
    all.set(id, { refinerCase: new RefinerCase(stored, logits, classes, configuration.refiner), logits });
  }
  const held = new Set(division.validation);
  const { model, curve } = await trainRefiner({
    cases: [...all].filter(([id]) => !held.has(id)).map(([, { refinerCase }]) => refinerCase),
    classes,
    configuration: configuration.refiner,
    seed: seed + 1,
    device,
    checkpoint: work.checkpoint("refiner"),
    checkpointEvery: configuration.checkpointEvery,
    progress,
    signal,
  });
  const network = new TorchRefiner(model.sam2.eval(), device);
  const calibration = { stage1: model.stage1.export(), stage2: model.stage2.export() };
  const measured: StageDice[] = [];
  for (const [index, id] of division.validation.entries()) {
    throwIfCancelled(signal);
    const { refinerCase, logits } = all.get(id)!;
    const values = noGrad(() => scope(() => logits.toFloat32Array()));
    measured.push(
      ...(await measureCase(refinerCase, values, {
        network,
        calibration,
        configuration: configuration.refiner,
        progress,
        signal,
      })),
    );
    progress({ stage: "choosing the stage of every label", done: index + 1, total: division.validation.length });
  }
  return { model, curve, measured };
}

function manifestOf(
  { dataset, configuration, seed, plan, classes, division }: Run,
  refined: Refined | undefined,
): ModelManifest {
  const { step0, refiner } = configuration;
  const names = Object.keys(dataset.labels);
  const stages = chooseStages(refined?.measured ?? [], classes);
  return {
    formatVersion,
    rfmedsam: version,
    labels: { ...dataset.labels },
    channelNames: [...dataset.channelNames],
    preprocessing: plan.recipe,
    step0: {
      kind: "unet",
      architecture: { ...plan.architecture },
      patch: [...plan.patch],
      folds: division.leftOut.map((_, fold) => foldFile(fold)),
      mirrorAxes: step0.mirrorPrediction ? step0.augmentation.mirrorAxes : [],
      overlap: step0.overlap,
    },
    ...(refined && {
      refiner: {
        architecture: { ...refined.model.sam2.config },
        weights: refinerFile,
        slices: refiner.slices,
        axis: refiner.axis,
        channel: 0,
        prompt: refiner.prompts,
        memory: { ...refiner.memory, neighbours },
        calibration: { stage1: refined.model.stage1.export(), stage2: refined.model.stage2.export() },
      },
    }),
    outputStages: Object.fromEntries(names.slice(1).map((name, i) => [name, stages[i + 1]!])),
    training: {
      dataset: dataset.name,
      seed,
      revision: versions().revision ?? "unknown",
      versions: versions(),
      configuration,
      validation: (refined?.measured ?? []).map(({ case: id, class: label, dice }) => ({
        case: id,
        label: names[label]!,
        ...Object.fromEntries(
          Object.entries(dice).map(([stage, value]) => [stage, Number.isFinite(value) ? value : null]),
        ),
      })),
    },
  } as ModelManifest;
}
