/**
 * nnU-Net's file names, in which a case has one file per channel: `CASE_0000.nii.gz`, `CASE_0001.nii.gz`, …
 *
 * Names say which files belong together; what a file is, its content says (`readVolume`).
 */
import { readdir } from "node:fs/promises";
import { basename } from "node:path";
import { fileErrorOf } from "@rfmedsam/base/node";

/** Endings of volume files, longest first. Voxels of detached headers (`.raw`, `.img`) are none: their headers stand for them. */
export const volumeEndings: readonly string[] = [".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd"];
/** Endings of pictures, which are volumes of one slice. */
export const pictureEndings: readonly string[] = [".png", ".jpg", ".jpeg", ".tif", ".tiff"];
const imageEndings = [...volumeEndings, ...pictureEndings];

/** The files of one case by channel number. */
export type ChannelFiles = ReadonlyMap<number, string>;

/** The names in a folder, sorted, hidden ones left out. @throws FileError */
export async function listFolder(folder: string, hint?: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => !name.startsWith(".")).sort();
  } catch (cause) {
    throw fileErrorOf(cause, folder, hint);
  }
}

/** The images among the names of a folder: its volumes, or its pictures where there is none (beside volumes they are previews). */
export function imagesAmong(names: readonly string[]): string[] {
  const volumes = names.filter((name) => hasEnding(name));
  return volumes.length > 0 ? volumes : names.filter((name) => hasEnding(name, pictureEndings));
}

/** The file's name without its folder and without the first of the endings it has. */
export function caseNameOf(file: string, endings: readonly string[] = imageEndings): string {
  const name = basename(file);
  const ending = endings.find((each) => name.toLowerCase().endsWith(each.toLowerCase()) && name.length > each.length);
  return ending === undefined ? name : name.slice(0, -ending.length);
}

/** Files named `CASE_0000` plus an ending, by case, in the order given; those named otherwise are left out. */
export function groupChannels(
  files: readonly string[],
  endings: readonly string[] = imageEndings,
): Map<string, Map<number, string>> {
  const cases = new Map<string, Map<number, string>>();
  for (const file of files) {
    const match = hasEnding(file, endings) ? /^(.+)_(\d{4})$/.exec(caseNameOf(file, endings)) : null;
    if (match?.[1] === undefined) continue;
    const channels = cases.get(match[1]) ?? new Map<number, string>();
    cases.set(match[1], channels.set(Number(match[2]), file));
  }
  return cases;
}

export function hasEnding(file: string, endings: readonly string[] = volumeEndings): boolean {
  return endings.some((ending) => file.toLowerCase().endsWith(ending.toLowerCase()));
}

/** The files of channels 0 … count − 1, if these are the ones there are. */
export function channelsInOrder(files: ChannelFiles, count: number): string[] | undefined {
  const ordered = Array.from({ length: count }, (_, channel) => files.get(channel));
  return files.size === count && !ordered.includes(undefined) ? (ordered as string[]) : undefined;
}

/** `2 channels (0000, 0001)`, for an error. */
export function describeChannels(files: ChannelFiles): string {
  const numbers = [...files.keys()].sort((a, b) => a - b).map((channel) => String(channel).padStart(4, "0"));
  return `${numbers.length} channel${numbers.length === 1 ? "" : "s"} (${numbers.join(", ")})`;
}
