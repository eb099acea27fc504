/** Central finite differences in float64 against what `gradients` says. */
import { gradients, noGrad } from "../modes.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";
import { tensor, tensorSharing } from "../tensor.js";

/** A function of tensors whose gradient is checked: its inputs (float64), and what is done with them. */
export interface GradientCase {
  readonly inputs: readonly Tensor[];
  readonly apply: (...inputs: Tensor[]) => Tensor | readonly Tensor[];
}

/** Weights that no symmetry of an operator cancels. */
function weighted(outputs: Tensor | readonly Tensor[]): Tensor {
  const list = Array.isArray(outputs) ? (outputs as readonly Tensor[]) : [outputs as Tensor];
  const sums = list.map((output, index) => {
    const weights = Float64Array.from({ length: output.numel }, (_, i) => Math.sin(1 + 1.7 * i + 0.31 * index));
    return output.mul(tensor(weights, output.shape)).sum();
  });
  return sums.reduce((total, sum) => total.add(sum));
}

/** The largest difference between the two gradients over all inputs, relative to 1 + |gradient|. */
export function gradientError({ inputs, apply }: GradientCase, step = 1e-6): number {
  return scope(() => {
    const arrays = inputs.map((input) => input.toArray() as Float64Array);
    const leaves = arrays.map((array, i) => tensor(array, inputs[i]?.shape ?? []));
    for (const leaf of leaves) leaf.requiresGrad = true;
    const exact = gradients([weighted(apply(...leaves))], leaves);
    // The values are changed through shared memory, so the function is called on the same tensors every time.
    const shared = arrays.map((array, i) => tensorSharing(array, inputs[i]?.shape ?? []));
    const value = () => noGrad(() => scope(() => weighted(apply(...shared)).item()));
    let worst = 0;
    for (const [index, array] of arrays.entries()) {
      const gradient = exact[index]?.toArray() ?? new Float64Array(array.length);
      for (let i = 0; i < array.length; i++) {
        const before = array[i] as number;
        array[i] = before + step;
        const above = value();
        array[i] = before - step;
        const below = value();
        array[i] = before;
        const numeric = (above - below) / (2 * step);
        worst = Math.max(worst, Math.abs(numeric - Number(gradient[i])) / (1 + Math.abs(numeric)));
        if (Number.isNaN(numeric) || Number.isNaN(Number(gradient[i]))) return Number.NaN;
      }
    }
    return worst;
  });
}
