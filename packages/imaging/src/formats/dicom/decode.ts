/**
 * DICOM files → a volume. Files are grouped into series, the chosen one is sorted by position, and its frames are unpacked file by file:
 * at any time there is the volume and one file. What is unusual about a series comes as sentences in `warnings`; what would make the
 * volume wrong is refused.
 */
import { FileError, FormatError, GeometryError } from "@rfmedsam/base";
import type { Point } from "../../geometry.js";
import type { Affine, Volume } from "../../volume.js";
import type { Samples } from "./codecs/decode-frame.js";
import type { LoadWasm } from "./codecs/webassembly.js";
import { isDicom } from "./dataset.js";
import { type ImageHeader, readImageHeader, type SeriesAttributes } from "./image-header.js";
import { checkPixels, type FrameReader, openFrames } from "./pixels.js";
import { chooseSeries, type DicomSeries, groupSeries, otherThanImage } from "./series.js";
import { type DicomSource, sourceOfBytes } from "./source.js";
import { type Slice, type Stack, stackSlices } from "./stack.js";
import { SliceCollector } from "./values-of-slice.js";

export interface DecodeDicomOptions {
  /** Which series, if the files hold several: its place in `listSeries` (from 1) or its `SeriesInstanceUID`. */
  readonly series?: number | string | undefined;
  /** Named in errors about the whole. */
  readonly where?: string | undefined;
  /** Gets the decoders' WebAssembly where they cannot fetch it themselves (Node). */
  readonly loadWasm?: LoadWasm | undefined;
}

/** One slice of a volume and the image it came from. Geometry in DICOM's own LPS+ mm. */
export interface DicomSliceInfo {
  readonly file: string;
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  /** Number of the frame in its file, from 1. */
  readonly frame: number;
  /** Frames in that file; 1 for a file of a single image. */
  readonly frames: number;
  readonly imagePosition: Point | undefined;
  /** Direction along a row, then down a column. */
  readonly imageOrientation: readonly [Point, Point] | undefined;
}

/** What a derived object (a segmentation) says about the series it was made from. Identifiers are empty where the files have none. */
export interface DicomSeriesInfo {
  readonly studyUid: string;
  readonly seriesUid: string;
  readonly frameOfReferenceUid: string;
  readonly rows: number;
  readonly columns: number;
  /** Distance of rows, then of columns, in mm. */
  readonly pixelSpacing: readonly [number, number];
  /** As the files say; `undefined` if they do not. */
  readonly sliceThickness: number | undefined;
  readonly attributes: SeriesAttributes;
  /** In the order of the volume's slices. */
  readonly slices: readonly DicomSliceInfo[];
}

export interface DicomImage {
  /**
   * `[slice, row, column]`, slices ascending along cross(row direction, column direction). Rescaled (HU in CT), not inverted for
   * MONOCHROME1; int16 when every value is whole and fits, else float32.
   */
  readonly volume: Volume<Int16Array | Float32Array>;
  /** Sentences: what is unusual and what was done about it. */
  readonly warnings: readonly string[];
  readonly description: Readonly<Record<string, string | number>>;
  readonly series: DicomSeriesInfo;
}

/**
 * The volume in a heap of DICOM files, in any order: one series of single images, or a multi-frame file. Files of other kinds are left
 * out with a warning.
 *
 * @throws FormatError for damaged files, unsupported pixels, several series without a choice; GeometryError if the images do not form one
 *   volume; ConfigError if the chosen series is not there; FileError if no file is a DICOM file
 */
export function decodeDicomSeries(
  files: readonly { readonly name: string; readonly bytes: Uint8Array }[],
  options: DecodeDicomOptions = {},
): Promise<DicomImage> {
  return decodeDicomSources(
    files.map(({ name, bytes }) => sourceOfBytes(name, bytes)),
    options,
  );
}

/** The series in a heap of DICOM files. @throws FormatError if a DICOM file is damaged */
export async function listDicomSeries(sources: readonly DicomSource[]): Promise<DicomSeries[]> {
  const { headers } = await readHeaders(sources);
  return groupSeries(headers).map(({ headers: _, ...series }) => series);
}

/** As `decodeDicomSeries`, for files wherever they are. */
export async function decodeDicomSources(
  sources: readonly DicomSource[],
  { series: choice, where, loadWasm }: DecodeDicomOptions = {},
): Promise<DicomImage> {
  const { headers, strangers } = await readHeaders(sources);
  const place = where ?? sources[0]?.name ?? "";
  if (headers.length === 0) throw noDicom(place, sources.length);
  const groups = groupSeries(headers);
  if (groups.length === 0) throw noImages(place, headers);
  const chosen = chooseSeries(groups, choice, where);
  for (const image of chosen.headers) if (image.frames.length === 0) checkPixels(image);
  const stack = stackSlices(chosen.headers, where ?? chosen.files[0]!);
  const data = await readSlices(stack, loadWasm);
  const { rows, columns } = stack.slices[0]!.image.layout;
  return {
    volume: { data, shape: [stack.slices.length, rows, columns], affine: affineOf(stack) },
    warnings: [...strangersWarning(strangers, headers), ...stack.warnings],
    description: describe(stack),
    series: seriesInfo(stack),
  };
}

/** Reads every file's header. Files that are not DICOM are set aside; damaged ones are an error, for a slice may be missing. */
async function readHeaders(
  sources: readonly DicomSource[],
): Promise<{ headers: ImageHeader[]; strangers: readonly string[] }> {
  const headers: ImageHeader[] = [];
  const strangers: string[] = [];
  for (const source of sources) {
    if (isDicom(await source.read(0, Math.min(source.size, 132)))) headers.push(await readImageHeader(source));
    else strangers.push(source.name);
  }
  return { headers, strangers };
}

function strangersWarning(strangers: readonly string[], headers: readonly ImageHeader[]): string[] {
  const list = (files: readonly string[]) =>
    files.length > 4 ? `${files.slice(0, 3).join(", ")} and ${files.length - 3} more` : files.join(", ");
  const others = headers.filter((header) => otherThanImage(header) !== undefined);
  const said: string[] = [];
  if (strangers.length > 0) said.push(`Files that are not DICOM were left out: ${list(strangers)}.`);
  if (others.length > 0) {
    said.push(
      `DICOM files that are no images were left out: ${list(others.map((header) => `${header.source.name} (${otherThanImage(header)})`))}.`,
    );
  }
  return said;
}

function noDicom(file: string, count: number): FileError {
  return new FileError({
    file,
    found: count === 0 ? "no files" : `${count === 1 ? "a file that is" : `${count} files that are`} not DICOM`,
    expected: "the images of a DICOM series",
    hint: "name the folder that holds the images themselves",
  });
}

function noImages(file: string, headers: readonly ImageHeader[]): FormatError {
  const kinds = [...new Set(headers.map((header) => otherThanImage(header)))];
  return new FormatError({
    file,
    found: `DICOM files without images to read as a volume: ${kinds.join(", ")}`,
    expected: "the images of a CT, MR or PET series",
    hint: "name the folder with the series itself",
  });
}

async function readSlices(stack: Stack, loadWasm: LoadWasm | undefined): Promise<Int16Array | Float32Array> {
  const collector = new SliceCollector(stack.slices.length);
  const byFile = new Map<ImageHeader, { slice: Slice; index: number }[]>();
  for (const [index, slice] of stack.slices.entries()) {
    const group = byFile.get(slice.image);
    if (group === undefined) byFile.set(slice.image, [{ slice, index }]);
    else group.push({ slice, index });
  }
  for (const image of byFile.keys()) checkPixels(image);
  for (const [image, slices] of byFile) {
    const frame = await openFrames(image, loadWasm);
    for (const { slice, index } of slices) {
      const samples = await frame(slice.frame.index);
      collector.add(index, samples, image.layout, slice.frame, image.source.name);
    }
  }
  for (const { kept, copy } of stack.copies) await checkCopy(kept, copy, loadWasm);
  return collector.data;
}

/** Two files under one identifier have to hold the same image. */
async function checkCopy(kept: Slice, copy: Slice, loadWasm: LoadWasm | undefined): Promise<void> {
  const read = async ({ image, frame }: Slice): Promise<Samples> => {
    checkPixels(image);
    const frames: FrameReader = await openFrames(image, loadWasm);
    return frames(frame.index);
  };
  const [a, b] = [await read(kept), await read(copy)];
  if (a.length === b.length && a.every((value, index) => value === b[index])) return;
  throw new GeometryError({
    file: copy.image.source.name,
    found: `another image under the same identifier as ${kept.image.source.name}`,
    expected: "one image for each identifier",
    hint: "take the wrong one out of the folder",
  });
}

/** LPS+ (DICOM) to RAS+: x and y change sign. */
function affineOf({ column, row, step, origin }: Stack): Affine {
  const line = (axis: 0 | 1 | 2) =>
    [column[axis], row[axis], step[axis], origin[axis]].map((value) => (axis === 2 || value === 0 ? value : -value));
  return [...line(0), ...line(1), ...line(2), 0, 0, 0, 1];
}

function describe({ slices }: Stack): Record<string, string | number> {
  const { image } = slices[0]!;
  const { attributes, layout, syntax, window } = image;
  const facts: Record<string, string | number | undefined> = {
    modality: attributes.modality,
    study: attributes.studyDescription,
    series: attributes.seriesDescription,
    seriesNumber: attributes.seriesNumber,
    date: attributes.studyDate,
    manufacturer: attributes.manufacturer,
    images: slices.length,
    stored: `${layout.bitsStored} bits, ${layout.signed ? "signed" : "unsigned"}, ${layout.photometric}`,
    transferSyntax: syntax.name,
    window: window && `${window[0]} ± ${window[1] / 2}`,
  };
  const known = Object.entries(facts).filter((fact): fact is [string, string | number] => fact[1] !== undefined);
  return Object.fromEntries(known);
}

function seriesInfo({ slices }: Stack): DicomSeriesInfo {
  const { image, frame } = slices[0]!;
  return {
    studyUid: image.studyUid ?? "",
    seriesUid: image.seriesUid ?? "",
    frameOfReferenceUid: image.frameOfReference ?? "",
    rows: image.layout.rows,
    columns: image.layout.columns,
    pixelSpacing: frame.spacing!,
    sliceThickness: frame.thickness,
    attributes: image.attributes,
    slices: slices.map(
      ({ image: { source, sopClass, sopInstance, frames }, frame: { index, position, along, down } }) => ({
        file: source.name,
        sopClassUid: sopClass ?? "",
        sopInstanceUid: sopInstance ?? "",
        frame: index + 1,
        frames: frames.length,
        imagePosition: position,
        imageOrientation: along === undefined || down === undefined ? undefined : ([along, down] as const),
      }),
    ),
  };
}
