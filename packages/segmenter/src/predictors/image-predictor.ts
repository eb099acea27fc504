/**
 * Interactive segmentation of one picture: it is embedded once, then answers prompts as often as they change.
 *
 *   setImage:  picture ─► rule.prepare ─► network.embed ─► embedding, kept
 *   predict:   prompts ─► input pixels ─► network.candidates ─► low-resolution logits ─► small regions ─► the picture's own size
 *
 * The same for SAM 2, SAM and SAM-Med2D; where they differ, the row of `pictureRules` that the network names decides.
 *
 * Source: `SAM2ImagePredictor`, `SamPredictor`, `SammedPredictor`.
 */
import { ConfigError, InterruptedError } from "@rfmedsam/base";
import { checkPicture, type RgbPicture } from "@rfmedsam/imaging";
import type { EmbeddingHandle } from "../networks.js";
import { clampLogits } from "../prompts.js";
import { checkArea, cleanRegions, type RegionAreas } from "./hole-filling.js";
import { type PictureRule, type PictureSize, pictureRules } from "./picture.js";
import { objectPrompts, type PicturePrompts } from "./picture-prompts.js";
import type { MaskCandidates, PromptableNetwork } from "./promptable.js";

/** Areas in pixels of the low-resolution masks (`maskSize`): holes and sprinkles up to them are removed before enlarging. */
export interface ImagePredictorOptions extends RegionAreas {
  /** Logits above it are foreground; by default the network family's own (0). */
  readonly threshold?: number | undefined;
}

export interface ImagePrediction {
  readonly objects: number;
  /** Masks per object: 1, or with `multimask` 3 (SAM-Med2D: the best of them). */
  readonly candidates: number;
  /** The picture's size in pixels. */
  readonly height: number;
  readonly width: number;
  /** `[objects, candidates, height, width]` mask logits; `binaryMasks` makes masks of them. */
  readonly logits: Float32Array;
  /** `[objects, candidates]` predicted IoU. */
  readonly ious: Float32Array;
  /** Side m of `lowRes`. */
  readonly maskSize: number;
  /** `[objects, candidates, m, m]` logits that a later prompt may take as its mask. */
  readonly lowRes: Float32Array;
  /** Logits above it are foreground. */
  readonly threshold: number;
}

/** @returns `[objects, candidates, height, width]`, 1 for foreground */
export function binaryMasks({ logits, threshold }: Pick<ImagePrediction, "logits" | "threshold">): Uint8Array {
  const masks = new Uint8Array(logits.length);
  for (let i = 0; i < masks.length; i++) masks[i] = logits[i]! > threshold ? 1 : 0;
  return masks;
}

/** What is known of the picture that was set. */
interface Shown {
  readonly embedding: EmbeddingHandle;
  readonly size: PictureSize;
}

/** Holds one embedding of the network at a time; `dispose` it when done. The network itself stays with whoever made it. */
export class ImagePredictor {
  readonly network: PromptableNetwork;
  readonly #rule: PictureRule;
  readonly #regions: RegionAreas;
  readonly #threshold: number;
  #shown: Shown | undefined;
  #disposed = false;
  /** Counts settings and resets: a picture whose embedding arrives late is no longer wanted. */
  #setting = 0;
  /** Predictions under way; embeddings they may still read are freed after the last of them. */
  #predicting = 0;
  #outdated: EmbeddingHandle[] = [];

  /** @throws ConfigError for an area below 0 or a threshold that is no number */
  constructor(network: PromptableNetwork, options: ImagePredictorOptions = {}) {
    const { maxHoleArea = 0, maxSprinkleArea = 0 } = options;
    this.network = network;
    this.#rule = pictureRules[network.pictureRule];
    const { threshold = this.#rule.threshold } = options;
    checkArea("hole", maxHoleArea);
    checkArea("sprinkle", maxSprinkleArea);
    if (!Number.isFinite(threshold)) {
      throw new ConfigError({ found: `a threshold of ${threshold}`, expected: "a finite logit" });
    }
    this.#regions = { maxHoleArea, maxSprinkleArea };
    this.#threshold = threshold;
  }

  /** Size of the picture that prompts are about; undefined before `setImage`. */
  get size(): PictureSize | undefined {
    return this.#shown?.size;
  }

  /**
   * Embeds a picture; the one before is freed first.
   *
   * @throws GeometryError for a picture whose sizes and data do not fit (the one before stays), ConfigError after `dispose`,
   *   InterruptedError when another picture was set, or the predictor reset, in the meantime
   */
  async setImage(picture: RgbPicture): Promise<void> {
    if (this.#disposed) throw new ConfigError({ found: "a predictor that was disposed", expected: "one in use" });
    checkPicture(picture);
    this.reset();
    const setting = this.#setting;
    const input = this.#rule.prepare(picture, this.network.imageSize);
    const [embedding] = (await this.network.embed(input, 1)) as [EmbeddingHandle];
    if (setting !== this.#setting) {
      this.network.release(embedding);
      throw new InterruptedError({ found: "the picture was replaced or dropped while it was being embedded" });
    }
    this.#shown = { embedding, size: { height: picture.height, width: picture.width } };
  }

  /**
   * Answers prompts on the picture. Any number of predictions may be under way.
   *
   * @throws ConfigError before `setImage`, and what `objectPrompts` throws for prompts that make no sense
   */
  async predict(prompts: PicturePrompts): Promise<ImagePrediction> {
    if (this.#shown === undefined) {
      throw new ConfigError({ found: "prompts without a picture", expected: "`setImage` before `predict`" });
    }
    const { embedding, size } = this.#shown;
    const { imageSize, maskSize } = this.network;
    const { multimask = true } = prompts;
    const { lowResLimit } = this.#rule;
    const asked = objectPrompts(prompts, { size, rule: this.#rule, imageSize, maskSize });
    const answer = await this.#reading(() => this.network.candidates(embedding, asked, { multimask }));
    const { count, candidates, logits, ious } = this.#rule.candidates === "best" ? bestOf(answer) : answer;
    const cleaned = cleanRegions(logits, maskSize, maskSize, this.#threshold, this.#regions);
    return {
      objects: count,
      candidates,
      height: size.height,
      width: size.width,
      logits: this.#rule.toPicture(cleaned, count * candidates, maskSize, size, imageSize),
      ious,
      maskSize,
      lowRes: lowResLimit === Number.POSITIVE_INFINITY ? logits : clampLogits(logits, lowResLimit),
      threshold: this.#threshold,
    };
  }

  /** Forgets the picture and frees its embedding; a new one may be set. */
  reset(): void {
    this.#setting++;
    if (this.#shown === undefined) return;
    this.#outdated.push(this.#shown.embedding);
    this.#shown = undefined;
    this.#freeOutdated();
  }

  /** Frees the embedding for good. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    this.reset();
  }

  async #reading<T>(body: () => Promise<T>): Promise<T> {
    this.#predicting++;
    try {
      return await body();
    } finally {
      this.#predicting--;
      this.#freeOutdated();
    }
  }

  #freeOutdated(): void {
    if (this.#predicting > 0 || this.#outdated.length === 0) return;
    const outdated = this.#outdated;
    this.#outdated = [];
    this.network.release(...outdated);
  }
}

/** Of each object's candidates the first one with the highest predicted IoU. */
function bestOf({ count, candidates, logits, ious }: MaskCandidates): MaskCandidates {
  if (candidates === 1) return { count, candidates, logits, ious };
  const pixels = logits.length / (count * candidates);
  const chosen = { count, candidates: 1, logits: new Float32Array(count * pixels), ious: new Float32Array(count) };
  for (let object = 0; object < count; object++) {
    let best = object * candidates;
    for (let n = best + 1; n < (object + 1) * candidates; n++) if (ious[n]! > ious[best]!) best = n;
    chosen.logits.set(logits.subarray(best * pixels, (best + 1) * pixels), object * pixels);
    chosen.ious[object] = ious[best]!;
  }
  return chosen;
}
