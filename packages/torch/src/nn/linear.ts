/** Linear maps, embeddings, and the parts without parameters. */
import { empty } from "../factories.js";
import * as F from "../functional.js";
import type { Tensor } from "../tensor.js";
import { type Initializer, kaimingUniform, normal, uniform } from "./init.js";
import { Layer, Parameter } from "./module.js";

export interface LinearOptions {
  readonly bias?: boolean;
  /** How weight and bias start; by default as PyTorch does. */
  readonly init?: Initializer;
}

/** `y = x·Wᵀ + b` over the last dimension; weight `[out, in]`. */
export class Linear extends Layer {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;

  constructor(inputs: number, outputs: number, { bias = true, init }: LinearOptions = {}) {
    super();
    this.weight = new Parameter((init ?? kaimingUniform)(empty([outputs, inputs])));
    this.bias = bias
      ? new Parameter((init ?? uniform(1 / Math.sqrt(Math.max(1, inputs))))(empty([outputs])))
      : undefined;
  }

  forward(x: Tensor): Tensor {
    return F.linear(x, this.weight, { bias: this.bias });
  }
}

/** A table of vectors; weight `[count, width]`. */
export class Embedding extends Layer {
  readonly weight: Parameter;

  constructor(count: number, width: number, { init = normal(1) }: { readonly init?: Initializer } = {}) {
    super();
    this.weight = new Parameter(init(empty([count, width])));
  }

  /** @param indices int64, any shape @returns that shape with the width added */
  forward(indices: Tensor): Tensor {
    return F.embedding(this.weight, indices);
  }
}

/** Changes nothing. */
export class Identity extends Layer {
  forward(x: Tensor): Tensor {
    return x;
  }
}

/** max(x, 0). */
export class ReLU extends Layer {
  forward(x: Tensor): Tensor {
    return x.relu();
  }
}

/** x where it is positive, a fraction of it (0.01) elsewhere. */
export class LeakyReLU extends Layer {
  constructor(readonly negativeSlope = 0.01) {
    super();
  }

  forward(x: Tensor): Tensor {
    return x.leakyRelu({ negativeSlope: this.negativeSlope });
  }
}

/** The exact GELU (error function). */
export class GELU extends Layer {
  forward(x: Tensor): Tensor {
    return x.gelu();
  }
}

/** 1/(1 + e⁻ˣ). */
export class Sigmoid extends Layer {
  forward(x: Tensor): Tensor {
    return x.sigmoid();
  }
}

/** Zeroes elements with the given probability while training. */
export class Dropout extends Layer {
  constructor(readonly probability: number) {
    super();
  }

  forward(x: Tensor): Tensor {
    return this.training && this.probability > 0 ? F.dropout(x, this.probability, true) : x;
  }
}
