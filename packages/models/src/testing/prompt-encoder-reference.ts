/** Runs the reference's prompts through a prompt encoder; SAM's and SAM 2's cases name them alike, and each has some that the other lacks. */
import type { Tensor } from "@rfmedsam/torch";
import type { PromptEncoder, PromptTensors } from "../sam2/prompt-encoder.js";
import type { ReferenceCase } from "./reference.js";

type Prompts = (inputs: {
  readonly points: (name: string) => NonNullable<PromptTensors["points"]>;
  readonly tensor: (name: string) => Tensor;
}) => PromptTensors;

/** What each variant asks with, by the name of its outputs. */
const variants: Readonly<Record<string, Prompts>> = {
  points: ({ points }) => ({ points: points("pts") }),
  padded: ({ points }) => ({ points: points("pad") }),
  boxes: ({ tensor }) => ({ boxes: tensor("boxes") }),
  points_and_boxes: ({ points, tensor }) => ({ points: points("pts"), boxes: tensor("boxes") }),
  box_as_points: ({ points }) => ({ points: points("boxpts") }),
  mask_only: ({ tensor }) => ({ masks: tensor("mask") }),
  points_and_mask: ({ points, tensor }) => ({ points: points("pts"), masks: tensor("mask") }),
  boxes_and_mask: ({ tensor }) => ({ boxes: tensor("boxes"), masks: tensor("mask") }),
  none: () => ({}),
};

/** The dense position and every variant that the reference has outputs of. */
export function promptEncoderResults(encoder: PromptEncoder, reference: ReferenceCase): Map<string, Tensor> {
  const inputs = {
    tensor: (name: string) => reference.input(name),
    points: (name: string) => ({
      coords: reference.input(`${name}.coords`),
      labels: reference.input(`${name}.labels`),
    }),
  };
  const results = new Map([["dense_pe", encoder.densePosition()]]);
  for (const [name, prompts] of Object.entries(variants)) {
    if (!reference.outputs.has(`${name}.sparse`) && !reference.outputs.has(`${name}.dense`)) continue;
    const { sparse, dense } = encoder.forward(prompts(inputs));
    results.set(`${name}.sparse`, sparse).set(`${name}.dense`, dense);
  }
  return results;
}
