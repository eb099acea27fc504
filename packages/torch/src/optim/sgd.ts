/** Stochastic gradient descent with momentum, as `torch.optim.SGD` (no dampening); nnU-Net trains with its Nesterov form. */
import { ConfigError } from "@rfmedsam/base";
import * as F from "../functional.js";
import type { Tensor } from "../tensor.js";
import { type ActiveGroup, Optimizer, type OptimizerOptions, type ParameterGroup } from "./optimizer.js";

export interface SGDOptions extends OptimizerOptions {
  /** How much of the last step is repeated; 0 is plain descent. */
  readonly momentum?: number | undefined;
  /** Looks one step of momentum ahead. */
  readonly nesterov?: boolean | undefined;
}

/**
 *   g ← gradient + weightDecay·p
 *   m ← momentum·m + g
 *   p ← p − rate·(nesterov ? g + momentum·m : m)
 *
 * Defaults: learning rate 0.001, no momentum, no weight decay.
 */
export class SGD extends Optimizer {
  protected readonly stateNames = ["momentum_buffer"];
  readonly #momentum: number;
  readonly #nesterov: boolean;

  constructor(
    groups: Iterable<Tensor | ParameterGroup>,
    { learningRate = 1e-3, weightDecay = 0, momentum = 0, nesterov = false }: SGDOptions = {},
  ) {
    super(groups, { learningRate, weightDecay });
    if (!(momentum >= 0 && momentum < 1) || (nesterov && momentum === 0)) {
      throw new ConfigError({
        found: `SGD with momentum ${momentum}${nesterov ? " and Nesterov's look ahead" : ""}`,
        expected: "a momentum from 0 to below 1, above 0 for Nesterov",
      });
    }
    this.#momentum = momentum;
    this.#nesterov = nesterov;
  }

  protected update({ slots, parameters, gradients, learningRate, weightDecay }: ActiveGroup): void {
    const momenta = this.#momentum === 0 ? [] : this.stateOf(slots, "momentum_buffer");
    // A momentum that starts at zero is that of PyTorch's special first step, so there is no first step here.
    const [dampening, maximize, isFirstStep] = [0, false, false] as const;
    F.fusedSgd_(
      parameters,
      gradients,
      momenta,
      weightDecay,
      this.#momentum,
      learningRate,
      dampening,
      this.#nesterov,
      maximize,
      isFirstStep,
    );
  }
}
