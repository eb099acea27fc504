/**
 * A step 0 that is worse than it is: its own labels go wrong as training prompts do (refiner/degrade.ts), and where a label changed, its
 * logit comes out on top. What it is sure of elsewhere stays.
 */
import { Random } from "@rfmedsam/base";
import { type Triple, voxelCount } from "@rfmedsam/imaging";
import { type AlterStep0, argmaxOfSlice, extractSlice } from "@rfmedsam/segmenter";
import { drawDegradation } from "../refiner/degrade.js";

/** How far above all others the logit of a label is that degradation put there. */
const margin = 3;

/**
 * @param classes background included
 * @param names of the random stream (seed, case …): the same ones degrade alike
 */
export function degradedStep0(classes: number, ...names: readonly number[]): AlterStep0 {
  return (logits, { shape }) => {
    const [, height, width] = shape;
    const degrade = drawDegradation(new Random(...names), classes);
    for (let index = 0; index < shape[0]; index++) {
      const slice = slicesOf(logits, shape, classes, index);
      const before = argmaxOfSlice(slice, classes, height * width);
      const after = degrade({ labels: before, height, width, index });
      putOnTop(logits, shape, index, before, after, slice);
    }
    return logits;
  };
}

/** `[K, y, x]` */
function slicesOf(logits: Float32Array, shape: Triple, classes: number, index: number): Float32Array {
  const [voxels, plane] = [voxelCount(shape), shape[1] * shape[2]];
  const out = new Float32Array(classes * plane);
  for (let k = 0; k < classes; k++) {
    const own = logits.subarray(k * voxels, (k + 1) * voxels);
    extractSlice(own, shape, 0, index, out.subarray(k * plane, (k + 1) * plane));
  }
  return out;
}

function putOnTop(
  logits: Float32Array,
  shape: Triple,
  index: number,
  before: Uint8Array,
  after: Uint8Array,
  slice: Float32Array,
): void {
  const [voxels, plane] = [voxelCount(shape), before.length];
  for (let n = 0; n < plane; n++) {
    if (before[n] === after[n]) continue;
    logits[after[n]! * voxels + index * plane + n] = slice[before[n]! * plane + n]! + margin;
  }
}
