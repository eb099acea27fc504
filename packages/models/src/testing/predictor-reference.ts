/** Drives the image predictor through the variants of a reference case: `image<k>.<variant>.masks` and its sisters. */

import type { PictureBox, PicturePoint, PromptableNetwork } from "@rfmedsam/segmenter";
import { binaryMasks, type ImagePrediction, ImagePredictor, type PicturePrompts } from "@rfmedsam/segmenter";
import { type Tensor, tensor } from "@rfmedsam/torch";
import type { ReferenceCase } from "./reference.js";

/** Inputs of a case in the predictor's terms. */
export interface CaseInputs {
  points(index: number): { points: PicturePoint[]; labels: number[] };
  box(): PictureBox;
  boxes(): PictureBox[];
  mask(): Float32Array;
}

export type Variants = Readonly<
  Record<string, (inputs: CaseInputs, size: { height: number; width: number }) => PicturePrompts>
>;

export function caseInputs(reference: ReferenceCase): CaseInputs {
  const rows = (name: string, length: number): number[][] => {
    const values = [...reference.input(name).toFloat32Array()];
    return Array.from({ length: values.length / length }, (_, row) => values.slice(row * length, (row + 1) * length));
  };
  return {
    points: (index) => ({
      points: rows(`p${index}`, 2) as unknown as PicturePoint[],
      labels: [...reference.input(`l${index}`).toFloat32Array()],
    }),
    box: () => rows("box", 4)[0] as unknown as PictureBox,
    boxes: () => rows("boxes", 4) as unknown as PictureBox[],
    mask: () => reference.input("mask_input").toFloat32Array(),
  };
}

/** The pictures of a case: `image1`, `image2`, … */
export function pictures(reference: ReferenceCase) {
  return [...reference.inputs.keys()]
    .filter((name) => /^image\d+$/.test(name))
    .map((name) => {
      const image = reference.input(name);
      const [height, width] = image.shape as [number, number, number];
      return { name, height, width, data: Uint8Array.from(image.toFloat32Array()) };
    });
}

/** Every variant that the case has outputs of. */
export async function predictVariants(
  reference: ReferenceCase,
  network: PromptableNetwork,
  variants: Variants,
): Promise<Map<string, { prediction: ImagePrediction; binary: boolean }>> {
  const predictions = new Map<string, { prediction: ImagePrediction; binary: boolean }>();
  using predictor = new ImagePredictor(network);
  for (const picture of pictures(reference)) {
    await predictor.setImage(picture);
    const pattern = new RegExp(`^${picture.name}\\.(\\w+)\\.low_res`);
    for (const output of reference.outputs.keys()) {
      const variant = pattern.exec(output)?.[1];
      if (variant === undefined) continue;
      const prompts = variants[variant];
      if (prompts === undefined) throw new Error(`${reference.name}: the variant ${variant} is not known to the test`);
      const prediction = await predictor.predict(prompts(caseInputs(reference), picture));
      predictions.set(`${picture.name}.${variant}`, { prediction, binary: variant.endsWith("_binary") });
    }
  }
  return predictions;
}

/** A prediction's masks, scores and low-resolution logits; the axis of objects is there when there are several. */
export function resultsOf(
  { objects, candidates, height, width, maskSize, ...prediction }: ImagePrediction,
  binary: boolean,
): { masks: Tensor; ious: Tensor; lowRes: Tensor } {
  const outer = objects > 1 ? [objects, candidates] : [candidates];
  return {
    masks: tensor(binary ? binaryMasks(prediction) : prediction.logits, [...outer, height, width]),
    ious: tensor(prediction.ious, outer),
    lowRes: tensor(prediction.lowRes, [...outer, maskSize, maskSize]),
  };
}
