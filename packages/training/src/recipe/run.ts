/**
 * A recipe, carried out:
 *
 *   needs ─► data (converted, or made) ─► per fold: train ─► segment, every stage ─► evaluate ─► all folds: table, page
 *
 *   OUT/recipe.json                     what the run was started with
 *       data/                           the data set, unless it was in nnU-Net's layout already
 *       FOLD/model/                     with log/ and, once trained, log/report.html
 *       FOLD/labels/, costs.json        labels of the measured cases, time and memory of each
 *       FOLD/evaluation/
 *       evaluation.json, .csv, .html    all folds
 *       table.json, .csv                Dice per label
 *       stages.json, .csv               every stage's scores, seconds and memory
 *       report.html
 *
 * A step that is done is not done again; a run that was stopped goes on with the same command (`run-folder.ts` says what binds it).
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { type CancelSignal, type Progress, silent, throwIfCancelled } from "@rfmedsam/base";
import { readFileOrExplain, writeFileAtomic, writeJsonAtomic } from "@rfmedsam/base/node";
import { manifestName, openModel, readManifest, type SegmentedCase, segmentFiles } from "@rfmedsam/engine";
import { renderCsv, type Table } from "@rfmedsam/metrics";
import {
  type Evaluation,
  evaluateFolders,
  joinEvaluations,
  readEvaluation,
  writeEvaluation,
} from "@rfmedsam/metrics/node";
import { classTable, type ModelManifest, stageNames } from "@rfmedsam/segmenter";
import { chooseDevice, type Device } from "@rfmedsam/torch";
import type { TrainingConfiguration } from "../config.js";
import { assertReadable } from "../dataset/assert-readable.js";
import { convertDataset } from "../dataset/convert/convert.js";
import { type CaseFiles, type Dataset, readDataset } from "../dataset/nnunet.js";
import { sayHowToGoOn } from "../go-on.js";
import { writePhantomDataset } from "../phantom/index.js";
import { logFolder, renderRunReport } from "../record/run-report.js";
import { train } from "../run/train.js";
import { datasetState } from "../run/work-folder-dataset.js";
import { conversionFor } from "./data-source.js";
import { checkSplit, foldsOf, type RecipeFold, refuseFold, splitNotes } from "./folds.js";
import { checkDevice, checkNeeds } from "./needs.js";
import type { Recipe } from "./recipe.js";
import { recipePage, resultTable } from "./result.js";
import { type RecipeIdentity, RunFolder } from "./run-folder.js";
import { stageTable } from "./stage-table.js";

export interface RunRecipeOptions {
  readonly recipe: Recipe;
  readonly output: string;
  /** The recipe's, with what the user changed. */
  readonly configuration: TrainingConfiguration;
  /** A data set in nnU-Net's layout, or the download that the recipe converts. */
  readonly data?: string | undefined;
  readonly weights?: string | undefined;
  /** The recipe's own unless given; may not be given where the split is held out. */
  readonly fold?: number | "all" | undefined;
  readonly seed?: number | undefined;
  readonly device?: Device | "auto" | undefined;
  readonly progress?: Progress | undefined;
  /** Told what the user should know. */
  readonly onNote?: ((note: string) => void) | undefined;
  readonly signal?: CancelSignal | undefined;
  /** Throw away what an earlier run made in the output folder, its own data included. */
  readonly restart?: boolean | undefined;
}

export interface RecipeResult {
  /** Per label: every stage, the final labels, what they gain over step 0. */
  readonly table: Table;
  /** Per stage: surface scores, seconds and memory beside Dice. */
  readonly stages: Table;
  readonly evaluation: Evaluation;
  /** The page. */
  readonly report: string;
  readonly seconds: number;
}

/** What the steps share. */
interface Running {
  readonly recipe: Recipe;
  readonly output: string;
  readonly configuration: TrainingConfiguration;
  readonly seed: number;
  /** The data set in nnU-Net's layout. */
  readonly data: string;
  readonly device: Device;
  readonly progress: Progress;
  readonly onNote: (note: string) => void;
  readonly signal: CancelSignal | undefined;
}

/**
 * @throws typed errors for what is missing or wrong (needs, device, split, fold, a measured case that cannot be read), before anything is
 *   written, or, where the data have still to be made, before anything is trained; as `RunFolder`, `convertDataset`, `train`,
 *   `segmentFiles` and `evaluateFolders`; InterruptedError, after which the same call goes on
 */
export function runRecipe(options: RunRecipeOptions): Promise<RecipeResult> {
  return run(options).catch(sayHowToGoOn);
}

async function run(options: RunRecipeOptions): Promise<RecipeResult> {
  const started = performance.now();
  const { recipe, output, restart = false, progress = silent, onNote = () => {}, signal } = options;
  const { seed = recipe.seed, fold = recipe.fold, data: source } = options;
  refuseFold(recipe, options.fold);
  const there = !restart && (await RunFolder.hasMadeData(output));
  const device = chooseDevice(options.device);
  checkDevice(recipe, device, options.device);
  const given = { data: source, weights: options.weights, converted: there, progress, signal };
  const { weights, notes, data: found } = await checkNeeds(recipe, given);
  if (found !== undefined) for (const note of await splitNotes(recipe, found)) onNote(note);
  for (const note of notes) onNote(note);
  const { refiner } = options.configuration;
  const configuration =
    weights === undefined
      ? options.configuration
      : { ...options.configuration, refiner: { ...refiner, weights: resolve(weights) } };
  const ready = found?.form === "layout";
  const data = ready ? source! : join(output, "data");
  const { name, convert, phantom, evaluate } = recipe;
  const identity: RecipeIdentity = {
    recipe: name,
    data: resolve(data),
    convert: ready ? undefined : convert,
    phantom: phantom && { ...phantom, seed: recipe.seed },
    configuration,
    seed,
    fold: recipe.split === "heldOut" ? undefined : fold,
    evaluate,
  };
  const folder = await RunFolder.open(output);
  if (!restart) folder.check(identity);
  const running: Running = { recipe, output, configuration, seed, data, device, progress, onNote, signal };
  let known = ready || there ? await dataOf(running, identity, fold) : undefined;
  if (known === undefined) await checkSplit(recipe, fold, found && { folder: source!, cases: found.cases });
  else {
    if (!restart) folder.check(known.identity);
    await readMeasured(running, known, restart);
  }
  if (restart) await folder.discard(source);
  await folder.claim(known?.identity ?? identity);
  if (known === undefined) {
    await makeData(running, source);
    known = await dataOf(running, identity, fold);
    await folder.claim(known.identity);
    await readMeasured(running, known, restart);
  }
  for (const note of known.folds.flatMap(({ notes }) => notes)) onNote(note);
  const done: FoldResult[] = [];
  for (const each of known.folds) {
    done.push(await runFold(inFold(running, known.folds.length === 1 ? "" : `${each.name}: `), each));
  }
  return conclude(running, done, started);
}

/** What is known once the data are there. */
interface KnownData {
  readonly dataset: Dataset;
  readonly folds: readonly RecipeFold[];
  readonly identity: RecipeIdentity;
}

async function dataOf({ recipe, data }: Running, some: RecipeIdentity, wanted: number | "all"): Promise<KnownData> {
  const dataset = await readDataset(data);
  const folds = await foldsOf(recipe, dataset, wanted);
  const state = (side: keyof RecipeFold["files"]) => datasetState({ ...dataset, training: casesOf(folds, side) });
  const identity: RecipeIdentity = {
    ...some,
    folds: Object.fromEntries(folds.map(({ name, cases }) => [name, cases])),
    learned: await state("train"),
    measured: await state("measure"),
  };
  return { dataset, folds, identity };
}

/** Every case once, whatever folds it is in. */
const casesOf = (folds: readonly RecipeFold[], side: keyof RecipeFold["files"]): CaseFiles[] => [
  ...new Map(folds.flatMap(({ files }) => files[side]).map((files) => [files.id, files])).values(),
];

/** Reads the measured cases of folds that have still to be trained. */
async function readMeasured(
  { output, progress, signal }: Running,
  { dataset, folds }: KnownData,
  restart: boolean,
): Promise<void> {
  const left = folds.filter(({ name }) => restart || !existsSync(join(output, name, "model", manifestName)));
  if (left.length > 0) await assertReadable(casesOf(left, "measure"), dataset.labels, { progress, signal });
}

const inFold = (running: Running, prefix: string): Running => ({
  ...running,
  progress: (event) => running.progress({ ...event, stage: prefix + event.stage }),
});

async function makeData({ recipe, data, progress, onNote, signal }: Running, source: string | undefined) {
  if (recipe.convert !== undefined) {
    const { notes } = await convertDataset(recipe.convert, source!, data, {
      ...(await conversionFor(recipe)),
      progress,
      signal,
    });
    for (const note of notes) onNote(note);
  } else if (recipe.phantom !== undefined) {
    const { inPlaneSpacing, sliceSpacing, absence, ...counts } = recipe.phantom;
    const varied = {
      ...(inPlaneSpacing !== undefined && { inPlaneSpacing }),
      ...(sliceSpacing !== undefined && { sliceSpacing }),
      ...(absence !== undefined && { absence }),
    };
    const options = { ...counts, ...varied, seed: recipe.seed, name: recipe.title };
    await writePhantomDataset(data, options, progress, signal);
  }
}

interface FoldResult {
  readonly fold: RecipeFold;
  readonly manifest: ModelManifest;
  readonly evaluation: Evaluation;
  readonly segmented: readonly SegmentedCase[];
}

async function runFold(running: Running, fold: RecipeFold): Promise<FoldResult> {
  const folder = join(running.output, fold.name);
  const model = join(folder, "model");
  await trainUnlessDone(running, fold, model);
  const manifest = await readManifest(model);
  const costs = new Costs(join(folder, "costs.json"));
  const file = join(folder, "evaluation", "evaluation.json");
  if (!existsSync(file)) {
    await segmentRest(running, fold, model, join(folder, "labels"), costs);
    await writeEvaluation(join(folder, "evaluation"), await evaluate(running, fold, manifest, join(folder, "labels")), {
      title: `${running.recipe.title}, ${fold.name}`,
    });
  }
  return { fold, manifest, evaluation: await readEvaluation(file), segmented: await costs.read() };
}

async function trainUnlessDone(running: Running, fold: RecipeFold, model: string): Promise<void> {
  const { data: dataset, configuration, seed, device, progress, onNote, signal } = running;
  if (!existsSync(join(model, manifestName)))
    await train({
      dataset,
      output: model,
      configuration,
      seed,
      device,
      only: fold.train,
      progress,
      note: onNote,
      signal,
    });
  const page = join(model, logFolder, "report.html");
  if (!existsSync(page)) await writeFileAtomic(page, await renderRunReport(model));
}

async function segmentRest(
  { device, progress, onNote, signal }: Running,
  { images, measure }: RecipeFold,
  modelFolder: string,
  labels: string,
  costs: Costs,
): Promise<void> {
  throwIfCancelled(signal);
  using model = await openModel(modelFolder, { device });
  const settings = { stages: true, existing: "skip", cases: measure, onWarning: onNote, progress, signal } as const;
  // Cases that fail are named by the error at the end; the table would not be the recipe's without them.
  for await (const each of segmentFiles(model, [images], labels, settings))
    if (!("failure" in each)) await costs.add(each);
}

async function evaluate(
  { recipe, progress, signal }: Running,
  { labels: references, measure }: RecipeFold,
  manifest: ModelManifest,
  predictions: string,
): Promise<Evaluation> {
  const names = classTable(manifest).filter(({ value }) => value !== 0);
  return evaluateFolders(predictions, references, {
    ...recipe.evaluate,
    labels: Object.fromEntries(names.map(({ name, value }) => [name, value])),
    beside: stageNames,
    cases: measure,
    progress,
    signal,
  });
}

async function conclude(running: Running, folds: readonly FoldResult[], started: number): Promise<RecipeResult> {
  const { output, recipe } = running;
  const evaluation = joinEvaluations(folds.map((each) => each.evaluation));
  const table = resultTable(
    evaluation,
    folds.map(({ manifest }) => manifest),
  );
  const segmented = folds.flatMap((each) => each.segmented);
  const stages = stageTable(evaluation, segmented);
  await writeEvaluation(output, evaluation, { title: `${recipe.title}: all numbers` });
  for (const [name, each] of Object.entries({ table, stages })) {
    await writeJsonAtomic(join(output, `${name}.json`), each);
    await writeFileAtomic(join(output, `${name}.csv`), renderCsv(each));
  }
  const report = join(output, "report.html");
  const names = folds.map(({ fold }) => fold.name);
  await writeFileAtomic(report, recipePage({ ...running, table, stages, evaluation, segmented, folds: names }));
  return { table, stages, evaluation, report, seconds: (performance.now() - started) / 1000 };
}

/** Time and memory of the cases, kept over stops. */
class Costs {
  constructor(readonly file: string) {}

  async read(): Promise<SegmentedCase[]> {
    if (!existsSync(this.file)) return [];
    return JSON.parse(new TextDecoder().decode(await readFileOrExplain(this.file))) as SegmentedCase[];
  }

  async add(segmented: SegmentedCase): Promise<void> {
    const others = (await this.read()).filter((each) => each.case !== segmented.case);
    await writeJsonAtomic(this.file, [...others, segmented]);
  }
}
