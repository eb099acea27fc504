/**
 * SAM 2 behind the segmenter's `PromptableNetwork`: single pictures, prompts and their candidates, no memory.
 *
 *   embed:       picture ─► image encoder ─► features + "no memory" ─┐
 *                                        └─► high-resolution features ┤
 *   candidates:  box corners, then points ─► prompt encoder ──────────┴─► mask decoder ─► masks, predicted IoUs
 *
 * Unlike the tracker's head (`Sam2Base.decode`), masks stay as the decoder made them also where no object is seen, and a mask prompt
 * alone goes without any point.
 *
 * Source: `SAM2ImagePredictor`.
 */
import type {
  EmbeddingHandle,
  handleKind,
  MaskCandidates,
  ObjectPrompts,
  PromptableNetwork,
} from "@rfmedsam/segmenter";
import { type Device, F, type Tensor, tensor } from "@rfmedsam/torch";
import type { HighResFeatures } from "../sam2/mask-decoder.js";
import { type Points, pointLabel } from "../sam2/prompt-encoder.js";
import type { Sam2Base } from "../sam2/sam2-base.js";
import { candidatesOf, Held, infer, ownPart, releaseAll } from "./inference.js";
import { pictureTensor, promptTensors } from "./prompt-tensors.js";

/** What prompts on one picture read. */
export class PictureEmbedding extends Held implements EmbeddingHandle {
  declare readonly [handleKind]: "embedding";

  /** @param features `[1, C, S/16, S/16]` @param highRes the decoder's `[1, C/8, S/4, S/4]` and `[1, C/4, S/8, S/8]` */
  constructor(
    readonly features: Tensor,
    readonly highRes: HighResFeatures | undefined,
  ) {
    super([features, ...(highRes ?? [])]);
  }
}

export class TorchSam2Pictures implements PromptableNetwork {
  readonly imageSize: number;
  readonly maskSize: number;
  readonly pictureRule = "sam2";

  /** @param model in evaluation mode, on `device` */
  constructor(
    readonly model: Sam2Base,
    readonly device: Device = "cpu",
  ) {
    this.imageSize = model.config.imageSize;
    this.maskSize = model.config.imageSize / 4;
  }

  /** @throws GeometryError when the pictures' values are not `[count, 3, S, S]`, ConfigError when some are no numbers */
  async embed(pictures: Float32Array, count: number): Promise<readonly EmbeddingHandle[]> {
    const { model, device, imageSize } = this;
    return infer(() => {
      const { features, highRes } = model.encodeImage(pictureTensor(pictures, count, imageSize, device));
      const seen = model.config.directlyAddNoMemEmbed
        ? features.add(model.noMemEmbed.reshape([1, features.shape[1]!, 1, 1]))
        : features;
      return Array.from(
        { length: count },
        (_, index) =>
          new PictureEmbedding(
            ownPart(seen, index),
            highRes && [ownPart(highRes[0], index), ownPart(highRes[1], index)],
          ),
      );
    });
  }

  /** @throws GeometryError when values do not fit the number of objects, ConfigError without a prompt and for values that make no sense */
  async candidates(
    embedding: EmbeddingHandle,
    prompts: ObjectPrompts,
    { multimask }: { readonly multimask: boolean },
  ): Promise<MaskCandidates> {
    const { features, highRes } = embedding as PictureEmbedding;
    const { samPromptEncoder: encoder, samMaskDecoder: decoder } = this.model;
    return infer(() => {
      const { boxes, points, masks } = promptTensors(prompts, this.maskSize, this.device);
      const { sparse, dense } = encoder.forward({ points: withCorners(points, boxes), masks });
      const predicted = decoder.forward(
        { image: features, imagePosition: encoder.densePosition(), sparse, dense, highRes },
        { multimask },
      );
      return candidatesOf(predicted);
    });
  }

  release(...handles: readonly EmbeddingHandle[]): void {
    releaseAll(handles);
  }
}

/** Boxes are two points with labels of their own, before the others. */
function withCorners(points: Points | undefined, boxes: Tensor | undefined): Points | undefined {
  if (boxes === undefined) return points;
  const count = boxes.shape[0]!;
  const corner = [pointLabel.boxTopLeft, pointLabel.boxBottomRight];
  const labels = Int32Array.from({ length: 2 * count }, (_, n) => corner[n % 2]!);
  const corners = {
    coords: boxes.reshape([count, 2, 2]),
    labels: tensor(labels, [count, 2], { device: boxes.device }),
  };
  if (points === undefined) return corners;
  return {
    coords: F.cat([corners.coords, points.coords], { dim: 1 }),
    labels: F.cat([corners.labels, points.labels], { dim: 1 }),
  };
}
