/**
 * How well two label maps overlap: true and false positives and negatives per label or region of labels, and the scores made of them.
 *
 * One pass over the voxels fills a joint histogram of (prediction, reference); every count is a sum of its cells, so that labels,
 * regions (several labels seen as one) and an ignored label cost nothing extra.
 *
 * Empty masks: nothing in either mask is undefined and gives NaN, which means leave out (as nnU-Net does); a mask on one side only
 * gives 0 for Dice, Jaccard and volume similarity. Precision without a prediction and recall without a reference are NaN.
 */
import { GeometryError } from "@rfmedsam/base";
import type { VoxelArray } from "@rfmedsam/imaging";
import { Classes, type LabelOrRegion, labelsOf, wholeNumbers } from "./classes.js";

/** Voxel counts of one mask against another. `tn` is whatever is in neither. */
export interface Counts {
  readonly tp: number;
  readonly fp: number;
  readonly fn: number;
  readonly tn: number;
}

export interface CountOptions {
  /** Voxels with this label in the reference are left out of all four counts. */
  readonly ignoreLabel?: number;
}

/** `2 TP / (2 TP + FP + FN)`, in [0, 1]; NaN when both masks are empty. */
export const dice = ({ tp, fp, fn }: Counts): number => (2 * tp) / (2 * tp + fp + fn);

/** Intersection over union `TP / (TP + FP + FN)`, in [0, 1]; NaN when both masks are empty. */
export const jaccard = ({ tp, fp, fn }: Counts): number => tp / (tp + fp + fn);

/** The share of the prediction that is right, `TP / (TP + FP)`; NaN without a prediction. */
export const precision = ({ tp, fp }: Counts): number => tp / (tp + fp);

/** The share of the reference that was found (sensitivity), `TP / (TP + FN)`; NaN without a reference. */
export const recall = ({ tp, fn }: Counts): number => tp / (tp + fn);

/** The share of the rest that was left alone, `TN / (TN + FP)`; NaN when the reference fills everything. */
export const specificity = ({ tn, fp }: Counts): number => tn / (tn + fp);

/** `1 − |FN − FP| / (2 TP + FP + FN)`: 1 for equal volumes wherever they lie; NaN when both masks are empty. */
export const volumeSimilarity = ({ tp, fp, fn }: Counts): number => 1 - Math.abs(fn - fp) / (2 * tp + fp + fn);

/**
 * Counts per label or region over two arrays of labels in the same voxel order.
 *
 * @param prediction labels, any shape
 * @param reference labels, same number of voxels
 * @param labels what to count, in the order of the result
 * @throws GeometryError when the arrays differ in length
 * @throws ConfigError when an array is of floating point and holds a value that is no whole number
 */
export function countOverlap(
  prediction: VoxelArray,
  reference: VoxelArray,
  labels: readonly LabelOrRegion[],
  { ignoreLabel }: CountOptions = {},
): Counts[] {
  if (prediction.length !== reference.length) {
    throw new GeometryError({
      found: `a prediction of ${prediction.length} voxels and a reference of ${reference.length}`,
      expected: "two label maps on the same grid",
    });
  }
  const classes = new Classes([...labels, ignoreLabel ?? []]);
  const joint = jointHistogram(prediction, reference, classes);
  const ignored = ignoreLabel === undefined ? -1 : classes.indexOf(ignoreLabel);
  return labels.map((label) => countsOf(joint, classes, labelsOf(label), ignored));
}

/** `[prediction class, reference class]` → voxels, row-major. */
function jointHistogram(prediction: VoxelArray, reference: VoxelArray, classes: Classes): Float64Array {
  const { count } = classes;
  const joint = new Float64Array(count * count);
  const predicted = wholeNumbers(prediction, "prediction");
  const referred = wholeNumbers(reference, "reference");
  for (let i = 0; i < predicted.length; i++) {
    const cell = classes.indexOf(predicted[i] as number) * count + classes.indexOf(referred[i] as number);
    joint[cell] = (joint[cell] as number) + 1;
  }
  return joint;
}

function countsOf(joint: Float64Array, classes: Classes, labels: readonly number[], ignored: number): Counts {
  const inside = new Set(labels.map((label) => classes.indexOf(label)));
  let [tp, fp, fn, tn] = [0, 0, 0, 0];
  for (let predicted = 0; predicted < classes.count; predicted++) {
    for (let referred = 0; referred < classes.count; referred++) {
      if (referred === ignored) continue;
      const voxels = joint[predicted * classes.count + referred] as number;
      if (inside.has(predicted) && inside.has(referred)) tp += voxels;
      else if (inside.has(predicted)) fp += voxels;
      else if (inside.has(referred)) fn += voxels;
      else tn += voxels;
    }
  }
  return { tp, fp, fn, tn };
}
