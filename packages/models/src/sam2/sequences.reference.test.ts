import type { Tensor } from "@rfmedsam/torch";
import { describe, expect, test } from "vitest";
import { caseNames, ReferenceCase } from "../testing/reference.js";
import {
  flags,
  framesOf,
  miniFolder,
  miniModel,
  quietly,
  replacedWeights,
  runSequence,
} from "../testing/sam2-reference.js";
import type { TrackedFrame } from "./sam2.js";

/** Names of a step's outputs in the reference. */
const outputs: readonly (readonly [string, (frame: TrackedFrame) => Tensor | undefined])[] = [
  ["low_res_multimasks", (frame) => frame.lowResMultimasks],
  ["ious", (frame) => frame.ious],
  ["low_res_masks", (frame) => frame.lowResMasks],
  ["high_res_masks", (frame) => frame.highResMasks],
  ["obj_ptr", (frame) => frame.pointer],
  ["object_score_logits", (frame) => frame.objectScores],
  ["maskmem_features", (frame) => frame.memory],
  // one image for all objects stays one until memories make it different
  [
    "pix_feat_with_mem",
    ({ conditioned, pointer }) => conditioned.expand([pointer.shape[0]!, ...conditioned.shape.slice(1)]),
  ],
];

describe.each(caseNames(miniFolder, "seq_"))("tracked sequence %s", (name) => {
  test("every step gives the reference's masks, scores, pointers and memories", async () => {
    const reference = await ReferenceCase.read(miniFolder, name);
    const changes = flags(reference.facts.flags_changed_for_this_case as Parameters<typeof flags>[0]);
    const model = await miniModel(changes, replacedWeights(reference.facts));
    const frames = await framesOf(reference);
    quietly(() => {
      const results = new Map<string, Tensor>();
      const steps = runSequence(model, reference, frames);
      for (const [index, frame] of steps.entries()) {
        for (const [output, of] of outputs) {
          const value = of(frame);
          if (value !== undefined) results.set(`step${index}.${output}`, value);
        }
      }
      results.set("maskmem_pos_enc", model.memoryEncoder.position.forward(steps[0]!.memory!));
      expect(results.size).toBeGreaterThan(reference.outputs.size / 2);
      reference.expectAll(results);
    });
    model.free();
  });
});
