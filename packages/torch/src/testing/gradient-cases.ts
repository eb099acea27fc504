/**
 * One row an operator that has a gradient: how to make its inputs and call it, in the generality the networks use. Inputs stay away
 * from kinks and jumps by more than a finite difference reaches. A new differentiable operator is one row.
 */
import * as F from "../functional.js";
import { manualSeed } from "../runtime.js";
import { type Tensor, tensor } from "../tensor.js";
import type { GradientCase } from "./gradients.js";

const float64 = { dtype: "float64" } as const;
const size = (shape: readonly number[]) => shape.reduce((n, extent) => n * extent, 1);

/** Normal values. */
const some = (...shape: number[]): Tensor => F.randnOp(shape, { ...float64, device: "cpu" });
const between = (low: number, high: number, ...shape: number[]): Tensor =>
  some(...shape).uniform_({ from: low, to: high });
const positive = (...shape: number[]): Tensor => between(0.5, 2, ...shape);
/** Values with gaps between them and around 0 (and other multiples of 1/2), in random order: safe for sorting, kinks and jumps. */
const apart = (...shape: number[]): Tensor => {
  const order = F.randpermOp(size(shape), float64).sub(Math.floor(size(shape) / 2));
  return order.mul(0.5).add(0.23).reshape(shape);
};
const int = (values: readonly number[], shape?: readonly number[]) => tensor(values, shape, { dtype: "int64" });
const bool = (values: readonly number[], shape?: readonly number[]) => tensor(values, shape, { dtype: "bool" });
/** Random operators draw the same numbers every time they are compared. */
const seeded = <T>(body: () => T): T => {
  manualSeed(3);
  return body();
};

type Apply = GradientCase["apply"];
/** Inputs (one or several), then what is done with them. */
const on =
  (make: () => Tensor | readonly Tensor[]) =>
  (apply: (x: Tensor, y: Tensor, z: Tensor, w: Tensor) => ReturnType<Apply>) =>
  (): GradientCase => {
    const made = make();
    return { inputs: Array.isArray(made) ? made : [made as Tensor], apply: apply as Apply };
  };
const two = () => [some(2, 3), some(3)];
const three = () => [some(2, 3), some(2, 3), positive(2, 3)];

export const gradientCases: Readonly<Record<string, () => GradientCase>> = {
  add: on(two)((x, y) => x.add(y, { alpha: 2.5 }).add(3)),
  add_: on(two)((x, y) => x.clone().add_(y, { alpha: 2 })),
  sub: on(two)((x, y) => x.sub(y, { alpha: 0.5 }).sub(1)),
  sub_: on(two)((x, y) => x.clone().sub_(y)),
  mul: on(two)((x, y) => x.mul(y).mul(3)),
  mul_: on(two)((x, y) => x.clone().mul_(y)),
  div: on(() => [some(2, 3), positive(3)])((x, y) => x.div(y)),
  div_: on(() => [some(2, 3), positive(3)])((x, y) => x.clone().div_(y)),
  divRounded: on(() => [some(2, 3), positive(3)])((x, y) => x.divRounded(y, null)),
  remainder: on(() => apart(2, 3))((x) => x.remainder(1.5)),
  pow: on(() => positive(2, 3))((x) => x.pow(2.5).add(x.pow(3))),
  powTensor: on(() => [positive(2, 3), some(3)])((x, y) => x.powTensor(y)),
  addcmul: on(three)((x, y, z) => x.addcmul(y, z, { value: 0.7 })),
  addcmul_: on(three)((x, y, z) => x.clone().addcmul_(y, z, { value: 2 })),
  addcdiv: on(three)((x, y, z) => x.addcdiv(y, z, { value: 0.7 })),
  addcdiv_: on(three)((x, y, z) => x.clone().addcdiv_(y, z)),
  lerp: on(() => [some(2, 3), some(2, 3)])((x, y) => x.lerp(y, 0.3)),
  lerp_: on(() => [some(2, 3), some(2, 3)])((x, y) => x.clone().lerp_(y, 0.7)),
  neg: on(() => some(2, 3))((x) => x.neg()),
  reciprocal: on(() => positive(2, 3))((x) => x.reciprocal()),
  abs: on(() => apart(2, 3))((x) => x.abs()),
  square: on(() => some(2, 3))((x) => x.square()),
  sqrt: on(() => positive(2, 3))((x) => x.sqrt()),
  rsqrt: on(() => positive(2, 3))((x) => x.rsqrt()),
  exp: on(() => some(2, 3))((x) => x.exp()),
  expm1: on(() => some(2, 3))((x) => x.expm1()),
  log: on(() => positive(2, 3))((x) => x.log()),
  log1p: on(() => positive(2, 3))((x) => x.log1p()),
  log2: on(() => positive(2, 3))((x) => x.log2()),
  sin: on(() => some(2, 3))((x) => x.sin()),
  cos: on(() => some(2, 3))((x) => x.cos()),
  tan: on(() => between(-1, 1, 2, 3))((x) => x.tan()),
  atan2: on(() => [positive(2, 3), some(3)])((x, y) => x.atan2(y)),
  clamp: on(() => apart(2, 4))((x) => x.clamp({ min: -1, max: 1 })),
  clampTensor: on(() => [apart(2, 3), tensor(Float64Array.of(-0.4)), tensor(Float64Array.of(0.6))])((x, min, max) =>
    x.clampTensor({ min: min, max: max }),
  ),
  clamp_: on(() => apart(2, 4))((x) => x.clone().clamp_({ max: 1 })),
  maximum: on(() => [apart(2, 3), apart(2, 3).add(0.1)])((x, y) => x.maximum(y)),
  minimum: on(() => [apart(2, 3), apart(2, 3).add(0.1)])((x, y) => x.minimum(y)),
  outer: on(() => [some(3), some(2)])((x, y) => x.outer(y)),
  complex: on(() => [some(3), some(3)])((x, y) => F.complex(x, y).viewAsReal()),
  erf: on(() => some(2, 3))((x) => x.erf()),
  erfinv: on(() => between(-0.8, 0.8, 2, 3))((x) => x.erfinv()),
  erfinv_: on(() => between(-0.8, 0.8, 2, 3))((x) => x.clone().erfinv_()),

  relu: on(() => apart(2, 3))((x) => x.relu()),
  relu_: on(() => apart(2, 3))((x) => x.clone().relu_()),
  leakyRelu: on(() => apart(2, 3))((x) => x.leakyRelu({ negativeSlope: 0.1 })),
  leakyRelu_: on(() => apart(2, 3))((x) => x.clone().leakyRelu_()),
  gelu: on(() => some(2, 3))((x) => [x.gelu(), x.gelu({ approximate: "tanh" })]),
  gelu_: on(() => some(2, 3))((x) => x.clone().gelu_()),
  silu: on(() => some(2, 3))((x) => x.silu()),
  sigmoid: on(() => some(2, 3))((x) => x.sigmoid()),
  logSigmoid: on(() => some(2, 3))((x) => x.logSigmoid()),
  tanh: on(() => some(2, 3))((x) => x.tanh()),
  softplus: on(() => some(2, 3))((x) => x.softplus({ beta: 2 })),
  softmax: on(() => some(2, 3))((x) => x.softmax(-1)),
  logSoftmax: on(() => some(2, 3))((x) => x.logSoftmax(0)),
  where: on(two)((x, y) => F.where(bool([1, 0, 1]), x, y)),

  sum: on(() => some(2, 3, 2))((x) => [x.sum(), x.sum([0, 2]), x.sum(1, { keepdim: true })]),
  mean: on(() => some(2, 3, 2))((x) => [x.mean(), x.mean([0, 2], { keepdim: true })]),
  std: on(() => some(2, 3))((x) => [x.std({ dim: 1 }), x.std({ correction: 0 })]),
  variance: on(() => some(2, 3))((x) => [x.variance({ dim: 1 }), x.variance({ correction: 0 })]),
  amax: on(() => apart(2, 3))((x) => x.amax({ dim: 1 })),
  amin: on(() => apart(2, 3))((x) => x.amin({ dim: 0, keepdim: true })),
  maxDim: on(() => apart(2, 3))((x) => x.maxDim(1)[0]),
  minDim: on(() => apart(2, 3))((x) => x.minDim(0)[0]),
  logsumexp: on(() => some(2, 3))((x) => x.logsumexp(1)),
  cumsum: on(() => some(2, 3))((x) => x.cumsum(1)),
  prod: on(() => some(2, 3))((x) => x.prod()),
  norm: on(() => apart(2, 3))((x) => [x.norm(), x.norm({ ord: 1, dim: 1 }), x.norm({ ord: 3 })]),
  median: on(() => apart(5))((x) => x.median()),
  quantile: on(() => apart(7))((x) => x.quantile(tensor(Float64Array.of(0.1, 0.65)))),
  sort: on(() => apart(2, 4))((x) => x.sort({ dim: 1 })[0]),
  topk: on(() => apart(2, 4))((x) => x.topk(2)[0]),

  reshape: on(() => some(2, 3).transpose(0, 1))((x) => x.transpose(0, 1).reshape([6]).square()),
  view: on(() => some(2, 3))((x) => x.view([3, -1]).square()),
  permute: on(() => some(2, 3, 2))((x) => x.permute([2, 0, 1])),
  transpose: on(() => some(2, 3))((x) => x.transpose(0, 1)),
  movedim: on(() => some(2, 3, 2))((x) => x.movedim(0, 2)),
  flatten: on(() => some(2, 3, 2))((x) => x.flatten({ startDim: 1 })),
  unflatten: on(() => some(2, 6))((x) => x.unflatten(1, [3, 2])),
  unsqueeze: on(() => some(2, 3))((x) => x.unsqueeze(1)),
  squeeze: on(() => some(2, 1, 3))((x) => x.squeeze(1)),
  expand: on(() => some(2, 1))((x) => x.expand([2, 3])),
  repeat: on(() => some(2, 2))((x) => x.repeat([2, 3])),
  repeatInterleave: on(() => some(2, 2))((x) => x.repeatInterleave(3, { dim: 1 })),
  narrow: on(() => some(2, 4))((x) => x.narrow(1, 1, 2)),
  asStrided: on(() => some(3, 4))((x) => x.asStrided([2, 3], [4, 1], { storageOffset: 2 }).square()),
  select: on(() => some(2, 3))((x) => x.select(1, -1)),
  slice: on(() => some(2, 5))((x) => x.slice({ dim: 1, start: 1, step: 2 })),
  indexSelect: on(() => some(3, 2))((x) => x.indexSelect(0, int([2, 0, 2]))),
  index: on(() => some(3, 2))((x) => [x.index([int([2, 0, 2])]), x.index([null, int([1])])]),
  indexPut_: on(() => [some(3, 2), some(2, 2)])((x, y) => x.clone().indexPut_([int([0, 2])], y, { accumulate: true })),
  gather: on(() => some(2, 3))((x) => x.gather(1, int([0, 2, 1, 1], [2, 2]))),
  scatter: on(() => [some(2, 3), some(2, 2)])((x, y) => x.scatter(1, int([0, 2, 1, 0], [2, 2]), y)),
  scatterValue: on(() => some(2, 3))((x) => x.scatterValue(1, int([0, 2], [2, 1]), 4)),
  scatterAdd: on(() => [some(2, 3), some(2, 2)])((x, y) => x.scatterAdd(1, int([0, 0, 1, 0], [2, 2]), y)),
  indexAdd: on(() => [some(3, 2), some(2, 2)])((x, y) => x.indexAdd(0, int([2, 2]), y, { alpha: 2 })),
  chunk: on(() => some(4, 2))((x) => x.chunk(2)),
  split: on(() => some(2, 5))((x) => x.split(2, { dim: 1 })),
  splitSizes: on(() => some(5))((x) => x.splitSizes([1, 4])),
  unbind: on(() => some(2, 3))((x) => x.unbind({ dim: 1 })),
  cat: on(() => [some(2, 1), some(2, 2)])((x, y) => F.cat([x, y], { dim: 1 })),
  stack: on(() => [some(2), some(2)])((x, y) => F.stack([x, y], { dim: 1 })),
  flip: on(() => some(2, 3))((x) => x.flip([0, 1])),
  roll: on(() => some(2, 3))((x) => x.roll([1, -1], { dims: [0, 1] })),
  tile: on(() => some(2, 2))((x) => x.tile([2, 1])),
  pad: on(() => some(1, 2, 3))((x) => [
    x.pad([1, 2], { value: 1.5 }),
    x.pad([2, 1], { mode: "reflect" }),
    x.pad([1, 1], { mode: "replicate" }),
  ]),
  unfold: on(() => some(5))((x) => x.unfold(0, 3, 1)),
  contiguous: on(() => some(2, 3))((x) => x.transpose(0, 1).contiguous()),
  clone: on(() => some(2, 3))((x) => x.clone()),
  maskedFill: on(() => some(2, 3))((x) => x.maskedFill(bool([1, 0, 0]), 2)),
  maskedFill_: on(() => some(2, 3))((x) => x.clone().maskedFill_(bool([1, 0, 0]), -1)),
  maskedSelect: on(() => some(2, 3))((x) => x.maskedSelect(bool([1, 0, 1]))),
  tril: on(() => some(3, 3))((x) => x.tril({ diagonal: 1 })),
  triu: on(() => some(3, 3))((x) => x.triu()),
  diagonal: on(() => some(3, 3))((x) => x.diagonal({ offset: 1 })),
  viewAsComplex: on(() => some(3, 2))((x) => {
    const c = x.viewAsComplex();
    return c.mul(c).viewAsReal();
  }),
  viewAsReal: on(() => some(3, 2))((x) => x.viewAsComplex().viewAsReal()),
  meshgrid: on(() => [some(2), some(3)])((x, y) => F.meshgrid([x, y], "ij")),
  copy_: on(two)((x, y) => x.clone().copy_(y)),
  zero_: on(() => some(2))((x) => x.clone().zero_().add(x)),
  fill_: on(() => some(2))((x) => x.clone().fill_(2).mul(x)),
  toDtypeDevice: on(() => some(2, 3))((x) => x.toDtypeDevice("cpu", "float64", { copy: true })),
  alias: on(() => some(2, 3))((x) => x.alias()),

  matmul: on(() => [some(2, 2, 3), some(3, 2)])((x, y) => x.matmul(y)),
  bmm: on(() => [some(2, 2, 3), some(2, 3, 2)])((x, y) => x.bmm(y)),
  mm: on(() => [some(2, 3), some(3, 2)])((x, y) => x.mm(y)),
  addmm: on(() => [some(2), some(2, 3), some(3, 2)])((x, y, z) => x.addmm(y, z, { beta: 0.5, alpha: 2 })),
  baddbmm: on(() => [some(2, 2, 2), some(2, 2, 3), some(2, 3, 2)])((x, y, z) => x.baddbmm(y, z)),
  einsum: on(() => [some(2, 3), some(3, 2, 2)])((x, y) => F.einsum("bc,chw->bhw", [x, y])),
  linear: on(() => [some(2, 3), some(2, 3), some(2)])((x, weight, bias) => F.linear(x, weight, { bias: bias })),
  scaledDotProductAttention: on(() => [some(1, 2, 3, 2), some(1, 2, 4, 2), some(1, 2, 4, 2), some(3, 4)])(
    (q, k, v, mask) => [
      F.scaledDotProductAttention(q, k, v, { attnMask: mask }),
      F.scaledDotProductAttention(q, k, v, { scale: 0.3 }),
    ],
  ),

  conv1d: on(() => [some(1, 2, 5), some(2, 2, 3), some(2)])((x, w, bias) => F.conv1d(x, w, { bias: bias, padding: 1 })),
  conv2d: on(() => [some(1, 2, 4, 4), some(2, 1, 3, 3), some(2)])((x, w, bias) =>
    F.conv2d(x, w, { bias: bias, stride: [2, 1], padding: 1, groups: 2, dilation: [1, 2] }),
  ),
  conv3d: on(() => [some(1, 1, 3, 3, 3), some(2, 1, 2, 2, 2), some(2)])((x, w, bias) =>
    F.conv3d(x, w, { bias: bias, padding: [0, 1, 0] }),
  ),
  im2col: on(() => some(1, 2, 4, 5))((x) => x.im2col([2, 3], [1, 2], [0, 1], [2, 1])),
  col2im: on(() => some(1, 4, 6))((x) => x.col2im([3, 4], [2, 2], [1, 1], [0, 0], [1, 1])),
  convTranspose2d: on(() => [some(1, 2, 2, 3), some(2, 2, 2, 2), some(2)])((x, w, bias) =>
    F.convTranspose2d(x, w, { bias: bias, stride: 2, padding: 1, outputPadding: [1, 0] }),
  ),
  convTranspose3d: on(() => [some(1, 1, 2, 2, 2), some(1, 2, 2, 2, 2), some(2)])((x, w, bias) =>
    F.convTranspose3d(x, w, { bias: bias, stride: 2 }),
  ),
  layerNorm: on(() => [some(2, 4), some(4), some(4)])((x, weight, bias) =>
    F.layerNorm(x, [4], { weight: weight, bias: bias, eps: 1e-3 }),
  ),
  groupNorm: on(() => [some(2, 4, 3), some(4), some(4)])((x, weight, bias) =>
    F.groupNorm(x, 2, { weight: weight, bias: bias, eps: 1e-3 }),
  ),
  instanceNorm: on(() => [some(2, 2, 4), some(2), some(2)])((x, w, b) =>
    F.instanceNorm(x, w, b, null, null, true, 0.1, 1e-3, false),
  ),
  batchNorm: on(() => [some(3, 2, 3), some(2), some(2)])((x, w, b) =>
    F.batchNorm(x, w, b, null, null, true, 0.1, 1e-3, false),
  ),
  maxPool2d: on(() => apart(1, 1, 4, 4))((x) => x.maxPool2d(2, { stride: 2 })),
  maxPool3d: on(() => apart(1, 1, 2, 4, 2))((x) => x.maxPool3d([1, 2, 2])),
  avgPool2d: on(() => some(1, 1, 4, 3))((x) => x.avgPool2d([2, 3], { stride: 1 })),
  avgPool3d: on(() => some(1, 1, 2, 4, 2))((x) => x.avgPool3d(2)),
  adaptiveAvgPool2d: on(() => some(1, 2, 3, 5))((x) => x.adaptiveAvgPool2d([2, 2])),
  adaptiveAvgPool3d: on(() => some(1, 1, 2, 3, 3))((x) => x.adaptiveAvgPool3d([1, 2, 2])),
  embedding: on(() => some(4, 2))((weight) => F.embedding(weight, int([3, 0, 3]))),
  dropout: on(() => some(2, 4))((x) => seeded(() => F.dropout(x, 0.4, true))),
  featureDropout: on(() => some(2, 4, 2))((x) => seeded(() => F.featureDropout(x, 0.4, true))),

  upsampleNearest1d: on(() => some(1, 2, 3))((x) => F.upsampleNearest1d(x, [5])),
  upsampleNearest2d: on(() => some(1, 1, 2, 3))((x) => F.upsampleNearest2d(x, null, [2, 2])),
  upsampleNearest3d: on(() => some(1, 1, 2, 2, 2))((x) => F.upsampleNearest3d(x, [3, 4, 2])),
  upsampleNearestExact2d: on(() => some(1, 1, 2, 3))((x) => F.upsampleNearestExact2d(x, [5, 4])),
  upsampleBilinear2d: on(() => some(1, 1, 3, 3))((x) => [
    F.upsampleBilinear2d(x, [5, 4], false),
    F.upsampleBilinear2d(x, [5, 4], true),
  ]),
  upsampleBilinear2dAntialias: on(() => some(1, 1, 5, 5))((x) => F.upsampleBilinear2dAntialias(x, [2, 3], false)),
  upsampleBicubic2d: on(() => some(1, 1, 3, 3))((x) => F.upsampleBicubic2d(x, [5, 4], false)),
  upsampleBicubic2dAntialias: on(() => some(1, 1, 5, 5))((x) => F.upsampleBicubic2dAntialias(x, [2, 3], false)),
  upsampleTrilinear3d: on(() => some(1, 1, 2, 2, 2))((x) => F.upsampleTrilinear3d(x, [3, 3, 4], false)),
  gridSampler: on(() => [some(1, 2, 4, 4), between(-0.9, 0.9, 1, 2, 2, 2)])((x, grid) =>
    F.gridSampler(x, grid, 0, 0, false),
  ),
  affineGridGenerator: on(() => some(1, 2, 3))((theta) => F.affineGridGenerator(theta, [1, 1, 2, 3], false)),

  crossEntropyLoss: on(() => some(3, 4))((x) => [
    x.crossEntropyLoss(int([1, 3, 0]), { labelSmoothing: 0.1 }),
    x.crossEntropyLoss(int([1, 3, -100]), { weight: tensor(Float64Array.of(1, 2, 0.5, 3)), reduction: 0 }),
  ]),
  nllLoss: on(() => some(3, 4))((x) => x.nllLoss(int([1, 3, 0]))),
  binaryCrossEntropyWithLogits: on(() => [some(2, 3), between(0.1, 0.9, 2, 3)])((x, target) =>
    x.binaryCrossEntropyWithLogits(target),
  ),
  binaryCrossEntropy: on(() => between(0.1, 0.9, 2, 3))((x) =>
    x.binaryCrossEntropy(tensor(Float64Array.of(1, 0, 1)).expand([2, 3])),
  ),
  mseLoss: on(() => [some(2, 3), some(2, 3)])((x, y) => x.mseLoss(y, { reduction: 2 })),
  l1Loss: on(() => [apart(2, 3), apart(2, 3).add(0.1)])((x, y) => x.l1Loss(y)),
  smoothL1Loss: on(() => [apart(2, 3), apart(2, 3).add(0.1)])((x, y) => x.smoothL1Loss(y, { beta: 0.25 })),
};

const whole = "its result is integers or booleans";
const flat = "it is constant between its jumps: the gradient is zero everywhere it exists";
const fresh = "its result does not depend on values of a tensor";
const fill = "it overwrites values with numbers that do not depend on them";
const state = "it changes a tensor behind autograd's back, and may";
const optimiser = "optimisers call it, outside autograd";

/** Operators that are not checked, and why. */
export const withoutGradient: Readonly<Record<string, string>> = {
  sign: flat,
  floor: flat,
  ceil: flat,
  round: flat,
  eq: whole,
  ne: whole,
  lt: whole,
  le: whole,
  gt: whole,
  ge: whole,
  logicalAnd: whole,
  logicalOr: whole,
  logicalNot: whole,
  logicalXor: whole,
  any: whole,
  anyDim: whole,
  all: whole,
  allDim: whole,
  isnan: whole,
  isinf: whole,
  isfinite: whole,
  equal: whole,
  allclose: whole,
  nonzero: whole,
  argmax: whole,
  argmin: whole,
  argsort: whole,
  bincount: whole,
  oneHot: whole,
  viewDtype: "it reads the same bytes as another type",
  detach: "cutting gradients is what it is for",
  setData: state,
  resize_: state,
  emptyOp: fresh,
  fullOp: fresh,
  arangeOp: fresh,
  linspaceOp: fresh,
  eyeOp: fresh,
  randOp: fresh,
  randnOp: fresh,
  randintOp: fresh,
  randpermOp: fresh,
  zerosLike: fresh,
  onesLike: fresh,
  emptyLike: fresh,
  fullLike: fresh,
  randLike: fresh,
  randnLike: fresh,
  fromFile: fresh,
  uniform_: fill,
  normal_: fill,
  bernoulli_: fill,
  foreachAdd_: optimiser,
  foreachAddList_: optimiser,
  foreachSubList_: optimiser,
  foreachMul_: optimiser,
  foreachMulTensor_: optimiser,
  foreachDivList_: optimiser,
  foreachAddcmul_: optimiser,
  foreachAddcdiv_: optimiser,
  foreachAddcdivEach_: optimiser,
  foreachLerp_: optimiser,
  foreachSqrt: optimiser,
  foreachNorm: optimiser,
  foreachZero_: optimiser,
  foreachCopy_: optimiser,
  fusedAdamw_: optimiser,
  fusedSgd_: optimiser,
};
