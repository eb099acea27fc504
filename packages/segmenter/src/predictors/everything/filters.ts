/**
 * What the automatic mask generator asks of a mask before it counts: is it stable, and is it whole?
 *
 * Source: segment-anything and SAM 2, `calculate_stability_score`, `batched_mask_to_box` and `is_box_near_crop_edge` (utils/amg.py).
 */
import type { CropBox } from "./grid.js";
import type { MaskBox } from "./nms.js";

const { fround } = Math;

/**
 * IoU of the mask cut a little above the threshold with the mask cut a little below: near 1 when its edge is sharp.
 *
 * @param logits of one mask, any shape
 * @param offset how far above and below, in logits
 * @returns float32; NaN when both masks are empty
 */
export function stabilityScore(logits: Float32Array, threshold: number, offset: number): number {
  const high = fround(threshold + offset);
  const low = fround(threshold - offset);
  let inner = 0;
  let outer = 0;
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i]!;
    if (logit > low) {
      outer++;
      if (logit > high) inner++;
    }
  }
  return fround(fround(inner) / fround(outer));
}

/** The mask of the logits above the threshold, written into `mask` (1 inside, 0 outside). */
export function thresholdInto(mask: Uint8Array, logits: Float32Array, threshold: number): void {
  const cut = fround(threshold);
  for (let i = 0; i < logits.length; i++) mask[i] = logits[i]! > cut ? 1 : 0;
}

/** The first and last column and row of a mask. @param mask `[height, width]` @returns `0 0 0 0` for an empty mask */
export function maskBox(mask: Uint8Array, height: number, width: number): MaskBox {
  let [left, top, right, bottom] = [width, -1, -1, -1];
  for (let y = 0; y < height; y++) {
    const row = mask.subarray(y * width, (y + 1) * width);
    const first = row.indexOf(1);
    if (first < 0) continue;
    if (top < 0) top = y;
    bottom = y;
    left = Math.min(left, first);
    right = Math.max(right, row.lastIndexOf(1));
  }
  return bottom < 0 ? [0, 0, 0, 0] : [left, top, right, bottom];
}

/** How near to a crop's edge a mask must end to count as cut off by it, in pixels. */
const edgeDistance = 20;

/**
 * Whether the crop may have cut an object off: one side of its box is near the same side of the crop, and not near the picture's own.
 *
 * @param box in pixels of the picture
 */
export function nearCropEdge(box: MaskBox, crop: CropBox, picture: CropBox): boolean {
  return box.some((side, i) => {
    const near = (edges: CropBox) => Math.abs(side - edges[i]!) <= edgeDistance;
    return near(crop) && !near(picture);
  });
}
