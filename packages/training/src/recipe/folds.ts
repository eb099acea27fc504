/** The parts of a recipe's evaluation: which cases each learns from, and where the cases lie that it is measured on. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, DatasetError } from "@rfmedsam/base";
import { listFolder } from "@rfmedsam/imaging/node";
import { type Fold, publishedSplits, readSplits, splitsFile } from "@rfmedsam/metrics/node";
import type { Dataset } from "../dataset/nnunet.js";
import { type Recipe, splitFileOf } from "./recipe.js";

/** Both sides of a fold by case name, sorted. */
export interface FoldCases {
  readonly train: readonly string[];
  readonly measure: readonly string[];
}

export interface RecipeFold {
  /** Its folder's name. */
  readonly name: string;
  readonly cases: FoldCases;
  readonly train: (id: string) => boolean;
  readonly measure: (id: string) => boolean;
  /** Folders with the images and the true labels of the measured cases. */
  readonly images: string;
  readonly labels: string;
}

/**
 * @param wanted a fold from 0, or all; ignored where there is but one
 * @throws ConfigError for a fold that is not there; DatasetError when the data set lacks the split, or cases of it, or a case would be
 *   learned from and measured
 */
export async function foldsOf(recipe: Recipe, dataset: Dataset, wanted: number | "all"): Promise<RecipeFold[]> {
  if (recipe.split === "heldOut") return [await heldOut(dataset)];
  const file = splitFileOf(recipe) ?? join(dataset.folder, splitsFile);
  const folds = splitFileOf(recipe) === undefined ? await publishedSplits(dataset.folder) : await readSplits(file);
  if (folds === undefined) {
    throw new DatasetError({
      file,
      found: "does not exist",
      expected: "the published split, beside dataset.json",
      hint: "convert the data set anew, or put nnU-Net's splits_final.json there",
    });
  }
  const known = new Set(dataset.training.map(({ id }) => id));
  return chosenFolds(file, folds, wanted).map(([at, { train, val }]) => {
    const absent = [...train, ...val].filter((id) => !known.has(id));
    if (absent.length > 0) {
      throw new DatasetError({
        file: dataset.folder,
        found: `${absent.length} of the split's cases are not there: ${someOf(absent)}`,
        expected: `the cases of ${file}`,
        hint: "get the missing cases, or name another split in the recipe",
      });
    }
    const [learned, measured] = [new Set(train), new Set(val)];
    return {
      name: `fold-${at}`,
      cases: { train: [...learned].sort(), measure: [...measured].sort() },
      train: (id) => learned.has(id),
      measure: (id) => measured.has(id),
      images: join(dataset.folder, "imagesTr"),
      labels: join(dataset.folder, "labelsTr"),
    };
  });
}

/** What can be said of a split before the data are there: of one in a file beside the recipe. @throws as `foldsOf` */
export async function checkSplit(recipe: Recipe, wanted: number | "all"): Promise<void> {
  const file = splitFileOf(recipe);
  if (file !== undefined) chosenFolds(file, await readSplits(file), wanted);
}

/** The wanted folds with their numbers, each with two sides that have nothing in common. */
function chosenFolds(file: string, folds: readonly Fold[], wanted: number | "all"): [number, Fold][] {
  const chosen = [...folds.entries()].filter(([at]) => wanted === "all" || at === wanted);
  if (chosen.length === 0) {
    throw new ConfigError({
      file: "--fold",
      found: String(wanted),
      expected: folds.length === 1 ? "0, the only fold" : `all, or 0 to ${folds.length - 1}`,
    });
  }
  for (const [at, { train, val }] of chosen) {
    const both = val.filter((id) => train.includes(id));
    if (both.length === 0 && train.length > 0 && val.length > 0) continue;
    throw new DatasetError({
      file,
      found:
        both.length > 0
          ? `fold ${at} learns from ${both.length} of the cases it measures: ${someOf(both)}`
          : `fold ${at} has ${train.length} cases to learn from and ${val.length} to measure`,
      expected: "cases to learn from, and others to measure",
      hint: "correct the split, or name another one in the recipe",
    });
  }
  return chosen;
}

const someOf = (ids: readonly string[]) => `${ids.slice(0, 3).join(", ")}${ids.length > 3 ? ", …" : ""}`;

async function heldOut({ folder, fileEnding, training }: Dataset): Promise<RecipeFold> {
  const [images, labels] = [join(folder, "imagesTs"), join(folder, "labelsTs")];
  const missing = [images, labels].find((each) => !existsSync(each));
  if (missing !== undefined) {
    throw new DatasetError({
      file: missing,
      found: "does not exist",
      expected: "held-out cases in imagesTs, with their labels in labelsTs",
    });
  }
  const measured = (await listFolder(labels)).filter((name) => name.endsWith(fileEnding));
  const cases = {
    train: training.map(({ id }) => id).sort(),
    measure: measured.map((name) => name.slice(0, -fileEnding.length)).sort(),
  };
  return { name: "held-out", cases, train: () => true, measure: () => true, images, labels };
}
