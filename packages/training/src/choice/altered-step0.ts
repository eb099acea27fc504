/**
 * Damage to step 0's labels as the segmenter's hook: where a label changes, its logit comes out on top; what step 0 is sure of elsewhere
 * stays.
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

/** How far above the winner the logit of a label is that the damage put there. */
const margin = 3;

/** @param classes background included @param damage makes new labels `[z, y, x]` */
export function alteredStep0(classes: number, damage: (grid: LabelGrid) => Uint8Array): AlterStep0 {
  return (logits, { shape, spacing }) => {
    const voxels = voxelCount(shape);
    const before = argmaxOfSlice(logits, classes, voxels);
    const after = damage({ labels: before, shape, spacing, classes });
    for (let i = 0; i < voxels; i++) {
      if (before[i] !== after[i]) logits[after[i]! * voxels + i] = logits[before[i]! * voxels + i]! + margin;
    }
    return logits;
  };
}
