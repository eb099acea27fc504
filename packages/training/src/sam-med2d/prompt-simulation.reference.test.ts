/**
 * Prompts against the reference's: its boxes exactly; of its points, which come from another generator, what they show of the rule.
 * Judging the points also judges this test's reading of the rule, which the unit tests then hold ours to.
 */
import { Random } from "@rfmedsam/base";
import { setNumThreads } from "@rfmedsam/torch";
import { describe, expect, test } from "vitest";
import { caseNames, ReferenceCase } from "../testing/reference.js";
import { type BinaryMask, componentBoxes, correctivePoints, jitterBoxes } from "./prompt-simulation.js";

setNumThreads(1);

/** The masks of `[B, 1, H, W]` or `[H, W]`. */
function masksOf(reference: ReferenceCase, name: string): BinaryMask[] {
  const tensor = reference.input(name);
  const [height, width] = [tensor.size(-2), tensor.size(-1)];
  const data = Uint8Array.from(tensor.toNumbers());
  return Array.from({ length: data.length / (height * width) }, (_, n) => ({
    height,
    width,
    data: data.subarray(n * height * width, (n + 1) * height * width),
  }));
}

describe.each(caseNames("point_selection"))("%s", (name) => {
  test("boxes without jitter are the reference's, for every number asked for", async () => {
    const reference = await ReferenceCase.read(name);
    const [mask] = masksOf(reference, "multi");
    const asked = [...reference.outputs].filter(([output]) => output.startsWith("boxes."));
    expect(asked.length).toBeGreaterThan(0);
    for (const [output, expected] of asked) {
      const boxes = componentBoxes(mask!, Number(output.slice("boxes.".length)));
      expect([...boxes], output).toEqual(expected.toNumbers());
      expect([...jitterBoxes(boxes, new Random(1), { std: 0 })], output).toEqual(expected.toNumbers());
    }
  });

  test("the reference's points lie where ours do: what we could draw includes them, with their labels", async () => {
    const reference = await ReferenceCase.read(name);
    const [predictions, truths] = [masksOf(reference, "pred"), masksOf(reference, "gt")];
    const points = reference.outputs.get("drawn_points")!;
    const [coords, labels] = [points.toNumbers(), reference.outputs.get("drawn_labels")!.toNumbers()];
    const count = points.size(1);
    for (const [n, truth] of truths.entries()) {
      // Drawn often enough, every wrong pixel comes up.
      const ours = correctivePoints(predictions[n]!, truth, 200 * truth.data.length, new Random(n));
      const drawable = new Map<string, number>();
      for (const [at, label] of ours.labels.entries())
        drawable.set(`${ours.coords[2 * at]},${ours.coords[2 * at + 1]}`, label);
      for (let at = n * count; at < (n + 1) * count; at++)
        expect(drawable.get(`${coords[2 * at]},${coords[2 * at + 1]}`)).toBe(labels[at]);
    }
  });
});
