/**
 * An ablation, carried out:
 *
 *   each variant ─► its model (trained unless it is there) ─► the measured cases, segmented ─► the table so far, paired with the base
 *
 *   OUT/VARIANT/            a model folder
 *       learned.json        which data the models learned from
 *       measured/…          what was measured of each case
 *       ablation.json, .csv, .html
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { type CancelSignal, ConfigError, DatasetError, type Progress, silent } from "@rfmedsam/base";
import { manifestName, type OpenModel, openModel, readManifest } from "@rfmedsam/engine";
import { assertKnown, type CaseFilter } from "@rfmedsam/metrics/node";
import { type Device, measurePeak } from "@rfmedsam/torch";
import { assertReadable } from "../../dataset/assert-readable.js";
import { heldOut } from "../../dataset/held-out.js";
import { type LoadedCase, loadCase } from "../../dataset/load.js";
import { type CaseFiles, type Dataset, readDataset } from "../../dataset/nnunet.js";
import { sayHowToGoOn } from "../../go-on.js";
import { bindsTheSame } from "../../run/binding.js";
import { selectCases } from "../../run/prepare.js";
import { type TrainOptions, train } from "../../run/train.js";
import { studyCases } from "../common/cases.js";
import { foreground, type Measurement, scoreLabels } from "../common/measurements.js";
import { type StudyResult, writeStudy } from "../common/report.js";
import { StudyFolder } from "../common/study-folder.js";
import { contentOfModel } from "../common/weights-content.js";
import { type Ablation, baseName, identityOf, readAblation, type Variant } from "./configuration.js";
import { bindLearnedData } from "./learned-data.js";
import { modelOf, type NeededModel, neededModels } from "./models.js";
import { ablationStudy } from "./result.js";

export interface AblationOptions {
  /** The ablation's YAML. */
  readonly file: string;
  /** In nnU-Net's layout. */
  readonly dataset: string;
  readonly output: string;
  /** The two sides of a fold, by case name; without them all training cases are learned from and the held-out ones are measured. */
  readonly fold?: { readonly train: CaseFilter; readonly measure: CaseFilter } | undefined;
  /** The ablation's own unless given. */
  readonly seed?: number | undefined;
  readonly device?: Device | "auto" | undefined;
  readonly progress?: Progress | undefined;
  /** Told what a person should know, in sentences. */
  readonly onNote?: ((note: string) => void) | undefined;
  readonly signal?: CancelSignal | undefined;
}

/** What the steps share. */
interface Running extends AblationOptions {
  readonly ablation: Ablation;
  readonly seed: number;
  readonly data: Dataset;
  readonly progress: Progress;
}

/**
 * @throws ConfigError for what is wrong in the file, and for models or measurements of other settings or data in the output folder;
 *   DatasetError when nothing is left to learn from or to measure, or a case would be both; as `loadCase` for every measured case, before
 *   anything is trained; as `train` and `openModel`; InterruptedError, after which the same call goes on
 */
export async function runAblation(options: AblationOptions): Promise<StudyResult> {
  const { file, output, fold, progress = silent, signal } = options;
  const ablation = await readAblation(file);
  const data = await readDataset(options.dataset);
  const learned = learnedCases(data, fold);
  if (fold === undefined && (await heldOut(data)).labelled.length === 0) {
    throw new DatasetError({
      file: data.folder,
      found: "no held-out cases with labels (imagesTs, labelsTs), and no split",
      expected: "cases to measure that no variant learns from",
      hint: "add --split FILE --fold K",
    });
  }
  const { cases, facts } = await studyCases(data.folder, { only: fold?.measure, onNote: options.onNote });
  const seed = options.seed ?? ablation.seed;
  const running: Running = { ...options, ablation, seed, data, progress };
  const models = neededModels(ablation.variants);
  if (models.some(({ name }) => !isTrained(join(output, name))))
    await assertReadable(cases, data.labels, { progress, signal }).catch(sayHowToGoOn);
  const identity = {
    study: "ablation",
    dataset: resolve(data.folder),
    seed,
    "choice of cases to learn from": learned,
  };
  const folder = await StudyFolder.open(output, identity, { dataset: data, onNote: options.onNote });
  await bindLearnedData(
    output,
    selectCases(data, fold?.train),
    models.map(({ name }) => name),
  );
  for (const model of models) await checkSame(running, model);
  const measurements: Measurement[] = [];
  const written = (variants: readonly Variant[]) => {
    const measured = { labels: foreground(data.labels), cases: cases.map(({ id }) => id), measurements };
    const all = [...factsOf(running, learned.length, variants.length), ...facts];
    return writeStudy(output, ablationStudy({ ...ablation, variants }, measured, all));
  };
  for (const [at, variant] of ablation.variants.entries()) {
    const model = modelOf(models, variant)!;
    if (!isTrained(join(output, model.name))) {
      // Hours may lie between two variants: who waits, or stops, has a table of what is known.
      if (at > 1) await written(ablation.variants.slice(0, at));
      await trainVariant(running, model);
    }
    measurements.push(...(await measureVariant(running, folder, cases, model, variant)));
  }
  return written(ablation.variants);
}

function factsOf({ ablation, seed, data, file }: Running, learned: number, variants: number) {
  const all = ablation.variants.length;
  return Object.entries({
    ablation: file,
    ...(variants < all && { variants: `${variants} of ${all} so far; the same command goes on` }),
    "data set": data.name,
    "cases to learn from": String(learned),
    seed: String(seed),
    "base configuration": JSON.stringify(ablation.variants[0].configuration),
  }).map(([name, value]) => ({ name, value }));
}

async function measureVariant(
  { output, data, device, progress, signal }: Running,
  folder: StudyFolder,
  cases: readonly CaseFiles[],
  model: NeededModel,
  variant: Variant,
): Promise<Measurement[]> {
  const trained = join(output, model.name);
  using open = await openModel(trained, { device });
  const measure = async (files: CaseFiles, own: Progress) =>
    measureCase(open, variant, await loadCase(files, data.labels), own, signal);
  const part = await partOf(variant, trained);
  return await folder.measureCases(part, cases, measure, { progress, signal, shown: variant.name });
}

/** A variant's measurements have a place of their own as long as its settings are the same, and its model's weights. */
async function partOf(variant: Variant, model: string): Promise<string> {
  const identity = `${identityOf(variant)} ${await contentOfModel(model)}`;
  return `${variant.name}-${createHash("sha256").update(identity).digest("hex").slice(0, 12)}`;
}

function learnedCases({ folder, training }: Dataset, fold: AblationOptions["fold"]): string[] {
  const ids = training.map(({ id }) => id);
  assertKnown(fold?.train, ids, folder);
  assertKnown(fold?.measure, ids, folder);
  const learned = ids.filter((id) => fold?.train(id) ?? true);
  const both = fold && learned.find(fold.measure);
  if (learned.length > 0 && both === undefined) return learned.sort();
  throw new DatasetError({
    file: folder,
    found: both === undefined ? "no case to learn from" : `case ${both} on both sides of the fold`,
    expected: "training cases of the split, and others to measure",
    hint: "check the names in the split against the names of the files",
  });
}

const isTrained = (folder: string): boolean => existsSync(join(folder, manifestName));

async function trainVariant(running: Running, model: NeededModel): Promise<void> {
  const { output, dataset, seed, device, fold, progress, onNote, signal } = running;
  const folder = join(output, model.name);
  const source = model.workFrom === undefined ? undefined : join(output, model.workFrom);
  const options: TrainOptions = {
    dataset,
    output: folder,
    configuration: model.configuration,
    seed: seed + model.seedOffset,
    device,
    only: fold?.train,
    keepWork: model.keepWork,
    // A finished model whose work somebody threw away has no step 0 to give.
    workFrom: source !== undefined && existsSync(join(source, "training")) ? source : undefined,
    progress: (event) => progress({ ...event, stage: `${model.name}: ${event.stage}` }),
    note: (text) => onNote?.(`${model.name}: ${text}`),
    signal,
  };
  await train(options).catch(sayHowToGoOn);
}

/** @throws ConfigError when the model's folder holds one of other settings */
async function checkSame({ output, seed }: Running, { name, configuration, seedOffset }: NeededModel): Promise<void> {
  const folder = join(output, name);
  if (!isTrained(folder)) return;
  const { training } = await readManifest(folder);
  const same = bindsTheSame(training.configuration, configuration);
  if (same && training.seed === seed + seedOffset) return;
  throw new ConfigError({
    file: folder,
    found: "a model that was trained with other settings",
    expected: `the settings of ${name === baseName ? "the base" : `variant ${name}`}`,
    hint: "give the variant another name, delete the folder, or choose another output folder",
  });
}

/** One case as a variant's model labels it. */
async function measureCase(
  { manifest, segmenter, device }: OpenModel,
  { name, stage }: Variant,
  { id, channels, labels }: LoadedCase,
  progress: Progress,
  signal: CancelSignal | undefined,
): Promise<Measurement[]> {
  const peak = measurePeak(device);
  const found = await segmenter.segment(channels, {
    stageLabels: stage !== undefined,
    progress,
    ...(stage && { through: stage }),
    ...(signal && { signal }),
  });
  const memory = peak();
  const answer = stage === undefined ? found.labels : found.stages[stage]!;
  return [
    {
      arm: name,
      case: id,
      scores: scoreLabels(answer, labels, manifest.labels),
      seconds: found.seconds.total!,
      memory,
    },
  ];
}
