/** nnU-Net's `splits_final.json`: a list of folds, each `{ "train": [cases], "val": [cases] }`. */
import { ConfigError } from "@rfmedsam/base";
import { readFileOrExplain } from "@rfmedsam/base/node";

/** The options that choose a part of the cases. */
export interface SplitOptions {
  readonly split?: string;
  readonly fold?: number;
}

/**
 * Which cases belong to one side of a fold.
 *
 * @returns undefined when no split was asked for
 * @throws ConfigError for a wrong file or fold, FileError
 */
export async function casesOfSplit(
  { split, fold }: SplitOptions,
  side: "train" | "val",
): Promise<((id: string) => boolean) | undefined> {
  if (split === undefined && fold === undefined) return undefined;
  if (split === undefined || fold === undefined) {
    const [given, missing] = split === undefined ? ["--fold", "--split FILE"] : ["--split", "--fold K"];
    throw new ConfigError({ file: given, found: `no ${missing} with it`, expected: "both: --split FILE --fold K" });
  }
  const folds = await readFolds(split);
  const chosen = folds[fold];
  if (chosen === undefined) {
    throw new ConfigError({
      file: split,
      found: `${folds.length} fold${folds.length === 1 ? "" : "s"}`,
      expected: `a fold ${fold}, as --fold says`,
      hint: folds.length > 0 ? `folds are counted from 0 to ${folds.length - 1}` : undefined,
    });
  }
  const cases = new Set(chosen[side]);
  return (id) => cases.has(id);
}

interface Fold {
  readonly train: readonly string[];
  readonly val: readonly string[];
}

async function readFolds(file: string): Promise<Fold[]> {
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
  if (!Array.isArray(parsed) || !parsed.every(isFold)) {
    throw new ConfigError({
      file,
      found: "something else than a list of folds",
      expected: '[{"train": ["case_1", …], "val": ["case_2", …]}, …]',
    });
  }
  return parsed;
}

function isFold(value: unknown): value is Fold {
  const { train, val } = (value ?? {}) as Partial<Record<"train" | "val", unknown>>;
  return [train, val].every((list) => Array.isArray(list) && list.every((id) => typeof id === "string"));
}
