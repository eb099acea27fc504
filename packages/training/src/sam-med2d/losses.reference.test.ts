/** The loss and its gradients against the reference's, on ordinary, empty and saturated masks. */
import { scope, setNumThreads, type Tensor } from "@rfmedsam/torch";
import { describe, expect, test } from "vitest";
import { caseNames, ReferenceCase } from "../testing/reference.js";
import { focalDiceIouLoss, focalDiceIouTerms, type PromptedLossWeights, samMed2dLossWeights } from "./losses.js";

setNumThreads(1);

interface Facts {
  readonly weight_of_focal: number;
  readonly iou_scale: number;
}

/** The three pictures of a case: its inputs, the same with an empty mask, the same with logits times 40. */
const variants: Readonly<Record<string, (logits: Tensor, truth: Tensor) => readonly [Tensor, Tensor]>> = {
  "": (logits, truth) => [logits, truth],
  "empty.": (logits, truth) => [logits, truth.zerosLike()],
  "extreme.": (logits, truth) => [logits.mul(40), truth],
};

function lossesOf(
  [logits, truth]: readonly [Tensor, Tensor],
  predictedIous: Tensor,
  weights: PromptedLossWeights,
): Record<string, number[]> {
  const masks = logits.clone();
  const ious = predictedIous.clone();
  masks.requiresGrad = true;
  ious.requiresGrad = true;
  const terms = focalDiceIouTerms({ masks, ious }, truth);
  const total = focalDiceIouLoss({ masks, ious }, truth, weights);
  total.backward();
  return {
    focal: terms.focal.toNumbers(),
    dice: terms.dice.toNumbers(),
    mask_iou: terms.iou.toNumbers(),
    total: total.toNumbers(),
    grad_pred: masks.grad!.toNumbers(),
    grad_iou: ious.grad!.toNumbers(),
  };
}

describe.each(caseNames("losses"))("%s", (name) => {
  test("terms, sum and gradients are the reference's, and its weights the default", async () => {
    const reference = await ReferenceCase.read<Facts>(name);
    const { weight_of_focal: focal, iou_scale: iou } = reference.facts;
    expect(samMed2dLossWeights).toEqual({ focal, dice: 1, iou });
    const results = scope(() =>
      Object.entries(variants).flatMap(([prefix, variant]) => {
        const inputs = variant(reference.input("pred"), reference.input("mask"));
        const losses = lossesOf(inputs, reference.input("pred_iou"), { focal, dice: 1, iou });
        return Object.entries(losses).map(([output, values]) => [prefix + output, values] as const);
      }),
    );
    reference.expectAll(new Map(results));
  });
});
