/** Dice + cross-entropy, nnU-Net's loss for step 0 and the loss on merged labels. */
import { arange, noGrad, type Tensor } from "@rfmedsam/torch";

/** Keeps the quotient finite where a class is nowhere. */
const smooth = 1e-5;

export interface DiceOptions {
  /**
   * One Dice a class over the whole batch (the default), or one for each sample, averaged. nnU-Net takes the batch's (`batch_dice`) for 2D
   * and for 3D beside a low resolution, and otherwise each sample's.
   */
  readonly batchDice?: boolean;
}

/**
 * Soft Dice, averaged over the classes without background (nnU-Net: `do_bg=False`).
 *
 * @param probabilities `[B, K, …]` @param truth one-hot, the same shape
 * @returns −Dice, a scalar in [−1, 0]
 */
export function softDiceLoss(probabilities: Tensor, truth: Tensor, options: DiceOptions = {}): Tensor {
  const classes = probabilities.size(1) - 1;
  return diceOfForeground(probabilities.narrow(1, 1, classes), truth.narrow(1, 1, classes), options);
}

function diceOfForeground(p: Tensor, t: Tensor, { batchDice = true }: DiceOptions): Tensor {
  const space = Array.from({ length: p.ndim - 2 }, (_, i) => i + 2);
  const over = batchDice ? [0, ...space] : space;
  const overlap = p.mul(t).sum(over);
  const total = p.sum(over).add(t.sum(over));
  return overlap
    .mul(2)
    .add(smooth)
    .div(total.add(smooth).clamp({ min: 1e-8 }))
    .mean()
    .neg();
}

/** In float32 also where autocast holds. @param logits `[B, K, …]` @param labels int64 `[B, …]` */
export function diceCrossEntropy(logits: Tensor, labels: Tensor, options: DiceOptions = {}): Tensor {
  // One softmax for both terms.
  const logs = logits.float().logSoftmax(1);
  const crossEntropy = logs.gather(1, labels.unsqueeze(1)).mean().neg();
  const classes = logits.size(1);
  const truth = noGrad(() => marked(labels, 1, classes));
  return crossEntropy.add(diceOfForeground(logs.narrow(1, 1, classes - 1).exp(), truth, options));
}

/** int64 `[B, …]` → float32 `[B, K, …]` */
export function oneHot(labels: Tensor, classes: number): Tensor {
  return marked(labels, 0, classes);
}

/** One-hot of the classes from `first` to before `end`. */
function marked(labels: Tensor, first: number, end: number): Tensor {
  const names = arange(first, end, 1, { dtype: "int64", device: labels.device });
  return labels
    .unsqueeze(1)
    .eq(names.reshape([1, -1, ...labels.shape.slice(1).map(() => 1)]))
    .float();
}

/**
 * The same loss at every resolution the U-Net answers in; half as much weight at each coarser one and none at the coarsest, as
 * nnU-Net weighs them. A single resolution has all the weight.
 *
 * @param logits largest first @param labels int64 `[B, …]` at full size
 */
export function deeplySupervised(logits: readonly Tensor[], labels: Tensor, options: DiceOptions = {}): Tensor {
  const counted = logits.slice(0, Math.max(1, logits.length - 1));
  const total = counted.reduce((sum, _, level) => sum + 0.5 ** level, 0);
  return counted
    .map((level, i) =>
      diceCrossEntropy(level, shrinkLabels(labels, level.shape.slice(2)), options).mul(0.5 ** i / total),
    )
    .reduce((sum, term) => sum.add(term));
}

/** The nearest voxel to each coarser one's middle; of two equally near the further from the origin (`nearest-exact`). */
function shrinkLabels(labels: Tensor, size: readonly number[]): Tensor {
  return size.reduce((shrunk, coarse, axis) => {
    const extent = labels.size(axis + 1);
    if (coarse === extent) return shrunk;
    const nearest = arange(0, coarse, 1, { dtype: "float64", device: labels.device })
      .add(0.5)
      .mul(extent / coarse)
      .floor();
    return shrunk.indexSelect(axis + 1, nearest.to({ dtype: "int64" }));
  }, labels);
}
