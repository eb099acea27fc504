/**
 * Found masks as the records that the references' generators return and their scripts write: their names, their order, ready for JSON.
 *
 * Source: `SAM2AutomaticMaskGenerator.generate` (SAM 2), `scripts/amg.py` (segment-anything).
 */
import type { FoundMask } from "./generator.js";
import { type CompressedRle, compressRle, decodeRle, type MaskRle } from "./rle.js";

/** How a record holds its mask: as pixels `[H, W]` (0 or 1), or as run lengths in one of COCO's forms. */
export const segmentationForms = {
  binary_mask: (rle: MaskRle): Uint8Array => decodeRle(rle),
  uncompressed_rle: (rle: MaskRle): MaskRle => rle,
  coco_rle: (rle: MaskRle): CompressedRle => compressRle(rle),
};

export type OutputMode = keyof typeof segmentationForms;

export interface EverythingRecord<Mode extends OutputMode> {
  readonly segmentation: ReturnType<(typeof segmentationForms)[Mode]>;
  readonly area: number;
  readonly bbox: readonly number[];
  readonly predicted_iou: number;
  readonly point_coords: readonly (readonly number[])[];
  readonly stability_score: number;
  readonly crop_box: readonly number[];
}

export function everythingRecord<Mode extends OutputMode>(found: FoundMask, mode: Mode): EverythingRecord<Mode> {
  const form = segmentationForms[mode] as (rle: MaskRle) => EverythingRecord<Mode>["segmentation"];
  return {
    segmentation: form(found.segmentation),
    area: found.area,
    bbox: found.bbox,
    predicted_iou: found.predictedIou,
    point_coords: [found.point],
    stability_score: found.stabilityScore,
    crop_box: found.cropBox,
  };
}
