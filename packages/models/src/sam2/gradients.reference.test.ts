import { scope, type Tensor } from "@rfmedsam/torch";
import { describe, test } from "vitest";
import { addGradients, expectGradientTable } from "../testing/gradient-table.js";
import { caseNames, ReferenceCase } from "../testing/reference.js";
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
      addGradients(results, parameters);
      reference.expectAll(results);
      expectGradientTable(parameters, reference.facts);
    });
    model.free();
  });
});
