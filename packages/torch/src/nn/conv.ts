/** Convolutions and transposed convolutions in two and three dimensions, channels first. */
import { empty } from "../factories.js";
import * as F from "../functional.js";
import type { Tensor } from "../tensor.js";
import { fanIn, type Initializer, kaimingUniform, uniform } from "./init.js";
import { Layer, Parameter } from "./module.js";

/** One number for all spatial dimensions, or one each. */
export type Extents = number | readonly number[];

export interface ConvOptions {
  readonly kernel: Extents;
  readonly stride?: Extents;
  readonly padding?: Extents;
  readonly dilation?: Extents;
  readonly groups?: number;
  readonly bias?: boolean;
  /** How weight and bias start; by default as PyTorch does. */
  readonly init?: Initializer;
}

export interface ConvTransposeOptions extends ConvOptions {
  readonly outputPadding?: Extents;
}

function perDimension(extents: Extents, dimensions: number): readonly number[] {
  return typeof extents === "number" ? new Array<number>(dimensions).fill(extents) : extents;
}

abstract class Convolution extends Layer {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;
  protected readonly geometry: { stride: Extents; padding: Extents; dilation: Extents; groups: number };

  constructor(weightShape: readonly number[], biasLength: number, options: ConvOptions) {
    super();
    const { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true, init } = options;
    this.weight = new Parameter((init ?? kaimingUniform)(empty(weightShape)));
    const bound = 1 / Math.sqrt(Math.max(1, fanIn(this.weight)));
    this.bias = bias ? new Parameter((init ?? uniform(bound))(empty([biasLength]))) : undefined;
    this.geometry = { stride, padding, dilation, groups };
  }
}

/** `[B, in, H, W]` → `[B, out, H', W']`; weight `[out, in/groups, kh, kw]`. */
export class Conv2d extends Convolution {
  constructor(inputs: number, outputs: number, options: ConvOptions) {
    super([outputs, inputs / (options.groups ?? 1), ...perDimension(options.kernel, 2)], outputs, options);
  }

  forward(x: Tensor): Tensor {
    return F.conv2d(x, this.weight, { bias: this.bias, ...this.geometry });
  }
}

/** `[B, in, D, H, W]` → `[B, out, D', H', W']`; weight `[out, in/groups, kd, kh, kw]`. */
export class Conv3d extends Convolution {
  constructor(inputs: number, outputs: number, options: ConvOptions) {
    super([outputs, inputs / (options.groups ?? 1), ...perDimension(options.kernel, 3)], outputs, options);
  }

  forward(x: Tensor): Tensor {
    return F.conv3d(x, this.weight, { bias: this.bias, ...this.geometry });
  }
}

/** Weight `[in, out/groups, kh, kw]`. */
export class ConvTranspose2d extends Convolution {
  readonly #outputPadding: Extents;

  constructor(inputs: number, outputs: number, options: ConvTransposeOptions) {
    super([inputs, outputs / (options.groups ?? 1), ...perDimension(options.kernel, 2)], outputs, options);
    this.#outputPadding = options.outputPadding ?? 0;
  }

  forward(x: Tensor): Tensor {
    return F.convTranspose2d(x, this.weight, { bias: this.bias, outputPadding: this.#outputPadding, ...this.geometry });
  }
}

/** Weight `[in, out/groups, kd, kh, kw]`. */
export class ConvTranspose3d extends Convolution {
  readonly #outputPadding: Extents;

  constructor(inputs: number, outputs: number, options: ConvTransposeOptions) {
    super([inputs, outputs / (options.groups ?? 1), ...perDimension(options.kernel, 3)], outputs, options);
    this.#outputPadding = options.outputPadding ?? 0;
  }

  forward(x: Tensor): Tensor {
    return F.convTranspose3d(x, this.weight, { bias: this.bias, outputPadding: this.#outputPadding, ...this.geometry });
  }
}
