/**
 * Each frame of a segmentation object: its place, its segment, and the images it was made from. What a frame does not say itself is in the
 * groups that all share. Source: DICOM PS3.3 C.7.6.16 and C.8.20.3.
 */
import { FormatError, GeometryError } from "@rfmedsam/base";
import type { Point } from "../../geometry.js";
import type { FrameHeader, ImageHeader } from "../dicom/image-header.js";
import { type Dataset, itemsOf, numberOf, textOf, wordOf } from "../dicom/values.js";
import { distance, dot, length } from "../dicom/vectors.js";
import { tagOf } from "./dictionary.js";

/** Position and directions in DICOM's LPS+ mm. */
export interface SegFrame {
  readonly index: number;
  /** `undefined` in label maps, whose pixels say their segment themselves. */
  readonly segment: number | undefined;
  readonly position: Point;
  readonly along: Point;
  readonly down: Point;
  /** Distance of rows, then of columns. */
  readonly spacing: readonly [number, number];
  readonly sliceDistance: number | undefined;
  readonly thickness: number | undefined;
  readonly sources: readonly SourceImage[];
}

/** An image, or a frame (from 1) of one, that a frame was made from. */
export interface SourceImage {
  readonly sopInstanceUid: string;
  readonly frame: number | undefined;
}

/** @throws FormatError if frames are not described; GeometryError if they have no place in the patient */
export function framesOf(dataset: Dataset, { frames, source }: ImageHeader, labelMap: boolean): SegFrame[] {
  const own = itemsOf(dataset, tagOf("PerFrameFunctionalGroupsSequence"));
  const shared = itemsOf(dataset, tagOf("SharedFunctionalGroupsSequence"))[0];
  if (frames.length === 0 || own.length < frames.length) {
    throw new FormatError({
      file: source.name,
      found: `${numberOf(dataset, tagOf("NumberOfFrames")) ?? "no"} frames, ${own.length} of them described`,
      expected: "a description of each frame (per-frame functional groups)",
      hint: "export the segmentation again",
    });
  }
  return frames.map((frame, index) => {
    const groups = [own[index], shared].filter((group) => group !== undefined);
    const segment = labelMap ? undefined : segmentNumberOf(groups);
    if (!labelMap && segment === undefined) {
      throw new FormatError({
        file: source.name,
        found: `frame ${index + 1} without a segment`,
        expected: "the number of its segment",
        hint: "export the segmentation again",
      });
    }
    return { ...placeOf(frame, source.name), index, segment, sources: sourcesOf(groups) };
  });
}

function segmentNumberOf(groups: readonly Dataset[]): number | undefined {
  for (const group of groups) {
    const inner = itemsOf(group, tagOf("SegmentIdentificationSequence"))[0];
    const number = inner && wordOf(inner, tagOf("ReferencedSegmentNumber"));
    if (number !== undefined) return number;
  }
  return undefined;
}

function sourcesOf(groups: readonly Dataset[]): SourceImage[] {
  return groups
    .flatMap((group) => itemsOf(group, tagOf("DerivationImageSequence")))
    .flatMap((derivation) => itemsOf(derivation, tagOf("SourceImageSequence")))
    .map((image) => ({
      sopInstanceUid: textOf(image, tagOf("ReferencedSOPInstanceUID")) ?? "",
      frame: numberOf(image, tagOf("ReferencedFrameNumber")),
    }));
}

function placeOf(frame: FrameHeader, file: string): Omit<SegFrame, "index" | "segment" | "sources"> {
  const { index, position, along, down, spacing, sliceDistance, thickness } = frame;
  const refuse = (found: string, expected: string): never => {
    throw new GeometryError({
      file,
      found: `frame ${index + 1} with ${found}`,
      expected,
      hint: "segmentations of slide microscopy and of plain pictures have no place in the patient and are not read",
    });
  };
  if (position === undefined || along === undefined || down === undefined || spacing === undefined) {
    return refuse("no position, orientation or pixel spacing", "its place in the patient");
  }
  const unit = [along, down].every((direction) => Math.abs(length(direction) - 1) < 0.01);
  if (!position.every(Number.isFinite) || !unit || !(Math.abs(dot(along, down)) < 0.01)) {
    return refuse(
      `the position ${position.join(", ")} and the directions ${along.join(", ")} and ${down.join(", ")}`,
      "numbers, and two unit vectors at right angles",
    );
  }
  if (!spacing.every((mm) => Number.isFinite(mm) && mm > 0)) {
    return refuse(`the pixel spacing ${spacing.join(" × ")}`, "two positive distances in mm");
  }
  return { position, along, down, spacing, sliceDistance, thickness };
}

/** @throws GeometryError unless all frames have the first one's orientation and pixel spacing, to a tenth of a pixel */
export function checkParallel(frames: readonly SegFrame[], rows: number, columns: number, file: string): void {
  const [first] = frames;
  const pixel = Math.min(...first!.spacing);
  for (const { index, along, down, spacing } of frames) {
    const drift =
      columns * spacing[1] * distance(along, first!.along) +
      rows * spacing[0] * distance(down, first!.down) +
      columns * Math.abs(spacing[1] - first!.spacing[1]) +
      rows * Math.abs(spacing[0] - first!.spacing[0]);
    if (drift <= pixel / 10) continue;
    throw new GeometryError({
      file,
      found: `frame ${index + 1} with another orientation or pixel spacing than the first`,
      expected: "parallel frames of one pixel size",
      hint: "export the segmentation of each orientation on its own",
    });
  }
}
