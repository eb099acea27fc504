/**
 * Damage to step 0's labels as the segmenter's hook: step 0 as if it had said so from the beginning. Nothing of its undamaged answer is
 * left for a refinement to find: wherever the labels lie, it is as sure of them as it was of its own on the whole.
 */
import { type Triple, voxelCount } from "@rfmedsam/imaging";
import { type AlterStep0, argmaxOfSlice } from "@rfmedsam/segmenter";

/** Step 0's answer on the prepared grid (RAS unless the model says otherwise). */
export interface LabelGrid {
  /** Class indices `[z, y, x]`. */
  readonly labels: Uint8Array;
  readonly shape: Triple;
  /** `[z, y, x]` mm. */
  readonly spacing: Triple;
  /** With the background. */
  readonly classes: number;
}

/** Surer than this step 0 is said to be nowhere, so that logits stay numbers. */
const mostCertain = 0.999;

/** @param classes background included @param damage makes new labels `[z, y, x]` */
export function alteredStep0(classes: number, damage: (grid: LabelGrid) => Uint8Array): AlterStep0 {
  return (logits, { shape, spacing }) => {
    const voxels = voxelCount(shape);
    const before = argmaxOfSlice(logits, classes, voxels);
    const after = damage({ labels: before, shape, spacing, classes });
    const certainty = Math.min(mostCertain, certaintyOf(logits, before, classes));
    return logitsOfLabels(after, classes, certainty, logits);
  };
}

/** Logits `[K, n]` of a predictor that is equally sure of all its labels `[n]`. @param certainty probability of the label, below 1 */
export function logitsOfLabels(
  labels: Uint8Array,
  classes: number,
  certainty: number,
  out: Float32Array = new Float32Array(classes * labels.length),
): Float32Array {
  const above = Math.log((certainty * (classes - 1)) / (1 - certainty));
  out.fill(0);
  for (let i = 0; i < labels.length; i++) out[labels[i]! * labels.length + i] = above;
  return out;
}

/** Mean probability of the winners where something is seen, or everywhere when nothing is. */
function certaintyOf(logits: Float32Array, winners: Uint8Array, classes: number): number {
  const voxels = winners.length;
  const anything = winners.some((label) => label !== 0);
  let [sum, count] = [0, 0];
  for (let i = 0; i < voxels; i++) {
    if (anything && winners[i] === 0) continue;
    const top = logits[winners[i]! * voxels + i]!;
    let shares = 0;
    for (let k = 0; k < classes; k++) shares += Math.exp(logits[k * voxels + i]! - top);
    sum += 1 / shares;
    count += 1;
  }
  return sum / count;
}
