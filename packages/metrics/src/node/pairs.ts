/** Which prediction belongs to which reference: files of the same name, `CASE.nii.gz` or `CASE.nii`, in two folders; or two files. */
import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { FileError } from "@rfmedsam/base";
import { fileErrorOf } from "@rfmedsam/base/node";
import { caseNameOf, imagesAmong, listFolder } from "@rfmedsam/imaging/node";
import { assertKnown, type CaseFilter } from "./splits.js";

export interface Pair {
  readonly case: string;
  readonly reference: string;
  /** By column. Not every column needs to have every case. */
  readonly predictions: Readonly<Record<string, string>>;
}

export interface Pairs {
  readonly pairs: readonly Pair[];
  readonly columns: readonly string[];
  /** Cases with a reference and no prediction. */
  readonly missing: readonly string[];
  /** Cases with a prediction and no reference. */
  readonly extra: readonly string[];
}

export interface PairOptions {
  /** Subfolders of the predictions that are compared, too, where they exist. */
  readonly beside?: readonly string[] | undefined;
  /** Another method's predictions: a folder, or a file if the predictions are one. A column of its own, the first. */
  readonly against?: string | undefined;
  /** Of a fold all must be among the references. */
  readonly cases?: CaseFilter | undefined;
}

/** The column of the predictions themselves when others stand beside it, and when none does. */
export const finalColumn = "final";
const onlyColumn = "prediction";
/** The column of another method's predictions. */
export const againstColumn = "against";

/** @throws FileError when either side is missing or nothing belongs together */
export async function findPairs(predictions: string, references: string, options: PairOptions = {}): Promise<Pairs> {
  const { beside = [], against } = options;
  const cases: CaseFilter = options.cases ?? (() => true);
  const [predicted, referred] = [await volumesOf(predictions), await volumesOf(references)];
  const rival = against === undefined ? undefined : await volumesOf(against);
  if (predicted.file !== undefined && referred.file !== undefined)
    return twoFiles(predicted.file, referred.file, rival);
  const others = beside.filter((name) => existsSync(join(predictions, name)));
  const own = others.length === 0 ? onlyColumn : finalColumn;
  const columns = new Map([[own, predicted.files]]);
  if (rival !== undefined) columns.set(againstColumn, rival.files);
  for (const name of others) columns.set(name, (await volumesOf(join(predictions, name))).files);
  assertKnown(cases, referred.files.keys(), references);
  const wanted = [...referred.files].filter(([id]) => cases(id));
  const pairs = wanted
    .filter(([id]) => predicted.files.has(id))
    .map(([id, reference]) => ({
      case: id,
      reference,
      predictions: Object.fromEntries(
        [...columns].flatMap(([column, files]) => (files.has(id) ? [[column, files.get(id)!]] : [])),
      ),
    }));
  if (pairs.length === 0) throw nothingInCommon(predictions, references, predicted.files, wanted.length);
  return {
    pairs,
    columns: [...(rival === undefined ? [] : [againstColumn]), ...others, own],
    missing: wanted.map(([id]) => id).filter((id) => !predicted.files.has(id)),
    extra: [...predicted.files.keys()].filter((id) => cases(id) && !referred.files.has(id)),
  };
}

/** The volumes of a folder by case; for a file, that one. */
interface Volumes {
  readonly files: ReadonlyMap<string, string>;
  readonly file?: string;
}

function twoFiles(prediction: string, reference: string, rival: Volumes | undefined): Pairs {
  const id = caseNameOf(reference);
  const other = rival === undefined ? undefined : (rival.file ?? rival.files.get(id));
  const predictions = { ...(other === undefined ? {} : { [againstColumn]: other }), [onlyColumn]: prediction };
  const columns = rival === undefined ? [onlyColumn] : [againstColumn, onlyColumn];
  return { pairs: [{ case: id, reference, predictions }], columns, missing: [], extra: [] };
}

async function volumesOf(path: string): Promise<Volumes> {
  let isFolder: boolean;
  try {
    isFolder = (await stat(path)).isDirectory();
  } catch (cause) {
    throw fileErrorOf(cause, path, "check the path");
  }
  if (!isFolder) return { files: new Map([[caseNameOf(path), path]]), file: path };
  const names = imagesAmong(await listFolder(path));
  return { files: new Map(names.map((name) => [caseNameOf(name), join(path, name)])) };
}

function nothingInCommon(
  predictions: string,
  references: string,
  predicted: ReadonlyMap<string, string>,
  wanted: number,
): FileError {
  const example = [...predicted.keys()][0];
  return new FileError({
    file: predictions,
    found: example === undefined ? "no label map is here" : `none of the ${predicted.size} label maps has a reference`,
    expected: `files named like those in ${references} (${wanted} ${wanted === 1 ? "case" : "cases"})`,
    hint: example === undefined ? undefined : `is there a reference for ${example}?`,
  });
}
