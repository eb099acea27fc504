/** nnU-Net's `splits_final.json`: a list of folds, each `{ "train": [cases], "val": [cases] }`. A data set may come with the published one. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError, DatasetError, someOf } from "@rfmedsam/base";
import { readFileOrExplain } from "@rfmedsam/base/node";

/** One division of the cases: those that are learned from, and those that are not. */
export interface Fold {
  readonly train: readonly string[];
  readonly val: readonly string[];
}

/** Tells by name whether a case is wanted. One that was made of a fold knows the names that must be there, too. */
export interface CaseFilter {
  (id: string): boolean;
  readonly split?: { readonly file: string; readonly names: readonly string[] } | undefined;
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

/** One side of a fold. @param file where the fold stands, for `assertKnown` */
export function casesOfFold(fold: Fold, side: keyof Fold, file: string): CaseFilter {
  const cases = new Set(fold[side]);
  return Object.assign((id: string) => cases.has(id), { split: { file, names: [...cases] } });
}

/**
 * Refuses a fold with cases that are not there: numbers of the others would pass for the fold's.
 *
 * @param wanted nothing is asked of one that was not made of a fold
 * @param known names of all the cases there are
 * @param folder where they lie
 * @throws DatasetError with how many are absent and the first three
 */
export function assertKnown(wanted: CaseFilter | undefined, known: Iterable<string>, folder: string): void {
  if (wanted?.split === undefined) return;
  const { file, names } = wanted.split;
  const there = new Set(known);
  const absent = names.filter((id) => !there.has(id));
  if (absent.length === 0) return;
  throw new DatasetError({
    file: folder,
    found:
      absent.length === names.length
        ? `none of the chosen cases is here (${absent.length}: ${someOf(absent)})`
        : `${absent.length} of the ${names.length} chosen cases are not here: ${someOf(absent)}`,
    expected: `the cases of ${file}`,
    hint: there.size === 0 ? undefined : `the cases here are called ${someOf([...there].sort())}`,
  });
}

function isFold(value: unknown): value is Fold {
  const { train, val } = (value ?? {}) as Partial<Record<keyof Fold, unknown>>;
  return [train, val].every((list) => Array.isArray(list) && list.every((id) => typeof id === "string"));
}
