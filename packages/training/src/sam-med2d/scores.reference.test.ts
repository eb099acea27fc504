/** IoU and Dice against the reference's `SegMetrics`. */
import { setNumThreads } from "@rfmedsam/torch";
import { describe, test } from "vitest";
import { caseNames, ReferenceCase } from "../testing/reference.js";
import { meanScores, promptedScores } from "./scores.js";

setNumThreads(1);

describe.each(caseNames("metrics"))("%s", (name) => {
  test("of logits, probabilities and nothing, mask by mask and on average", async () => {
    const reference = await ReferenceCase.read(name);
    const truth = Uint8Array.from(reference.input("gt").toNumbers());
    const [logits, probs] = [reference.input("logits").toFloat32Array(), reference.input("probs").toFloat32Array()];
    const results = new Map<string, number[]>();
    const mean: number[] = [];
    for (const [kind, prediction] of Object.entries({ logits, probs, zeros: new Float32Array(truth.length) })) {
      const scores = promptedScores(prediction, truth, reference.input("gt").size(0));
      for (const score of ["iou", "dice"] as const) results.set(`${kind}.${score}`, [...scores[score]]);
      const { iou, dice } = meanScores(scores);
      mean.push(iou, dice);
    }
    results.set("mean", mean);
    reference.expectAll(results);
  });
});
