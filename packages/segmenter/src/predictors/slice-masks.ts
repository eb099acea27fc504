/** Masks of a slice's objects as they are handed out: on the slice's own grid, overlapping or not. */
import { resizeBilinear } from "./bilinear.js";

/** Logit of a pixel of which nothing is known. */
const nothing = -1024;
/** Logits of objects that lose a pixel to another are at most this (a probability of 5·10⁻⁵). */
const overlapped = -10;

/**
 * @param masks per object `[m, m]` logits, undefined where nothing is known of it @param maskSize m
 * @returns `[objects, height, width]`
 */
export function masksOnSlice(
  masks: readonly (Float32Array | undefined)[],
  maskSize: number,
  { height, width }: { readonly height: number; readonly width: number },
): Float32Array {
  const pixels = height * width;
  const logits = new Float32Array(masks.length * pixels).fill(nothing);
  masks.forEach((mask, object) => {
    if (mask === undefined) return;
    logits.set(resizeBilinear(mask, 1, [maskSize, maskSize], [height, width]), object * pixels);
  });
  return logits;
}

/** At each pixel of `[objects, …]` the first object with the highest logit keeps it, the others sink to −10 or below. In place. */
export function keepHighest(logits: Float32Array, objects: number): void {
  if (objects < 2) return;
  const pixels = logits.length / objects;
  for (let i = 0; i < pixels; i++) {
    let winner = i;
    for (let at = i + pixels; at < logits.length; at += pixels) if (logits[at]! > logits[winner]!) winner = at;
    for (let at = i; at < logits.length; at += pixels) {
      if (at !== winner && logits[at]! > overlapped) logits[at] = overlapped;
    }
  }
}
