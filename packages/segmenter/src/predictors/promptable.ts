/**
 * The interface of a network that answers prompts on a picture: SAM, SAM-Med2D and SAM 2 alike. Predictors are written against it and do
 * not know which network, or which engine, answers.
 *
 *   picture ──► embed ──► embedding ──┐
 *                prompts ─────────────┴──► candidates ──► masks and predicted IoUs
 */
import type { EmbeddingHandle, ObjectPrompts } from "../networks.js";
import type { PictureRuleName } from "./picture.js";

/** The decoder's answers for the objects of one picture. */
export interface MaskCandidates {
  /** Number of objects. */
  readonly count: number;
  /** Masks per object: 1 for the single answer, 3 for the alternatives to an ambiguous prompt. */
  readonly candidates: number;
  /** `[count, candidates, maskSize, maskSize]` mask logits, as the decoder gave them. */
  readonly logits: Float32Array;
  /** `[count, candidates]` predicted IoU. */
  readonly ious: Float32Array;
}

export interface PromptableNetwork {
  /** Side S of the square input, in pixels. */
  readonly imageSize: number;
  /** Side of the low-resolution masks: S / 4. */
  readonly maskSize: number;
  /** How a picture becomes the input, and how masks come back to it (picture.ts). */
  readonly pictureRule: PictureRuleName;
  /** @param pictures `[count, 3, S, S]`, prepared by the rule @returns one embedding per picture */
  embed(pictures: Float32Array, count: number): Promise<readonly EmbeddingHandle[]>;
  /**
   * @param prompts coordinates in pixels of the input; at least one of points, boxes and masks
   * @param options.multimask the alternatives instead of the single answer
   */
  candidates(
    embedding: EmbeddingHandle,
    prompts: ObjectPrompts,
    options: { readonly multimask: boolean },
  ): Promise<MaskCandidates>;
  release(...handles: readonly EmbeddingHandle[]): void;
}
