/** A segmentation object's parts, between reading them and making masks of them. */
import type { SegFrame } from "./frames.js";
import type { PlacedFrames } from "./grid.js";
import type { DicomSegment } from "./segments.js";
import type { StoredFrames } from "./stored.js";

export const segmentationTypes = ["BINARY", "FRACTIONAL", "LABELMAP"] as const;
export type SegmentationType = (typeof segmentationTypes)[number];

/** What the masks are made of. */
export interface SegContent {
  readonly type: SegmentationType;
  readonly segments: readonly DicomSegment[];
  readonly frames: readonly SegFrame[];
  readonly placed: PlacedFrames;
  readonly stored: StoredFrames;
  /** Rows and columns of a frame. */
  readonly size: readonly [rows: number, columns: number];
  /** The value that stands for a segment's full share; 1 unless FRACTIONAL. */
  readonly full: number;
  /** Pixel Padding Value: in a label map, pixels outside every segment. */
  readonly padding: number | undefined;
  readonly file: string;
}
