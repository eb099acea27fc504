/**
 * Small holes and islands of finished masks, as segment-anything removes them: regions are 8-connected, smaller than the given area
 * (not equal to it), holes go first, and background that touches the border is a hole like any other. SAM 2 cleans the logits
 * instead, before they are enlarged (`cleanRegions`, hole-filling.ts).
 *
 * Source: segment-anything, `remove_small_regions` (utils/amg.py) and `postprocess_small_regions` (automatic_mask_generator.py).
 */
import { ConfigError, GeometryError } from "@rfmedsam/base";
import { connectedComponents } from "@rfmedsam/imaging";
import { maskBox } from "./filters.js";
import { type MaskBox, suppressBoxes } from "./nms.js";
import { decodeRle, encodeRle, type MaskRle } from "./rle.js";

export type SmallRegionMode = "holes" | "islands";

export interface CleanedMask {
  /** `[height, width]`, 0 or 1; the given mask itself when nothing had to change. */
  readonly mask: Uint8Array;
  readonly changed: boolean;
}

/**
 * @param mask `[height, width]`, 0 or 1
 * @param minArea regions of fewer pixels go; of a mask that has only such islands, the largest stays
 * @throws GeometryError for a mask of another size, ConfigError for an area that is no number or below 0
 */
export function removeSmallRegions(
  mask: Uint8Array,
  [height, width]: readonly [height: number, width: number],
  minArea: number,
  mode: SmallRegionMode,
): CleanedMask {
  if (mask.length !== height * width) {
    throw new GeometryError({
      found: `a mask of ${mask.length} values`,
      expected: `${height}×${width} pixels`,
    });
  }
  if (!(minArea >= 0)) throw new ConfigError({ found: `a smallest area of ${minArea} pixels`, expected: "0 or more" });
  const region = mode === "islands" ? 1 : 0;
  const working = mask.map((value) => (value === region ? 1 : 0));
  const { labels, count, sizes } = connectedComponents(working, [1, height, width], 8);
  const small = Array.from({ length: count + 1 }, (_, label) => label > 0 && sizes[label]! < minArea);
  if (!small.includes(true)) return { mask, changed: false };
  if (mode === "islands" && !small.includes(false, 1)) {
    const largest = sizes.reduce((best, size, label) => (label > 1 && size > sizes[best]! ? label : best), 1);
    small[largest] = false;
  }
  return {
    mask: mask.map((value, i) => (small[labels[i]!] ? 1 - region : value)),
    changed: true,
  };
}

/** A mask on its way through the cleaning. */
export interface CleanableMask {
  readonly segmentation: MaskRle;
  readonly box: MaskBox;
}

/**
 * Cleans all masks, one at a time, and removes those that have become duplicates; of two alike, one that needed no cleaning is kept.
 *
 * @returns the masks left: first those that did not change, then the cleaned ones, each in the given order
 */
export function cleanMasks<Mask extends CleanableMask>(
  masks: readonly Mask[],
  minArea: number,
  nmsThreshold: number,
): Mask[] {
  const scores: number[] = [];
  const cleaned = masks.map((found) => {
    const { size } = found.segmentation;
    const holes = removeSmallRegions(decodeRle(found.segmentation), size, minArea, "holes");
    const { mask, changed } = removeSmallRegions(holes.mask, size, minArea, "islands");
    const touched = holes.changed || changed;
    scores.push(touched ? 0 : 1);
    if (!touched) return found;
    const box = maskBox(mask, ...size);
    return { ...found, segmentation: encodeRle(mask, size, {}, box), box };
  });
  const boxes = cleaned.map(({ box }) => box);
  return suppressBoxes(boxes, scores, nmsThreshold).map((index) => cleaned[index]!);
}
