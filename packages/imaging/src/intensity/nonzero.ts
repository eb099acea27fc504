/** nnU-Net's crop: the box around everything that is not zero. Source: nnU-Net v2 `preprocessing/cropping/cropping.py`. */
import { type Box, boundingBox, wholeBox } from "../regions/box.js";
import { fillHoles } from "../regions/components.js";
import type { NumberArray, Triple } from "../volume.js";

/** 1 where any channel is not zero, and in the holes of that (cavities with no way to the border). */
export function nonzeroMask(channels: readonly NumberArray[], shape: Triple): Uint8Array {
  const mask = new Uint8Array(shape[0] * shape[1] * shape[2]);
  for (const data of channels) {
    for (let i = 0; i < mask.length; i++) if (data[i] !== 0) mask[i] = 1;
  }
  // Without zeros there are no holes; most CT volumes end here.
  return mask.includes(0) ? fillHoles(mask, shape) : mask;
}

/** The box to crop a case to (the whole volume if it is all zero), and the hole-filled mask on the uncropped grid. */
export function cropToNonzero(channels: readonly NumberArray[], shape: Triple): { box: Box; mask: Uint8Array } {
  const mask = nonzeroMask(channels, shape);
  return { box: boundingBox(mask, shape) ?? wholeBox(shape), mask };
}
