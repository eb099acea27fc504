/**
 * What a U-Net takes a voxel for before it has learned anything. With logits around 0 every class fills 1/K of the picture; what the first
 * hundreds of steps then learn is that it does not, and the Dice loss of a small organ, which falls fastest where its probability is
 * lowered everywhere, ends with none of it. A bias for what is rare is known from detection (Lin et al., Focal loss for dense object
 * detection, 2017, section 4.1).
 */
import type { PlainConvUNet } from "@rfmedsam/models";
import { noGrad, scope, tensor } from "@rfmedsam/torch";
import type { StoredCase } from "../dataset/store.js";

/** Sets the biases of the logits, at every resolution, to the logarithms of how often the classes are in the cases. */
export function expectFrequencies(network: PlainConvUNet, cases: readonly Pick<StoredCase, "voxels">[]): void {
  const biases = logFrequencies(network.architecture.classes, cases);
  noGrad(() =>
    scope(() => {
      const value = tensor(biases, [biases.length]);
      for (const layer of network.decoder.segLayers) layer.namedParameters().get("bias")!.copy_(value);
    }),
  );
}

/** A class that is in no case counts one voxel: its logarithm stays finite, and the other ones nearly what they are. */
function logFrequencies(classes: number, cases: readonly Pick<StoredCase, "voxels">[]): number[] {
  const counts = Array.from({ length: classes }, (_, label) =>
    cases.reduce((sum, { voxels }) => sum + voxels[label]!, 0),
  );
  const all = counts.reduce((sum, count) => sum + count);
  return counts.map((count) => Math.log(Math.max(count, 1) / all));
}
