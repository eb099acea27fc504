/**
 * SAM and SAM-Med2D behind the segmenter's `PromptableNetwork`.
 *
 *   embed:       picture ─► image encoder ─► embedding ─┐
 *   candidates:  points, boxes, masks ─► prompt encoder ┴─► mask decoder ─► masks, predicted IoUs
 *
 * Boxes go in as boxes and points as points, as the official predictors do (SAM 2's turns boxes into points).
 */
import type {
  EmbeddingHandle,
  handleKind,
  MaskCandidates,
  ObjectPrompts,
  PromptableNetwork,
} from "@rfmedsam/segmenter";
import type { Device, Tensor } from "@rfmedsam/torch";
import type { SamConfig } from "../sam/config.js";
import type { EncoderOptions } from "../sam/image-encoder.js";
import type { Sam } from "../sam/sam.js";
import { candidatesOf, Held, infer, ownPart, releaseAll } from "./inference.js";
import { pictureTensor, promptTensors } from "./prompt-tensors.js";

class SamEmbedding extends Held implements EmbeddingHandle {
  declare readonly [handleKind]: "embedding";

  /** @param features `[1, C, h, w]` */
  constructor(readonly features: Tensor) {
    super([features]);
  }
}

export class TorchSam implements PromptableNetwork {
  readonly imageSize: number;
  readonly maskSize: number;
  readonly pictureRule: SamConfig["pictureRule"];
  readonly #options: EncoderOptions;

  /**
   * @param model in evaluation mode, on `device`
   * @param options `adapters: false` leaves the image encoder's adapters out (the "*" rows of SAM-Med2D's paper)
   */
  constructor(
    readonly model: Sam,
    readonly device: Device = "cpu",
    options: EncoderOptions = {},
  ) {
    this.imageSize = model.config.imageSize;
    this.maskSize = model.promptEncoder.maskSize[0];
    this.pictureRule = model.config.pictureRule;
    this.#options = options;
  }

  /** @throws GeometryError when the pictures' values are not `[count, 3, S, S]`, ConfigError when some are no numbers */
  async embed(pictures: Float32Array, count: number): Promise<readonly EmbeddingHandle[]> {
    return infer(() => {
      const images = pictureTensor(pictures, count, this.imageSize, this.device);
      const features = this.model.encodeImage(images, this.#options);
      return Array.from({ length: count }, (_, index) => new SamEmbedding(ownPart(features, index)));
    });
  }

  /** @throws GeometryError when values do not fit the number of objects, ConfigError without a prompt and for values that make no sense */
  async candidates(
    embedding: EmbeddingHandle,
    prompts: ObjectPrompts,
    { multimask }: { readonly multimask: boolean },
  ): Promise<MaskCandidates> {
    return infer(() => {
      const asked = promptTensors(prompts, this.maskSize, this.device);
      const predicted = this.model.predict((embedding as SamEmbedding).features, asked, { multimask });
      return candidatesOf(predicted);
    });
  }

  release(...handles: readonly EmbeddingHandle[]): void {
    releaseAll(handles);
  }
}
