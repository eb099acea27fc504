/** The parts of a recipe's evaluation: which cases each learns from, and where the cases lie that it is measured on. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, DatasetError } from "@rfmedsam/base";
import { publishedSplits, readSplits, splitsFile } from "@rfmedsam/metrics/node";
import type { Dataset } from "../dataset/nnunet.js";
import { type Recipe, splitFileOf } from "./recipe.js";

export interface RecipeFold {
  /** Its folder's name. */
  readonly name: string;
  readonly train: (id: string) => boolean;
  readonly measure: (id: string) => boolean;
  /** Folders with the images and the true labels of the measured cases. */
  readonly images: string;
  readonly labels: string;
}

/**
 * @param wanted a fold from 0, or all; ignored where there is but one
 * @throws ConfigError for a fold that is not there; DatasetError when the data set lacks the split, or cases of it
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
  const chosen = [...folds.entries()].filter(([at]) => wanted === "all" || at === wanted);
  if (chosen.length === 0) {
    throw new ConfigError({
      file: "--fold",
      found: String(wanted),
      expected: folds.length === 1 ? "0, the only fold" : `all, or 0 to ${folds.length - 1}`,
    });
  }
  return chosen.map(([at, { train, val }]) => {
    const absent = [...train, ...val].filter((id) => !known.has(id));
    if (absent.length > 0 || train.length === 0 || val.length === 0) {
      throw new DatasetError({
        file: dataset.folder,
        found:
          absent.length > 0
            ? `${absent.length} of the split's cases are not there: ${absent.slice(0, 3).join(", ")}${absent.length > 3 ? ", …" : ""}`
            : `fold ${at} has ${train.length} cases to learn from and ${val.length} to measure`,
        expected: `the cases of ${file}`,
        hint: "get the missing cases, or name another split in the recipe",
      });
    }
    const [learned, measured] = [new Set(train), new Set(val)];
    return {
      name: `fold-${at}`,
      train: (id) => learned.has(id),
      measure: (id) => measured.has(id),
      images: join(dataset.folder, "imagesTr"),
      labels: join(dataset.folder, "labelsTr"),
    };
  });
}

async function heldOut({ folder }: Dataset): Promise<RecipeFold> {
  const [images, labels] = [join(folder, "imagesTs"), join(folder, "labelsTs")];
  const missing = [images, labels].find((each) => !existsSync(each));
  if (missing !== undefined) {
    throw new DatasetError({
      file: missing,
      found: "does not exist",
      expected: "held-out cases in imagesTs, with their labels in labelsTs",
    });
  }
  return { name: "held-out", train: () => true, measure: () => true, images, labels };
}
