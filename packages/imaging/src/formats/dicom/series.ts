/** Which files of a heap belong together, and which of the series is meant. */
import { ConfigError, FormatError } from "@rfmedsam/base";
import type { ImageHeader } from "./image-header.js";

/** A series as a person chooses it. */
export interface DicomSeries {
  /** `SeriesInstanceUID`; empty if the files have none. */
  readonly uid: string;
  readonly modality: string;
  readonly description: string;
  /** `SeriesNumber`, as written. */
  readonly number: string;
  /** Frames, over all files. */
  readonly images: number;
  readonly files: readonly string[];
}

/** Files of one series, in the order they came. */
export interface SeriesFiles extends DicomSeries {
  readonly headers: readonly ImageHeader[];
}

/** What stands in a folder beside images and is no image itself, by SOP class (or the start of it). Source: DICOM PS3.4 annex B. */
const otherObjects: readonly (readonly [sopClass: string, words: string])[] = [
  ["1.2.840.10008.1.3.10", "a DICOMDIR index"],
  ["1.2.840.10008.5.1.4.1.1.66.4", "a segmentation"],
  ["1.2.840.10008.5.1.4.1.1.66.7", "a segmentation"],
  ["1.2.840.10008.5.1.4.1.1.66", "a registration or surface"],
  ["1.2.840.10008.5.1.4.1.1.67", "a table of real-world values"],
  ["1.2.840.10008.5.1.4.1.1.88", "a structured report"],
  ["1.2.840.10008.5.1.4.1.1.104", "an encapsulated document"],
  ["1.2.840.10008.5.1.4.1.1.11", "a presentation state"],
  ["1.2.840.10008.5.1.4.1.1.9", "a waveform"],
  ["1.2.840.10008.5.1.4.1.1.481.2", "a radiotherapy dose"],
  ["1.2.840.10008.5.1.4.1.1.481.3", "a set of radiotherapy contours"],
  ["1.2.840.10008.5.1.4.1.1.481.5", "a radiotherapy plan"],
];

/** What a file is if it is not an image to make a volume of, in words. */
export function otherThanImage({ sopClass, attributes, pixels }: ImageHeader): string | undefined {
  if (attributes.modality === "SEG") return "a segmentation";
  const known = otherObjects.find(([uid]) => sopClass === uid || sopClass?.startsWith(`${uid}.`));
  return known?.[1] ?? (pixels === undefined ? "without an image" : undefined);
}

/** Groups by `SeriesInstanceUID`, series in the order of their numbers. Files that are no images form no series. */
export function groupSeries(headers: readonly ImageHeader[]): SeriesFiles[] {
  const groups = new Map<string, ImageHeader[]>();
  for (const header of headers) {
    if (otherThanImage(header) !== undefined) continue;
    const key = header.seriesUid ?? `${header.studyUid ?? ""} ${header.attributes.seriesNumber ?? ""}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [header]);
    else group.push(header);
  }
  const series = [...groups.values()].map((files): SeriesFiles => {
    const { attributes, seriesUid } = files[0]!;
    return {
      uid: seriesUid ?? "",
      modality: attributes.modality ?? "",
      description: attributes.seriesDescription ?? "",
      number: attributes.seriesNumber ?? "",
      images: files.reduce((sum, { frames }) => sum + frames.length, 0),
      files: files.map(({ source }) => source.name),
      headers: files,
    };
  });
  return series.sort((a, b) => Number(a.number) - Number(b.number) || (a.uid < b.uid ? -1 : 1));
}

/** `CT "Abdomen 3.0" (series 4), 120 images`. */
export function describeSeries({ modality, description, number, images }: DicomSeries): string {
  const name = description === "" ? "without description" : `"${description}"`;
  const place = number === "" ? "" : ` (series ${number})`;
  return `${modality || "image"} ${name}${place}, ${images} ${images === 1 ? "image" : "images"}`;
}

/**
 * The series that is meant: the only one, or the chosen one.
 *
 * @param choice its place in the list (from 1) or its `SeriesInstanceUID`
 * @throws FormatError if there is none or it is not clear which; ConfigError if the choice is not there
 */
export function chooseSeries(
  series: readonly SeriesFiles[],
  choice: number | string | undefined,
  where: string | undefined,
): SeriesFiles {
  const list = series.map((one, index) => `${index + 1}: ${describeSeries(one)}${one.uid && `, UID ${one.uid}`}`);
  if (choice === undefined) {
    if (series.length === 1) return series[0]!;
    throw new FormatError({
      file: where,
      found: `${series.length} series: ${list.join("; ")}`,
      expected: "images of one series",
      hint: "choose one by its place in this list or its UID with `--series NUMBER|UID`",
    });
  }
  const byPlace = /^\d+$/.test(String(choice)) ? series[Number(choice) - 1] : undefined;
  const chosen = series.find(({ uid }) => uid === String(choice)) ?? byPlace;
  if (chosen !== undefined) return chosen;
  throw new ConfigError({
    file: where,
    found: `no series ${choice}`,
    expected: `one of ${list.join("; ")}`,
    hint: "choose one by its place in this list or its UID with `--series NUMBER|UID`",
  });
}
