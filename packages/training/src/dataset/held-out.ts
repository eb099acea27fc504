/** The cases of imagesTs: nnU-Net's layout has them with labels in labelsTs, without, or in part. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { listFolder } from "@rfmedsam/imaging/node";
import { type CaseFiles, type Dataset, listCases } from "./nnunet.js";

/** Sorted by name. */
export interface HeldOut {
  readonly labelled: readonly CaseFiles[];
  /** Names of images that have no labels, and of labels that have no image. */
  readonly unlabelled: readonly string[];
  readonly imageless: readonly string[];
}

/** @throws DatasetError when channels are missing or imagesTs holds something else than cases */
export async function heldOut({ folder, fileEnding, channelNames }: Dataset): Promise<HeldOut> {
  const [images, labels] = [join(folder, "imagesTs"), join(folder, "labelsTs")];
  if (!existsSync(labels)) return { labelled: [], unlabelled: [], imageless: [] };
  const names = (await listFolder(labels)).filter((name) => name.endsWith(fileEnding));
  const left = new Set(names.map((name) => name.slice(0, -fileEnding.length)));
  const empty = !existsSync(images) || (await listFolder(images)).length === 0;
  const labelled: CaseFiles[] = [];
  const unlabelled: string[] = [];
  for (const files of empty ? [] : await listCases(images, fileEnding, channelNames.length)) {
    if (left.delete(files.id)) labelled.push({ ...files, labels: join(labels, `${files.id}${fileEnding}`) });
    else unlabelled.push(files.id);
  }
  return { labelled, unlabelled, imageless: [...left] };
}
