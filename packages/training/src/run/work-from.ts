/**
 * Several refiners on one step 0, several choices on one refiner: a new run takes over the prepared cases, the trained networks and step 0's
 * predictions of a run that kept them (`keepWork`), as far as its own settings would make the same ones.
 */
import { existsSync } from "node:fs";
import { copyFile, link } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { ConfigError, FileError } from "@rfmedsam/base";
import { fileErrorOf, makeFolder, namesIn } from "@rfmedsam/base/node";
import type { TrainingConfiguration } from "../config.js";
import type { Plan } from "../plan/plan.js";
import { bindingConfiguration } from "./binding.js";
import { networkOfFold, refinerNetwork, usesUNets } from "./run.js";
import type { RunIdentity, WorkFolder } from "./work-folder.js";
import { datasetChanges } from "./work-folder-dataset.js";

type Part = keyof TrainingConfiguration;

/** Settings that the refiner does not depend on. */
const afterRefiner: readonly Part[] = ["choice"];

/** Settings that the U-Nets and the prepared cases do not depend on. */
const afterStep0: readonly Part[] = [...afterRefiner, "refiner", "prompting", "validation"];

/** The settings of step 0 that two configurations do not share, of those that still count when there is a plan. */
export const step0Differences = (one: unknown, other: unknown): string[] => differences(one, other, afterStep0);

/** Whether two configurations with a refiner train the same one, on the same step 0. */
export const refinesTheSame = (one: unknown, other: unknown): boolean =>
  differences(one, other, afterRefiner).length === 0;

function differences(one: unknown, other: unknown, apart: readonly string[]): string[] {
  const [first, second] = [bindingConfiguration(one), bindingConfiguration(other)];
  const keys = [...new Set([...Object.keys(first), ...Object.keys(second)])].filter((key) => !apart.includes(key));
  return keys.filter((key) => !isDeepStrictEqual(first[key], second[key]));
}

/** What can be taken over: a step 0, and with the same settings of the refiner that one, too, as far as it was trained. */
export interface SharedWork {
  /** The plan it was made with. */
  readonly plan: Plan;
  /** Brings it into an empty work folder. */
  readonly bring: (to: WorkFolder) => Promise<void>;
}

/**
 * @param ids the names of the cases
 * @throws ConfigError when the other run's data, seed or settings of step 0 are not the same; FileError when it kept no work, or not all
 *   that is needed: what is missing would be trained anew, and nobody would know
 */
export async function sharedWork(from: WorkFolder, identity: RunIdentity, ids: readonly string[]): Promise<SharedWork> {
  const { plan, ...other } = await from.read();
  const wrong = [
    ...step0Differences(identity.configuration, other.configuration),
    ...(other.seed === identity.seed ? [] : ["seed"]),
    ...datasetChanges(other.dataset, identity.dataset).map((change) => `data set (${change})`),
  ];
  if (wrong.length > 0) {
    throw new ConfigError({
      file: from.folder,
      found: `a step 0 that was trained with another ${wrong.join(", ")}`,
      expected: "the same data, seed and settings, those of the refiner apart",
    });
  }
  const networks = unetsOf(identity.configuration, ids);
  const missing = filesOf(from, networks, ids).find((file) => !existsSync(file));
  if (missing !== undefined) {
    throw new FileError({
      file: missing,
      found: "does not exist",
      expected: "a finished step 0, with all that it was made of",
      hint: "finish the training whose step 0 is to be taken over, or train without one",
    });
  }
  if (refinesTheSame(other.configuration, identity.configuration)) networks.push(refinerNetwork);
  const samePrompts = samePredictions(other.configuration, identity.configuration);
  return { plan, bring: (to) => takeAll(from, to, networks, samePrompts) };
}

/** The names of step 0's networks, none where the refiner makes its own prompts. */
function unetsOf(configuration: TrainingConfiguration, ids: readonly string[]): string[] {
  if (!usesUNets(configuration)) return [];
  const folds = Math.min(configuration.folds, Math.max(1, ids.length));
  return Array.from({ length: folds }, (_, fold) => networkOfFold(fold));
}

/** What a step 0 consists of once it is finished. Its last files are predictions, whatever they are prompts for: a U-Net makes them when it is trained. */
function filesOf(from: WorkFolder, unets: readonly string[], ids: readonly string[]): string[] {
  const cases = ids.map((id) => from.cases.fileOf(id));
  if (unets.length === 0) return cases;
  return [...cases, ...unets.map((name) => from.checkpoint(name)), ...ids.map((id) => from.predictions.fileOf(id))];
}

/** Whether every case is predicted by the same U-Net. In-fold, which one it is depends on whether the case is one of the validation. */
function samePredictions(one: TrainingConfiguration, other: TrainingConfiguration): boolean {
  if (one.prompting !== other.prompting) return false;
  return one.prompting === "outOfFold" || one.validation === other.validation;
}

async function takeAll(
  from: WorkFolder,
  to: WorkFolder,
  networks: readonly string[],
  samePrompts: boolean,
): Promise<void> {
  try {
    await takeFiles(from.cases.folder, to.cases.folder);
    if (samePrompts) await takeFiles(from.predictions.folder, to.predictions.folder);
    for (const name of networks) await takeFile(from.checkpoint(name), to.checkpoint(name));
  } catch (cause) {
    throw fileErrorOf(cause, from.folder);
  }
}

async function takeFiles(from: string, to: string): Promise<void> {
  for (const name of await namesIn(from)) await takeFile(join(from, name), join(to, name));
}

/** Without a copy where the file system can: nobody writes into these files, they are only replaced. */
async function takeFile(from: string, to: string): Promise<void> {
  await makeFolder(dirname(to));
  await link(from, to).catch(async (cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return;
    await copyFile(from, to);
  });
}
