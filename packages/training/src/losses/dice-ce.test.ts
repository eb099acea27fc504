import { gradients, randn, setNumThreads, type Tensor, tensor } from "@rfmedsam/torch";
import { describe, expect, test } from "vitest";
import { deeplySupervised, diceCrossEntropy, oneHot, softDiceLoss } from "./dice-ce.js";

setNumThreads(1);
const labelsOf = (values: number[], shape: number[]) => tensor(values, shape, { dtype: "int64" });

describe("soft Dice", () => {
  test("counts over the whole batch, or each sample apart, and averages the classes without background", () => {
    // Two pictures of two voxels, three classes.
    const p = [0.5, 0.2, 0.3, 0.6, 0.2, 0.2, 0.1, 0.7, 0.8, 0.1, 0.1, 0.2]; // [B, K, 2]
    const truth = labelsOf([0, 1, 1, 2], [2, 2]);
    const smooth = 1e-5;
    // class 1: p = .3 .6 .8 .1, truth 0 1 1 0; class 2: p = .2 .2 .1 .2, truth 0 0 0 1
    const expected = [
      (2 * (0.6 + 0.8) + smooth) / (0.3 + 0.6 + 0.8 + 0.1 + 2 + smooth),
      (2 * 0.2 + smooth) / (0.2 + 0.2 + 0.1 + 0.2 + 1 + smooth),
    ];
    const loss = softDiceLoss(tensor(p, [2, 3, 2]), oneHot(truth, 3));
    expect(loss.item()).toBeCloseTo(-(expected[0]! + expected[1]!) / 2, 6);
    const each = [(1.2 + smooth) / (1.9 + smooth), smooth / (0.4 + smooth)].concat([
      (1.6 + smooth) / (1.9 + smooth),
      (0.4 + smooth) / (1.3 + smooth),
    ]);
    const apart = softDiceLoss(tensor(p, [2, 3, 2]), oneHot(truth, 3), { batchDice: false });
    expect(apart.item()).toBeCloseTo(-each.reduce((sum, dice) => sum + dice) / 4, 6);
  });

  test("is −1 for a perfect answer, also where a class is nowhere", () => {
    const truth = oneHot(labelsOf([0, 1, 1, 0], [1, 2, 2]), 3);
    expect(softDiceLoss(truth, truth).item()).toBeCloseTo(-1, 6);
    expect(softDiceLoss(truth, truth, { batchDice: false }).item()).toBeCloseTo(-1, 6);
  });

  test("one-hot puts the class second", () => {
    const hot = oneHot(labelsOf([2, 0, 1, 1], [1, 2, 2]), 3);
    expect(hot.shape).toEqual([1, 3, 2, 2]);
    expect(hot.toNumbers()).toEqual([0, 1, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0]);
  });
});

test("Dice + cross-entropy is the sum of both, the latter a mean over voxels", () => {
  const logits = tensor([1, -1, 0.5, 2, 0, 0.25], [1, 3, 2]);
  const labels = labelsOf([2, 1], [1, 2]);
  const rows = [
    [1, 0.5, 0],
    [-1, 2, 0.25],
  ];
  const crossEntropy =
    [2, 1].reduce((sum, label, at) => {
      const row = rows[at]!;
      return sum + Math.log(row.reduce((total, value) => total + Math.exp(value), 0)) - row[label]!;
    }, 0) / 2;
  const dice = softDiceLoss(logits.softmax(1), oneHot(labels, 3)).item();
  expect(diceCrossEntropy(logits, labels).item()).toBeCloseTo(crossEntropy + dice, 5);
});

test("the gradient is that of the formula, by differences in float64", () => {
  const values = [1, -1, 0.5, 2, 0, 0.25, -0.3, 0.8, 1.2, 0.1, -2, 0.4];
  const truth = [2, 1, 0, 1]; // [B = 2, 2 voxels]
  const at = (b: number, k: number, v: number) => (b * 3 + k) * 2 + v;
  const formula = (x: readonly number[]) => {
    const probability = (b: number, k: number, v: number) =>
      Math.exp(x[at(b, k, v)]!) / [0, 1, 2].reduce((sum, c) => sum + Math.exp(x[at(b, c, v)]!), 0);
    const voxels = truth.map((label, i) => ({ label, b: Math.floor(i / 2), v: i % 2 }));
    const crossEntropy = voxels.reduce((sum, { label, b, v }) => sum - Math.log(probability(b, label, v)), 0) / 4;
    const dice = [1, 2].map((k) => {
      const p = voxels.map(({ b, v }) => probability(b, k, v));
      const overlap = voxels.reduce((sum, { label }, i) => sum + (label === k ? p[i]! : 0), 0);
      const total = p.reduce((sum, value) => sum + value, 0) + truth.filter((label) => label === k).length;
      return (2 * overlap + 1e-5) / (total + 1e-5);
    });
    return crossEntropy - (dice[0]! + dice[1]!) / 2;
  };
  const logits = tensor(values, [2, 3, 2]);
  logits.requiresGrad = true;
  const loss = diceCrossEntropy(logits, labelsOf(truth, [2, 2]));
  expect(loss.item()).toBeCloseTo(formula(values), 6);
  const [gradient] = gradients([loss], [logits]) as [Tensor];
  for (const [i, slope] of gradient.toNumbers().entries()) {
    const moved = (by: number) => formula(values.map((value, j) => (j === i ? value + by : value)));
    expect(slope).toBeCloseTo((moved(1e-5) - moved(-1e-5)) / 2e-5, 6);
  }
});

test("half-precision logits are compared in float32", () => {
  const logits = randn([1, 3, 4, 4]).to({ dtype: "bfloat16" });
  const labels = labelsOf(
    Array.from({ length: 16 }, (_, i) => i % 3),
    [1, 4, 4],
  );
  const loss = diceCrossEntropy(logits, labels);
  expect(loss.dtype).toBe("float32");
  expect(loss.item()).toBe(diceCrossEntropy(logits.float(), labels).item());
});

test("the loss falls along its gradient", () => {
  const logits = randn([2, 3, 4, 4]);
  logits.requiresGrad = true;
  const labels = labelsOf(
    Array.from({ length: 32 }, (_, i) => i % 3),
    [2, 4, 4],
  );
  const loss = diceCrossEntropy(logits, labels);
  const [gradient] = gradients([loss], [logits]);
  const after = diceCrossEntropy(logits.detach().sub((gradient as Tensor).mul(0.1)), labels);
  expect(after.item()).toBeLessThan(loss.item());
});

describe("deep supervision", () => {
  const labels = labelsOf(
    Array.from({ length: 64 }, (_, i) => (Math.floor(i / 8) + 3 * i) % 2),
    [1, 8, 8],
  );
  const logits = [8, 4, 2].map((side) => randn([1, 2, side, side]));
  /** `nearest-exact`: the voxel after the middle of each block. */
  const shrunk = (step: number) => {
    const all = labels.toNumbers();
    const side = 8 / step;
    const middle = (at: number) => Math.floor((at + 0.5) * step);
    return labelsOf(
      Array.from({ length: side * side }, (_, i) => all[middle(Math.floor(i / side)) * 8 + middle(i % side)]!),
      [1, side, side],
    );
  };
  const alone = (level: number) => diceCrossEntropy(logits[level]!, shrunk(2 ** level)).item();

  test("weighs 1, ½ and nothing for the coarsest of three", () => {
    expect(deeplySupervised(logits, labels).item()).toBeCloseTo((alone(0) + 0.5 * alone(1)) / 1.5, 5);
  });

  test("of two resolutions the full one counts", () => {
    expect(deeplySupervised(logits.slice(0, 2), labels).item()).toBeCloseTo(alone(0), 5);
  });

  test("one resolution is the plain loss", () => {
    expect(deeplySupervised(logits.slice(0, 1), labels).item()).toBeCloseTo(alone(0), 6);
  });

  test("labels shrink along each axis as the logits do, without inventing labels", () => {
    const volume = tensor(
      Array.from({ length: 2 * 4 * 4 }, (_, i) => (i % 4 < 2 ? 0 : 2)),
      [1, 2, 4, 4],
      { dtype: "int64" },
    );
    // The third resolution halves x and y only; its labels are 0 0 | 2 2 in every row.
    const sure = (side: number, depth: number) =>
      oneHot(
        labelsOf(
          Array.from({ length: depth * side * side }, (_, i) => (i % side < side / 2 ? 0 : 2)),
          [1, depth, side, side],
        ),
        3,
      ).mul(50);
    const loss = deeplySupervised([sure(4, 2), sure(2, 2), sure(1, 1)], volume);
    // Class 2 is perfect; class 1 is nowhere, which also counts as perfect.
    expect(loss.item()).toBeCloseTo(-1, 4);
  });
});
