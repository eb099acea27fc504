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
import { assertRoom, type ConversionAdvice, checkHeaders, withFilesThere } from "./inspect-source.js";
import type { ConversionPlan, DatasetKind, SourceCase } from "./kind.js";
import { datasetKindNamed } from "./kinds.js";
import { placeFile } from "./place-file.js";

/** Which of a download's cases are wanted. */
export interface WantedCases {
  /** Training cases by name; all unless given. */
  readonly only?: ((id: string) => boolean) | undefined;
  /** Also those for imagesTs, unless told otherwise. */
  readonly test?: boolean | undefined;
}

export interface ConvertDatasetOptions extends WantedCases {
  /** Hard links where the disk allows, instead of copies. */
  readonly link?: boolean | undefined;
  /** Convert the complete cases of a download in which others lack files. */
  readonly partial?: boolean | undefined;
  /** What errors advise; options of `rfmedsam dataset convert` unless given. */
  readonly advice?: ConversionAdvice | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: CancelSignal | undefined;
}

const advised: ConversionAdvice = {
  partial: "To convert the cases that are complete, add --partial",
  link: "add --link to make hard links on the disk of the download",
};

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

/** What is known of a download without writing anything. */
export interface InspectedDownload {
  readonly kind: DatasetKind;
  /** Of the wanted cases that are there. */
  readonly plan: ConversionPlan;
  /** Of their files. */
  readonly bytes: number;
  /** Names of all training cases it should have, wanted or not. */
  readonly offered: readonly string[];
}

/**
 * Finds the wanted cases of a download, and looks whether they can be converted.
 *
 * @param kind a row of `datasetKinds`
 * @throws as `convertDataset`, room on the disk and the output apart
 */
export async function inspectDownload(
  kind: string,
  source: string,
  {
    partial = false,
    only = () => true,
    test = true,
    advice = advised,
    progress = silent,
    signal,
  }: ConvertDatasetOptions,
): Promise<InspectedDownload> {
  const row = datasetKindNamed(kind);
  const all = await row.plan(source, row);
  const wanted = { ...all, training: all.training.filter(({ id }) => only(id)), test: test ? all.test : [] };
  const { plan, bytes } = await withFilesThere(wanted, row, partial, advice);
  const elsewhere = await checkHeaders(plan, progress, signal);
  const offered = all.training.map(({ id }) => id);
  return { kind: row, plan: { ...plan, notes: [...plan.notes, ...elsewhere] }, bytes, offered };
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
  options: ConvertDatasetOptions = {},
): Promise<ConvertedDataset> {
  const { link = false, advice = advised, progress = silent, signal } = options;
  datasetKindNamed(kind);
  await refuseExisting(output);
  const { kind: row, plan, bytes } = await inspectDownload(kind, source, options);
  if (!link) await assertRoom(output, bytes, advice);
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
    notes: plan.notes,
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
