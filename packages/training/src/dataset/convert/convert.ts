/**
 * A published data set, as it is downloaded, into nnU-Net's layout:
 *
 *   download ──► plan (which cases) ──► all there? headers fit? room? ──► copy, link or split 4D ──► dataset.json, splits_final.json
 *
 * The folder appears whole or not at all, and the download is not touched.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type CancelSignal, FileError, type Progress, silent, throwIfCancelled } from "@rfmedsam/base";
import { writeFolderAtomic, writeJsonAtomic } from "@rfmedsam/base/node";
import { splitNiftiChannels } from "@rfmedsam/imaging";
import { readNiftiFile, writeVolume } from "@rfmedsam/imaging/node";
import { type Fold, splitsFile } from "@rfmedsam/metrics/node";
import { assertRoom, checkHeaders, withFilesThere } from "./inspect-source.js";
import type { ConversionPlan, DatasetKind, SourceCase } from "./kind.js";
import { datasetKindNamed } from "./kinds.js";
import { placeFile } from "./place-file.js";

export interface ConvertDatasetOptions {
  /** Hard links where the disk allows, instead of copies. */
  readonly link?: boolean | undefined;
  /** Convert the complete cases of a download in which others lack files. */
  readonly partial?: boolean | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: CancelSignal | undefined;
}

export interface ConvertedDataset {
  readonly name: string;
  readonly channelNames: readonly string[];
  readonly labels: Readonly<Record<string, number>>;
  /** Names of the cases. */
  readonly training: readonly string[];
  readonly test: readonly string[];
  /** What splits_final.json says, and whose division it is. */
  readonly split: { readonly folds: readonly Fold[]; readonly source: string } | undefined;
  readonly licence: string;
  readonly notes: readonly string[];
}

/**
 * @param kind a row of `datasetKinds`
 * @param source the folder of the download
 * @param output the folder to make, such as `Dataset017_BTCV`; must not exist
 * @throws ConfigError for an unknown kind; DatasetError, GeometryError, FormatError, FileError for a download that is not as it should
 *   be; ResourceError for lack of room; InterruptedError on request. Nothing is left behind.
 */
export async function convertDataset(
  kind: string,
  source: string,
  output: string,
  { link = false, partial = false, progress = silent, signal }: ConvertDatasetOptions = {},
): Promise<ConvertedDataset> {
  const row = datasetKindNamed(kind);
  await refuseExisting(output);
  const { plan, bytes } = await withFilesThere(await row.plan(source, row), row, partial);
  const elsewhere = await checkHeaders(plan, progress, signal);
  if (!link) await assertRoom(output, bytes);
  await writeFolderAtomic(output, async (temporary) => {
    await writeCases(temporary, plan, link, progress, signal);
    await writeJsonAtomic(join(temporary, "dataset.json"), descriptionOf(plan, row));
    if (plan.split !== undefined) await writeJsonAtomic(join(temporary, splitsFile), plan.split.folds);
  });
  return {
    name: plan.name,
    channelNames: plan.channelNames,
    labels: plan.labels,
    training: plan.training.map(({ id }) => id),
    test: plan.test.map(({ id }) => id),
    split: plan.split,
    licence: row.licence,
    notes: [...plan.notes, ...elsewhere],
  };
}

async function writeCases(
  folder: string,
  { training, test, channelNames }: ConversionPlan,
  link: boolean,
  progress: Progress,
  signal: CancelSignal | undefined,
): Promise<void> {
  const total = training.length + test.length;
  const stage = "writing cases";
  for (const [done, each] of [...training, ...test].entries()) {
    throwIfCancelled(signal, "nothing was written; run the command again");
    progress({ stage, done, total });
    const part = done < training.length ? "Tr" : "Ts";
    await writeImages(join(folder, `images${part}`), each, channelNames.length, link);
    if (each.labels !== undefined)
      await placeFile(each.labels, join(folder, `labels${part}`, `${each.id}.nii.gz`), link);
  }
  throwIfCancelled(signal, "nothing was written; run the command again");
  progress({ stage, done: total, total });
}

async function writeImages(folder: string, { id, images }: SourceCase, channels: number, link: boolean): Promise<void> {
  const target = (channel: number) => join(folder, `${id}_${String(channel).padStart(4, "0")}.nii.gz`);
  if (images.length === channels) {
    for (const [channel, image] of images.entries()) await placeFile(image, target(channel), link);
    return;
  }
  const image = await readNiftiFile(images[0]!);
  for (const [channel, volume] of splitNiftiChannels(image).entries()) await writeVolume(target(channel), volume);
}

function descriptionOf(plan: ConversionPlan, { licence, obtain }: DatasetKind) {
  return {
    channel_names: Object.fromEntries(plan.channelNames.map((name, index) => [index, name])),
    labels: plan.labels,
    numTraining: plan.training.length,
    file_ending: ".nii.gz",
    name: plan.name,
    description: plan.description,
    licence,
    reference: obtain,
  };
}

async function refuseExisting(folder: string): Promise<void> {
  if ((await stat(folder).catch(() => undefined)) === undefined) return;
  throw new FileError({ file: folder, found: "exists already", hint: "choose another name or remove it first" });
}
