/**
 * SAM-Med2D's training loss (Cheng et al. 2023; the reference's `FocalDiceloss_IoULoss`): focal : Dice : predicted IoU = 20 : 1 : 1.
 *
 * Unlike SAM 2's (losses/masks.ts), every term sees the whole batch as one object: one Dice, and one soft IoU that every predicted IoU
 * is held against, with gradients to both. The focal term takes the logarithm of the probability itself, not of the logit: where float32
 * has rounded a probability to 0 or 1 it is log(1e-12), with no gradient. All arithmetic is float32, because 1e-12 is 0 in half precision.
 *
 * NaN in gives NaN out; the training loop refuses such a loss.
 */
import { GeometryError } from "@rfmedsam/base";
import type { Tensor } from "@rfmedsam/torch";
import { diceLoss } from "../losses/masks.js";

export interface PromptedLossWeights {
  readonly focal: number;
  readonly dice: number;
  readonly iou: number;
}

/** The reference's weights. */
export const samMed2dLossWeights: PromptedLossWeights = { focal: 20, dice: 1, iou: 1 };

export interface PromptedMasks {
  /** Logits `[B, 1, H, W]`. */
  readonly masks: Tensor;
  /** Predicted IoU `[B, 1]`. */
  readonly ious: Tensor;
}

/** The loss's terms before they are weighted, scalars. */
export interface PromptedLossTerms {
  readonly focal: Tensor;
  readonly dice: Tensor;
  readonly iou: Tensor;
}

/** Focal loss (Lin et al. 2017) with γ = 2 and α = ¼ for the object. */
const alpha = 0.25;
const tiny = 1e-12;
/** Keeps the IoU of nothing with nothing at 1. */
const iouSmooth = 1e-7;

/**
 * @param truth 0/1 `[B, 1, H, W]`
 * @throws GeometryError when the shapes do not fit together
 */
export function focalDiceIouTerms({ masks, ious }: PromptedMasks, truth: Tensor): PromptedLossTerms {
  checkShapes(masks, ious, truth);
  const p = masks.float().sigmoid();
  const target = truth.float();
  return {
    focal: focalOfProbabilities(p, target),
    dice: diceLoss(p.reshape([1, -1]), target.reshape([1, -1])).squeeze(0),
    iou: softIou(p, target).sub(ious.float()).square().mean(),
  };
}

/**
 * The weighted sum of the terms, a scalar.
 *
 * @param truth 0/1 `[B, 1, H, W]`
 * @throws GeometryError when the shapes do not fit together
 */
export function focalDiceIouLoss(
  predicted: PromptedMasks,
  truth: Tensor,
  weights: PromptedLossWeights = samMed2dLossWeights,
): Tensor {
  const { focal, dice, iou } = focalDiceIouTerms(predicted, truth);
  return focal.mul(weights.focal).add(dice.mul(weights.dice)).add(iou.mul(weights.iou));
}

/** The mean over all pixels of the batch. */
function focalOfProbabilities(p: Tensor, target: Tensor): Tensor {
  const q = p.neg().add(1);
  const object = target.mul(q.square()).mul(p.add(tiny).log()).mul(-alpha);
  const rest = target
    .neg()
    .add(1)
    .mul(p.square())
    .mul(q.add(tiny).log())
    .mul(alpha - 1);
  return object.add(rest).mean();
}

/** Intersection over union of probabilities, over the whole batch. */
function softIou(p: Tensor, target: Tensor): Tensor {
  const overlap = p.mul(target).sum();
  const union = p.sum().add(target.sum()).sub(overlap);
  return overlap.add(iouSmooth).div(union.add(iouSmooth));
}

function checkShapes(masks: Tensor, ious: Tensor, truth: Tensor): void {
  const [batch, channels] = masks.shape;
  const fits =
    masks.ndim === 4 &&
    channels === 1 &&
    masks.numel > 0 &&
    masks.shape.join() === truth.shape.join() &&
    ious.ndim === 2;
  if (fits && ious.size(0) === batch && ious.size(1) === 1) return;
  throw new GeometryError({
    found: `masks [${masks.shape}], truth [${truth.shape}] and predicted IoUs [${ious.shape}]`,
    expected: "masks and truth [B, 1, H, W], predicted IoUs [B, 1]",
  });
}
