/** Gradients of a whole model against a reference's table of norms and sums. */
import type { nn, Tensor } from "@rfmedsam/torch";
import { expect } from "vitest";
import type { JsonObject } from "./reference.js";

/** Adds every parameter's gradient to the results of a case, as `grad.<name>`. */
export function addGradients(results: Map<string, Tensor>, parameters: ReadonlyMap<string, nn.Parameter>): void {
  for (const [name, { grad }] of parameters) if (grad !== undefined) results.set(`grad.${name}`, grad);
}

/** Norm and sum of every parameter's gradient, and which have none. */
export function expectGradientTable(parameters: ReadonlyMap<string, nn.Parameter>, facts: JsonObject): void {
  const table = facts.gradient_table_l2norm_and_sum_for_every_parameter as Record<string, [number, number]>;
  const unreached = new Set(facts.parameters_without_gradient as string[]);
  const faults: string[] = [];
  for (const [name, { grad }] of parameters) {
    const values = grad?.toFloat32Array() ?? new Float32Array();
    let [squares, sum] = [0, 0];
    for (const value of values) {
      squares += value * value;
      sum += value;
    }
    const [norm, total] = table[name] ?? [0, 0];
    if (unreached.has(name) ? squares > 0 : table[name] === undefined) faults.push(`${name}: reached differently`);
    // the table comes without tolerances: float32 rounding of a sum over a deep network
    if (Math.abs(Math.sqrt(squares) - norm) > 1e-4 * norm + 1e-5)
      faults.push(`${name}: norm ${Math.sqrt(squares)}, not ${norm}`);
    if (Math.abs(sum - total) > 1e-4 * norm * Math.sqrt(values.length) + 1e-5)
      faults.push(`${name}: sum ${sum}, not ${total}`);
  }
  expect(faults).toEqual([]);
}
