/** Adam with decoupled weight decay (Loshchilov & Hutter 2019), as `torch.optim.AdamW`. */
import { ConfigError } from "@rfmedsam/base";
import { full } from "../factories.js";
import * as F from "../functional.js";
import type { Tensor } from "../tensor.js";
import { type ActiveGroup, Optimizer, type OptimizerOptions, type ParameterGroup, type Slot } from "./optimizer.js";

export interface AdamWOptions extends OptimizerOptions {
  /** How slowly the means of the gradient and of its square forget. */
  readonly betas?: readonly [number, number] | undefined;
  /** Keeps the division finite. */
  readonly eps?: number | undefined;
}

/**
 *   p ← p·(1 − rate·weightDecay)
 *   m ← β₁·m + (1 − β₁)·g,   v ← β₂·v + (1 − β₂)·g²
 *   p ← p − rate/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε)
 *
 * Defaults: learning rate 0.001, betas 0.9 and 0.999, eps 1e-8, weight decay 0.01.
 */
export class AdamW extends Optimizer {
  protected readonly stateNames = ["exp_avg", "exp_avg_sq"];
  readonly #betas: readonly [number, number];
  readonly #eps: number;

  constructor(
    groups: Iterable<Tensor | ParameterGroup>,
    { learningRate = 1e-3, weightDecay = 1e-2, betas = [0.9, 0.999], eps = 1e-8 }: AdamWOptions = {},
  ) {
    super(groups, { learningRate, weightDecay });
    if (!betas.every((beta) => beta >= 0 && beta < 1) || !(eps >= 0)) {
      throw new ConfigError({
        found: `AdamW with betas ${betas.join(" and ")} and eps ${eps}`,
        expected: "betas from 0 to below 1 and an eps from 0 on",
      });
    }
    this.#betas = betas;
    this.#eps = eps;
  }

  protected update({ slots, parameters, gradients, learningRate, weightDecay }: ActiveGroup): void {
    const means = this.stateOf(slots, "exp_avg");
    const squares = this.stateOf(slots, "exp_avg_sq");
    const counts = countsOf(slots);
    const [beta1, beta2] = this.#betas;
    const [largestSquares, amsgrad, maximize] = [[], false, false] as const;
    F.fusedAdamw_(
      parameters,
      gradients,
      means,
      squares,
      largestSquares,
      counts,
      learningRate,
      beta1,
      beta2,
      weightDecay,
      this.#eps,
      amsgrad,
      maximize,
    );
  }
}

/** Each slot's number of steps as the kernel wants it: a tensor, the same one for equal numbers. */
function countsOf(slots: readonly Slot[]): Tensor[] {
  const made = new Map<number, Tensor>();
  return slots.map(({ steps, parameter }) => {
    const count = made.get(steps) ?? full([], steps, { device: parameter.device });
    made.set(steps, count);
    return count;
  });
}
