/** nnU-Net's `splits_final.json`: a list of folds, each `{ "train": [cases], "val": [cases] }`. A data set may come with the published one. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError } from "@rfmedsam/base";
import { readFileOrExplain } from "@rfmedsam/base/node";

/** One division of the cases: those that are learned from, and those that are not. */
export interface Fold {
  readonly train: readonly string[];
  readonly val: readonly string[];
}

export const splitsFile = "splits_final.json";

/** @throws FileError when the file is missing, ConfigError when it holds something else than folds */
export async function readSplits(file: string): Promise<Fold[]> {
  const bytes = await readFileOrExplain(
    file,
    'a split is a JSON list of {"train": […], "val": […]}, as nnU-Net writes',
  );
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new ConfigError({ file, found: "this is not JSON", expected: "nnU-Net's splits_final.json", cause });
  }
  if (Array.isArray(parsed) && parsed.every(isFold)) return parsed;
  throw new ConfigError({
    file,
    found: "something else than a list of folds",
    expected: '[{"train": ["case_1", …], "val": ["case_2", …]}, …]',
  });
}

/** The folds that lie in a data set's own folder; undefined where there is no `splits_final.json`. @throws as `readSplits` */
export async function publishedSplits(datasetFolder: string): Promise<Fold[] | undefined> {
  const file = join(datasetFolder, splitsFile);
  const there = await stat(file).catch(() => undefined);
  return there === undefined ? undefined : readSplits(file);
}

function isFold(value: unknown): value is Fold {
  const { train, val } = (value ?? {}) as Partial<Record<keyof Fold, unknown>>;
  return [train, val].every((list) => Array.isArray(list) && list.every((id) => typeof id === "string"));
}
