/**
 * The images in a folder that a person points at:
 *
 *   FOLDER/*.nii.gz …              each file that is named as a volume
 *   FOLDER/*.dcm                   one series: the folder is its name, whatever lies below belongs to it
 *   FOLDER/SERIES/…                a DICOM series per folder, however deep its files lie
 *   FOLDER/*.png …                 pictures, where there is nothing else: beside volumes they are previews
 *
 * Other folders are not looked into. What looks like an image and is left out is told.
 */
import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { FileError, someOf } from "@rfmedsam/base";
import { fileErrorOf } from "@rfmedsam/base/node";
import { hasEnding, holdsDicom, holdsDicomImages, pictureEndings, volumeEndings } from "@rfmedsam/imaging/node";

/** Paths of files and DICOM folders, and sentences about what is none of the images. */
export interface FoundImages {
  readonly images: readonly string[];
  readonly notes: readonly string[];
}

/**
 * The images of an input: the file itself, or those of a folder.
 *
 * @param output where results go: nothing in it is an image
 * @throws FileError when it is not there, not readable, or a folder without images
 */
export async function imagesIn(input: string, output?: string): Promise<FoundImages> {
  let isFolder: boolean;
  try {
    isFolder = (await stat(input)).isDirectory();
  } catch (cause) {
    throw fileErrorOf(cause, input, "check the path");
  }
  if (!isFolder) return { images: [input], notes: [] };
  const { volumes, pictures, series, others, unseen } = await lookInto(input, output);
  const images = [...volumes, ...series];
  if (images.length === 0) images.push(...pictures);
  // Nothing but these: who reads them says what they are.
  if (images.length === 0 && others.length > 0) return { images: others, notes: [] };
  if (images.length === 0) throw nothingIn(input, unseen);
  const left = [
    { what: "are no scans (DICOM objects such as segmentations and reports)", paths: others },
    { what: "were left out as previews of the volumes", paths: images.includes(pictures[0]!) ? [] : pictures },
    { what: "were not looked into; name them, too, if their volumes are meant", paths: unseen },
  ];
  const notes = left.filter(({ paths }) => paths.length > 0).map(({ what, paths }) => `${someOf(paths)} ${what}.`);
  return { images, notes };
}

/** What a folder holds; all sorted. */
interface Contents {
  readonly volumes: readonly string[];
  readonly pictures: readonly string[];
  /** Folders of DICOM images. */
  readonly series: readonly string[];
  /** Folders of DICOM files without an image. */
  readonly others: readonly string[];
  /** Folders of volumes, and such as may not be read. */
  readonly unseen: readonly string[];
}

async function lookInto(folder: string, output: string | undefined): Promise<Contents> {
  const { files, folders } = await listed(folder);
  const found = { series: [] as string[], others: [] as string[], unseen: [] as string[] };
  const own = await dicomIn(folder, 0);
  if (own !== undefined) found[own].push(folder);
  for (const each of folders) {
    if (output !== undefined && resolve(each) === resolve(output)) continue;
    const kind = await kindOf(each);
    // A series in the folder itself includes what lies below.
    if (kind !== undefined && !(kind === "series" && own === "series")) found[kind].push(each);
  }
  return {
    volumes: files.filter((file) => hasEnding(file)),
    pictures: files.filter((file) => hasEnding(file, pictureEndings)),
    ...found,
  };
}

/** What a folder in the folder is; one that may not be read is told as one that is not looked into. */
async function kindOf(folder: string): Promise<"series" | "others" | "unseen" | undefined> {
  try {
    const { files } = await listed(folder);
    return (await dicomIn(folder)) ?? (files.some((file) => hasEnding(file)) ? "unseen" : undefined);
  } catch (cause) {
    if (cause instanceof FileError) return "unseen";
    throw cause;
  }
}

/** @param depth how many folders below it are looked into */
async function dicomIn(folder: string, depth?: number): Promise<"series" | "others" | undefined> {
  if (await holdsDicomImages(folder, depth)) return "series";
  return (await holdsDicom(folder, depth)) ? "others" : undefined;
}

/** Paths in a folder without the hidden ones; links count as what they lead to. */
async function listed(folder: string): Promise<{ files: string[]; folders: string[] }> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw fileErrorOf(cause, folder, "check the path");
  });
  const [files, folders]: [string[], string[]] = [[], []];
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue;
    const path = join(folder, entry.name);
    const leadsTo = entry.isSymbolicLink() ? await stat(path).catch(() => undefined) : entry;
    (leadsTo?.isDirectory() ? folders : files).push(path);
  }
  return { files: files.sort(), folders: folders.sort() };
}

function nothingIn(folder: string, unseen: readonly string[]): FileError {
  return new FileError({
    file: folder,
    found: "no volume is in this folder",
    expected: `files ending in ${volumeEndings.join(", ")}, or DICOM files`,
    hint: unseen.length > 0 ? `name the folder with the volumes: ${someOf(unseen)}` : "check the path",
  });
}
