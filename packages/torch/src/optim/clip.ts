/** Gradient clipping by the norm of all gradients together. */
import * as F from "../functional.js";
import { noGrad } from "../modes.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";

/**
 * Scales all gradients so that their common Euclidean norm is at most `maxNorm`. Waits for the device once.
 *
 * @returns the norm before. When it is not finite (NaN, Infinity) the gradients are left as they are: skip the step then.
 */
export function clipGradNorm(parameters: Iterable<Tensor>, maxNorm: number): number {
  return noGrad(() =>
    scope(() => {
      const gradients = Array.from(parameters, (parameter) => parameter.grad).filter((grad) => grad !== undefined);
      const [first] = gradients;
      if (first === undefined) return 0;
      const device = first.device;
      const norms = F.foreachNorm(gradients).map((norm) => (norm.device === device ? norm : norm.to({ device })));
      const total = F.stack(norms).norm().item();
      // The 1e-6 is PyTorch's: the norm after clipping stays just below the limit.
      const factor = maxNorm / (total + 1e-6);
      if (factor < 1 && Number.isFinite(total)) F.foreachMul_(gradients, factor);
      return total;
    }),
  );
}
