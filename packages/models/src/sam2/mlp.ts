/** Small parts several boxes of SAM and SAM 2 share: the multi-layer perceptron, stochastic depth, picking one of several outputs. */
import { arange, nn, rand, scope, type Tensor } from "@rfmedsam/torch";

export type Activation = "relu" | "gelu";

export function activate(x: Tensor, activation: Activation): Tensor {
  return activation === "relu" ? x.relu() : x.gelu();
}

/** The same in `x`'s own memory where no gradient will ask for it: a block's widest tensor is then there once, not twice. */
function activateFresh(x: Tensor, activation: Activation): Tensor {
  if (x.requiresGrad) return activate(x, activation);
  return activation === "relu" ? x.relu_() : x.gelu_();
}

/** Linear layers with an activation between them (not after the last). */
export class Mlp extends nn.Layer {
  readonly layers: nn.ModuleList<nn.Linear>;
  readonly #activation: Activation;
  readonly #sigmoidOutput: boolean;

  /** @param widths input width, hidden widths, output width */
  constructor(
    widths: readonly number[],
    {
      activation = "relu",
      sigmoidOutput = false,
    }: { readonly activation?: Activation; readonly sigmoidOutput?: boolean } = {},
  ) {
    super();
    this.layers = new nn.ModuleList(widths.slice(1).map((width, index) => new nn.Linear(widths[index]!, width)));
    this.#activation = activation;
    this.#sigmoidOutput = sigmoidOutput;
  }

  /** @param x `[..., widths[0]]` @returns `[..., last width]` */
  forward(x: Tensor): Tensor {
    const last = this.layers.length - 1;
    return scope(() => {
      const out = [...this.layers].reduce((h, layer, index) => {
        const linear = layer.forward(h);
        return index < last ? activateFresh(linear, this.#activation) : linear;
      }, x);
      return this.#sigmoidOutput ? out.sigmoid() : out;
    });
  }
}

/** Two linear layers with an activation between them, under the names SAM gives them. */
export class MlpBlock extends nn.Layer {
  readonly lin1: nn.Linear;
  readonly lin2: nn.Linear;
  readonly #activation: Activation;

  constructor(width: number, hidden: number, activation: Activation) {
    super();
    this.lin1 = new nn.Linear(width, hidden);
    this.lin2 = new nn.Linear(hidden, width);
    this.#activation = activation;
  }

  /** @param x `[..., width]` @returns the same shape */
  forward(x: Tensor): Tensor {
    return scope(() => this.lin2.forward(activateFresh(this.lin1.forward(x), this.#activation)));
  }
}

/** Stochastic depth: while training, whole samples of a residual branch are dropped and the rest scaled up to keep the mean. */
export class DropPath extends nn.Module {
  constructor(readonly probability: number) {
    super();
  }

  /** @param x `[B, ...]`, a residual branch */
  forward(x: Tensor): Tensor {
    if (!this.training || this.probability === 0) return x;
    const keep = 1 - this.probability;
    const drawn = rand([x.shape[0]!, ...x.shape.slice(1).map(() => 1)], { dtype: "float32", device: x.device });
    return x.mul(drawn.lt(keep).to({ dtype: x.dtype }).div(keep));
  }
}

/** Row `chosen[b]` of every sample: `[B, M, ...]` and `[B]` give `[B, ...]`. */
export function pick(x: Tensor, chosen: Tensor): Tensor {
  return x.index([arange(0, x.shape[0]!, 1, { dtype: "int64", device: x.device }), chosen]);
}
