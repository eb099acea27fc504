/**
 * Where a run keeps what it needs to go on after a stop: `MODEL/training`. It goes when the model is finished.
 *
 *   run.json          configuration, seed and data set this run was started with, its plan, the memory it is expected to take, and the
 *                     versions that worked on it
 *   cases/            prepared cases
 *   predictions/      step 0's out-of-fold logits
 *   *.safetensors     networks in training, with their optimisers
 *
 * Beside it, while a process works in it, `MODEL/training.lock`.
 */
import { existsSync } from "node:fs";
import { readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError, FormatError } from "@rfmedsam/base";
import { fileErrorOf, writeJsonAtomic } from "@rfmedsam/base/node";
import type { TrainingConfiguration } from "../config.js";
import { CaseStore } from "../dataset/store.js";
import type { MemoryEstimate } from "../plan/memory/sheet.js";
import type { Plan } from "../plan/plan.js";
import { PredictionStore } from "../refiner/predictions.js";
import { versions } from "../version.js";
import { bindingConfiguration } from "./binding.js";
import { type DatasetState, datasetChanges } from "./work-folder-dataset.js";
import { FolderLock } from "./work-folder-lock.js";

export { type DatasetState, datasetState } from "./work-folder-dataset.js";
export { FolderLock } from "./work-folder-lock.js";

/** What must not change between a stop and going on; of the configuration what `bindingConfiguration` leaves. */
export interface RunIdentity {
  readonly configuration: TrainingConfiguration;
  readonly seed: number;
  readonly dataset: DatasetState;
}

type Versions = Readonly<Record<string, string>>;

/** What was decided when a run began. */
export interface PlannedRun {
  readonly plan: Plan;
  /** What each phase was expected to hold; runs of earlier versions did not keep it. */
  readonly memory?: readonly MemoryEstimate[] | undefined;
}

export interface RunFile extends RunIdentity, PlannedRun {
  readonly madeWith: readonly Versions[];
}

export class WorkFolder {
  readonly cases: CaseStore;
  readonly predictions: PredictionStore;
  #madeWith: readonly Versions[];

  /** @param present versions of all that can change a result */
  constructor(
    readonly folder: string,
    readonly present: Versions = versions(),
  ) {
    this.cases = new CaseStore(join(folder, "cases"));
    this.predictions = new PredictionStore(join(folder, "predictions"));
    this.#madeWith = [present];
  }

  checkpoint(name: string): string {
    return join(this.folder, `${name}.safetensors`);
  }

  get #file(): string {
    return join(this.folder, "run.json");
  }

  /** The versions that worked on this run, in their order: several when it was gone on with after an update. */
  get madeWith(): readonly Versions[] {
    return this.#madeWith;
  }

  /** Keeps other processes out until it is released. @throws ConfigError while another one is in */
  lock(): Promise<FolderLock> {
    return FolderLock.take(`${this.folder}.lock`);
  }

  /**
   * Recognises a run that was stopped, and clears away what a kill left half-written. A new run leaves nothing before its plan is
   * known: until then the data set is only read, and may have to be corrected.
   *
   * @param note is told when other versions go on than began: that is allowed, but may change the numbers
   * @returns what it was begun with, if there is such a run
   * @throws ConfigError when the folder holds a run with other settings or other data; FormatError when its description is damaged
   */
  async begin(identity: RunIdentity, note: (text: string) => void = () => {}): Promise<PlannedRun | undefined> {
    if (!existsSync(this.#file)) return undefined;
    const before = await this.read();
    const changes = [
      ...configurationChanges(bindingConfiguration(before.configuration), bindingConfiguration(identity.configuration)),
      ...(before.seed === identity.seed ? [] : [`seed (was ${before.seed}, is ${identity.seed})`]),
      ...datasetChanges(before.dataset, identity.dataset).map((change) => `data set: ${change}`),
    ];
    if (changes.length > 0) {
      throw new ConfigError({
        file: this.folder,
        found: `a stopped training that was started with something else: ${changes.join("; ")}`,
        expected: "the settings and data it was started with",
        hint: "give the same settings and data to go on, add --restart to start anew, or choose another output folder",
      });
    }
    await this.#continueWith(before, note);
    await removeParts(this.folder);
    return { plan: before.plan, memory: before.memory };
  }

  /** What the folder says of its run. @throws FileError when there is none, FormatError when it is damaged */
  async read(): Promise<RunFile> {
    try {
      const run = JSON.parse(await readFile(this.#file, "utf8")) as RunFile;
      if (
        [run.configuration, run.dataset?.files, run.plan, run.madeWith?.[0]].every((part) => part instanceof Object) &&
        (run.memory === undefined || areEstimates(run.memory))
      ) {
        return run;
      }
    } catch (cause) {
      if (!(cause instanceof SyntaxError)) throw fileErrorOf(cause, this.#file);
    }
    throw new FormatError({
      file: this.#file,
      found: "the description of a stopped training is damaged",
      hint: "add --restart to start anew, or choose another output folder",
    });
  }

  async #continueWith(run: RunFile, note: (text: string) => void): Promise<void> {
    this.#madeWith = run.madeWith;
    const last = run.madeWith.at(-1)!;
    const names = [...new Set([...Object.keys(last), ...Object.keys(this.present)])];
    const other = names.filter((name) => last[name] !== this.present[name]);
    if (other.length === 0) return;
    const list = other.map((name) => `${name} ${last[name] ?? "none"}, now ${this.present[name] ?? "none"}`);
    note(`this training was last worked on with ${list.join("; ")}: it goes on, its numbers may differ a little`);
    this.#madeWith = [...run.madeWith, this.present];
    await writeJsonAtomic(this.#file, { ...run, madeWith: this.#madeWith } satisfies RunFile);
  }

  async rememberPlan(identity: RunIdentity, planned: PlannedRun): Promise<void> {
    this.#madeWith = [this.present];
    await writeJsonAtomic(this.#file, { ...identity, ...planned, madeWith: this.#madeWith } satisfies RunFile);
  }

  /**
   * Begins with what another run has made: it is brought into a folder beside this one, which takes its name when all is there.
   *
   * @throws FileError when there is a folder of this name that is no run's
   */
  async beginWith(identity: RunIdentity, planned: PlannedRun, bring: (to: WorkFolder) => Promise<void>): Promise<void> {
    const whole = new WorkFolder(this.#taking, this.present);
    await rm(whole.folder, { recursive: true, force: true });
    await bring(whole);
    await whole.rememberPlan(identity, planned);
    try {
      await rename(whole.folder, this.folder);
    } catch (cause) {
      throw fileErrorOf(cause, this.folder, "remove it, or choose another output folder");
    }
  }

  /** Half of another run's work, when this process was killed on the way. */
  get #taking(): string {
    return `${this.folder}.taking`;
  }

  /** Removes what a run left, all at once: half of it would be taken for a run that goes on. A folder without run.json is not ours. */
  async remove(): Promise<void> {
    await rm(this.#taking, { recursive: true, force: true });
    if (!existsSync(this.#file)) return;
    const removed = `${this.folder}.removed`;
    await rm(removed, { recursive: true, force: true });
    await rename(this.folder, removed);
    await rm(removed, { recursive: true, force: true });
  }
}

/** Leaves of two configurations that are not the same, by their dotted names. */
export function configurationChanges(before: unknown, now: unknown, name = "configuration"): string[] {
  if (isTable(before) && isTable(now)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(now)])];
    return keys.flatMap((key) =>
      configurationChanges(before[key], now[key], name === "configuration" ? key : `${name}.${key}`),
    );
  }
  const [old, present] = [JSON.stringify(before), JSON.stringify(now)];
  return old === present ? [] : [`${name} (was ${old ?? "not set"}, is ${present ?? "not set"})`];
}

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const areEstimates = (memory: unknown): memory is readonly MemoryEstimate[] =>
  Array.isArray(memory) &&
  memory.every(
    (one) => typeof one?.phase === "string" && typeof one.total === "number" && ["host", "device"].includes(one.place),
  );

/** Files and folders that were being written when the process was killed. */
async function removeParts(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (/\.\d+-\d+\.part$/.test(entry.name)) await rm(path, { recursive: true, force: true });
    else if (entry.isDirectory()) await removeParts(path);
  }
}
