/** The parts of a recipe's evaluation: which cases each learns from, and where the cases lie that it is measured on. */
import { join } from "node:path";
import { ConfigError, DatasetError, someOf } from "@rfmedsam/base";
import { type Fold, publishedSplits, readSplits, splitsFile } from "@rfmedsam/metrics/node";
import { heldOut } from "../dataset/held-out.js";
import type { CaseFiles, Dataset } from "../dataset/nnunet.js";
import { assertFold } from "../folds.js";
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
  /** The same cases. */
  readonly files: { readonly train: readonly CaseFiles[]; readonly measure: readonly CaseFiles[] };
  /** What a reader of the numbers should know, in sentences. */
  readonly notes: readonly string[];
  readonly train: (id: string) => boolean;
  readonly measure: (id: string) => boolean;
  /** Folders with the images and the true labels of the measured cases. */
  readonly images: string;
  readonly labels: string;
}

/** @throws ConfigError for a fold that is asked for where there are none to choose from */
export function refuseFold({ name, split }: Pick<Recipe, "name" | "split">, asked: number | "all" | undefined): void {
  if (split !== "heldOut" || asked === undefined) return;
  throw new ConfigError({
    file: "--fold",
    found: String(asked),
    expected: `no --fold: the recipe ${name} learns from all training cases, and measures those that are held out`,
    hint: "leave it out, or take a recipe whose split has folds",
  });
}

/**
 * @param wanted a fold from 0, or all; nothing is asked of it where none can be chosen, see `refuseFold`
 * @throws ConfigError for a fold that is not there; DatasetError when the data set lacks the split, or cases of it, or a case would be
 *   learned from and measured
 */
export async function foldsOf(recipe: Recipe, dataset: Dataset, wanted: number | "all"): Promise<RecipeFold[]> {
  if (recipe.split === "heldOut") return [await heldOutFold(dataset)];
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
  return chosenFolds(file, folds, wanted).map(([at, fold]) => {
    const { train, val } = fold;
    refuseAbsent(
      fold,
      dataset.training.map(({ id }) => id),
      dataset.folder,
      file,
    );
    const [learned, measured] = [new Set(train), new Set(val)];
    return {
      name: `fold-${at}`,
      cases: { train: [...learned].sort(), measure: [...measured].sort() },
      files: {
        train: dataset.training.filter(({ id }) => learned.has(id)),
        measure: dataset.training.filter(({ id }) => measured.has(id)),
      },
      notes: [],
      train: (id) => learned.has(id),
      measure: (id) => measured.has(id),
      images: join(dataset.folder, "imagesTr"),
      labels: join(dataset.folder, "labelsTr"),
    };
  });
}

/** What a split is to be held against before the data set is made: the names of the training cases it will have. */
export interface ExpectedData {
  readonly folder: string;
  readonly cases: readonly string[];
}

/**
 * What can be said of a split before the data set is there: of one in a file beside the recipe.
 *
 * @param expected the download that the data set is made of, if it is made of one
 * @throws as `foldsOf`
 */
export async function checkSplit(recipe: Recipe, wanted: number | "all", expected?: ExpectedData): Promise<void> {
  const file = splitFileOf(recipe);
  if (file === undefined) return;
  for (const [, fold] of chosenFolds(file, await readSplits(file), wanted))
    if (expected !== undefined) refuseAbsent(fold, expected.cases, expected.folder, file);
}

function refuseAbsent({ train, val }: Fold, there: readonly string[], folder: string, file: string): void {
  const known = new Set(there);
  const absent = [...train, ...val].filter((id) => !known.has(id));
  if (absent.length === 0) return;
  throw new DatasetError({
    file: folder,
    found: `${absent.length} of the split's cases are not there: ${someOf(absent)}`,
    expected: `the cases of ${file}`,
    hint: "get the missing cases, or name another split in the recipe",
  });
}

/** Names of all cases of the split beside a recipe, whatever their side and fold; undefined where the data set brings the split. */
export async function splitCases(recipe: Recipe): Promise<ReadonlySet<string> | undefined> {
  const file = splitFileOf(recipe);
  if (file === undefined) return undefined;
  return new Set((await readSplits(file)).flatMap(({ train, val }) => [...train, ...val]));
}

/** What a reader of the numbers should know of the split, in sentences: cases that it leaves out. */
export async function splitNotes(recipe: Recipe, { cases }: Pick<ExpectedData, "cases">): Promise<string[]> {
  const named = await splitCases(recipe);
  const left = named === undefined ? [] : cases.filter((id) => !named.has(id));
  if (left.length === 0) return [];
  return [
    `${left.length} of the data set's ${cases.length} labelled cases are on no side of the split and are not used (${someOf(left)}).`,
  ];
}

/** The wanted folds with their numbers, each with two sides that have nothing in common. @throws as `assertFold`, and for an empty side */
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
    assertFold({ train, val }, file, at);
    if (train.length > 0 && val.length > 0) continue;
    throw new DatasetError({
      file,
      found: `fold ${at} has ${train.length} cases to learn from and ${val.length} to measure`,
      expected: "cases to learn from, and others to measure",
      hint: "correct the split, or name another one in the recipe",
    });
  }
  return chosen;
}

async function heldOutFold(dataset: Dataset): Promise<RecipeFold> {
  const { folder, training } = dataset;
  const { labelled, unlabelled, imageless } = await heldOut(dataset);
  const [images, labels] = [join(folder, "imagesTs"), join(folder, "labelsTs")];
  const [image] = imageless;
  if (labelled.length === 0 || image !== undefined) {
    throw new DatasetError({
      file: image === undefined ? images : join(labels, `${image}${dataset.fileEnding}`),
      found: image === undefined ? "no images that have labels in labelsTs" : "labels without an image in imagesTs",
      expected: "held-out cases in imagesTs, with their labels in labelsTs",
    });
  }
  const measured = new Set(labelled.map(({ id }) => id));
  return {
    name: "held-out",
    cases: { train: training.map(({ id }) => id).sort(), measure: [...measured].sort() },
    files: { train: training, measure: labelled },
    notes:
      unlabelled.length === 0
        ? []
        : [`Held-out cases without labels are not measured: ${unlabelled.length} (${someOf(unlabelled)}).`],
    train: () => true,
    measure: (id) => measured.has(id),
    images,
    labels,
  };
}
