/**
 * The mask decoder of SAM and SAM 2; what is in brackets only SAM 2 has.
 *
 *   (object score,) IoU, mask tokens ×4, prompts ─┐
 *   image embedding + dense prompt ───────────────┴► two-way transformer ─┬► mask tokens ─► hyper-networks ─┐
 *                                                                         ├► IoU token ─► predicted IoU     ├► masks
 *   (stride 8 and stride 4 features) ────────► up-scaling ◄── image ──────┘                     pixels ─────┘
 *
 * Mask 0 is the answer to an unambiguous prompt, masks 1 to 3 the alternatives to an ambiguous one.
 */
import { F, full, nn, scope, type Tensor } from "@rfmedsam/torch";
import type { CnnAdapter } from "../adapters/cnn-adapter.js";
import { fromTokens } from "../layout.js";
import type { MaskDecoderConfig, Sam2Config } from "./config.js";
import { Mlp, pick } from "./mlp.js";
import type { Grid } from "./position.js";
import { type MakeMlp, TwoWayTransformer } from "./two-way-transformer.js";

/** A decoder's sizes, and what SAM 2's has beyond SAM's: all of that is off unless it is asked for. */
export interface MaskDecoderOptions
  extends Pick<MaskDecoderConfig, "numMultimaskOutputs" | "iouHeadDepth" | "iouHeadHiddenDim" | "transformer"> {
  readonly width: number;
  /** Perceptrons of the transformer; SAM 2's by default. */
  readonly makeMlp?: MakeMlp | undefined;
  /** Adds features of higher resolution while up-scaling. */
  readonly highResFeatures?: boolean | undefined;
  /** A token that says whether the object is in the image, and the head that reads it. */
  readonly objectScore?: "linear" | "mlp" | undefined;
  /** Predicted IoUs go through a sigmoid. */
  readonly iouSigmoid?: boolean | undefined;
  /** Object pointers are made of the alternatives' own tokens when alternatives are asked for. */
  readonly alternativeTokens?: boolean | undefined;
  /** At prediction, replaces a single answer that is less stable than this by the best of the alternatives. */
  readonly stability?: { readonly delta: number; readonly threshold: number } | undefined;
}

/** The options that a configuration of SAM 2 asks for. */
export function sam2DecoderOptions(config: Sam2Config): MaskDecoderOptions {
  const { maskDecoder: decoder } = config;
  return {
    ...decoder,
    width: config.imageEncoder.neck.dModel,
    highResFeatures: config.useHighResFeaturesInSam,
    objectScore: config.predObjScores ? (config.predObjScoresMlp ? "mlp" : "linear") : undefined,
    iouSigmoid: config.iouPredictionUseSigmoid,
    alternativeTokens: config.useMultimaskTokenForObjPtr,
    stability: decoder.dynamicMultimaskViaStability
      ? { delta: decoder.dynamicMultimaskStabilityDelta, threshold: decoder.dynamicMultimaskStabilityThresh }
      : undefined,
  };
}

/** Features of higher resolution for sharper borders: stride 4 `[B, C/8, 4h, 4w]` and stride 8 `[B, C/4, 2h, 2w]`. */
export type HighResFeatures = readonly [stride4: Tensor, stride8: Tensor];

export interface MaskDecoderInput {
  /** `[B, C, h, w]`, or `[1, C, h, w]` for one image with B prompts */
  readonly image: Tensor;
  /** `[1, C, h, w]` */
  readonly imagePosition: Tensor;
  /** `[B, N, C]` */
  readonly sparse: Tensor;
  /** `[B, C, h, w]` */
  readonly dense: Tensor;
  readonly highRes?: HighResFeatures | undefined;
}

export interface MaskPredictions {
  /** Mask logits `[B, M, 4h, 4w]` */
  readonly masks: Tensor;
  /** Predicted IoU `[B, M]` */
  readonly ious: Tensor;
  /** Mask tokens for the object pointer: `[B, M, C]`, or `[B, 1, C]` (token 0) unless the multi-mask tokens are to be used */
  readonly tokens: Tensor;
  /** Logit that the object is in the image `[B, 1]` */
  readonly objectScores: Tensor;
}

/** From the image embedding to four times its resolution; indices are the official sequence's. */
class OutputUpscaling extends nn.Module {
  protected override readonly stateNames = { first: "0", norm: "1", second: "3" };
  readonly first: nn.ConvTranspose2d;
  readonly norm: nn.LayerNorm2d;
  readonly second: nn.ConvTranspose2d;

  constructor(width: number) {
    super();
    this.first = new nn.ConvTranspose2d(width, width / 4, { kernel: 2, stride: 2 });
    this.norm = new nn.LayerNorm2d(width / 4);
    this.second = new nn.ConvTranspose2d(width / 4, width / 8, { kernel: 2, stride: 2 });
  }

  forward(x: Tensor, highRes: HighResFeatures | undefined, adapters: readonly CnnAdapter[]): Tensor {
    return scope(() => {
      const adapt = (y: Tensor, index: number) => adapters[index]?.forward(y) ?? y;
      const twice = adapt(this.first.forward(x), 0);
      const sharper = this.norm.forward(highRes === undefined ? twice : twice.add(highRes[1])).gelu();
      const fourTimes = adapt(this.second.forward(sharper), 1);
      return (highRes === undefined ? fourTimes : fourTimes.add(highRes[0])).gelu();
    });
  }
}

export class MaskDecoder extends nn.Module {
  readonly transformer: TwoWayTransformer;
  readonly iouToken: nn.Embedding;
  readonly maskTokens: nn.Embedding;
  readonly objScoreToken: nn.Embedding | undefined;
  readonly outputUpscaling: OutputUpscaling;
  readonly convS0: nn.Conv2d | undefined;
  readonly convS1: nn.Conv2d | undefined;
  readonly outputHypernetworksMlps: nn.ModuleList<Mlp>;
  readonly iouPredictionHead: Mlp;
  readonly predObjScoreHead: Mlp | nn.Linear | undefined;
  /** Channels after each of the two up-scaling convolutions. */
  readonly upscalingWidths: readonly number[];
  /** One after each of them. */
  upscalingAdapters: nn.ModuleList<CnnAdapter> | undefined;
  readonly #options: MaskDecoderOptions;

  constructor(options: MaskDecoderOptions) {
    super();
    const { width, transformer, numMultimaskOutputs, iouHeadDepth, iouHeadHiddenDim, highResFeatures } = options;
    const masks = numMultimaskOutputs + 1;
    this.transformer = new TwoWayTransformer(width, transformer, options.makeMlp);
    this.iouToken = new nn.Embedding(1, width);
    this.maskTokens = new nn.Embedding(masks, width);
    this.objScoreToken = options.objectScore === undefined ? undefined : new nn.Embedding(1, width);
    this.outputUpscaling = new OutputUpscaling(width);
    this.upscalingWidths = [width / 4, width / 8];
    this.convS0 = highResFeatures ? new nn.Conv2d(width, width / 8, { kernel: 1 }) : undefined;
    this.convS1 = highResFeatures ? new nn.Conv2d(width, width / 4, { kernel: 1 }) : undefined;
    this.outputHypernetworksMlps = new nn.ModuleList(
      Array.from({ length: masks }, () => new Mlp([width, width, width, width / 8])),
    );
    const hidden = Array.from({ length: iouHeadDepth - 1 }, () => iouHeadHiddenDim);
    this.iouPredictionHead = new Mlp([width, ...hidden, masks], { sigmoidOutput: options.iouSigmoid ?? false });
    this.predObjScoreHead = objectScoreHead(options);
    this.#options = options;
  }

  /** Projects the neck's levels 0 and 1 for {@link MaskDecoderInput.highRes}; once per image, whatever the number of prompts. */
  projectHighRes(level0: Tensor, level1: Tensor): HighResFeatures | undefined {
    if (this.convS0 === undefined || this.convS1 === undefined) return undefined;
    return [this.convS0.forward(level0), this.convS1.forward(level1)];
  }

  /**
   * @param multimask the alternatives (M = 3) instead of the single answer (M = 1). The single answer of a model that is not training is
   *   replaced by the best alternative where it is unstable, if so configured.
   */
  forward(input: MaskDecoderInput, { multimask }: { readonly multimask: boolean }): MaskPredictions {
    const all = this.predictAll(input);
    const alternatives = all.masks.shape[1]! - 1;
    const { alternativeTokens, stability } = this.#options;
    const useAlternativeTokens = multimask && alternativeTokens;
    const tokens = useAlternativeTokens ? all.tokens.narrow(1, 1, alternatives) : all.tokens.narrow(1, 0, 1);
    if (multimask) {
      return { ...all, masks: all.masks.narrow(1, 1, alternatives), ious: all.ious.narrow(1, 1, alternatives), tokens };
    }
    if (stability !== undefined && !this.training) return { ...all, ...stableOrBest(all, stability), tokens };
    return { ...all, masks: all.masks.narrow(1, 0, 1), ious: all.ious.narrow(1, 0, 1), tokens };
  }

  /** All four masks before selection, with all four mask tokens. */
  predictAll({ image, imagePosition, sparse, dense, highRes }: MaskDecoderInput): MaskPredictions {
    const batch = sparse.shape[0]!;
    const [, width, ...grid] = image.shape as [number, number, number, number];
    const scoreTokens = this.objScoreToken === undefined ? [] : [this.objScoreToken.weight];
    const own = F.cat([...scoreTokens, this.iouToken.weight, this.maskTokens.weight]);
    const tokens = F.cat([own.unsqueeze(0).expand([batch, own.shape[0]!, width]), sparse], { dim: 1 });
    const read = this.transformer.forward(image.add(dense), imagePosition, tokens);

    const first = scoreTokens.length;
    const maskTokens = read.tokens.narrow(1, first + 1, this.maskTokens.weight.shape[0]!);
    const adapters = this.upscalingAdapters === undefined ? [] : [...this.upscalingAdapters];
    const pixels = this.outputUpscaling.forward(fromTokens(read.image, grid as unknown as Grid), highRes, adapters);
    const weights = [...this.outputHypernetworksMlps].map((mlp, mask) => mlp.forward(maskTokens.select(1, mask)));
    const [, , height, across] = pixels.shape as [number, number, number, number];
    const masks = F.stack(weights, { dim: 1 }).matmul(pixels.flatten({ startDim: 2 }));
    return {
      masks: masks.reshape([batch, weights.length, height, across]),
      ious: this.iouPredictionHead.forward(read.tokens.select(1, first)),
      tokens: maskTokens,
      objectScores:
        this.predObjScoreHead?.forward(read.tokens.select(1, 0)) ??
        full([batch, 1], 10, { dtype: masks.dtype, device: masks.device }), // surely present: sigmoid(10) ≈ 1
    };
  }
}

/** Share of a mask that survives when its threshold moves from -delta to +delta; 1 for an empty mask. `[..., h, w]` → `[...]` */
export function maskStability(logits: Tensor, delta: number): Tensor {
  return scope(() => {
    const area = (threshold: number) => logits.gt(threshold).float().sum([-2, -1]);
    const [inner, outer] = [area(delta), area(-delta)];
    return F.where(outer.gt(0), inner.div(outer), 1);
  });
}

/** The single answer where it is stable, elsewhere the alternative with the highest predicted IoU. */
function stableOrBest(
  { masks, ious }: MaskPredictions,
  { delta, threshold }: NonNullable<MaskDecoderOptions["stability"]>,
): { masks: Tensor; ious: Tensor } {
  const alternatives = masks.shape[1]! - 1;
  const alternativeIous = ious.narrow(1, 1, alternatives);
  const best = alternativeIous.argmax({ dim: -1 });
  const [single, singleIou] = [masks.narrow(1, 0, 1), ious.narrow(1, 0, 1)];
  const stable = maskStability(single, delta).ge(threshold);
  const bestMask = pick(masks.narrow(1, 1, alternatives), best).unsqueeze(1);
  return {
    masks: F.where(stable.unsqueeze(-1).unsqueeze(-1), single, bestMask),
    ious: F.where(stable, singleIou, pick(alternativeIous, best).unsqueeze(1)),
  };
}

function objectScoreHead({ width, objectScore }: MaskDecoderOptions): Mlp | nn.Linear | undefined {
  if (objectScore === undefined) return undefined;
  return objectScore === "mlp" ? new Mlp([width, width, width, 1]) : new nn.Linear(width, 1);
}
