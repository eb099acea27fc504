/** First values of parameters: each fills a tensor in place and returns it. Defaults of the layers are PyTorch's. */
import { noGrad } from "../modes.js";
import { scope } from "../scope.js";
import { type Tensor, tensor } from "../tensor.js";

export type Initializer = (x: Tensor) => Tensor;

export const zeros: Initializer = (x) => noGrad(() => x.zero_());
export const ones: Initializer = (x) => noGrad(() => x.fill_(1));
export const constant =
  (value: number): Initializer =>
  (x) =>
    noGrad(() => x.fill_(value));
export const uniform =
  (bound: number): Initializer =>
  (x) =>
    noGrad(() => x.uniform_({ from: -bound, to: bound }));
export const normal =
  (std: number): Initializer =>
  (x) =>
    noGrad(() => x.normal_({ mean: 0, std }));

/** A normal distribution without its values beyond `limit`·`std` (by its inverse CDF; as `trunc_normal_` of PyTorch). */
export const truncatedNormal =
  (std: number, limit = 2): Initializer =>
  (x) =>
    noGrad(() => {
      const inside = scope(() =>
        tensor(limit / Math.SQRT2, [], { dtype: "float64" })
          .erf()
          .item(),
      );
      x.uniform_({ from: -inside, to: inside })
        .erfinv_()
        .mul_(std * Math.SQRT2);
      return x.clamp_({ min: -limit * std, max: limit * std });
    });

/** Inputs that one output sees: the extents of a weight after the first. */
export function fanIn(weight: Tensor): number {
  return weight.shape.slice(1).reduce((count, extent) => count * extent, 1);
}

/** Uniform with variance 1/(3·fan-in): what `nn.Linear` and `nn.Conv` of PyTorch start from. */
export const kaimingUniform: Initializer = (x) => uniform(1 / Math.sqrt(Math.max(1, fanIn(x))))(x);

/** Normal with the variance that keeps activations' scale through leaky ReLUs (He et al. 2015), as nnU-Net starts its U-Nets. */
export const kaimingNormal =
  (negativeSlope = 0): Initializer =>
  (x) =>
    normal(Math.sqrt(2 / (1 + negativeSlope ** 2)) / Math.sqrt(Math.max(1, fanIn(x))))(x);

/** Uniform that keeps the variance both ways (Glorot & Bengio 2010). */
export const xavierUniform: Initializer = (x) => {
  const receptive = x.shape.slice(2).reduce((count, extent) => count * extent, 1);
  const fans = ((x.shape[0] ?? 1) + (x.shape[1] ?? 1)) * receptive;
  return uniform(Math.sqrt(6 / fans))(x);
};
