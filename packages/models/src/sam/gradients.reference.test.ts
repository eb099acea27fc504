import { scope, type Tensor } from "@rfmedsam/torch";
import { expect, test } from "vitest";
import { pick } from "../sam2/mlp.js";
import { addGradients, expectGradientTable } from "../testing/gradient-table.js";
import { ReferenceCase, readJson } from "../testing/reference.js";
import { samMiniFolder, samMiniModel } from "../testing/sam-reference.js";

interface LossFacts {
  readonly focal: { readonly gamma: number; readonly alpha: number };
  readonly dice: { readonly smooth: number };
  readonly weight_of_focal: number;
  readonly iou_scale: number;
}

/** The loss of the reference: focal, Dice and predicted IoU, each over the whole batch at once. */
function lossOf(logits: Tensor, label: Tensor, ious: Tensor, facts: LossFacts): Tensor {
  const { gamma, alpha } = facts.focal;
  const { smooth } = facts.dice;
  const p = logits.sigmoid();
  const not = (x: Tensor) => x.neg().add(1);
  const found = label.mul(not(p).pow(gamma)).mul(p.add(1e-12).log()).mul(-alpha);
  const invented = not(label)
    .mul(p.pow(gamma))
    .mul(not(p).add(1e-12).log())
    .mul(alpha - 1);
  const focal = found.sum().add(invented.sum()).div(label.numel);
  const [both, total] = [p.mul(label).sum(), p.sum().add(label.sum())];
  const dice = not(both.mul(2).add(smooth).div(total.add(smooth)));
  const iou = both.add(1e-7).div(total.sub(both).add(1e-7));
  const iouError = iou.sub(ious).square().mean();
  return focal.mul(facts.weight_of_focal).add(dice).add(iouError.mul(facts.iou_scale));
}

test("training mode gives the reference's values, loss and gradients", async () => {
  const reference = await ReferenceCase.read(samMiniFolder, "gradients");
  const facts = readJson(`${samMiniFolder}/losses/case.json`) as unknown as LossFacts;
  const model = (await samMiniModel()).train();
  scope(() => {
    const embedding = model.encodeImage(reference.input("image"));
    const passes = [
      { points: { coords: reference.input("coords"), labels: reference.input("labels") } },
      { boxes: reference.input("boxes"), masks: reference.input("mask_input") },
    ];
    const results = new Map<string, Tensor>();
    const losses = passes.map((prompts, index) => {
      const { masks, ious } = model.predict(embedding, prompts, { multimask: true });
      const best = ious.argmax({ dim: -1 });
      const [mask, iou] = [pick(masks, best).unsqueeze(1), pick(ious, best).unsqueeze(1)];
      results.set(`pass${index + 1}.low_res`, mask).set(`pass${index + 1}.iou`, iou);
      return lossOf(model.enlarge(mask), reference.input("label"), iou, facts);
    });
    const loss = losses.reduce((sum, part) => sum.add(part));
    loss.backward();
    results.set("loss", loss);
    const parameters = model.namedParameters();
    addGradients(results, parameters);
    reference.expectAll(results);
    expectGradientTable(parameters, reference.facts);
    expect(loss.item()).toBeCloseTo(reference.facts.loss_float64 as number, 4);
  });
  model.free();
});
