/** Images that are looked at as images: what a network or a prompt is about. */
import { stat } from "node:fs/promises";
import { FormatError } from "@rfmedsam/base";
import { isDicom } from "../formats/dicom/dataset.js";
import { isSegmentation } from "../formats/dicom-seg/read.js";
import type { Volume } from "../volume.js";
import { dicomHeaderOf } from "./dicom.js";
import { fileSource } from "./file-source.js";
import { type ReadImageOptions, readVolume } from "./read-image.js";

/** `readVolume`, but for a DICOM segmentation, whose labels are no image. @throws as `readVolume`; FormatError for such a file */
export async function readScan(path: string, options: ReadImageOptions = {}): Promise<Volume> {
  if (await isDicomSeg(path)) {
    throw new FormatError({
      file: path,
      found: "a DICOM segmentation (modality SEG): labels, not an image",
      expected: "a scan",
      hint: "name the series that it was made on; `rfmedsam convert` turns a segmentation into a label file",
    });
  }
  return readVolume(path, options);
}

async function isDicomSeg(path: string): Promise<boolean> {
  if ((await stat(path).catch(() => undefined))?.isDirectory()) return false; // its segmentations are left out
  if (!isDicom(await (await fileSource(path)).read(0, 256))) return false;
  return isSegmentation(await dicomHeaderOf(path));
}
