/** Which folders are DICOM series, by the content of their files. */
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileErrorOf } from "@rfmedsam/base/node";
import { isDicom } from "../formats/dicom/dataset.js";
import { otherThanImage } from "../formats/dicom/series.js";
import { hasEnding } from "./case-files.js";
import { dicomHeaderOf } from "./dicom.js";

/** Files looked at before a folder counts as one of something else. */
const mostFiles = 64;
/** Exports have study, series and files inside each other. */
const deepest = 4;

/**
 * Whether DICOM files lie in a folder or below it.
 *
 * @param depth how many folders below it are looked into
 * @throws FileError when the folder cannot be read
 */
export async function holdsDicom(folder: string, depth = deepest): Promise<boolean> {
  return anyFile(folder, depth, startsAsDicom);
}

/**
 * Whether DICOM files with images lie in a folder or below it: slices, not segmentations, reports or indices. What cannot be understood
 * counts as an image: whoever reads it says what is wrong with it.
 *
 * @param depth how many folders below it are looked into
 * @throws FileError when the folder cannot be read
 */
export async function holdsDicomImages(folder: string, depth = deepest): Promise<boolean> {
  return anyFile(folder, depth, isDicomImage);
}

async function anyFile(folder: string, depth: number, wanted: (file: string) => Promise<boolean>): Promise<boolean> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw fileErrorOf(cause, folder, "check the path");
  });
  // Volumes of other formats, by their names, would use up the files that are looked at.
  const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith(".") && !hasEnding(entry.name));
  for (const { name } of files.slice(0, mostFiles)) if (await wanted(join(folder, name))) return true;
  if (depth === 0) return false;
  for (const entry of entries) {
    if (entry.isDirectory() && (await anyFile(join(folder, entry.name), depth - 1, wanted))) return true;
  }
  return false;
}

async function startsAsDicom(file: string): Promise<boolean> {
  const handle = await open(file, "r").catch(() => undefined);
  try {
    const room = new Uint8Array(256);
    const { bytesRead } = (await handle?.read(room, 0, room.length, 0)) ?? { bytesRead: 0 };
    return isDicom(room.subarray(0, bytesRead));
  } finally {
    await handle?.close();
  }
}

async function isDicomImage(file: string): Promise<boolean> {
  if (!(await startsAsDicom(file))) return false;
  return dicomHeaderOf(file).then(
    (header) => otherThanImage(header) === undefined,
    () => true,
  );
}
