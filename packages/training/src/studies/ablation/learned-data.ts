/**
 * What an ablation's models learned from (`OUT/learned.json`): they are finished one after the other, perhaps with days between, and a
 * table over models of different data would be no ablation.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "@rfmedsam/base";
import { writeJsonAtomic } from "@rfmedsam/base/node";
import { manifestName } from "@rfmedsam/engine";
import { type Dataset, readJson } from "../../dataset/nnunet.js";
import { type DatasetState, datasetChanges, datasetState } from "../../run/work-folder-dataset.js";

/**
 * @param dataset with the cases that are learned from, and no others
 * @param models names of the models' folders
 * @throws ConfigError when there are models or measurements of other data
 */
export async function bindLearnedData(folder: string, dataset: Dataset, models: readonly string[]): Promise<void> {
  const file = join(folder, "learned.json");
  const now = await datasetState(dataset);
  const made = ["measured", ...models.map((name) => join(name, manifestName))].some((name) =>
    existsSync(join(folder, name)),
  );
  if (!existsSync(file) || !made) return writeJsonAtomic(file, now);
  const changes = datasetChanges((await readJson(file)) as DatasetState, now);
  if (changes.length === 0) return;
  throw new ConfigError({
    file: folder,
    found: `models that learned from other data: ${changes.join("; ")}`,
    expected: "the data they learned from",
    hint: "put the data back as they were, or choose another output folder to train every variant anew",
  });
}
