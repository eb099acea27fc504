/** What the refiner's training minimises. */
import type { HeadOutput } from "@rfmedsam/models";
import { F, type Tensor } from "@rfmedsam/torch";
import type { TrainingConfiguration } from "../config.js";
import { diceCrossEntropy } from "../losses/dice-ce.js";
import { maskLoss } from "../losses/masks.js";
import type { Batch } from "./batch.js";
import type { StageCalibration } from "./calibration.js";
import { mergedLogits } from "./merged-logits.js";

/** SAM 2's losses on every object's mask, and Dice + cross-entropy on the merged labels of every slice. */
export function stageLoss(
  head: HeadOutput,
  batch: Batch,
  calibration: StageCalibration,
  classes: number,
  weights: TrainingConfiguration["refiner"]["losses"],
): Tensor {
  const masks = {
    masks: head.highResMasks.float(),
    ious: head.ious.float(),
    objectScores: head.objectScores.float(),
  };
  const own = maskLoss(masks, batch.truth, weights);
  if (weights.merged === 0) return own;
  return own.add(diceCrossEntropy(mergedLogits(head, batch, calibration, classes), batch.labels).mul(weights.merged));
}

/**
 * Dice + cross-entropy of what a generator proposes.
 *
 * @param proposals `[images, K, m, m]` @param labels int64 `[images, S, S]`
 */
export function proposalLoss(proposals: Tensor, labels: Tensor): Tensor {
  const size = labels.shape.slice(1);
  return diceCrossEntropy(F.interpolate(proposals.float(), { size, mode: "bilinear" }), labels);
}
