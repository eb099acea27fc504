/**
 * IoU and Dice as SAM-Med2D counts them (the reference's `SegMetrics`), so that numbers can be set beside its own.
 *
 * Its rules: values are logits if any of them, in the whole batch, is negative, else probabilities; a pixel belongs to the object when its
 * probability, in float32, is above ½; both scores add 1e-7 above and below the line, so nothing against nothing is 1. An answer that is
 * positive everywhere is therefore taken for probabilities; hand over 0/1 masks where that could happen.
 */
import { ConfigError, GeometryError } from "@rfmedsam/base";

export interface PromptedScores {
  /** `[B]`, intersection over union. */
  readonly iou: readonly number[];
  /** `[B]` */
  readonly dice: readonly number[];
}

/** Keeps the scores of two empty masks at 1. */
const epsilon = 1e-7;

/**
 * @param prediction `[B, …]` logits, probabilities or 0/1
 * @param truth 0 outside, anything else inside, the same shape
 * @param count B
 * @throws GeometryError when the arrays do not fit together, ConfigError when the prediction holds NaN
 */
export function promptedScores(
  prediction: Float32Array | Uint8Array,
  truth: Uint8Array,
  count: number,
): PromptedScores {
  const whole = Number.isInteger(count) && count > 0 && truth.length > 0 && truth.length % count === 0;
  if (!whole || prediction.length !== truth.length) {
    throw new GeometryError({
      found: `${prediction.length} predicted and ${truth.length} true pixels for ${count} masks`,
      expected: "as many predicted as true pixels, and as many for every mask",
    });
  }
  const inside = isLogits(prediction) ? (value: number) => sigmoid(value) > 0.5 : (value: number) => value > 0.5;
  const pixels = truth.length / count;
  const [iou, dice]: [number[], number[]] = [[], []];
  for (let n = 0; n < count; n++) {
    let [found, real, both] = [0, 0, 0];
    for (let at = n * pixels; at < (n + 1) * pixels; at++) {
      const here = inside(prediction[at]!);
      if (here) found++;
      if (truth[at] === 0) continue;
      real++;
      if (here) both++;
    }
    iou.push((both + epsilon) / (found + real - both + epsilon));
    dice.push((2 * both + epsilon) / (found + real + epsilon));
  }
  return { iou, dice };
}

/** The means over the batch, which is what the reference prints. */
export function meanScores({ iou, dice }: PromptedScores): { readonly iou: number; readonly dice: number } {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return { iou: mean(iou), dice: mean(dice) };
}

/** As libtorch computes it in float32: logits below about 1e-7 give exactly ½. */
export function sigmoid(logit: number): number {
  return Math.fround(1 / Math.fround(1 + Math.fround(Math.exp(-logit))));
}

function isLogits(values: Float32Array | Uint8Array): boolean {
  let negative = false;
  for (const value of values) {
    if (value < 0) negative = true;
    else if (Number.isNaN(value)) {
      throw new ConfigError({
        found: "a prediction with values that are no numbers (NaN)",
        expected: "logits, probabilities or 0/1",
        hint: "check the weights and the picture for values that are not finite",
      });
    }
  }
  return negative;
}
