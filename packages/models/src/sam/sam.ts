/**
 * SAM (Kirillov et al. 2023) and SAM-Med2D: an image is encoded once, prompts on it are answered as often as wanted.
 *
 *   image ─► image encoder ───────────► embedding ─┐
 *   points, boxes, masks ─► prompt encoder ────────┴─► mask decoder ─► masks, predicted IoUs
 *
 * Prompt encoder and mask decoder are SAM 2's without what that adds. Parameters have the official names, in the official order.
 */
import { ConfigError } from "@rfmedsam/base";
import { F, nn, scope, type Tensor, tensor } from "@rfmedsam/torch";
import { MaskDecoder } from "../sam2/mask-decoder.js";
import { MlpBlock } from "../sam2/mlp.js";
import { PromptEncoder, type PromptTensors } from "../sam2/prompt-encoder.js";
import type { SamConfig } from "./config.js";
import { type EncoderOptions, ViTEncoder } from "./image-encoder.js";

/** What the decoder answers to the prompts of B objects. */
export interface SamPrediction {
  /** Mask logits `[B, M, 4h, 4w]`, h × w being the embedding's grid */
  readonly masks: Tensor;
  /** Predicted IoU `[B, M]`, not limited to 0 … 1 */
  readonly ious: Tensor;
}

export class Sam extends nn.Module {
  readonly imageEncoder: ViTEncoder;
  readonly promptEncoder: PromptEncoder;
  readonly maskDecoder: MaskDecoder;

  constructor(readonly config: SamConfig) {
    super();
    const { imageSize, promptEncoder, maskDecoder } = config;
    const { outChans: width, patchSize } = config.imageEncoder;
    const side = imageSize / patchSize;
    this.imageEncoder = new ViTEncoder(config);
    this.promptEncoder = new PromptEncoder(width, [side, side], [imageSize, imageSize], promptEncoder.maskInChans);
    const makeMlp = (channels: number, hidden: number) => new MlpBlock(channels, hidden, "relu");
    this.maskDecoder = new MaskDecoder({ ...maskDecoder, width, makeMlp });
  }

  /**
   * Normalises pixels and fills up with zeros (the mean colour) to the right and below.
   * @param pixels `[B, 3, H, W]`, 0 … 255, H and W at most S @returns `[B, 3, S, S]`
   * @throws ConfigError when the pixels do not fit into the model's image size
   */
  preprocess(pixels: Tensor): Tensor {
    const { imageSize, pixelMean, pixelStd } = this.config;
    const [, channels, height = 0, width = 0] = pixels.shape;
    const fits = channels === 3 && height > 0 && width > 0 && height <= imageSize && width <= imageSize;
    if (pixels.ndim !== 4 || !fits) {
      throw new ConfigError({
        found: `pixels of shape [${pixels.shape.join(", ")}]`,
        expected: `[B, 3, H, W] with H and W from 1 to ${imageSize}, the configured image size`,
      });
    }
    return scope(() => {
      const perColour = (values: readonly number[]) =>
        tensor([...values], [1, 3, 1, 1], { dtype: "float32", device: pixels.device });
      const normalised = pixels.float().sub(perColour(pixelMean)).div(perColour(pixelStd));
      return normalised.pad([0, imageSize - width, 0, imageSize - height]);
    });
  }

  /**
   * @param image `[B, 3, S, S]`, normalised @param options whether the encoder's adapters take part, where it has some
   * @returns `[B, C, h, w]`, what all prompts on these images share
   * @throws ConfigError when the image has another size than the model
   */
  encodeImage(image: Tensor, options: EncoderOptions = {}): Tensor {
    const { imageSize } = this.config;
    this.#expect("an image", image, [undefined, 3, imageSize, imageSize]);
    return this.imageEncoder.forward(image, options);
  }

  /**
   * Answers prompts of B objects; at least one kind of prompt must be given. Coordinates are (x, y) pixels of the input.
   * @param embedding `[B, C, h, w]`, or `[1, C, h, w]` for B objects of one image
   * @param multimask the alternatives to an ambiguous prompt (M = 3) instead of the single answer (M = 1)
   * @throws ConfigError when embedding or prompts have shapes that do not fit the model or each other
   */
  predict(embedding: Tensor, prompts: PromptTensors, { multimask }: { readonly multimask: boolean }): SamPrediction {
    this.#check(embedding, prompts);
    return scope(() => {
      const { sparse, dense } = this.promptEncoder.forward(prompts);
      const imagePosition = this.promptEncoder.densePosition();
      const { masks, ious } = this.maskDecoder.forward(
        { image: embedding, imagePosition, sparse, dense },
        { multimask },
      );
      return { masks, ious };
    });
  }

  /**
   * Mask logits at the size of the input, and from there at another size, both bilinearly.
   * @param logits `[B, M, 4h, 4w]` @param size height and width of the result; the input's by default @returns `[B, M, ...size]`
   */
  enlarge(logits: Tensor, size?: readonly [height: number, width: number]): Tensor {
    const { imageSize } = this.config;
    return scope(() => {
      const atInput = F.interpolate(logits, { size: [imageSize, imageSize], mode: "bilinear" });
      return size === undefined ? atInput : F.interpolate(atInput, { size, mode: "bilinear" });
    });
  }

  #check(embedding: Tensor, { points, boxes, masks }: PromptTensors): void {
    const { width, grid, maskSize } = this.promptEncoder;
    this.#expect("an embedding", embedding, [undefined, width, ...grid]);
    const objects = (points?.coords ?? boxes ?? masks)?.shape[0];
    if (objects === undefined) {
      throw new ConfigError({ found: "no prompt", expected: "at least one of points, boxes and masks" });
    }
    if (embedding.shape[0] !== 1 && embedding.shape[0] !== objects) {
      throw new ConfigError({
        found: `embeddings of ${embedding.shape[0]} images for prompts of ${objects} objects`,
        expected: "one image, or one for each object",
      });
    }
    if (points !== undefined) {
      this.#expect("points", points.coords, [objects, undefined, 2]);
      this.#expect("labels", points.labels, points.coords.shape.slice(0, 2));
    }
    if (boxes !== undefined) this.#expect("boxes", boxes, [objects, 4]);
    if (masks !== undefined) this.#expect("mask prompts", masks, [objects, 1, ...maskSize]);
  }

  /** @param wanted extents; undefined where any will do */
  #expect(what: string, { shape }: Tensor, wanted: readonly (number | undefined)[]): void {
    if (shape.length === wanted.length && wanted.every((extent, i) => extent === undefined || extent === shape[i])) {
      return;
    }
    throw new ConfigError({
      found: `${what} of shape [${shape.join(", ")}]`,
      expected: `[${wanted.map((extent) => extent ?? "any").join(", ")}], by the model's configuration and the other inputs`,
    });
  }
}
