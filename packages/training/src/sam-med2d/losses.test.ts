import { GeometryError } from "@rfmedsam/base";
import { full, gradients, liveTensors, ones, rand, randn, scope, setNumThreads, tensor, zeros } from "@rfmedsam/torch";
import { describe, expect, test } from "vitest";
import { focalDiceIouLoss, focalDiceIouTerms, samMed2dLossWeights } from "./losses.js";

setNumThreads(1);
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** Two masks of 2 × 2 pixels. */
const logits = [2, -1, 0.5, -3, 1, 1, -2, 0.25];
const target = [1, 0, 1, 0, 0, 1, 0, 0];
const predicted = { masks: tensor(logits, [2, 1, 2, 2]), ious: tensor([0.4, 0.9], [2, 1]) };
const truth = tensor(target, [2, 1, 2, 2]);

describe("the terms, by hand over the whole batch", () => {
  const p = logits.map(sigmoid);
  const overlap = sum(p.map((value, i) => value * target[i]!));
  const terms = focalDiceIouTerms(predicted, truth);

  test("focal: the mean of α (1 − p)² · −log p, α = ¼ for the object and ¾ for the rest", () => {
    const pixels = p.map((value, i) => {
      const right = target[i] === 1 ? value : 1 - value;
      return (target[i] === 1 ? 0.25 : 0.75) * (1 - right) ** 2 * -Math.log(right);
    });
    expect(terms.focal.item()).toBeCloseTo(sum(pixels) / pixels.length, 6);
  });

  test("Dice: one for all masks together, smoothed by a pixel", () => {
    expect(terms.dice.item()).toBeCloseTo(1 - (2 * overlap + 1) / (sum(p) + sum(target) + 1), 6);
  });

  test("IoU: every predicted IoU is held against the soft IoU of all masks together", () => {
    const iou = overlap / (sum(p) + sum(target) - overlap);
    expect(terms.iou.item()).toBeCloseTo(((iou - 0.4) ** 2 + (iou - 0.9) ** 2) / 2, 6);
  });

  test("the loss is 20 : 1 : 1, or as weighted", () => {
    const { focal, dice, iou } = terms;
    expect(samMed2dLossWeights).toEqual({ focal: 20, dice: 1, iou: 1 });
    expect(focalDiceIouLoss(predicted, truth).item()).toBeCloseTo(20 * focal.item() + dice.item() + iou.item(), 5);
    const weights = { focal: 3, dice: 0.5, iou: 7 };
    const expected = 3 * focal.item() + 0.5 * dice.item() + 7 * iou.item();
    expect(focalDiceIouLoss(predicted, truth, weights).item()).toBeCloseTo(expected, 5);
  });
});

describe("at the ends of the scale", () => {
  test.each([
    ["empty", 0],
    ["full", 1],
  ])("a perfect answer to a %s mask costs nothing", (_, value) => {
    const masks = full([2, 1, 4, 4], value === 1 ? 200 : -200);
    const loss = focalDiceIouLoss({ masks, ious: ones([2, 1]) }, full([2, 1, 4, 4], value));
    expect(loss.item()).toBeCloseTo(0, 6);
  });

  test("logits far out give a finite loss and finite gradients, none where float32 is sure", () => {
    const masks = tensor([-300, 300, -300, 300], [1, 1, 2, 2]);
    masks.requiresGrad = true;
    const wrong = tensor([1, 0, 0, 1], [1, 1, 2, 2]);
    const { focal } = focalDiceIouTerms({ masks, ious: zeros([1, 1]) }, wrong);
    // Two wrong pixels of four cost −log(1e-12), weighted ¼ and ¾.
    expect(focal.item()).toBeCloseTo(-Math.log(1e-12) / 4, 4);
    const [gradient] = gradients([focal], [masks]);
    expect(gradient!.abs().amax().item()).toBe(0);
  });

  test("half-precision logits are counted in float32", () => {
    const half = tensor([-30, 30, -8, 8], [1, 1, 2, 2], { dtype: "float16" });
    const wrong = tensor([1, 0, 0, 1], [1, 1, 2, 2], { dtype: "float16" });
    const ious = zeros([1, 1]);
    const expected = focalDiceIouLoss({ masks: half.float(), ious }, wrong.float()).item();
    const loss = focalDiceIouLoss({ masks: half, ious: ious.to({ dtype: "float16" }) }, wrong);
    expect(loss.dtype).toBe("float32");
    expect(loss.item()).toBe(expected);
    expect(Number.isFinite(expected)).toBe(true);
  });

  test("NaN in is NaN out, for the training loop to refuse", () => {
    const masks = tensor([Number.NaN, 0, 0, 0], [1, 1, 2, 2]);
    expect(focalDiceIouLoss({ masks, ious: zeros([1, 1]) }, zeros([1, 1, 2, 2])).item()).toBeNaN();
    const ious = tensor([Number.NaN], [1, 1]);
    expect(focalDiceIouLoss({ masks: zeros([1, 1, 2, 2]), ious }, zeros([1, 1, 2, 2])).item()).toBeNaN();
  });
});

test("the loss falls along its gradient, of masks and of predicted IoUs", () => {
  const masks = randn([3, 1, 6, 5]);
  const ious = rand([3, 1]);
  masks.requiresGrad = true;
  ious.requiresGrad = true;
  const goal = rand([3, 1, 6, 5]).gt(0.6).float();
  const loss = focalDiceIouLoss({ masks, ious }, goal);
  const [ofMasks, ofIous] = gradients([loss], [masks, ious]);
  const along = (step: number) =>
    focalDiceIouLoss(
      { masks: masks.detach().sub(ofMasks!.mul(step)), ious: ious.detach().sub(ofIous!.mul(step)) },
      goal,
    ).item();
  expect(along(0.1)).toBeLessThan(loss.item());
  expect(along(-0.1)).toBeGreaterThan(loss.item());
});

test("a loss taken in a scope leaves no tensor behind", () => {
  const before = liveTensors();
  scope(() => focalDiceIouLoss(predicted, truth).item());
  expect(liveTensors()).toBe(before);
});

test.each([
  ["masks of another size than the truth", [2, 1, 2, 2], [2, 1, 2, 3], [2, 1]],
  ["truth that would broadcast", [2, 1, 2, 2], [1, 1, 2, 2], [2, 1]],
  ["several candidates at once", [2, 3, 2, 2], [2, 3, 2, 2], [2, 1]],
  ["masks without a channel", [2, 2, 2], [2, 2, 2], [2, 1]],
  ["predicted IoUs without a column", [2, 1, 2, 2], [2, 1, 2, 2], [2]],
  ["predicted IoUs of all candidates", [2, 1, 2, 2], [2, 1, 2, 2], [2, 3]],
  ["predicted IoUs of another batch", [2, 1, 2, 2], [2, 1, 2, 2], [1, 1]],
  ["masks without a pixel", [2, 1, 0, 2], [2, 1, 0, 2], [2, 1]],
])("%s are refused", (_, masks, goal, ious) => {
  const attempt = () => focalDiceIouLoss({ masks: zeros(masks), ious: zeros(ious) }, zeros(goal));
  expect(attempt).toThrow(GeometryError);
  expect(attempt).toThrow(`[${masks}]`);
});
