/** From the data set to prepared cases: which cases, and every one of them resampled and normalised on disk. */
import { DatasetError, throwIfCancelled } from "@rfmedsam/base";
import { assertKnown } from "@rfmedsam/metrics/node";
import { loadCase } from "../dataset/load.js";
import type { Dataset } from "../dataset/nnunet.js";
import type { StoredCase } from "../dataset/store.js";
import type { LearnedCases } from "../folds.js";
import type { Run } from "./run.js";

/**
 * The data set with those training cases alone that are asked for.
 *
 * @throws DatasetError when none of them is there; of a fold, when any case of either side is not
 */
export function selectCases(dataset: Dataset, only: LearnedCases | undefined): Dataset {
  if (only === undefined) return dataset;
  const ids = dataset.training.map(({ id }) => id);
  for (const side of [only, only.kept]) assertKnown(side, ids, dataset.folder);
  const training = dataset.training.filter(({ id }) => only(id));
  if (training.length > 0) return { ...dataset, training };
  const some = dataset.training.slice(0, 3).map(({ id }) => id);
  throw new DatasetError({
    file: dataset.folder,
    found: "none of the chosen cases is in the data set",
    expected: "training cases whose names are in the split",
    hint: `its cases are called ${some.join(", ")}, …`,
  });
}

/** Prepares the cases that are not prepared yet, and opens them all. */
export async function prepareCases(run: Run): Promise<Map<string, StoredCase>> {
  const { dataset, plan, work, classes, progress, signal } = run;
  const cases = new Map<string, StoredCase>();
  for (const [index, files] of dataset.training.entries()) {
    throwIfCancelled(signal);
    if (!work.cases.has(files.id)) await work.cases.add(await loadCase(files, dataset.labels), plan.recipe);
    cases.set(files.id, await work.cases.open(files.id, classes.length));
    progress({ stage: "preparing cases", done: index + 1, total: dataset.training.length });
  }
  return cases;
}
