/** One piece of work to be timed: its weights and inputs, which the Python side takes over, and a run. */
import { scope, type Tensor } from "@rfmedsam/torch";

export interface Work {
  /** `model.*` are weights by their official names, `input.*` the inputs; they live as long as the process. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** @returns the numbers by which the sides are compared; frees all else that it made */
  run(): number[];
}

/** Some values of each tensor, evenly spread; as `sample` in ../../python/cases.py. */
export function sample(tensors: readonly Tensor[], count = 32): number[] {
  return tensors.flatMap((tensor) =>
    scope(() => {
      const flat = tensor.detach().reshape([-1]);
      const step = Math.max(1, Math.floor(flat.numel / count));
      return flat.slice({ step }).slice({ end: count }).toNumbers();
    }),
  );
}

/** Names for `tensors`: a model's state and its inputs. */
export function named(
  model: ReadonlyMap<string, Tensor>,
  inputs: Readonly<Record<string, Tensor>>,
): ReadonlyMap<string, Tensor> {
  const entries: [string, Tensor][] = [];
  for (const [name, tensor] of model) entries.push([`model.${name}`, tensor]);
  for (const [name, tensor] of Object.entries(inputs)) entries.push([`input.${name}`, tensor.keep()]);
  return new Map(entries);
}
