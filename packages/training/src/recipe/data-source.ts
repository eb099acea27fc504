/**
 * The folder that `--data` names: a data set in nnU-Net's layout, or, for a recipe that converts, the download it is made of. A download's
 * dataset.json, where there is one, has other keys.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type CancelSignal, DatasetError, FileError, type Progress, RfmedsamError } from "@rfmedsam/base";
import { type ConvertDatasetOptions, inspectDownload } from "../dataset/convert/convert.js";
import type { ConversionPlan, DatasetKind } from "../dataset/convert/kind.js";
import { datasetKindNamed } from "../dataset/convert/kinds.js";
import { type Dataset, readDataset, readJson } from "../dataset/nnunet.js";
import { splitCases } from "./folds.js";
import type { Recipe } from "./recipe.js";

/** What is said of data that are not there. */
export interface WhereToGet {
  readonly layout: string;
  readonly hint: string;
}

export interface DataSource {
  readonly form: "layout" | "download";
  /** Names of its training cases. */
  readonly cases: readonly string[];
}

/** What converting a download for a recipe leaves out: scans for imagesTs without a recipe that measures them, cases in no fold. */
export async function conversionFor(recipe: Recipe): Promise<ConvertDatasetOptions> {
  const named = await splitCases(recipe);
  return {
    test: recipe.split === "heldOut",
    only: named && ((id) => named.has(id)),
    advice: {
      link: `make the data set with \`rfmedsam dataset convert ${recipe.convert} DOWNLOAD FOLDER --link\` (hard links) and give --data FOLDER`,
    },
  };
}

/** Whether a folder is in nnU-Net's layout. @throws DatasetError when its dataset.json is no JSON */
export async function isInLayout(folder: string): Promise<boolean> {
  const file = join(folder, "dataset.json");
  if (!existsSync(file)) return false;
  return Object.hasOwn(Object((await readJson(file)) ?? {}), "channel_names");
}

/**
 * Looks at all that can be known of the data before anything is written: of a download every file and header that the recipe uses.
 *
 * @throws FileError, DatasetError, GeometryError, FormatError for data that are not there or not these; all say where to get them
 */
export async function lookAtData(
  recipe: Recipe,
  folder: string,
  need: WhereToGet,
  going: { readonly progress?: Progress | undefined; readonly signal?: CancelSignal | undefined },
): Promise<DataSource> {
  const { convert } = recipe;
  if (convert !== undefined && !(await isInLayout(folder))) {
    const { plan, offered } = await inspectDownload(convert, folder, { ...(await conversionFor(recipe)), ...going });
    assertSplitComes(recipe, plan);
    return { form: "download", cases: offered };
  }
  const dataset = await readNnunet(folder, need);
  if (convert !== undefined) assertMadeOf(datasetKindNamed(convert), dataset, need);
  return { form: "layout", cases: dataset.training.map(({ id }) => id) };
}

/** @throws DatasetError when the recipe counts on a split or on labels of test scans that the download does not bring */
function assertSplitComes({ split, file }: Recipe, { split: published, test }: ConversionPlan): void {
  const comes = {
    published: published !== undefined,
    heldOut: test.some(({ labels }) => labels !== undefined),
  };
  if (split in comes && !comes[split as keyof typeof comes]) {
    throw new DatasetError({
      file,
      found: `split: ${split}, and the download brings none`,
      expected: "a file beside the recipe, in the form of nnU-Net's splits_final.json",
    });
  }
}

/** @throws as `readDataset`, with where to get the data */
async function readNnunet(folder: string, need: WhereToGet): Promise<Dataset> {
  try {
    return await readDataset(folder);
  } catch (cause) {
    if (!(cause instanceof RfmedsamError)) throw cause;
    const Kind = cause instanceof FileError ? FileError : DatasetError;
    const { file, found, expected } = cause;
    throw new Kind({ file, found, expected: expected ?? need.layout, hint: need.hint, cause });
  }
}

/** @throws DatasetError for a data set that the conversion does not make: another one's */
function assertMadeOf({ becomes }: DatasetKind, { folder, channelNames, labels }: Dataset, need: WhereToGet): void {
  if (becomes === undefined) return;
  const described = (of: Pick<Dataset, "channelNames" | "labels">) =>
    `channels ${of.channelNames.join(", ")}; labels ${Object.entries(of.labels)
      .map(([name, value]) => `${value} ${name}`)
      .join(", ")}`;
  const [found, expected] = [described({ channelNames, labels }), described(becomes)];
  if (found === expected) return;
  throw new DatasetError({ file: join(folder, "dataset.json"), found, expected, hint: need.hint });
}
