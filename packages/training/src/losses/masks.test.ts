import { full, ones, randn, setNumThreads, tensor, zeros } from "@rfmedsam/torch";
import { describe, expect, test } from "vitest";
import { focalLoss, maskLoss } from "./masks.js";

setNumThreads(1);
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const only = (name: "focal" | "dice" | "iou" | "presence") => ({ focal: 0, dice: 0, iou: 0, presence: 0, [name]: 1 });

describe("focal loss", () => {
  test("is α (1 − p)² · CE of every pixel, α = ¼ for the object and ¾ for the rest", () => {
    const logits = [-3, -0.5, 0, 1.2, 4];
    for (const target of [0, 1]) {
      const expected = logits.map((logit) => {
        const p = target === 1 ? sigmoid(logit) : 1 - sigmoid(logit);
        return (target === 1 ? 0.25 : 0.75) * (1 - p) ** 2 * -Math.log(p);
      });
      const loss = focalLoss(tensor(logits), full([5], target));
      for (const [i, value] of loss.toNumbers().entries()) expect(value).toBeCloseTo(expected[i]!, 5);
    }
  });

  test("stays finite, with finite gradients, for logits far out", () => {
    const logits = tensor([-200, 200, -90, 90]);
    logits.requiresGrad = true;
    const loss = focalLoss(logits, tensor([1, 0, 0, 1])).sum();
    loss.backward();
    expect(Number.isFinite(loss.item())).toBe(true);
    expect(logits.grad!.toNumbers().every(Number.isFinite)).toBe(true);
  });
});

/** Two objects of 2 × 2 pixels: one that is there, one that is not. */
const masks = tensor([2, -1, 0.5, -3, 1, 1, 1, 1], [2, 1, 2, 2]);
const truth = tensor([1, 0, 1, 0, 0, 0, 0, 0], [2, 1, 2, 2]);
const predicted = { masks, ious: tensor([0.4, 0.9], [2, 1]), objectScores: tensor([1.5, -0.7], [2, 1]) };

describe("mask loss", () => {
  test("focal: the mean over pixels of the objects that are there", () => {
    const own = focalLoss(tensor([2, -1, 0.5, -3]), tensor([1, 0, 1, 0]))
      .mean()
      .item();
    expect(maskLoss(predicted, truth, only("focal")).item()).toBeCloseTo(own, 6);
  });

  test("Dice: 1 − (2·overlap + 1) / (sum + 1)", () => {
    const p = [2, -1, 0.5, -3].map(sigmoid);
    const dice = 1 - (2 * (p[0]! + p[2]!) + 1) / (p.reduce((a, b) => a + b, 0) + 2 + 1);
    expect(maskLoss(predicted, truth, only("dice")).item()).toBeCloseTo(dice, 6);
  });

  test("IoU: how far the predicted IoU is from the actual one", () => {
    // Pixels above 0 are the true ones exactly: IoU 1.
    expect(maskLoss(predicted, truth, only("iou")).item()).toBeCloseTo(0.6, 6);
  });

  test("presence: binary cross-entropy over all objects, the absent included", () => {
    const expected = (-Math.log(sigmoid(1.5)) - Math.log(1 - sigmoid(-0.7))) / 2;
    expect(maskLoss(predicted, truth, only("presence")).item()).toBeCloseTo(expected, 6);
  });

  test("adds its terms by their weights", () => {
    const weights = { focal: 20, dice: 1, iou: 0.5, presence: 2 };
    const sum = (Object.keys(weights) as (keyof typeof weights)[]).reduce(
      (total, name) => total + weights[name] * maskLoss(predicted, truth, only(name)).item(),
      0,
    );
    expect(maskLoss(predicted, truth, weights).item()).toBeCloseTo(sum, 4);
  });

  test("without any object only presence counts, and nothing is NaN", () => {
    const nobody = maskLoss(predicted, zeros([2, 1, 2, 2]), { focal: 20, dice: 1, iou: 1, presence: 0 });
    expect(nobody.item()).toBe(0);
  });

  test("masks of objects that the decoder does not see (−1024) give a bounded loss and finite gradients", () => {
    const unseen = full([1, 1, 4, 4], -1024);
    unseen.requiresGrad = true;
    const scores = tensor([-2], [1, 1]);
    scores.requiresGrad = true;
    const loss = maskLoss({ masks: unseen, ious: tensor([0.5], [1, 1]), objectScores: scores }, ones([1, 1, 4, 4]), {
      focal: 20,
      dice: 1,
      iou: 1,
      presence: 1,
    });
    loss.backward();
    expect(loss.item()).toBeLessThan(200);
    expect(unseen.grad!.abs().amax().item()).toBe(0);
    expect(scores.grad!.item()).toBeLessThan(0);
  });

  test("an object's mask does not depend on the others of its batch", () => {
    const [a, b] = [randn([1, 1, 4, 4]), randn([1, 1, 4, 4])];
    const there = ones([1, 1, 4, 4]);
    const one = (x: typeof a) =>
      maskLoss({ masks: x, ious: zeros([1, 1]), objectScores: zeros([1, 1]) }, there, only("dice")).item();
    const both = maskLoss(
      {
        masks: tensor([...a.toNumbers(), ...b.toNumbers()], [2, 1, 4, 4]),
        ious: zeros([2, 1]),
        objectScores: zeros([2, 1]),
      },
      ones([2, 1, 4, 4]),
      only("dice"),
    ).item();
    expect(both).toBeCloseTo((one(a) + one(b)) / 2, 6);
  });
});
