/**
 * From what a person points at to cases:
 *
 *   ct.nii.gz                                      one case, one channel
 *   case_0000.nii.gz case_0001.nii.gz              one case, two channels (nnU-Net's names)
 *   FOLDER                                         all cases in it: files by their names' endings
 *   DICOM_FOLDER                                   one case, one channel; its folder's name is the case's
 *   FOLDER/DICOM_FOLDER …                          a case per folder
 *
 * A name that ends in four digits is a channel only beside a `_0000`, or when the model has several channels; else it is a name
 * like any other (`patient_2021.nii.gz`).
 */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { ConfigError, FileError, type RfmedsamError } from "@rfmedsam/base";
import { fileErrorOf } from "@rfmedsam/base/node";
import {
  caseNameOf,
  channelsInOrder,
  describeChannels,
  groupChannels,
  holdsDicom,
  imagesAmong,
  listFolder,
  volumeEndings,
} from "@rfmedsam/imaging/node";

/** A case and its files, in the order of the model's channels. */
export interface InputCase {
  readonly case: string;
  readonly images: readonly string[];
}

/** A case (or an input) that cannot be used, and why. */
export interface FailedCase {
  readonly case: string;
  readonly failure: RfmedsamError;
}

/**
 * Finds the cases among files and folders. What is wrong with one case does not stop the others.
 *
 * @param channelNames of the model
 */
export async function findCases(
  inputs: readonly string[],
  channelNames: readonly string[],
): Promise<{ cases: InputCase[]; failed: FailedCase[] }> {
  const failed: FailedCase[] = [];
  const files = new Set<string>();
  for (const input of inputs) {
    try {
      for (const file of await filesOf(input)) files.add(file);
    } catch (error) {
      failed.push({ case: caseNameOf(input), failure: error as RfmedsamError });
    }
  }
  const cases: InputCase[] = [];
  const taken = new Map<string, string>();
  for (const found of casesAmong([...files], channelNames)) {
    if ("failure" in found) {
      failed.push(found);
      continue;
    }
    const before = taken.get(found.case);
    if (before === undefined) {
      taken.set(found.case, found.images[0]!);
      cases.push(found);
    } else {
      failed.push({ case: found.case, failure: sameName(found, before) });
    }
  }
  return { cases, failed };
}

async function filesOf(input: string): Promise<string[]> {
  let isFolder: boolean;
  try {
    isFolder = (await stat(input)).isDirectory();
  } catch (cause) {
    throw fileErrorOf(cause, input, "check the path");
  }
  if (!isFolder) return [input];
  const names = imagesAmong(await listFolder(input));
  if (names.length > 0) return names.map((name) => join(input, name));
  if (await holdsDicom(input, 0)) return [input];
  const series = await dicomFoldersIn(input);
  if (series.length > 0) return series;
  throw new FileError({
    file: input,
    found: "no volume is in this folder",
    expected: `files ending in ${volumeEndings.join(", ")}, or DICOM files`,
    hint: "check the path",
  });
}

async function dicomFoldersIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory() && (await holdsDicom(join(folder, entry.name)))) found.push(join(folder, entry.name));
  }
  return found.sort();
}

function casesAmong(files: readonly string[], channelNames: readonly string[]): (InputCase | FailedCase)[] {
  const found: (InputCase | FailedCase)[] = [];
  const inGroups = new Set<string>();
  for (const [folder, siblings] of byFolder(files)) {
    for (const [id, channels] of groupChannels(siblings)) {
      if (channelNames.length === 1 && !channels.has(0)) continue;
      for (const file of channels.values()) inGroups.add(file);
      const images = channelsInOrder(channels, channelNames.length);
      found.push(
        images === undefined
          ? { case: id, failure: wrongChannels(join(folder, `${id}_*`), describeChannels(channels), channelNames) }
          : { case: id, images },
      );
    }
  }
  for (const file of files) {
    if (inGroups.has(file)) continue;
    const id = caseNameOf(file);
    found.push(
      channelNames.length === 1
        ? { case: id, images: [file] }
        : { case: id, failure: wrongChannels(file, "one image for a case", channelNames) },
    );
  }
  return found;
}

function byFolder(files: readonly string[]): Map<string, string[]> {
  const folders = new Map<string, string[]>();
  for (const file of files) {
    const folder = dirname(file);
    folders.set(folder, [...(folders.get(folder) ?? []), file]);
  }
  return folders;
}

function wrongChannels(file: string, found: string, channelNames: readonly string[]): ConfigError {
  return new ConfigError({
    file,
    found,
    expected: `${channelNames.length}, as the model was trained on (${channelNames.join(", ")})`,
    hint:
      channelNames.length === 1
        ? "give one image per case; if these are cases of their own, end their names in something else than _0000, _0001, …"
        : "give the channels of a case together, named CASE_0000.nii.gz, CASE_0001.nii.gz, …",
  });
}

function sameName({ case: id, images }: InputCase, before: string): ConfigError {
  return new ConfigError({
    file: images[0],
    found: `a second case named ${id} (the first is ${before})`,
    expected: "a different name for every case, since the result is named after it",
    hint:
      resolve(images[0]!) === resolve(before) ? "name it once" : `rename ${basename(images[0]!)} or run it by itself`,
  });
}
