/** The evaluation with clicks against the reference's, on its own clicks: mask inputs, answers, scores, and the masks of the original size. */
import { TorchSam } from "@rfmedsam/models";
import { evaluationMasks } from "@rfmedsam/segmenter";
import { setNumThreads } from "@rfmedsam/torch";
import { describe, expect, test } from "vitest";
import { caseNames, ReferenceCase } from "../testing/reference.js";
import { type ClickedRound, clickRounds, type DrawClicks } from "./iterative-prompts.js";
import { meanScores } from "./scores.js";

setNumThreads(1);

/** The clicks of a case: one object, one click a round. */
function recordedClicks(reference: ReferenceCase): DrawClicks {
  const [coords, labels] = [reference.input("points").toNumbers(), reference.input("labels").toNumbers()];
  return ({ round }) => ({
    coords: Float32Array.from(coords.slice(2 * round, 2 * round + 2)),
    labels: Int32Array.of(labels[round]!),
  });
}

describe.each(caseNames("iterative_points"))("%s", (name) => {
  test("every round's mask input, kept mask, predicted IoU and scores", async () => {
    const reference = await ReferenceCase.read<{ readonly iterations: number }>(name);
    const network = new TorchSam(await reference.model());
    const { imageSize, maskSize } = network;
    const truth = Uint8Array.from(reference.input("label").toNumbers());
    const [embedding] = await network.embed(reference.input("image").toFloat32Array(), 1);
    const draw = recordedClicks(reference);
    const options = { count: 1, rounds: reference.facts.iterations, draw };
    const results = new Map<string, ArrayLike<number>>();
    let [last, n]: [ClickedRound | undefined, number] = [undefined, 0];
    for await (const round of clickRounds(network, embedding!, truth, options)) {
      const { iou, dice } = meanScores(round.scores);
      results.set(`iter${n}.masks`, round.logits).set(`iter${n}.low_res`, round.lowRes).set(`iter${n}.iou`, round.ious);
      results.set(`iter${n}.metrics`, [iou, dice]);
      if (round.maskInput !== undefined) results.set(`iter${n}.mask_input`, round.maskInput);
      [last, n] = [round, n + 1];
    }
    const [, , height = 0, width = 0] = reference.outputs.get("post.masks")!.shape;
    results.set("post.masks", evaluationMasks(last!.lowRes, 1, maskSize, { height, width }, imageSize));
    reference.expectAll(results);
    expect(n).toBe(reference.facts.iterations);
    expect(results.has("iter0.mask_input")).toBe(reference.outputs.has("iter0.mask_input"));
    network.release(embedding!);
  });
});
