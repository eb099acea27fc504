/** The segmenter's hook as a damage to labels: where a label changes, its logit comes out on top; what step 0 is sure of elsewhere stays. */
import type { Random } from "@rfmedsam/base";
import { voxelCount } from "@rfmedsam/imaging";
import type { AlterStep0 } from "@rfmedsam/segmenter";
import type { LabelGrid } from "./degradations.js";

/** How far above the winner the logit of a label is that the damage put there; as in training (choice/degraded-step0.ts). */
const margin = 3;

/** @param classes background included */
export function alteredStep0(
  classes: number,
  damage: (grid: LabelGrid, random: Random) => Uint8Array,
  random: Random,
): AlterStep0 {
  return (logits, { shape, spacing }) => {
    const voxels = voxelCount(shape);
    const before = winners(logits, classes, voxels);
    const after = damage({ labels: before, shape, spacing, classes }, random);
    for (let i = 0; i < voxels; i++) {
      if (before[i] !== after[i]) logits[after[i]! * voxels + i] = logits[before[i]! * voxels + i]! + margin;
    }
    return logits;
  };
}

/** The class with the highest logit, of equals the first. */
export function winners(logits: Float32Array, classes: number, voxels: number): Uint8Array {
  const best = logits.slice(0, voxels);
  const labels = new Uint8Array(voxels);
  for (let label = 1; label < classes; label++) {
    for (let i = 0, from = label * voxels; i < voxels; i++, from++) {
      if (logits[from]! <= best[i]!) continue;
      best[i] = logits[from]!;
      labels[i] = label;
    }
  }
  return labels;
}
