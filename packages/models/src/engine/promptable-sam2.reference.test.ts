/** The interactive predictor on single pictures, SAM 2. */
import { pictureRules } from "@rfmedsam/segmenter";
import { type Tensor, tensor } from "@rfmedsam/torch";
import { test } from "vitest";
import { pictures, predictVariants, resultsOf, type Variants } from "../testing/predictor-reference.js";
import { caseNames, ReferenceCase } from "../testing/reference.js";
import { miniFolder, miniModel } from "../testing/sam2-reference.js";
import { type PictureEmbedding, TorchSam2Pictures } from "./promptable-sam2.js";

const variants: Variants = {
  point_multi: (given) => ({ ...given.points(1), multimask: true }),
  point_single: (given) => ({ ...given.points(1), multimask: false }),
  points_box_single: (given) => ({ ...given.points(3), box: given.box(), multimask: false }),
  box_multi_binary: (given) => ({ box: given.box(), multimask: true }),
  mask_input_point: (given) => ({ ...given.points(1), mask: given.mask(), multimask: false }),
  mask_input_only: (given) => ({ mask: given.mask(), multimask: false }),
  three_boxes_single: (given) => ({ boxes: given.boxes(), multimask: false }),
  normalised_point_multi: (given, { height, width }) => {
    const { points, labels } = given.points(1);
    return { points: points.map(([x, y]) => [x / width, y / height]), labels, multimask: true, normalised: true };
  },
};

test.each(caseNames(miniFolder, "image_predictor"))("%s: inputs, embeddings and all answers", async (name) => {
  const reference = await ReferenceCase.read(miniFolder, name);
  const model = await miniModel();
  const network = new TorchSam2Pictures(model);
  const results = new Map<string, Tensor>();
  for (const picture of pictures(reference)) {
    const size = network.imageSize;
    const input = pictureRules.sam2.prepare(picture, size);
    const embedding = (await network.embed(input, 1))[0] as PictureEmbedding;
    results.set(`${picture.name}.input`, tensor(input, [3, size, size]));
    results.set(`${picture.name}.image_embed`, embedding.features);
    for (const [level, features] of (embedding.highRes ?? []).entries()) {
      results.set(`${picture.name}.high_res.${level}`, features);
    }
  }
  for (const [variant, { prediction, binary }] of await predictVariants(reference, network, variants)) {
    const { masks, ious, lowRes } = resultsOf(prediction, binary);
    results.set(`${variant}.masks`, masks).set(`${variant}.ious`, ious).set(`${variant}.low_res`, lowRes);
  }
  reference.expectAll(results);
});
