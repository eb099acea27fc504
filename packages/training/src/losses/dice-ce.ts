/** Dice + cross-entropy, nnU-Net's loss for step 0 and the loss on merged labels. */
import { F, type Tensor } from "@rfmedsam/torch";

/** Keeps the quotient finite where a class is nowhere. */
const smooth = 1e-5;

/**
 * Soft Dice over the whole batch, averaged over the classes without background (nnU-Net: `batch_dice`, `do_bg=False`).
 *
 * @param probabilities `[B, K, …]` @param truth one-hot, the same shape
 * @returns −Dice, a scalar in [−1, 0]
 */
export function softDiceLoss(probabilities: Tensor, truth: Tensor): Tensor {
  const classes = probabilities.size(1) - 1;
  const p = probabilities.narrow(1, 1, classes);
  const t = truth.narrow(1, 1, classes);
  const overBatch = [0, ...Array.from({ length: p.ndim - 2 }, (_, i) => i + 2)];
  const overlap = p.mul(t).sum(overBatch);
  const total = p.sum(overBatch).add(t.sum(overBatch));
  return overlap
    .mul(2)
    .add(smooth)
    .div(total.add(smooth).clamp({ min: 1e-8 }))
    .mean()
    .neg();
}

/** @param logits `[B, K, …]` @param labels int64 `[B, …]` */
export function diceCrossEntropy(logits: Tensor, labels: Tensor): Tensor {
  const crossEntropy = logits.crossEntropyLoss(labels);
  const truth = oneHot(labels, logits.size(1));
  return crossEntropy.add(softDiceLoss(logits.softmax(1), truth));
}

/** int64 `[B, …]` → float32 `[B, K, …]` */
export function oneHot(labels: Tensor, classes: number): Tensor {
  const order = [0, labels.ndim, ...Array.from({ length: labels.ndim - 1 }, (_, i) => i + 1)];
  return labels.oneHot({ numClasses: classes }).permute(order).float();
}

/**
 * The same loss at every resolution the U-Net answers in; half as much weight at each coarser one, none at the coarsest of three or
 * more, as nnU-Net weighs them.
 *
 * @param logits largest first @param labels int64 `[B, …]` at full size
 */
export function deeplySupervised(logits: readonly Tensor[], labels: Tensor): Tensor {
  const weights = logits.map((_, level) => (logits.length > 2 && level === logits.length - 1 ? 0 : 0.5 ** level));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const terms = logits.flatMap((level, i) =>
    weights[i] === 0
      ? []
      : [diceCrossEntropy(level, shrinkLabels(labels, level.shape.slice(2))).mul(weights[i]! / total)],
  );
  return terms.reduce((sum, term) => sum.add(term));
}

function shrinkLabels(labels: Tensor, size: readonly number[]): Tensor {
  if (labels.shape.slice(1).every((extent, i) => extent === size[i])) return labels;
  return F.interpolate(labels.unsqueeze(1).float(), { size, mode: "nearest" }).squeeze(1).to({ dtype: "int64" });
}
