/** What calling an operator costs: `a + b` on 2×2, where the addition itself takes no time. */
import { randn, scope, type Tensor } from "@rfmedsam/torch";
import { named, sample, type Work } from "./work.js";

export interface AddParameters {
  /** Additions in one run. */
  readonly calls: number;
  /** Whether autograd records the addition, and whether it then computes the gradient. */
  readonly graph: "none" | "recorded" | "backward";
}

/** Additions between two moments at which memory is freed, as a training step frees its tensors at its end. */
const perScope = 100;

export function add({ calls, graph }: AddParameters): Work {
  const [a, b] = [randn([2, 2]).keep(), randn([2, 2]).keep()];
  const tensors = named(new Map(), { a, b });
  a.requiresGrad = graph !== "none";

  function forward(): number[] {
    let c: Tensor | undefined;
    for (let done = 0; done < calls; done += perScope) {
      const numbers = scope(() => {
        for (let i = 0; i < perScope; i++) c = a.add(b);
        return done + perScope < calls ? undefined : sample([c!]);
      });
      if (numbers !== undefined) return numbers;
    }
    return [];
  }

  function forwardAndBackward(): number[] {
    for (let done = 0; done < calls; done += perScope) {
      scope(() => {
        for (let i = 0; i < perScope; i++) {
          a.grad = undefined;
          a.add(b).sum().backward();
        }
      });
    }
    return scope(() => sample([a.grad!]));
  }

  return { tensors, run: graph === "backward" ? forwardAndBackward : forward };
}
