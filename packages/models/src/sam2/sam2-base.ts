/**
 * SAM 2 without a notion of sequence: the four networks and the steps between them, each of which a caller may use alone (the segmenter
 * does: it chooses memories by its own rules). `Sam2` adds frame-by-frame tracking.
 */
import { ConfigError } from "@rfmedsam/base";
import { F, nn, scope, type Tensor, zeros } from "@rfmedsam/torch";
import { insertAdapters } from "../adapters/insertion.js";
import type { Sam2Config } from "./config.js";
import { type HighResFeatures, MaskDecoder, sam2DecoderOptions } from "./mask-decoder.js";
import { withoutOverlap } from "./masks.js";
import { MemoryAttention } from "./memory-attention.js";
import { MemoryConditioning } from "./memory-conditioning.js";
import { MemoryEncoder } from "./memory-encoder.js";
import type { ImageEmbedding, MemorySet } from "./memory-set.js";
import { Mlp, pick } from "./mlp.js";
import { ImageEncoder } from "./neck.js";
import { type Points, PromptEncoder, pointLabel } from "./prompt-encoder.js";

/** Logit of every pixel when no object is seen. */
const noObjectLogit = -1024;
/** A given mask becomes logits -10 and +10. */
const maskLogit = { scale: 20, bias: -10 } as const;

/** Prompts of the decoder. */
export interface DecoderPrompts {
  readonly points?: Points | undefined;
  /** `[B, 4]`: x0, y0, x1, y1 in pixels; counts as two points, before the others */
  readonly boxes?: Tensor | undefined;
  /** Mask logits (or 0/1) `[B, 1, H, W]` at any size; brought to a quarter of the image size */
  readonly masks?: Tensor | undefined;
}

interface DecodeOptions {
  readonly highRes?: HighResFeatures | undefined;
  /** Predict the alternatives and take the best of them. */
  readonly multimask: boolean;
}

export interface HeadOutput {
  /** All predicted mask logits `[B, M, S/4, S/4]` */
  readonly lowResMultimasks: Tensor;
  /** Their predicted IoUs `[B, M]` */
  readonly ious: Tensor;
  /** The one with the highest predicted IoU `[B, 1, S/4, S/4]` */
  readonly lowResMasks: Tensor;
  /** The same at image size `[B, 1, S, S]` */
  readonly highResMasks: Tensor;
  /** Object pointer `[B, C]` */
  readonly pointer: Tensor;
  /** Logit that the object is in the image `[B, 1]` */
  readonly objectScores: Tensor;
}

/** The parameters' names and order are the official checkpoints'. */
export class Sam2Base extends nn.Module {
  readonly maskmemTposEnc: nn.Parameter;
  readonly noMemEmbed: nn.Parameter;
  /** Used only when images without memory go through memory attention; saved by all official checkpoints. */
  readonly noMemPosEnc: nn.Parameter;
  readonly noObjPtr: nn.Parameter | undefined;
  readonly noObjEmbedSpatial: nn.Parameter | undefined;
  readonly imageEncoder: ImageEncoder;
  /** Brings a given mask to the size and scale of mask logits, to make a pointer of it. */
  readonly maskDownsample: nn.Conv2d | undefined;
  readonly memoryAttention: MemoryAttention;
  readonly memoryEncoder: MemoryEncoder;
  readonly samPromptEncoder: PromptEncoder;
  readonly samMaskDecoder: MaskDecoder;
  readonly objPtrProj: Mlp | nn.Linear | undefined;
  readonly objPtrTposProj: nn.Linear | undefined;
  readonly #conditioning: MemoryConditioning;

  constructor(readonly config: Sam2Config) {
    super();
    const width = config.imageEncoder.neck.dModel;
    const memoryWidth = config.memoryEncoder.outDim;
    const side = config.imageSize / config.backboneStride;
    // the reference cuts this normal at ±2, a hundred deviations away
    const small = (...shape: number[]) => new nn.Parameter(nn.init.normal(0.02)(zeros(shape)));
    const pointers = config.useObjPtrsInEncoder;
    this.maskmemTposEnc = small(config.numMaskmem, 1, 1, memoryWidth);
    this.noMemEmbed = small(1, 1, width);
    this.noMemPosEnc = small(1, 1, width);
    this.noObjPtr = config.predObjScores && pointers ? small(1, width) : undefined;
    this.noObjEmbedSpatial = config.noObjEmbedSpatial ? small(1, memoryWidth) : undefined;
    this.imageEncoder = new ImageEncoder(config.imageEncoder);
    this.maskDownsample = pointers ? new nn.Conv2d(1, 1, { kernel: 4, stride: 4 }) : undefined;
    this.memoryAttention = new MemoryAttention(width, memoryWidth, config.memoryAttention);
    this.memoryEncoder = new MemoryEncoder(width, config.memoryEncoder);
    this.samPromptEncoder = new PromptEncoder(
      width,
      [side, side],
      [config.imageSize, config.imageSize],
      config.promptEncoder.maskInChans,
    );
    this.samMaskDecoder = new MaskDecoder(sam2DecoderOptions(config));
    this.objPtrProj = pointers ? pointerProjection(width, config.useMlpForObjPtrProj) : undefined;
    this.objPtrTposProj = config.projTposEncInObjPtrs ? new nn.Linear(width, memoryWidth) : undefined;
    this.#conditioning = new MemoryConditioning(this);
    if (config.adapters !== undefined) insertAdapters(this, config.adapters);
  }

  /**
   * @param image `[B, 3, S, S]`, normalised as the checkpoint expects
   * @returns what all prompts and all stages on these slices share
   */
  encodeImage(image: Tensor): ImageEmbedding {
    const { imageSize } = this.config;
    if (image.ndim !== 4 || image.shape[1] !== 3 || image.shape[2] !== imageSize || image.shape[3] !== imageSize) {
      throw new ConfigError({
        found: `an image of shape [${image.shape.join(", ")}]`,
        expected: `[B, 3, ${imageSize}, ${imageSize}], the configured image size`,
      });
    }
    return scope(() => {
      const levels = this.imageEncoder.forward(image);
      const features = levels.at(-1)!;
      const [high, middle] = levels as [Tensor, Tensor];
      return {
        features,
        // a handle of its own: the table itself stays with the encoder, whatever the caller frees
        position: this.imageEncoder.position.forward(features).alias(),
        highRes: this.config.useHighResFeaturesInSam ? this.samMaskDecoder.projectHighRes(high, middle) : undefined,
      };
    });
  }

  /**
   * Mixes memories into an image's features.
   * @param memories one set for all objects of the batch (its tensors have one entry per object), or a set per object (its tensors have
   *   batch 1), which may differ in number and distances
   * @returns `[B, C, h, w]`, B being the embedding's batch or the number of objects if that is 1
   */
  condition(embedding: ImageEmbedding, memories: MemorySet | readonly MemorySet[]): Tensor {
    return scope(() => this.#conditioning.forward(embedding, memories));
  }

  /**
   * Prompt encoder, mask decoder and pointer head.
   * @param features `[1 or B, C, h, w]`, with or without memories mixed in
   */
  decode(features: Tensor, prompts: DecoderPrompts, options: DecodeOptions): HeadOutput {
    return scope(() => {
      const low = this.decodeLowRes(features, prompts, options);
      return { ...low, highResMasks: this.enlarge(low.lowResMasks) };
    });
  }

  /** The same for those who want no masks at image size. */
  decodeLowRes(
    features: Tensor,
    prompts: DecoderPrompts,
    { highRes, multimask }: DecodeOptions,
  ): Omit<HeadOutput, "highResMasks"> {
    return scope(() => {
      const { points, masks } = this.#encoderPrompts(features, prompts);
      const { sparse, dense } = this.samPromptEncoder.forward({ points, masks });
      const imagePosition = this.samPromptEncoder.densePosition();
      const predicted = this.samMaskDecoder.forward(
        { image: features, imagePosition, sparse, dense, highRes },
        { multimask },
      );
      const { objectScores, ious } = predicted;
      const present = objectScores.gt(0);
      // a hard choice, as the masks that go into memory are
      const lowResMultimasks = this.config.predObjScores
        ? F.where(present.unsqueeze(-1).unsqueeze(-1), predicted.masks, noObjectLogit).float()
        : predicted.masks.float();
      const best = ious.argmax({ dim: -1 });
      const lowResMasks = multimask ? pick(lowResMultimasks, best).unsqueeze(1) : lowResMultimasks;
      const ownToken = multimask && predicted.tokens.shape[1]! > 1;
      const token = ownToken ? pick(predicted.tokens, best) : predicted.tokens.select(1, 0);
      const presence = this.config.softNoObjPtr ? objectScores.sigmoid() : present.to({ dtype: token.dtype });
      return {
        lowResMultimasks,
        ious,
        lowResMasks,
        pointer: this.#orAbsent(this.objPtrProj?.forward(token) ?? token, presence),
        objectScores,
      };
    });
  }

  /** Bilinear enlargement of mask logits `[B, M, h, w]` to image size. */
  enlarge(logits: Tensor): Tensor {
    const { imageSize } = this.config;
    return F.interpolate(logits, { size: [imageSize, imageSize], mode: "bilinear" });
  }

  /**
   * Takes a given mask as the answer; the decoder only makes its pointer.
   * @param features `[1 or B, C, h, w]` without memory @param masks `[B, 1, S, S]`, 0/1
   */
  maskAsOutput(features: Tensor, masks: Tensor, highRes?: HighResFeatures | undefined): HeadOutput {
    return scope(() => {
      const given = masks.float();
      const highResMasks = given.mul(maskLogit.scale).add(maskLogit.bias);
      const size = given.shape.slice(-2).map((extent) => Math.floor(extent / 4));
      const lowResMasks = F.interpolate(highResMasks, { size, mode: "bilinear", antialias: true });
      const batch = given.shape[0]!;
      const presence = given.flatten({ startDim: 1 }).gt(0).anyDim(1, { keepdim: true }).to({ dtype: given.dtype });
      const pointer =
        this.maskDownsample === undefined
          ? zeros([batch, this.config.imageEncoder.neck.dModel], { dtype: given.dtype, device: given.device })
          : this.decodeLowRes(features, { masks: this.maskDownsample.forward(given) }, { highRes, multimask: false })
              .pointer;
      return {
        lowResMultimasks: lowResMasks,
        ious: presence.mul(0).add(1),
        lowResMasks,
        highResMasks,
        pointer: this.#orAbsent(pointer, presence),
        objectScores: presence.mul(maskLogit.scale).add(maskLogit.bias),
      };
    });
  }

  /**
   * Makes the memory of a frame.
   * @param masks logits `[B, 1, S, S]` @param objectScores `[B, 1]`
   * @param fromPoints the mask answers a person's points, and may be binarised if so configured
   * @returns `[B, memory width, h, w]`
   */
  encodeMemory(
    { features }: Pick<ImageEmbedding, "features">,
    masks: Tensor,
    objectScores: Tensor,
    { fromPoints = false }: { readonly fromPoints?: boolean } = {},
  ): Tensor {
    const { config, training } = this;
    return scope(() => {
      const logits = config.nonOverlapMasksForMemEnc && !training ? withoutOverlap(masks) : masks;
      const binary = config.binarizeMaskFromPtsForMemEnc && fromPoints && !training;
      const probability = binary ? logits.gt(0).float() : logits.sigmoid();
      const scaled = probability.mul(config.sigmoidScaleForMemEnc).add(config.sigmoidBiasForMemEnc);
      const memory = this.memoryEncoder.forward(features, scaled, { skipSigmoid: true });
      if (this.noObjEmbedSpatial === undefined) return memory;
      const absent = objectScores.le(0).to({ dtype: memory.dtype }).unsqueeze(-1).unsqueeze(-1);
      return memory.add(absent.mul(this.noObjEmbedSpatial.unsqueeze(-1).unsqueeze(-1)));
    });
  }

  /** A box is two points with labels of their own; no point at all is one padding point; masks get the encoder's size. */
  #encoderPrompts(
    features: Tensor,
    { points, boxes, masks }: DecoderPrompts,
  ): { points: Points; masks: Tensor | undefined } {
    const given = [...(boxes === undefined ? [] : [cornersOf(boxes)]), ...(points === undefined ? [] : [points])];
    if (given.length === 0) {
      const batch = masks?.shape[0] ?? features.shape[0]!;
      const { device } = features;
      const labels = zeros([batch, 1], { dtype: "int64", device }).add(pointLabel.padding);
      given.push({ coords: zeros([batch, 1, 2], { device }), labels });
    }
    const size = this.samPromptEncoder.maskSize;
    const fits = masks !== undefined && masks.shape[2] === size[0] && masks.shape[3] === size[1];
    return {
      points: {
        coords: F.cat(
          given.map(({ coords }) => coords),
          { dim: 1 },
        ),
        labels: F.cat(
          given.map(({ labels }) => labels.to({ dtype: "int64" })),
          { dim: 1 },
        ),
      },
      masks:
        masks === undefined || fits ? masks : F.interpolate(masks.float(), { size, mode: "bilinear", antialias: true }),
    };
  }

  /** Mixes in the pointer of an absent object, fully where `presence` is 0. */
  #orAbsent(pointer: Tensor, presence: Tensor): Tensor {
    if (this.noObjPtr === undefined) return pointer;
    const own = this.config.fixedNoObjPtr ? pointer.mul(presence) : pointer;
    return own.add(presence.neg().add(1).mul(this.noObjPtr));
  }
}

function pointerProjection(width: number, asMlp: boolean): Mlp | nn.Linear {
  return asMlp ? new Mlp([width, width, width, width]) : new nn.Linear(width, width);
}

function cornersOf(boxes: Tensor): Points {
  const batch = boxes.shape[0]!;
  const label = (value: number) => zeros([batch, 1], { dtype: "int64", device: boxes.device }).add(value);
  const labels = F.cat([label(pointLabel.boxTopLeft), label(pointLabel.boxBottomRight)], { dim: 1 });
  return { coords: boxes.reshape([batch, 2, 2]), labels };
}
