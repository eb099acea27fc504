/** Normalisations. */
import { empty } from "../factories.js";
import * as F from "../functional.js";
import type { Tensor } from "../tensor.js";
import { ones, zeros } from "./init.js";
import { Layer, Parameter } from "./module.js";

/** A layer with a gain (starting at one) and a shift (starting at zero) a channel. */
abstract class Affine extends Layer {
  readonly weight: Parameter;
  readonly bias: Parameter;

  constructor(
    readonly shape: readonly number[],
    readonly eps: number,
  ) {
    super();
    this.weight = new Parameter(ones(empty(shape)));
    this.bias = new Parameter(zeros(empty(shape)));
  }
}

/** Over the last dimensions, channels last. */
export class LayerNorm extends Affine {
  constructor(shape: number | readonly number[], { eps = 1e-5 } = {}) {
    super(typeof shape === "number" ? [shape] : shape, eps);
  }

  forward(x: Tensor): Tensor {
    return F.layerNorm(x, this.shape, { weight: this.weight, bias: this.bias, eps: this.eps });
  }
}

/** Over the channels of `[B, C, H, W]`, each position by itself (as ConvNeXt and SAM use it). */
export class LayerNorm2d extends Affine {
  constructor(channels: number, { eps = 1e-6 } = {}) {
    super([channels], eps);
  }

  forward(x: Tensor): Tensor {
    const channelsLast = x.permute([0, 2, 3, 1]);
    return F.layerNorm(channelsLast, this.shape, { weight: this.weight, bias: this.bias, eps: this.eps }).permute([
      0, 3, 1, 2,
    ]);
  }
}

/** Over the spatial dimensions of every image and channel, with the statistics of the input at hand. 2D and 3D alike. */
export class InstanceNorm extends Affine {
  constructor(channels: number, { eps = 1e-5 } = {}) {
    super([channels], eps);
  }

  forward(x: Tensor): Tensor {
    return F.instanceNorm(x, this.weight, this.bias, null, null, true, 0.1, this.eps, true);
  }
}

/** Over groups of channels and all spatial dimensions. */
export class GroupNorm extends Affine {
  constructor(
    readonly groups: number,
    channels: number,
    { eps = 1e-5 } = {},
  ) {
    super([channels], eps);
  }

  forward(x: Tensor): Tensor {
    return F.groupNorm(x, this.groups, { weight: this.weight, bias: this.bias, eps: this.eps });
  }
}
