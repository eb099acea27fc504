/** nnU-Net's `splits_final.json`: a list of folds, each `{ "train": [cases], "val": [cases] }`. */
import { ConfigError } from "@rfmedsam/base";
import { type CaseFilter, casesOfFold, readSplits } from "@rfmedsam/metrics/node";

/** The options that choose a part of the cases. */
export interface SplitOptions {
  readonly split?: string;
  readonly fold?: number;
}

/**
 * Which cases belong to one side of a fold; `assertKnown` refuses it where they are not, `selectCases` also where the other side's are not.
 *
 * @returns undefined when no split was asked for
 * @throws ConfigError for a wrong file or fold, DatasetError for a fold with a case on both sides or listed twice, FileError
 */
export async function casesOfSplit(
  { split, fold }: SplitOptions,
  side: "train" | "val",
): Promise<CaseFilter | undefined> {
  if (split === undefined && fold === undefined) return undefined;
  if (split === undefined || fold === undefined) {
    const [given, missing] = split === undefined ? ["--fold", "--split FILE"] : ["--split", "--fold K"];
    throw new ConfigError({ file: given, found: `no ${missing} with it`, expected: "both: --split FILE --fold K" });
  }
  const folds = await readSplits(split);
  const chosen = folds[fold];
  if (chosen === undefined) {
    throw new ConfigError({
      file: split,
      found: `${folds.length} fold${folds.length === 1 ? "" : "s"}`,
      expected: `a fold ${fold}, as --fold says`,
      hint: folds.length > 0 ? `folds are counted from 0 to ${folds.length - 1}` : undefined,
    });
  }
  const names = [...chosen.train, ...chosen.val];
  // Measuring needs no engine, which comes with the training: of a sound fold nothing has to be said.
  if (side === "val" && new Set(names).size === names.length)
    return casesOfFold(chosen, side, `${split}, fold ${fold}, ${side}`);
  const { casesToLearn, casesToMeasure } = await import("@rfmedsam/training");
  return side === "train" ? casesToLearn(chosen, split, fold) : casesToMeasure(chosen, split, fold);
}
