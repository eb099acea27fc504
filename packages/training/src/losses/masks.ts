/**
 * SAM 2's losses on the masks of prompted objects (Ravi et al. 2024, appendix; weights 20 : 1 : 1 : 1): focal, Dice, predicted IoU,
 * object presence. The mask terms count only objects that are there.
 */
import { noGrad, type Tensor } from "@rfmedsam/torch";

export interface MaskLossWeights {
  readonly focal: number;
  readonly dice: number;
  readonly iou: number;
  readonly presence: number;
}

export interface PredictedMasks {
  /** Logits `[N, 1, S, S]`. */
  readonly masks: Tensor;
  /** Predicted IoU `[N, 1]`. */
  readonly ious: Tensor;
  /** Logit of presence `[N, 1]`. */
  readonly objectScores: Tensor;
}

/** Logits beyond this are as sure as it gets; SAM 2 writes −1024 where it sees no object. */
const logitLimit = 20;

/** @param truth 0/1 `[N, 1, S, S]` @returns a scalar, averaged over objects */
export function maskLoss(
  { masks, ious, objectScores }: PredictedMasks,
  truth: Tensor,
  weights: MaskLossWeights,
): Tensor {
  const logits = masks.clamp({ min: -logitLimit, max: logitLimit }).flatten({ startDim: 1 });
  const target = truth.flatten({ startDim: 1 });
  const present = target.amax({ dim: [1] });
  const count = present.sum().clamp({ min: 1 });
  const perObject = (loss: Tensor) => loss.mul(present).sum().div(count);
  const focal = perObject(focalLoss(logits, target).mean([1]));
  const dice = perObject(diceLoss(logits.sigmoid(), target));
  const iou = perObject(ious.squeeze(1).sub(actualIou(logits, target)).abs());
  const presence = objectScores.squeeze(1).binaryCrossEntropyWithLogits(present);
  return focal
    .mul(weights.focal)
    .add(dice.mul(weights.dice))
    .add(iou.mul(weights.iou))
    .add(presence.mul(weights.presence));
}

/** Focal loss of every pixel (Lin et al. 2017) with α = ¼, γ = 2. */
export function focalLoss(logits: Tensor, target: Tensor, alpha = 0.25): Tensor {
  const crossEntropy = logits.binaryCrossEntropyWithLogits(target, { reduction: 0 });
  const p = logits.sigmoid();
  const missed = p.add(target).sub(p.mul(target).mul(2)); // 1 − p of the true class
  const balance = target.mul(2 * alpha - 1).add(1 - alpha);
  return crossEntropy.mul(missed.square()).mul(balance);
}

/**
 * 1 − soft Dice, smoothed by 1 pixel.
 *
 * @param p probabilities `[N, pixels]` @param target 0/1, the same shape
 * @returns `[N]`
 */
export function diceLoss(p: Tensor, target: Tensor): Tensor {
  const overlap = p.mul(target).sum([1]).mul(2).add(1);
  return overlap
    .div(
      p
        .sum([1])
        .add(target.sum([1]))
        .add(1),
    )
    .neg()
    .add(1);
}

/** What the IoU head should have said, `[N]`. */
function actualIou(logits: Tensor, target: Tensor): Tensor {
  return noGrad(() => {
    const predicted = logits.gt(0).float();
    const overlap = predicted.mul(target).sum([1]);
    return overlap.div(
      predicted
        .sum([1])
        .add(target.sum([1]))
        .sub(overlap)
        .clamp({ min: 1 }),
    );
  });
}
