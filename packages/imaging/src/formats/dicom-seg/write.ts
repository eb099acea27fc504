/**
 * A label volume and the series it was made from → a DICOM segmentation object: BINARY, one frame for each segment and slice with any
 * voxel, references to the source images frame by frame. The labels may lie on the series' grid in any orientation; they are never
 * resampled. Source: DICOM PS3.3 A.51, C.7.6.16, C.7.6.17 and C.8.20.
 */
import { ConfigError, GeometryError } from "@rfmedsam/base";
import { describeGrid, type Grid } from "../../grid.js";
import type { LabelVolume } from "../../volume.js";
import type { DicomSeriesInfo } from "../dicom/decode.js";
import { type Attributes, encodeFile } from "./encode.js";
import { fileMeta, hasIdentifiers, segmentationDataset } from "./object.js";
import { packFrames } from "./pack.js";
import { FramePlacer, type Placement, sliceOf } from "./placement.js";
import { type SegmentToWrite, segmentsToWrite } from "./segments-to-write.js";
import { newUid } from "./uid.js";

/** The series that was segmented; what `readDicom` and `decodeDicomSeries` return. */
export interface SegmentedSeries {
  readonly volume: Grid;
  readonly series: DicomSeriesInfo;
}

export interface WriteDicomSegOptions {
  /** What made the segmentation, as each segment says; default `rfmedsam`. */
  readonly algorithmName?: string | undefined;
  readonly softwareVersion?: string | undefined;
  /** Default `Segmentation`. */
  readonly seriesDescription?: string | undefined;
  /** Default 300. */
  readonly seriesNumber?: number | undefined;
  /** Who made it, as DICOM writes names (`Doe^Jane`); default empty. */
  readonly creator?: string | undefined;
  /** Default now; written in local time. */
  readonly date?: Date | undefined;
  /** Makes identifiers; default random ones. */
  readonly uid?: (() => string) | undefined;
  /** Named in errors about the labels. */
  readonly file?: string | undefined;
}

export interface WrittenDicomSeg {
  /** The file's bytes, in parts. */
  readonly parts: readonly Uint8Array[];
  /** Number of each segment, by its label. DICOM counts segments from 1 without gaps, whatever their values in the label volume. */
  readonly numbers: ReadonlyMap<string, number>;
  /** Sentences: what is unusual and what was done about it. */
  readonly warnings: readonly string[];
}

/**
 * @param labels on the series' grid, its axes in any order and direction
 * @param segments names and values; every value that occurs has to be named. Segments may share values (regions), and may be empty.
 * @throws GeometryError if the labels lie on another grid, or the series has no place in the patient; ConfigError for an unnamed value
 */
export function writeDicomSeg(
  labels: LabelVolume,
  segments: readonly SegmentToWrite[] | Readonly<Record<string, number | readonly number[]>>,
  source: SegmentedSeries,
  options: WriteDicomSegOptions = {},
): WrittenDicomSeg {
  const { file, uid = newUid } = options;
  const listed = segmentsToWrite(segments, file);
  const warnings = checkSeries(source.series);
  const placements = slicePlacements(labels, source, file);
  const { rows, columns } = source.series;
  const values = listed.map((segment) => segment.values);
  const { frames, pixels, unnamed } = packFrames(labels.data, placements, rows, columns, values);
  if (unnamed !== undefined) {
    throw new ConfigError({
      file,
      found: `the label ${unnamed}, which has no name`,
      expected: `only ${[...new Set(values.flat())].join(", ")}`,
      hint: "name every label in the list of labels (dataset.json)",
    });
  }
  const instance = uid();
  const dataset: Attributes = segmentationDataset({ segments: listed, frames, source, options, instance, uid });
  return {
    parts: encodeFile(fileMeta(instance), dataset, pixels),
    numbers: new Map(listed.map(({ label }, index) => [label, index + 1])),
    warnings,
  };
}

/** Where each slice of the series lies in the labels' array. */
function slicePlacements(labels: LabelVolume, { volume, series }: SegmentedSeries, file?: string): Placement[] {
  const { rows, columns, slices } = series;
  const placer = new FramePlacer(labels, rows, columns);
  const placements = slices.map((_, k) => placer.place(sliceOf(volume, k)));
  const whole = placements.every((placement) => placement !== undefined);
  if (whole && labels.data.length === slices.length * rows * columns) return placements as Placement[];
  throw new GeometryError({
    file,
    found: `labels of ${describeGrid(labels)}`,
    expected: `the grid of the series: ${describeGrid(volume)} (its axes in any order and direction)`,
    hint: "bring the labels onto the series first: `rfmedsam convert LABELS OUT.nii.gz --like SERIES`",
  });
}

/** @returns sentences about what the series lacks */
function checkSeries({ studyUid, seriesUid, slices }: DicomSeriesInfo): string[] {
  const [first] = slices;
  if (!slices.every(({ imagePosition, imageOrientation }) => imagePosition && imageOrientation)) {
    throw new GeometryError({
      file: first?.file,
      found: "a series without positions in the patient",
      expected: "a position and orientation for every slice",
      hint: "write the labels as NIfTI",
    });
  }
  const lacking = [
    studyUid === "" && "its study",
    seriesUid === "" && "the series",
    !slices.every(hasIdentifiers) && "its images",
  ].filter((name) => name !== false);
  if (lacking.length === 0) return [];
  return [
    `The series has no identifier of ${lacking.join(", of ")} (de-identified?): the segmentation cannot refer to it. Viewers place it by its ` +
      "position in the patient, but may not show it over the images by themselves.",
  ];
}
