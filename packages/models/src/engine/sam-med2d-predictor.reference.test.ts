/** The interactive predictor on single pictures, SAM-Med2D. */
import { pictureRules } from "@rfmedsam/segmenter";
import { type Tensor, tensor } from "@rfmedsam/torch";
import { test } from "vitest";
import { caseInputs, pictures, predictVariants, resultsOf, type Variants } from "../testing/predictor-reference.js";
import { caseNames, ReferenceCase } from "../testing/reference.js";
import { samMiniFolder, samMiniModel } from "../testing/sam-reference.js";
import { quietly } from "../testing/sam2-reference.js";
import { TorchSam } from "./promptable-sam.js";

const rule = pictureRules["sam-med2d"];

const variants: Variants = {
  point_multi: (given) => ({ ...given.points(1), multimask: true }),
  point_single: (given) => ({ ...given.points(1), multimask: false }),
  points_multi_binary: (given) => ({ ...given.points(3), multimask: true }),
  box_multi: (given) => ({ box: given.box(), multimask: true }),
  box_point_single: (given) => ({ ...given.points(1), box: given.box(), multimask: false }),
  mask_input_point: (given) => ({ ...given.points(1), mask: given.mask(), multimask: true }),
  mask_input_only: (given) => ({ mask: given.mask(), multimask: true }),
  three_boxes: (given) => ({ boxes: given.boxes(), multimask: true }),
};

test.each(caseNames(samMiniFolder, "predictor"))("%s: inputs, embeddings and all answers", async (name) => {
  const reference = await ReferenceCase.read(samMiniFolder, name);
  const model = await samMiniModel();
  const network = new TorchSam(model);
  const results = new Map<string, Tensor>();
  for (const picture of pictures(reference)) {
    const size = network.imageSize;
    const input = tensor(rule.prepare(picture, size), [1, 3, size, size]);
    results.set(`${picture.name}.input`, input);
    results.set(
      `${picture.name}.features`,
      quietly(() => model.encodeImage(input)),
    );
    const corners = caseInputs(reference)
      .boxes()
      .map(([x0, y0, x1, y1]) => [[x0, y0] as const, [x1, y1] as const])
      .map((pair) => pair.flatMap((corner) => rule.pointToInput(corner, picture, size)));
    results.set(`${picture.name}.three_boxes.scaled_boxes`, tensor(corners.flat(), [corners.length, 4]));
  }
  for (const [variant, { prediction, binary }] of await predictVariants(reference, network, variants)) {
    const { masks, ious, lowRes } = resultsOf(prediction, binary);
    results.set(`${variant}.masks`, masks).set(`${variant}.iou`, ious).set(`${variant}.low_res`, lowRes);
    // Of several boxes the reference, which takes one after the other, hands out the last one's scores.
    const last = prediction.objects - 1;
    results.set(`${variant}.iou_of_last`, ious.narrow(0, last, 1));
    results.set(`${variant}.low_res_of_last`, lowRes.narrow(0, last, 1));
  }
  reference.expectAll(results);
});
