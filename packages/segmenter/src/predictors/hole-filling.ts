/**
 * Small holes and small islands of mask logits, by SAM 2's two rules. A region is an 8-connected component of one mask; it counts as
 * small when its area in pixels is at most the given one. There is no rule about the border: background that touches it is a
 * "hole" too when it is small enough.
 *
 * Source: SAM 2, `fill_holes_in_mask_scores` (video predictor) and `SAM2Transforms.postprocess_masks` (image predictor).
 */
import { ConfigError, GeometryError } from "@rfmedsam/base";
import { connectedComponents } from "@rfmedsam/imaging";

/** The video predictor's score of a filled hole: only just foreground. */
const filledLogit = 0.1;
/** How far beyond the threshold the image predictor puts what it changes. */
const decided = 10;

/**
 * The video predictor's rule, in place: background (logit ≤ 0) in components of at most `maxArea` pixels becomes +0.1.
 *
 * @param logits `[n, h, w]`, each mask by itself @param maxArea pixels of the mask; 0 changes nothing
 * @returns `logits`
 * @throws GeometryError for logits of another size, ConfigError for an area below 0
 */
export function fillHoles(logits: Float32Array, height: number, width: number, maxArea: number): Float32Array {
  const masks = checkedCount(logits, height, width);
  checkArea("hole", maxArea);
  replaceSmall(logits, logits, [masks, height, width], (value) => value <= 0, maxArea, filledLogit);
  return logits;
}

export interface RegionAreas {
  /** Background components of at most so many pixels become foreground; 0 (the default) leaves them. */
  readonly maxHoleArea?: number | undefined;
  /** Foreground components of at most so many pixels become background; 0 (the default) leaves them. */
  readonly maxSprinkleArea?: number | undefined;
}

/**
 * The image predictor's rule: small holes become `threshold + 10`, small sprinkles `threshold − 10`. Both are looked for in the mask as
 * it was given, so a sprinkle around a filled hole goes as well.
 *
 * @param logits `[n, h, w]` low-resolution masks @param threshold logits above it are foreground
 * @returns `logits` itself when both areas are 0, otherwise a new array
 * @throws as `fillHoles`
 */
export function cleanRegions(
  logits: Float32Array,
  height: number,
  width: number,
  threshold: number,
  { maxHoleArea = 0, maxSprinkleArea = 0 }: RegionAreas,
): Float32Array {
  const shape = [checkedCount(logits, height, width), height, width] as const;
  checkArea("hole", maxHoleArea);
  checkArea("sprinkle", maxSprinkleArea);
  if (maxHoleArea === 0 && maxSprinkleArea === 0) return logits;
  const cleaned = logits.slice();
  replaceSmall(logits, cleaned, shape, (value) => value <= threshold, maxHoleArea, threshold + decided);
  replaceSmall(logits, cleaned, shape, (value) => value > threshold, maxSprinkleArea, threshold - decided);
  return cleaned;
}

/** Writes `value` into `target` wherever `source` has a component of the chosen logits with at most `maxArea` pixels. */
function replaceSmall(
  source: Float32Array,
  target: Float32Array,
  [masks, height, width]: readonly [masks: number, height: number, width: number],
  chosen: (logit: number) => boolean,
  maxArea: number,
  value: number,
): void {
  if (maxArea < 1) return;
  const mask = new Uint8Array(source.length);
  for (let i = 0; i < mask.length; i++) mask[i] = chosen(source[i]!) ? 1 : 0;
  // Connectivity 8 keeps the masks of the stack apart.
  const { labels, sizes } = connectedComponents(mask, [masks, height, width], 8);
  for (let i = 0; i < mask.length; i++) {
    const label = labels[i]!;
    if (label !== 0 && sizes[label]! <= maxArea) target[i] = value;
  }
}

function checkedCount(logits: Float32Array, height: number, width: number): number {
  const pixels = height * width;
  const sized = Number.isInteger(height) && Number.isInteger(width) && height > 0 && width > 0;
  if (!sized || logits.length % pixels !== 0) {
    throw new GeometryError({
      found: `${logits.length} logits for masks of ${height}×${width} pixels`,
      expected: "a logit for every pixel of every mask",
    });
  }
  return logits.length / pixels;
}

/** @throws ConfigError for an area below 0 or without end */
export function checkArea(what: string, area: number): void {
  if (!(area >= 0 && Number.isFinite(area))) {
    throw new ConfigError({ found: `a ${what} area of ${area} pixels`, expected: "0 (off) or more" });
  }
}
