/**
 * From what a person points at to cases:
 *
 *   ct.nii.gz                                      one case, one channel
 *   case_0000.nii.gz case_0001.nii.gz              one case, two channels (nnU-Net's names)
 *   scan.dcm                                       one case, one channel
 *   FOLDER                                         all cases in it (input-folder.ts): files, and DICOM folders
 *
 * A name that ends in four digits is a channel only beside a `_0000`, or when the model has several channels; else it is a name
 * like any other (`patient_2021.nii.gz`).
 */
import { basename, dirname, join, resolve } from "node:path";
import { ConfigError, type RfmedsamError } from "@rfmedsam/base";
import {
  caseNameOf,
  channelsInOrder,
  describeChannels,
  groupChannels,
  pictureEndings,
  volumeEndings,
} from "@rfmedsam/imaging/node";
import { imagesIn } from "./input-folder.js";

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

/** What was found among the inputs. */
export interface FoundCases {
  readonly cases: InputCase[];
  readonly failed: FailedCase[];
  /** What was left out and why, in sentences. */
  readonly notes: readonly string[];
}

/**
 * Finds the cases among files and folders. What is wrong with one case does not stop the others.
 *
 * @param channelNames of the model
 * @param output where results go: if it lies in one of the folders, nothing in it is a case
 */
export async function findCases(
  inputs: readonly string[],
  channelNames: readonly string[],
  output?: string,
): Promise<FoundCases> {
  const failed: FailedCase[] = [];
  const files = new Set<string>();
  const notes: string[] = [];
  for (const input of inputs) {
    try {
      const found = await imagesIn(input, output);
      for (const file of found.images) files.add(file);
      notes.push(...found.notes);
    } catch (error) {
      failed.push({ case: nameOf(input), failure: error as RfmedsamError });
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
  return { cases, failed, notes };
}

/** A case's name: a file's or DICOM folder's, without its ending. */
const nameOf = (image: string): string => caseNameOf(image, [...volumeEndings, ...pictureEndings, ".dcm"]);

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
    const id = nameOf(file);
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
