/** DICOM segmentation objects on disk. */
import { readFileOrExplain, writeFileAtomic } from "@rfmedsam/base/node";
import { readImageHeader } from "../formats/dicom/image-header.js";
import { type DicomSeg, isSegmentation, type ReadDicomSegOptions, readDicomSeg } from "../formats/dicom-seg/read.js";
import type { SegmentToWrite } from "../formats/dicom-seg/segments-to-write.js";
import {
  type SegmentedSeries,
  type WriteDicomSegOptions,
  type WrittenDicomSeg,
  writeDicomSeg,
} from "../formats/dicom-seg/write.js";
import type { ImageFile } from "../formats/image-file.js";
import type { LabelVolume } from "../volume.js";
import { loadWasm } from "./dicom.js";
import { fileSource } from "./file-source.js";

/** Names and values, as in `dataset.json`; several values make a region. */
export type SegmentNames = Readonly<Record<string, number | readonly number[]>>;

/** The segmentation in a file (see `readDicomSeg`). @throws also FileError if it is missing or not readable */
export async function readDicomSegFile(path: string, options: ReadDicomSegOptions = {}): Promise<DicomSeg> {
  const bytes = await readFileOrExplain(path, "check the path");
  return readDicomSeg(bytes, { file: path, loadWasm, ...options });
}

/**
 * Writes labels as a segmentation of a series (see `writeDicomSeg`), whole or not at all.
 *
 * @param source the series that was segmented, from `readDicom`
 * @returns number of each segment, by its label, and sentences about what is unusual
 */
export async function writeDicomSegFile(
  path: string,
  labels: LabelVolume,
  segments: readonly SegmentToWrite[] | SegmentNames,
  source: SegmentedSeries,
  options: WriteDicomSegOptions = {},
): Promise<Omit<WrittenDicomSeg, "parts">> {
  const { parts, ...written } = writeDicomSeg(labels, segments, source, options);
  await writeFileAtomic(path, parts);
  return written;
}

/**
 * A segmentation file as a label image, on its own grid.
 *
 * @param path a DICOM file
 * @returns `undefined` if it is no segmentation
 */
export async function readDicomSegImage(path: string): Promise<ImageFile | undefined> {
  const { size, ...source } = await fileSource(path).then((file) => ({
    size: file.size,
    read: (from: number, to: number) => file.read(from, to - from),
  }));
  if (!isSegmentation(await readImageHeader({ name: path, size, ...source }))) return undefined;
  const seg = await readDicomSegFile(path);
  const { volume, overlap } = seg.labels();
  return {
    volume,
    format: "dicom",
    warnings: [...seg.warnings, ...(overlap === undefined ? [] : [overlap.sentence])],
    description: {
      modality: "SEG",
      type: seg.type,
      segments: seg.segments.map(({ number, label }) => `${number} ${label}`).join(", "),
    },
  };
}
