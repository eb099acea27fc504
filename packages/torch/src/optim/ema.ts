/** An exponential moving average of a module's weights, which often segments better than the last ones. */
import { CheckpointError, ConfigError } from "@rfmedsam/base";
import * as F from "../functional.js";
import { noGrad } from "../modes.js";
import { native } from "../native.js";
import { type Module, Parameter } from "../nn/module.js";
import { scope } from "../scope.js";
import { type Tensor, tensor } from "../tensor.js";

export interface WeightAverageOptions {
  /** Share of the average that an update keeps. */
  readonly decay?: number;
}

/**
 * average ← d·average + (1 − d)·weights, with d = min(decay, (1 + n)/(10 + n)) after n updates, so that the random start is soon
 * forgotten. Buffers are copied.
 */
export class WeightAverage {
  readonly #module: Module;
  readonly #decay: number;
  readonly #averages: ReadonlyMap<string, Tensor>;
  #updates = 0;

  constructor(module: Module, { decay = 0.999 }: WeightAverageOptions = {}) {
    if (!(decay >= 0 && decay < 1)) {
      throw new ConfigError({ found: `a weight average with decay ${decay}`, expected: "0 to below 1" });
    }
    this.#module = module;
    this.#decay = decay;
    this.#averages = copiesOf(module.stateDict());
  }

  get updates(): number {
    return this.#updates;
  }

  /** Takes the module's present weights in; call it after each optimiser step. */
  update(): void {
    const keep = Math.min(this.#decay, (1 + this.#updates) / (10 + this.#updates));
    this.#updates++;
    noGrad(() => {
      const averages: Tensor[] = [];
      const weights: Tensor[] = [];
      for (const [name, value] of this.#module.stateDict()) {
        const average = this.#averages.get(name);
        if (average === undefined) continue;
        if (value instanceof Parameter) {
          averages.push(average);
          weights.push(value);
        } else average.copy_(value);
      }
      if (averages.length > 0) F.foreachLerp_(averages, weights, 1 - keep);
    });
  }

  /** Runs `body` with the average in the module, and puts the weights back. */
  applied<T>(body: () => T): T {
    const own = this.#module.stateDict();
    const saved = copiesOf(own);
    try {
      this.#copyInto(own, this.#averages);
      return body();
    } finally {
      this.#copyInto(own, saved);
      for (const value of saved.values()) value.free();
    }
  }

  #copyInto(targets: ReadonlyMap<string, Tensor>, values: ReadonlyMap<string, Tensor>): void {
    noGrad(() => {
      for (const [name, target] of targets) {
        const value = values.get(name);
        if (value !== undefined) target.copy_(value);
      }
    });
    native.clearAutocastCache(); // it has copies of the weights before
  }

  /** The averaged weights under the module's own names (the average's tensors, not copies), for a model file. */
  weights(): ReadonlyMap<string, Tensor> {
    return this.#averages;
  }

  /** Weights and the count of updates, to resume from. */
  stateDict(): Map<string, Tensor> {
    const averages = [...this.#averages].map(([name, value]) => [`average.${name}`, value] as const);
    return new Map([...averages, ["updates", tensor([this.#updates], [], { dtype: "int64" })] as const]);
  }

  /** @throws CheckpointError when the state belongs to another module */
  loadStateDict(state: ReadonlyMap<string, Tensor>, { file }: { readonly file?: string } = {}): void {
    const wrong = [...this.#averages].find(
      ([name, average]) => state.get(`average.${name}`)?.shape.join() !== average.shape.join(),
    )?.[0];
    const updates = state.get("updates");
    if (wrong !== undefined || updates?.numel !== 1) {
      throw new CheckpointError({
        file,
        found: `the averaged weights have no ${wrong ?? "count of updates"} of the right shape`,
        hint: "they belong to another model or configuration",
      });
    }
    const averages = [...state].filter(([name]) => name.startsWith("average."));
    this.#copyInto(this.#averages, new Map(averages.map(([name, value]) => [name.slice("average.".length), value])));
    this.#updates = updates.item();
  }

  free(): void {
    for (const value of this.#averages.values()) value.free();
  }

  [Symbol.dispose](): void {
    this.free();
  }
}

function copiesOf(tensors: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> {
  return noGrad(() => scope(() => new Map([...tensors].map(([name, value]) => [name, value.detach().clone().keep()]))));
}
