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
 *       table.json, report.html
 *
 * A step that is done is not done again; a run that was stopped goes on with the same command.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import {
  type CancelSignal,
  ConfigError,
  InterruptedError,
  type Progress,
  silent,
  throwIfCancelled,
} from "@rfmedsam/base";
import { readFileOrExplain, writeFileAtomic, writeJsonAtomic } from "@rfmedsam/base/node";
import { manifestName, openModel, readManifest, type SegmentedCase, segmentFiles } from "@rfmedsam/engine";
import type { Table } from "@rfmedsam/metrics";
import {
  type Evaluation,
  evaluateFolders,
  joinEvaluations,
  readEvaluation,
  writeEvaluation,
} from "@rfmedsam/metrics/node";
import { classTable, type ModelManifest, stageNames } from "@rfmedsam/segmenter";
import type { Device } from "@rfmedsam/torch";
import type { TrainingConfiguration } from "../config.js";
import { convertDataset } from "../dataset/convert/convert.js";
import { readDataset } from "../dataset/nnunet.js";
import { writePhantomDataset } from "../phantom/index.js";
import { logFolder, renderRunReport } from "../record/run-report.js";
import { train } from "../run/train.js";
import { foldsOf, type RecipeFold } from "./folds.js";
import { checkNeeds } from "./needs.js";
import type { Recipe } from "./recipe.js";
import { recipePage, resultTable } from "./result.js";

export interface RunRecipeOptions {
  readonly recipe: Recipe;
  readonly output: string;
  /** The recipe's, with what the user changed. */
  readonly configuration: TrainingConfiguration;
  readonly data?: string | undefined;
  readonly weights?: string | undefined;
  /** The recipe's own unless given. */
  readonly fold?: number | "all" | undefined;
  readonly seed?: number | undefined;
  readonly device?: Device | "auto" | undefined;
  readonly progress?: Progress | undefined;
  /** Told what the user should know. */
  readonly onNote?: ((note: string) => void) | undefined;
  readonly signal?: CancelSignal | undefined;
}

export interface RecipeResult {
  /** Per label: every stage, the final labels, what they gain over step 0. */
  readonly table: Table;
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
  readonly device: Device | "auto" | undefined;
  readonly progress: Progress;
  readonly onNote: (note: string) => void;
  readonly signal: CancelSignal | undefined;
}

/**
 * @throws typed errors for what is missing, before anything is written; as `convertDataset`, `train`, `segmentFiles` and
 *   `evaluateFolders`; InterruptedError, after which the same call goes on
 */
export async function runRecipe(options: RunRecipeOptions): Promise<RecipeResult> {
  const started = performance.now();
  const { recipe, output, progress = silent, onNote = () => {}, signal } = options;
  const { seed = recipe.seed, fold = recipe.fold } = options;
  const own = join(output, "data");
  const { weights, notes } = await checkNeeds(recipe, {
    data: options.data,
    weights: options.weights,
    converted: existsSync(own),
  });
  for (const note of notes) onNote(note);
  const { refiner } = options.configuration;
  const configuration =
    weights === undefined
      ? options.configuration
      : { ...options.configuration, refiner: { ...refiner, weights: resolve(weights) } };
  const source = options.data;
  const data = recipe.needs.data === undefined ? own : source!;
  await claim(output, { recipe: recipe.name, data: resolve(data), configuration, seed, fold });
  const running: Running = {
    recipe,
    output,
    configuration,
    seed,
    data,
    device: options.device,
    progress,
    onNote,
    signal,
  };
  try {
    await prepareData(running, source);
    const folds = await foldsOf(recipe, await readDataset(data), fold);
    const done: FoldResult[] = [];
    for (const each of folds) {
      done.push(await runFold(inFold(running, folds.length === 1 ? "" : `${each.name}: `), each));
    }
    return await conclude(running, done, started);
  } catch (error) {
    throw error instanceof InterruptedError
      ? new InterruptedError({ found: error.found, hint: "run the same command again to go on from here" })
      : error;
  }
}

const inFold = (running: Running, prefix: string): Running => ({
  ...running,
  progress: (event) => running.progress({ ...event, stage: prefix + event.stage }),
});

/** Recognises a run that is gone on with. @throws ConfigError when the folder belongs to something else */
async function claim(output: string, identity: object): Promise<void> {
  const file = join(output, "recipe.json");
  const wanted = JSON.parse(JSON.stringify(identity)) as Record<string, unknown>;
  if (existsSync(file)) {
    const before = parsed(await readFile(file, "utf8"));
    const changed = Object.keys(wanted).filter((key) => JSON.stringify(before[key]) !== JSON.stringify(wanted[key]));
    if (changed.length === 0) return;
    throw new ConfigError({
      file: output,
      found: `a run with another ${changed.join(" and ")}`,
      expected: "the recipe and settings it was started with",
      hint: "give the same settings to go on, or choose another output folder",
    });
  }
  const ours = ["data", "evaluation.json", "report.html"].find((name) => existsSync(join(output, name)));
  if (ours !== undefined) {
    throw new ConfigError({
      file: join(output, ours),
      found: "a folder that no recipe was started in, with files of the same names",
      hint: "choose another output folder",
    });
  }
  await writeJsonAtomic(file, wanted);
}

function parsed(text: string): Record<string, unknown> {
  try {
    return (JSON.parse(text) ?? {}) as Record<string, unknown>;
  } catch {
    return {}; // not JSON: whatever it was, it is not this run's
  }
}

async function prepareData({ recipe, data, progress, onNote, signal }: Running, source: string | undefined) {
  if (existsSync(data)) return;
  if (recipe.convert !== undefined) {
    const { notes } = await convertDataset(recipe.convert, source!, data, { progress, signal });
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
  await writeEvaluation(output, evaluation, { title: `${recipe.title}: all numbers` });
  await writeJsonAtomic(join(output, "table.json"), table);
  const report = join(output, "report.html");
  const page = recipePage({ ...running, table, evaluation, segmented, folds: folds.map(({ fold }) => fold.name) });
  await writeFileAtomic(report, page);
  return { table, evaluation, report, seconds: (performance.now() - started) / 1000 };
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
