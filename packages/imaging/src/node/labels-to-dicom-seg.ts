/** Label files, and the DICOM series they are of, into segmentation objects. */
import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { ConfigError, FileError } from "@rfmedsam/base";
import { isDicom } from "../formats/dicom/dataset.js";
import type { DicomImage } from "../formats/dicom/decode.js";
import type { WriteDicomSegOptions } from "../formats/dicom-seg/write.js";
import type { Grid } from "../grid.js";
import { labelsIn } from "../labels.js";
import { readDicom } from "./dicom.js";
import { type SegmentNames, writeDicomSegFile } from "./dicom-seg.js";
import { fileSource } from "./file-source.js";
import { readLabels } from "./labels.js";
import type { ReadImageOptions } from "./read-image.js";

/** The series in a DICOM folder or file; `undefined` for other images. @throws as `readDicom` */
export async function dicomSourceOf(
  path: string,
  { series }: Pick<ReadImageOptions, "series"> = {},
): Promise<DicomImage | undefined> {
  return (await isDicomPath(path)) ? readDicom(path, { series }) : undefined;
}

/** Whether an image is DICOM: a file by its content, and every folder. @throws FileError */
export async function isDicomPath(path: string): Promise<boolean> {
  const folder = (await stat(path).catch(() => undefined))?.isDirectory() === true;
  return folder || isDicom(await (await fileSource(path)).read(0, 256));
}

export interface LabelsToDicomSegOptions extends WriteDicomSegOptions, ReadImageOptions {
  /** The DICOM series that the labels are of: its folder, or a multi-frame file. */
  readonly like?: string | undefined;
  /** Default: each value that occurs is named by its number. */
  readonly names?: SegmentNames | undefined;
  readonly overwrite?: boolean | undefined;
}

/**
 * A label file of any format → a DICOM segmentation of its series.
 *
 * @throws ConfigError without a series; FileError when the output exists and may not be replaced; as `readLabels` and `writeDicomSeg`
 */
export async function labelsToDicomSeg(
  input: string,
  output: string,
  options: LabelsToDicomSegOptions = {},
): Promise<{ grid: Grid; numbers: ReadonlyMap<string, number> }> {
  const { like, names, overwrite = false, series, onWarning } = options;
  if (!overwrite && existsSync(output)) {
    throw new FileError({ file: output, found: "exists already", hint: "choose another name, or add --overwrite" });
  }
  const source = like === undefined ? undefined : await dicomSourceOf(like, { series });
  if (source === undefined) {
    throw new ConfigError({
      file: like ?? output,
      found: like === undefined ? "a DICOM segmentation of no series" : "an image that is not DICOM",
      expected: "the DICOM series the labels are of",
      hint: "name its folder with `--like DICOM_FOLDER`",
    });
  }
  const labels = await readLabels(input);
  const values = labelsIn(labels.data).filter((value) => value !== 0);
  if (names === undefined) onWarning?.("the labels have no names: give them with `--labels dataset.json`");
  const named =
    names ?? Object.fromEntries((values.length === 0 ? [1] : values).map((value) => [`label ${value}`, value]));
  const written = await writeDicomSegFile(output, labels, named, source, { file: input, ...options });
  for (const warning of [...source.warnings, ...written.warnings]) onWarning?.(warning);
  return { grid: source.volume, numbers: written.numbers };
}
