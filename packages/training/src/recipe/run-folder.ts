/**
 * The folder of a recipe's run, and what it was started with (`recipe.json`). A setting is bound by the first thing that was made with it:
 * before that, another one takes its place. `recipe.json` comes into being with the first thing that is written, and what is not known yet
 * (a data set that has still to be made has no folds) comes into it later.
 */
import { existsSync } from "node:fs";
import { readFile, rename, rm } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { ConfigError, FormatError } from "@rfmedsam/base";
import { fileErrorOf, namesIn, writeJsonAtomic } from "@rfmedsam/base/node";
import { manifestName } from "@rfmedsam/engine";
import type { TrainingConfiguration } from "../config.js";
import { bindingConfiguration } from "../run/binding.js";
import { workFolderOf } from "../run/train.js";
import { configurationChanges, FolderLock } from "../run/work-folder.js";
import { type DatasetState, datasetChanges } from "../run/work-folder-dataset.js";
import type { FoldCases } from "./folds.js";
import type { Recipe } from "./recipe.js";

/** What must not change between a stop and going on. */
export interface RecipeIdentity {
  readonly recipe: string;
  /** The data set's folder. */
  readonly data: string;
  /** How the data are made, where they are made. */
  readonly convert?: Recipe["convert"];
  readonly phantom?: (NonNullable<Recipe["phantom"]> & { readonly seed: number }) | undefined;
  readonly configuration: TrainingConfiguration;
  readonly seed: number;
  /** None where the split is held out. */
  readonly fold?: number | "all" | undefined;
  /** By the folds' names, once they are known. */
  readonly folds?: Readonly<Record<string, FoldCases>> | undefined;
  /** The files of the cases that are learned from, and of those that are measured, once they are known. */
  readonly learned?: DatasetState | undefined;
  readonly measured?: DatasetState | undefined;
  readonly evaluate: Recipe["evaluate"];
}

type Key = keyof RecipeIdentity;
type Stored = Readonly<Partial<Record<Key, unknown>>>;

/** What can be there: data the run made itself, a training with a plan (or a model), labels of measured cases, numbers. */
type Made = "data" | "training" | "labels" | "evaluation";

/** What binds each setting. */
const boundBy: { readonly [K in Key]-?: readonly Made[] } = {
  recipe: ["data", "training"],
  data: ["data", "training"],
  convert: ["data", "training"],
  phantom: ["data", "training"],
  configuration: ["training"],
  seed: ["training"],
  fold: ["training"],
  folds: ["training"],
  learned: ["training"],
  measured: ["labels", "evaluation"],
  evaluate: ["evaluation"],
};

const anotherFolder = "choose another output folder";
const fileName = "recipe.json";
const dataName = "data";
/** What a run makes beside its data; `.removed` when its removal was cut short. */
const results = /^(evaluation\.(json|csv|html)|(table|stages)\.(json|csv)|report\.html|fold-\d+|held-out)(\.removed)?$/;
const dataFolder = /^data(\.removed)?$/;
const foldFolder = /^(fold-\d+|held-out)$/;

export class RunFolder {
  #before: Stored | undefined;
  #made: ReadonlySet<Made>;

  private constructor(
    readonly folder: string,
    before: Stored | undefined,
    made: ReadonlySet<Made>,
  ) {
    this.#before = before;
    this.#made = made;
  }

  /**
   * Looks at a folder; nothing is written.
   *
   * @throws ConfigError when the folder is something else's, FormatError when its `recipe.json` is damaged or another program's
   */
  static async open(folder: string): Promise<RunFolder> {
    const before = await stored(join(folder, fileName));
    const names = await namesIn(folder, anotherFolder);
    const ours = names.find((name) => name === dataName || results.test(name));
    if (before === undefined && ours !== undefined) {
      throw new ConfigError({
        file: join(folder, ours),
        found: "a folder that no recipe was started in, with files of the same names",
        hint: anotherFolder,
      });
    }
    const folds = names.filter((name) => foldFolder.test(name)).map((name) => join(folder, name));
    const made = new Set<Made>();
    if (madeItsData(folder, before) && names.includes(dataName)) made.add("data");
    if (folds.some(isTraining)) made.add("training");
    if (folds.some((fold) => existsSync(join(fold, "labels")))) made.add("labels");
    if (folds.some((fold) => existsSync(join(fold, "evaluation", "evaluation.json")))) made.add("evaluation");
    return new RunFolder(folder, before, made);
  }

  /** Whether there are data that a run in this folder made itself. Nothing is written. @throws FormatError as `open` */
  static async hasMadeData(folder: string): Promise<boolean> {
    return madeItsData(folder, await stored(join(folder, fileName))) && existsSync(join(folder, dataName));
  }

  /** @throws ConfigError when what is there was made with something else; says with what */
  check(wanted: RecipeIdentity): void {
    const keys = (Object.keys(boundBy) as Key[]).filter((key) => this.#changes(wanted, key).length > 0);
    const changes = keys.flatMap((key) => this.#changes(wanted, key));
    if (changes.length === 0) return;
    const onlyMeasured = keys.every((key) => key === "measured");
    throw new ConfigError({
      file: this.folder,
      found: `a run that was started with something else: ${changes.join("; ")}`,
      expected: "the recipe, settings and cases it was started with",
      hint: `give the same ones to go on, ${onlyMeasured ? "delete labels and evaluation in the folds' folders to measure anew, " : ""}add --restart to throw the run away and start anew, or choose another output folder`,
    });
  }

  /** Makes the folder this run's. @throws as `check` */
  async claim(wanted: RecipeIdentity): Promise<void> {
    this.check(wanted);
    const now = { ...(this.#made.size > 0 ? this.#before : {}), ...plain(wanted) };
    await writeJsonAtomic(join(this.folder, fileName), now);
    this.#before = now;
  }

  /**
   * Throws the run away: everything it made, and nothing else.
   *
   * @param source what the new run reads
   * @throws ConfigError when that would be thrown away, too, and while a training is running in the folder
   */
  async discard(source: string | undefined): Promise<void> {
    if (this.#before === undefined) return;
    const withData = madeItsData(this.folder, this.#before);
    const data = join(this.folder, dataName);
    if (withData && source !== undefined && liesIn(data, source)) {
      throw new ConfigError({
        file: "--data",
        found: `${source}, which the run made itself and --restart throws away`,
        hint: "move the data elsewhere, or choose another output folder",
      });
    }
    const names = await namesIn(this.folder, anotherFolder);
    const locks: FolderLock[] = [];
    try {
      for (const name of names) {
        const model = join(this.folder, name, "model");
        if (foldFolder.test(name) && existsSync(model))
          locks.push(await FolderLock.take(`${workFolderOf(model)}.lock`));
      }
      // Under their own names half-removed folders would be taken for whole ones.
      for (const name of names.filter((each) => results.test(each) || (withData && dataFolder.test(each)))) {
        await this.#remove(name);
      }
    } finally {
      for (const lock of locks) await lock.release();
    }
    this.#made = new Set();
  }

  async #remove(name: string): Promise<void> {
    const path = join(this.folder, name);
    const removed = name.endsWith(".removed") ? path : `${path}.removed`;
    if (removed !== path) {
      await rm(removed, { recursive: true, force: true });
      await rename(path, removed);
    }
    await rm(removed, { recursive: true, force: true });
  }

  #changes(wanted: RecipeIdentity, key: Key): string[] {
    const [old, present] = [this.#before?.[key], plain(wanted)[key]];
    if (old === undefined || present === undefined || !boundBy[key].some((each) => this.#made.has(each))) return [];
    if (key === "folds") return foldChanges(old as Folds, present as Folds);
    if (key === "learned" || key === "measured") return fileChanges(old as DatasetState, present as DatasetState);
    if (key === "configuration") return configurationChanges(bindingConfiguration(old), bindingConfiguration(present));
    return configurationChanges(old, present, key);
  }
}

type Folds = NonNullable<RecipeIdentity["folds"]>;

const plain = (identity: RecipeIdentity) => JSON.parse(JSON.stringify(identity)) as Stored;

const madeItsData = (folder: string, before: Stored | undefined) =>
  before?.data === resolve(folder, dataName) && (before.convert ?? before.phantom) !== undefined;

const isTraining = (fold: string) =>
  existsSync(join(fold, "model", manifestName)) || existsSync(workFolderOf(join(fold, "model")));

function liesIn(folder: string, path: string): boolean {
  const [first] = relative(resolve(folder), resolve(path)).split(sep);
  return first !== "..";
}

async function stored(file: string): Promise<Stored | undefined> {
  if (!existsSync(file)) return undefined;
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw fileErrorOf(cause, file);
  });
  try {
    const before = JSON.parse(text) as Stored | null;
    if (typeof before?.recipe === "string" && typeof before.data === "string") return before;
  } catch {
    // told below, as any other text that is no run's
  }
  throw new FormatError({
    file,
    found: "not what a recipe's run writes there",
    expected: "the recipe and settings a run was started with",
    hint: anotherFolder,
  });
}

/** Which cases came and went, on which side of which fold. */
function foldChanges(before: Folds, now: Folds): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  return names.flatMap((name) => {
    const [old, present] = [before[name], now[name]];
    if (old === undefined) return [`${name} (new)`];
    if (present === undefined) return [`${name} (no longer asked for)`];
    return [
      ...caseChanges(`cases that ${name} learns from`, old.train, present.train),
      ...caseChanges(`cases that ${name} measures`, old.measure, present.measure),
    ];
  });
}

/** Which files are not the same any more. Cases that came and went are told with the folds. */
function fileChanges(before: DatasetState, now: DatasetState): string[] {
  const both = (of: DatasetState): DatasetState => ({
    ...of,
    files: Object.fromEntries(Object.entries(of.files).filter(([name]) => name in before.files && name in now.files)),
  });
  return datasetChanges(both(before), both(now));
}

const namedAtMost = 5;

function caseChanges(what: string, before: readonly string[], now: readonly string[]): string[] {
  const missingIn = (list: readonly string[], all: readonly string[]) => all.filter((id) => !list.includes(id));
  const told = (word: string, ids: readonly string[]) =>
    ids.length === 0
      ? []
      : [`${word}: ${ids.slice(0, namedAtMost).join(", ")}${ids.length > namedAtMost ? `, … (${ids.length})` : ""}`];
  const parts = [...told("new", missingIn(before, now)), ...told("gone", missingIn(now, before))];
  return parts.length === 0 ? [] : [`${what} (${parts.join("; ")})`];
}
