import { scope, type Tensor } from "@rfmedsam/torch";
import { describe, expect, test } from "vitest";
import { caseNames, type JsonObject, ReferenceCase } from "../testing/reference.js";
import { framesOf, miniFolder, miniModel, replacedWeights, runSequence } from "../testing/sam2-reference.js";
import type { TrackedFrame } from "./sam2.js";

/** What the reference's loss sums over; each is multiplied by fixed random weights, `R_<name><step>`. */
const terms: readonly (readonly [string, (frame: TrackedFrame) => Tensor])[] = [
  // masks of absent objects are a constant; the reference leaves them out
  ["mask", ({ lowResMasks }) => lowResMasks.mul(lowResMasks.gt(-1000).float())],
  ["ptr", (frame) => frame.pointer],
  ["iou", (frame) => frame.ious],
  ["score", (frame) => frame.objectScores],
];

function lossOf(steps: readonly TrackedFrame[], reference: ReferenceCase): Tensor {
  const parts = steps.flatMap((frame, step) =>
    terms.flatMap(([name, of]) => {
      const weights = reference.inputs.get(`R_${name}${step}`);
      return weights === undefined ? [] : [of(frame).mul(weights).sum()];
    }),
  );
  return parts.reduce((sum, part) => sum.add(part));
}

describe.each(caseNames(miniFolder, "gradients_"))("%s", (name) => {
  test("training mode gives the reference's values, loss and gradients", async () => {
    const reference = await ReferenceCase.read(miniFolder, name);
    const model = (await miniModel({}, replacedWeights(reference.facts))).train();
    const frames = await framesOf(reference);
    scope(() => {
      const steps = runSequence(model, reference, frames);
      const loss = lossOf(steps, reference);
      loss.backward();
      const results = new Map([["loss", loss]]);
      for (const [step, frame] of steps.entries()) {
        results.set(`step${step}.low_res_masks`, frame.lowResMasks);
        results.set(`step${step}.obj_ptr`, frame.pointer);
        results.set(`step${step}.ious`, frame.ious);
        results.set(`step${step}.score`, frame.objectScores);
      }
      const parameters = model.namedParameters();
      for (const [parameter, value] of parameters) {
        const { grad } = value;
        if (grad !== undefined) results.set(`grad.${parameter}`, grad);
      }
      reference.expectAll(results);
      expectTable(parameters, reference.facts);
    });
    model.free();
  });
});

/** Norm and sum of every parameter's gradient, and which have none. */
function expectTable(parameters: ReadonlyMap<string, Tensor & { grad?: Tensor | undefined }>, facts: JsonObject): void {
  const table = facts.gradient_table_l2norm_and_sum_for_every_parameter as Record<string, [number, number]>;
  const unreached = new Set(facts.parameters_without_gradient as string[]);
  const faults: string[] = [];
  for (const [name, parameter] of parameters) {
    const { grad } = parameter;
    const values = grad?.toFloat32Array() ?? new Float32Array();
    let [squares, sum, largest] = [0, 0, 0];
    for (const value of values) {
      squares += value * value;
      sum += value;
      largest = Math.max(largest, Math.abs(value));
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
