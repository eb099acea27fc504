/**
 * Where a run keeps what it needs to go on after a stop: `MODEL/training`. It goes when the model is finished.
 *
 *   run.json          configuration, seed and data set this run was started with, and its plan
 *   cases/            prepared cases
 *   predictions/      step 0's out-of-fold logits
 *   *.safetensors     networks in training, with their optimisers
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError } from "@rfmedsam/base";
import { writeJsonAtomic } from "@rfmedsam/base/node";
import type { TrainingConfiguration } from "../config.js";
import type { Dataset } from "../dataset/nnunet.js";
import { CaseStore } from "../dataset/store.js";
import type { Plan } from "../plan/plan.js";
import { PredictionStore } from "../refiner/predictions.js";

/** What must not change between a stop and going on. */
export interface RunIdentity {
  readonly configuration: TrainingConfiguration;
  readonly seed: number;
  /** Hash over the names, sizes and modification times of the data set's files, and its description. */
  readonly dataset: string;
}

interface RunFile extends RunIdentity {
  readonly plan?: Plan;
}

export class WorkFolder {
  readonly cases: CaseStore;
  readonly predictions: PredictionStore;

  constructor(readonly folder: string) {
    this.cases = new CaseStore(join(folder, "cases"));
    this.predictions = new PredictionStore(join(folder, "predictions"));
  }

  checkpoint(name: string): string {
    return join(this.folder, `${name}.safetensors`);
  }

  get #file(): string {
    return join(this.folder, "run.json");
  }

  /**
   * Recognises a run that was stopped. A new one leaves nothing before its plan is known: until then the data set is only read, and
   * may have to be corrected.
   *
   * @returns the plan, if there is such a run
   * @throws ConfigError when the folder holds a run with other settings or other data
   */
  async begin(identity: RunIdentity): Promise<Plan | undefined> {
    if (!existsSync(this.#file)) return undefined;
    const before = JSON.parse(await readFile(this.#file, "utf8")) as RunFile;
    const changed = (["configuration", "seed", "dataset"] as const).filter(
      (key) => JSON.stringify(before[key]) !== JSON.stringify(identity[key]),
    );
    if (changed.length > 0) {
      throw new ConfigError({
        file: this.folder,
        found: `a stopped training with another ${changed.map((key) => (key === "dataset" ? "data set (or one whose files changed)" : key)).join(" and ")}`,
        expected: "the settings and data it was started with",
        hint: "give the same settings to go on, add --restart to start anew, or choose another output folder",
      });
    }
    return before.plan;
  }

  async rememberPlan(identity: RunIdentity, plan: Plan): Promise<void> {
    await writeJsonAtomic(this.#file, { ...identity, plan } satisfies RunFile);
  }

  /** Removes what a run left, all at once: half of it would be taken for a run that goes on. A folder without run.json is not ours. */
  async remove(): Promise<void> {
    if (!existsSync(this.#file)) return;
    const removed = `${this.folder}.removed`;
    await rm(removed, { recursive: true, force: true });
    await rename(this.folder, removed);
    await rm(removed, { recursive: true, force: true });
  }
}

/** Changes when a file of the data set does. */
export async function datasetHash({ training, labels, channelNames }: Dataset): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify([labels, channelNames]));
  for (const { id, images, labels: labelFile } of training) {
    for (const file of [...images, labelFile!]) {
      const { size, mtimeMs } = await stat(file);
      hash.update(`${id} ${size} ${Math.round(mtimeMs)}\n`);
    }
  }
  return hash.digest("hex");
}
