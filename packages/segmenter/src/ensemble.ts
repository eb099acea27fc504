/**
 * For callers with models of their own: several models' answers as one, and labels from regions that lie inside one another (as in brain
 * tumours). A model folder's folds are averaged as logits, patch by patch (sliding-window.ts).
 */
import { ConfigError } from "@rfmedsam/base";

/**
 * The mean of several models' probabilities, added up in float32.
 * @param members `[K, voxels]` each
 * @throws ConfigError when there is none, or they differ in size
 */
export function meanProbabilities(members: readonly ArrayLike<number>[]): Float32Array {
  const [first] = members;
  if (first === undefined) throw new ConfigError({ found: "no model's probabilities", expected: "at least one" });
  const sum = Float32Array.from(first);
  for (const member of members.slice(1)) {
    if (member.length !== sum.length) {
      throw new ConfigError({
        found: `probabilities of ${member.length} and ${sum.length} values`,
        expected: "equally many",
      });
    }
    for (let i = 0; i < sum.length; i++) sum[i]! += member[i]!;
  }
  for (let i = 0; i < sum.length; i++) sum[i]! /= members.length;
  return sum;
}

/** Logits to probabilities, each region by itself. */
export function sigmoid(logits: Float32Array): Float32Array {
  return logits.map((logit) => 1 / (1 + Math.exp(-logit)));
}

/**
 * Labels from regions that may overlap: where a region is more likely than not, its label is painted over those before it.
 * @param probabilities `[regions, voxels]` @param order the label of each region, in the order of painting (nnU-Net's regions_class_order)
 */
export function labelsOfRegions(probabilities: Float32Array, order: readonly number[]): Uint8Array {
  const voxels = probabilities.length / order.length;
  if (!Number.isInteger(voxels)) {
    throw new ConfigError({ found: `${probabilities.length} probabilities for ${order.length} regions` });
  }
  const labels = new Uint8Array(voxels);
  order.forEach((label, region) => {
    for (let i = 0; i < voxels; i++) if (probabilities[region * voxels + i]! > 0.5) labels[i] = label;
  });
  return labels;
}
