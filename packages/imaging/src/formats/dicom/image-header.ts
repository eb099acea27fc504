/**
 * What a file's header says about its image: layout of the pixels, and for each frame its place and its rescaling. In enhanced
 * multi-frame files both come from the functional groups, a frame's own before the shared ones; in single-frame files from the data
 * set itself. Nothing is judged here: numbers that are missing are `undefined`, unreadable ones NaN. Source: DICOM PS3.3 C.7.6.
 */
import type { Point } from "../../geometry.js";
import { type DicomHeader, type PixelLocation, parseHeader } from "./dataset.js";
import type { DicomSource } from "./source.js";
import { tags } from "./tags.js";
import type { TransferSyntax } from "./transfer-syntaxes.js";
import {
  type Dataset,
  type Decoder,
  decoderOf,
  itemsOf,
  numberOf,
  numbersOf,
  textOf,
  textsOf,
  wordOf,
} from "./values.js";

export interface PixelLayout {
  readonly rows: number;
  readonly columns: number;
  readonly samplesPerPixel: number;
  readonly photometric: string;
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly signed: boolean;
}

/** One frame's place (LPS+ mm) and rescaling. */
export interface FrameHeader {
  /** Position in the file, from 0. */
  readonly index: number;
  /** Centre of the first pixel. */
  readonly position: Point | undefined;
  /** Unit vectors along which columns (along a row) and rows (down a column) grow. */
  readonly along: Point | undefined;
  readonly down: Point | undefined;
  /** Distance of rows, then of columns. */
  readonly spacing: readonly [number, number] | undefined;
  readonly thickness: number | undefined;
  readonly sliceDistance: number | undefined;
  readonly slope: number;
  readonly intercept: number;
  /** Order among files without positions. */
  readonly instance: number | undefined;
  /** What tells time points, echoes and the like at one position apart, by name. */
  readonly moments: Readonly<Record<string, string>>;
}

/** Attributes of patient, study and series that a derived object (a segmentation) has to repeat. */
export type SeriesAttributes = Readonly<Partial<Record<SeriesAttribute, string>>>;

export const seriesAttributes = [
  "patientName",
  "patientId",
  "patientBirthDate",
  "patientSex",
  "patientAge",
  "patientSize",
  "patientWeight",
  "studyDate",
  "studyTime",
  "studyId",
  "studyDescription",
  "accessionNumber",
  "referringPhysician",
  "manufacturer",
  "modality",
  "seriesNumber",
  "seriesDescription",
] as const satisfies readonly (keyof typeof tags)[];

export type SeriesAttribute = (typeof seriesAttributes)[number];

export interface ImageHeader {
  readonly source: DicomSource;
  readonly syntax: TransferSyntax;
  /** Where the data set starts in the file (a deflated one is packed from there). */
  readonly start: number;
  readonly pixels: PixelLocation | undefined;
  readonly layout: PixelLayout;
  readonly frames: readonly FrameHeader[];
  readonly imageType: readonly string[];
  readonly sopClass: string | undefined;
  readonly sopInstance: string | undefined;
  readonly studyUid: string | undefined;
  readonly seriesUid: string | undefined;
  readonly frameOfReference: string | undefined;
  readonly attributes: SeriesAttributes;
  readonly window: readonly [center: number, width: number] | undefined;
  /** A lookup table stands where slope and intercept would. */
  readonly hasModalityLut: boolean;
}

/** First piece of a file that is read for its header; most headers are smaller. */
const firstPiece = 1 << 15;

/** Reads as much of a file as its header takes. @throws FormatError if it is no DICOM file or damaged */
export async function readImageHeader(source: DicomSource): Promise<ImageHeader> {
  for (let length = firstPiece; ; length *= 4) {
    const bytes = await source.read(0, Math.min(length, source.size));
    // A file that was cut since it was listed ends where its bytes do.
    const size = bytes.length < Math.min(length, source.size) ? bytes.length : source.size;
    const header = parseHeader(bytes, size, source.name);
    if (header !== undefined) return imageHeader(header, source);
  }
}

/** So many frames are believed without asking; a claim beyond has to be borne out by the size of the file. */
const manyFrames = 4096;

function imageHeader({ meta, dataset, syntax, start, pixels }: DicomHeader, source: DicomSource): ImageHeader {
  const decoder = decoderOf(dataset);
  const bitsAllocated = wordOf(dataset, tags.bitsAllocated) ?? 0;
  const bitsStored = wordOf(dataset, tags.bitsStored) ?? bitsAllocated;
  const [center, width] = [numberOf(dataset, tags.windowCenter), numberOf(dataset, tags.windowWidth)];
  const values = seriesAttributes.map((name) => [name, textOf(dataset, tags[name], decoder)] as const);
  return {
    source,
    syntax,
    start,
    pixels,
    layout: {
      rows: wordOf(dataset, tags.rows) ?? 0,
      columns: wordOf(dataset, tags.columns) ?? 0,
      samplesPerPixel: wordOf(dataset, tags.samplesPerPixel) ?? 1,
      photometric: textOf(dataset, tags.photometric) ?? "",
      bitsAllocated,
      bitsStored,
      highBit: wordOf(dataset, tags.highBit) ?? bitsStored - 1,
      signed: wordOf(dataset, tags.pixelRepresentation) === 1,
    },
    frames: frameHeaders(dataset, decoder, source.size),
    imageType: textsOf(dataset, tags.imageType),
    sopClass: textOf(dataset, tags.sopClass) ?? (meta && textOf(meta, tags.mediaSopClass)),
    sopInstance: textOf(dataset, tags.sopInstance) ?? (meta && textOf(meta, tags.mediaSopInstance)),
    studyUid: textOf(dataset, tags.studyUid),
    seriesUid: textOf(dataset, tags.seriesUid),
    frameOfReference: textOf(dataset, tags.frameOfReference),
    attributes: Object.fromEntries(values.filter(([, value]) => value !== undefined)) as SeriesAttributes,
    window: center === undefined || width === undefined ? undefined : [center, width],
    hasModalityLut: itemsOf(dataset, tags.modalityLut).length > 0,
  };
}

function frameHeaders(dataset: Dataset, decoder: Decoder, fileSize: number): FrameHeader[] {
  const claimed = numberOf(dataset, tags.numberOfFrames) ?? 1;
  const shared = itemsOf(dataset, tags.sharedGroups)[0];
  const own = itemsOf(dataset, tags.perFrameGroups);
  const count =
    Number.isInteger(claimed) && claimed > 0 && claimed <= Math.max(manyFrames, fileSize / 64) ? claimed : 0;
  return Array.from({ length: count }, (_, index) =>
    frameHeader(index, [own[index], shared, dataset], dataset, decoder),
  );
}

/** @param places where a frame's attributes may stand, the frame's own functional groups first */
function frameHeader(
  index: number,
  places: readonly (Dataset | undefined)[],
  dataset: Dataset,
  decoder: Decoder,
): FrameHeader {
  /** The data set that holds `tag`: a functional group of the frame, of all frames, or the file itself. */
  const holder = (group: string, tag: string) => {
    for (const place of places) {
      const inner = place === undefined ? undefined : place === dataset ? dataset : itemsOf(place, group)[0];
      if (inner?.elements[tag] !== undefined) return inner;
    }
    return undefined;
  };
  const numbers = (group: string, tag: string) => {
    const found = holder(group, tag);
    return found === undefined ? [] : numbersOf(found, tag);
  };
  const orientation = numbers(tags.planeOrientation, tags.imageOrientation);
  const spacing = numbers(tags.pixelMeasures, tags.pixelSpacing);
  return {
    index,
    position: point(numbers(tags.planePosition, tags.imagePosition)),
    along: orientation.length === 0 ? undefined : (point(orientation.slice(0, 3)) ?? unreadable),
    down: orientation.length === 0 ? undefined : (point(orientation.slice(3)) ?? unreadable),
    spacing: spacing.length === 0 ? undefined : [spacing[0]!, spacing[1] ?? Number.NaN],
    thickness: numbers(tags.pixelMeasures, tags.sliceThickness)[0],
    sliceDistance: numbers(tags.pixelMeasures, tags.spacingBetweenSlices)[0],
    slope: numbers(tags.pixelValueTransformation, tags.rescaleSlope)[0] ?? 1,
    intercept: numbers(tags.pixelValueTransformation, tags.rescaleIntercept)[0] ?? 0,
    instance: numberOf(dataset, tags.instanceNumber),
    moments: momentsOf(places[0], dataset, decoder),
  };
}

const unreadable: Point = [Number.NaN, Number.NaN, Number.NaN];

/** Three numbers; `undefined` for none at all, NaN if they are not three. */
function point(numbers: readonly number[]): Point | undefined {
  if (numbers.length === 0) return undefined;
  return numbers.length === 3 ? [numbers[0]!, numbers[1]!, numbers[2]!] : unreadable;
}

/** What may differ between images at the same position, most telling first. */
const momentTags: readonly (readonly [name: string, tag: string])[] = [
  ["temporal position", tags.temporalPosition],
  ["echo", tags.echoNumber],
  ["echo time", tags.echoTime],
  ["diffusion b-value", tags.diffusionBValue],
  ["trigger time", tags.triggerTime],
  ["acquisition", tags.acquisitionNumber],
  ["image type", tags.imageType],
  ["content time", tags.contentTime],
];

function momentsOf(own: Dataset | undefined, dataset: Dataset, decoder: Decoder): Record<string, string> {
  const found: Record<string, string> = {};
  const content = own === undefined ? undefined : itemsOf(own, tags.frameContent)[0];
  const index = content?.uint32(tags.temporalPositionIndex);
  if (index !== undefined) found["temporal position"] = String(index);
  for (const [name, tag] of momentTags) {
    const value = textOf(dataset, tag, decoder);
    if (value !== undefined) found[name] ??= value;
  }
  return found;
}
