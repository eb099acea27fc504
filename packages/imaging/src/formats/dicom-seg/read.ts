/**
 * DICOM segmentation objects (BINARY, FRACTIONAL, LABELMAP) → segments and their masks. Masks are made on demand: a file with a hundred
 * segments holds a hundred volumes. Source: DICOM PS3.3 A.51 and C.8.20.
 */
import { FormatError } from "@rfmedsam/base";
import type { Grid } from "../../grid.js";
import { type Volume, voxelCount } from "../../volume.js";
import type { LoadWasm } from "../dicom/codecs/webassembly.js";
import { parseHeader } from "../dicom/dataset.js";
import { type ImageHeader, readImageHeader, type SeriesAttributes } from "../dicom/image-header.js";
import { sourceOfBytes } from "../dicom/source.js";
import { type Dataset, decoderOf, itemsOf, textOf, wordOf } from "../dicom/values.js";
import { type SegContent, type SegmentationType, segmentationTypes } from "./content.js";
import { labelMapSegmentationStorage, segmentationStorage, tagOf } from "./dictionary.js";
import { checkParallel, framesOf, type SegFrame, type SourceImage } from "./frames.js";
import { framesInGrid, gridOfFrames, type ReferenceGrid } from "./grid.js";
import { type LabelMap, type LabelMapOptions, labelMapOf } from "./labels.js";
import { type DicomSegment, segmentsOf } from "./segments.js";
import { forEachPixel, openStored } from "./stored.js";

export interface ReadDicomSegOptions {
  /** Named in errors. */
  readonly file?: string | undefined;
  /** Read onto this grid instead of the frames' own: a volume, best with the series it came from (`DicomImage`'s `series`). */
  readonly like?: ReferenceGrid | undefined;
  /** Gets the decoders' WebAssembly where they cannot fetch it themselves (Node); packed segmentations only. */
  readonly loadWasm?: LoadWasm | undefined;
}

/** The images that a segmentation was made from. */
export interface SourceSeries {
  readonly seriesUid: string;
  readonly sopInstanceUids: readonly string[];
}

/** A segmentation object, read; see `readDicomSeg`. */
export class DicomSeg {
  readonly type: SegmentationType;
  /** `PROBABILITY` or `OCCUPANCY`, if the type is FRACTIONAL. */
  readonly fractionalType: string | undefined;
  readonly segments: readonly DicomSegment[];
  /** The grid of every mask. */
  readonly grid: Grid;
  readonly studyUid: string | undefined;
  readonly seriesUid: string | undefined;
  readonly frameOfReferenceUid: string | undefined;
  readonly attributes: SeriesAttributes;
  readonly sources: readonly SourceSeries[];
  /** In a label map, the stored value of pixels outside every segment (Pixel Padding Value), if the file names one. */
  readonly paddingValue: number | undefined;
  /** Sentences: what is unusual and what was done about it. */
  readonly warnings: readonly string[];
  readonly #content: SegContent;

  constructor(content: SegContent, image: ImageHeader, dataset: Dataset) {
    this.#content = content;
    this.type = content.type;
    this.fractionalType = textOf(dataset, tagOf("SegmentationFractionalType"));
    this.segments = content.segments;
    this.grid = content.placed.grid;
    this.studyUid = image.studyUid;
    this.seriesUid = image.seriesUid;
    this.frameOfReferenceUid = image.frameOfReference;
    this.attributes = image.attributes;
    this.sources = sourceSeries(dataset);
    this.paddingValue = content.padding;
    this.warnings = [...content.stored.warnings, ...content.placed.warnings];
  }

  /**
   * One segment's voxels, 1 inside and 0 outside, `[z, y, x]` on `grid`.
   *
   * @param threshold for FRACTIONAL: the least share that counts as inside
   * @throws FormatError if there is no such segment
   */
  mask(number: number, threshold = 0.5): Volume<Uint8Array> {
    const data = new Uint8Array(voxelCount(this.grid.shape));
    const least = this.type === "FRACTIONAL" ? threshold * this.#content.full : 0;
    this.#visit(number, (voxel, value) => {
      if (value >= least) data[voxel] = 1;
    });
    return { data, ...this.grid };
  }

  /** One segment's share of each voxel (probability or occupancy), 0 to 1; of BINARY and LABELMAP 0 or 1. @throws as `mask` */
  fractions(number: number): Volume<Float32Array> {
    const data = new Float32Array(voxelCount(this.grid.shape));
    const { full } = this.#content;
    this.#visit(number, (voxel, value) => {
      data[voxel] = Math.max(data[voxel]!, Math.min(1, value / full));
    });
    return { data, ...this.grid };
  }

  /**
   * One number per voxel: the segment's, or `background`. Where segments overlap, the one with the highest number wins (in FRACTIONAL
   * files the one with the largest share); `overlap` says how often and whose voxels.
   *
   * @throws ConfigError if `background` is a segment's number
   */
  labels(options: LabelMapOptions = {}): LabelMap {
    return labelMapOf(this.#content, options);
  }

  /** The images that frame `index` was made from. */
  sourcesOfFrame(index: number): readonly SourceImage[] {
    return this.#content.frames[index]?.sources ?? [];
  }

  #visit(number: number, visit: (voxel: number, value: number) => void): void {
    const { type, segments, frames, placed, stored, size, file } = this.#content;
    if (!segments.some((segment) => segment.number === number)) {
      throw new FormatError({
        file,
        found: `no segment ${number}`,
        expected: `one of ${segments.map((segment) => `${segment.number} (${segment.label})`).join(", ")}`,
      });
    }
    for (const { index, segment } of frames) {
      if (type === "LABELMAP") {
        forEachPixel(stored, index, size, placed.placements[index]!, (voxel, value) => {
          if (value === number) visit(voxel, 1);
        });
      } else if (segment === number) {
        forEachPixel(stored, index, size, placed.placements[index]!, (voxel, value) => {
          if (value !== 0) visit(voxel, value);
        });
      }
    }
  }
}

/** Whether a file's header is that of a segmentation. */
export function isSegmentation({ sopClass, attributes }: Pick<ImageHeader, "sopClass" | "attributes">): boolean {
  return sopClass === segmentationStorage || sopClass === labelMapSegmentationStorage || attributes.modality === "SEG";
}

/**
 * Reads a DICOM segmentation object.
 *
 * @param bytes the whole file
 * @throws FormatError if it is damaged or no segmentation; GeometryError if its frames form no volume, or do not lie on `like`
 */
export async function readDicomSeg(bytes: Uint8Array, options: ReadDicomSegOptions = {}): Promise<DicomSeg> {
  const { file = "segmentation", like, loadWasm } = options;
  const image = await readImageHeader(sourceOfBytes(file, bytes));
  const dataset = parseHeader(bytes, bytes.length, file)!.dataset;
  if (!isSegmentation(image)) {
    throw new FormatError({
      file,
      found: `a DICOM file of the modality ${image.attributes.modality ?? "(none)"}`,
      expected: "a segmentation (modality SEG)",
      hint: "read images with `readImage`",
    });
  }
  const type = typeOf(dataset, file);
  const segments = segmentsOf(dataset, decoderOf(dataset), file);
  const frames = framesOf(dataset, image, type === "LABELMAP");
  checkSegments(frames, segments, file);
  const stored = await openStored(image, bytes, loadWasm);
  const { rows, columns } = image.layout;
  checkParallel(frames, rows, columns, file);
  const placed =
    like === undefined ? gridOfFrames(frames, rows, columns, file) : framesInGrid(frames, rows, columns, like, file);
  const content: SegContent = {
    type,
    segments,
    frames,
    placed,
    stored,
    size: [rows, columns],
    full: type === "FRACTIONAL" ? fullValue(dataset, file) : 1,
    padding: type === "LABELMAP" ? wordOf(dataset, tagOf("PixelPaddingValue")) : undefined,
    file,
  };
  return new DicomSeg(content, image, dataset);
}

function typeOf(dataset: Dataset, file: string): SegmentationType {
  const text = textOf(dataset, tagOf("SegmentationType"));
  const type = segmentationTypes.find((known) => known === text);
  if (type !== undefined) return type;
  throw new FormatError({
    file,
    found: text === undefined ? "no segmentation type" : `the segmentation type ${text}`,
    expected: segmentationTypes.join(", "),
  });
}

function checkSegments(frames: readonly SegFrame[], segments: readonly DicomSegment[], file: string): void {
  const known = new Set(segments.map(({ number }) => number));
  const stray = frames.find(({ segment }) => segment !== undefined && !known.has(segment));
  if (stray === undefined) return;
  throw new FormatError({
    file,
    found: `frame ${stray.index + 1} of segment ${stray.segment}`,
    expected: `one of the listed segments ${[...known].join(", ")}`,
    hint: "export the segmentation again",
  });
}

function fullValue(dataset: Dataset, file: string): number {
  const value = wordOf(dataset, tagOf("MaximumFractionalValue"));
  if (value !== undefined && value > 0) return value;
  throw new FormatError({
    file,
    found: `fractions without the value of a whole (${value ?? "none"})`,
    expected: "a Maximum Fractional Value above 0",
    hint: "export the segmentation again",
  });
}

function sourceSeries(dataset: Dataset): SourceSeries[] {
  return itemsOf(dataset, tagOf("ReferencedSeriesSequence")).map((series) => ({
    seriesUid: textOf(series, tagOf("SeriesInstanceUID")) ?? "",
    sopInstanceUids: itemsOf(series, tagOf("ReferencedInstanceSequence")).map(
      (image) => textOf(image, tagOf("ReferencedSOPInstanceUID")) ?? "",
    ),
  }));
}
