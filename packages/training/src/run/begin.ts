/** How a run begins: it is recognised and gone on with, takes another one's step 0 over, or gets a plan of its own. */
import { readdir, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import { type CancelSignal, ConfigError, type Progress } from "@rfmedsam/base";
import { fileErrorOf } from "@rfmedsam/base/node";
import { manifestName } from "@rfmedsam/engine";
import { classTable } from "@rfmedsam/segmenter";
import { chooseDevice, type Device } from "@rfmedsam/torch";
import type { TrainingConfiguration } from "../config.js";
import type { Dataset } from "../dataset/nnunet.js";
import { planDataset } from "../plan/dataset-plan.js";
import { assertDiskFits, sentenceAboutDisk } from "../plan/disk.js";
import { hostBudget, memoryBudget } from "../plan/memory/budget.js";
import { assertTrainingFits, budgetOf, overBudget, sentenceAbout } from "../plan/memory/fits.js";
import { estimateRefiner } from "../plan/memory/refiner.js";
import { inGibibytes, type MemoryEstimate } from "../plan/memory/sheet.js";
import { checkRefiner } from "../refiner/make.js";
import { generatorFile, recordFile, refinerFile, weightsOfFold } from "./run.js";
import { datasetState, type PlannedRun, type RunIdentity, WorkFolder } from "./work-folder.js";
import { sharedWork } from "./work-from.js";

export const workFolderOf = (model: string) => join(model, "training");

export interface BeginOptions {
  /** The model folder. */
  readonly output: string;
  readonly configuration: TrainingConfiguration;
  readonly seed: number;
  readonly device?: Device | "auto" | undefined;
  readonly restart?: boolean | undefined;
  readonly workFrom?: string | undefined;
  readonly progress: Progress;
  readonly note?: ((text: string) => void) | undefined;
  readonly signal?: CancelSignal | undefined;
}

export interface Begun extends PlannedRun {
  readonly device: Device;
}

/**
 * @throws as `WorkFolder.begin`, `sharedWork` and `planDataset` do; ConfigError for a restart with the step 0 that it would throw away;
 *   ResourceError when a new run does not fit the memory, or, with a step 0 of its own, the disk
 */
export async function begin(options: BeginOptions, dataset: Dataset, work: WorkFolder): Promise<Begun> {
  const { output, configuration, seed, restart, workFrom, progress, note = () => {}, signal } = options;
  const device = chooseDevice(options.device);
  const { channelNames: channels } = dataset;
  const classes = classTable(dataset).length;
  if (configuration.refiner.enabled) await checkRefiner(configuration.refiner, { classes, channels });
  const identity: RunIdentity = { configuration, seed, dataset: await datasetState(dataset) };
  const known = restart ? undefined : await work.begin(identity, note);
  if (known !== undefined) {
    tellIfShort(known.memory ?? refinerMemory(configuration, classes, device), configuration, device, note);
    return { ...known, device };
  }
  const refiner = refinerMemory(configuration, classes, device);
  // Before the data set is looked at, which takes long, and where step 0 is there already and nothing is planned.
  if (refiner.length > 0) assertTrainingFits(refiner, memoryBudget(configuration.memory, device));
  if (workFrom !== undefined) {
    const from = new WorkFolder(workFolderOf(workFrom));
    if (restart) await refuseOwn(from, work);
    const ids = dataset.training.map(({ id }) => id);
    const { plan, bring } = await sharedWork(from, identity, ids);
    if (restart) await removeOld(output, work);
    await work.beginWith(identity, { plan, memory: refiner }, bring);
    return { plan, memory: refiner, device };
  }
  const planned = await planDataset(dataset, { configuration, seed, device, progress, signal });
  const { plan, memory, budget, hostBudget, disk, advice } = planned;
  assertTrainingFits(memory, planned.budget);
  await assertDiskFits(disk, output, restart ? work.folder : undefined);
  for (const sentence of [...advice, sentenceAbout(memory, budget, hostBudget), sentenceAboutDisk(disk)])
    note(sentence);
  if (restart) await removeOld(output, work);
  await work.rememberPlan(identity, { plan, memory });
  return { plan, memory, device };
}

/** @throws ConfigError when the step 0 to take over is the one that is about to be thrown away */
async function refuseOwn(from: WorkFolder, work: WorkFolder): Promise<void> {
  const [source, own] = await Promise.all([from.folder, work.folder].map((folder) => realpath(folder).catch(() => {})));
  if (source === undefined || source !== own) return;
  throw new ConfigError({
    file: from.folder,
    found: "the step 0 to take over, in the very folder that is to be thrown away",
    expected: "a step 0 of another model",
    hint: "choose another output folder, train without restarting, or without taking a step 0 over",
  });
}

function refinerMemory(
  { refiner, precision }: TrainingConfiguration,
  classes: number,
  device: Device,
): readonly MemoryEstimate[] {
  return refiner.enabled ? [estimateRefiner(refiner, { classes, precision, device })] : [];
}

/** A run that goes on was let in once and cannot be planned anew: what it lacks is told, not refused. */
function tellIfShort(
  memory: readonly MemoryEstimate[],
  { memory: asked }: TrainingConfiguration,
  device: Device,
  note: (text: string) => void,
): void {
  if (memory.length === 0) return;
  const budgets = { budget: memoryBudget(asked, device), hostBudget: hostBudget(asked, device) };
  const short = overBudget(memory, budgets).map(
    (one) => `${one.phase} about ${inGibibytes(one.total)} of the ${inGibibytes(budgetOf(one, budgets))} it may`,
  );
  if (short.length === 0) return;
  note(
    `This training goes on as it was planned, and is expected to take more memory than it may now: ${short.join("; ")}. ` +
      "Free some if the system ends it.",
  );
}

/**
 * Only for data that can be trained on. The manifest goes first, so that nobody takes old and new weights for one model, and a replaced
 * run can be gone on with. Weights go by the names a training gives them: a smaller model would not replace all of a larger one's.
 */
async function removeOld(output: string, work: WorkFolder): Promise<void> {
  await rm(join(output, manifestName), { force: true });
  for (const name of await modelFiles(output)) await rm(join(output, name), { force: true });
  await work.remove();
}

/** Files, or links as such, that a training writes beside its manifest; never what is in a folder or behind a link. */
async function modelFiles(output: string): Promise<string[]> {
  const ours = (name: string) => [refinerFile, generatorFile, recordFile].includes(name) || weightsOfFold.test(name);
  try {
    const entries = await readdir(output, { withFileTypes: true });
    return entries.filter((entry) => !entry.isDirectory() && ours(entry.name)).map(({ name }) => name);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw fileErrorOf(cause, output);
  }
}
