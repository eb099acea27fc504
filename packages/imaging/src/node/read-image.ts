/** Images on disk: one way to read them all, a file by its content, a folder as a DICOM series. */
import { stat } from "node:fs/promises";
import { ResourceError } from "@rfmedsam/base";
import { isDicom } from "../formats/dicom/dataset.js";
import { type ImageFile, readImageSource, sniffedBytes } from "../formats/image-file.js";
import type { Volume } from "../volume.js";
import { readDicom } from "./dicom.js";
import { readDicomSegImage } from "./dicom-seg.js";
import { fileSource } from "./file-source.js";
import { jpegWasm } from "./picture.js";

export interface ReadImageOptions {
  /** Which series of a DICOM folder with several: its place, from 1, or its UID. */
  readonly series?: number | string | undefined;
  /** Called with each sentence about what is unusual and what was done about it. */
  readonly onWarning?: ((warning: string) => void) | undefined;
}

/**
 * The volume in a file (NIfTI, NRRD, MetaImage, DICOM, PNG, JPEG, TIFF) or DICOM folder, and what else is known of it.
 *
 * @throws FileError if it is missing or not readable; FormatError, GeometryError for its content; ResourceError when it does not fit into
 *   memory
 */
export async function readImage(path: string, options: ReadImageOptions = {}): Promise<ImageFile> {
  try {
    const image = await readAny(path, options);
    for (const warning of image.warnings) options.onWarning?.(warning);
    return image;
  } catch (cause) {
    // What JavaScript throws when an array cannot be made.
    if (!(cause instanceof RangeError)) throw cause;
    throw new ResourceError({ file: path, found: `the image does not fit into memory (${cause.message})`, cause });
  }
}

/** The volume alone (see `readImage`). */
export async function readVolume(path: string, options: ReadImageOptions = {}): Promise<Volume> {
  return (await readImage(path, options)).volume;
}

async function readAny(path: string, { series }: ReadImageOptions): Promise<ImageFile> {
  if ((await stat(path).catch(() => undefined))?.isDirectory()) return dicomImage(path, series);
  const source = await fileSource(path);
  if (isDicom(await source.read(0, sniffedBytes))) return (await readDicomSegImage(path)) ?? dicomImage(path, series);
  return readImageSource(source, { jpegWasm });
}

async function dicomImage(path: string, series: ReadImageOptions["series"]): Promise<ImageFile> {
  const { volume, warnings, description } = await readDicom(path, { series });
  return { volume, format: "dicom", warnings, description };
}
