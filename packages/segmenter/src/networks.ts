/**
 * The coarse interface of the networks: all that prediction asks of an engine.
 *
 *   step 0        PatchNetwork.predict       patches ──► logits
 *   stage 1, 2    RefinerNetwork.embed       slices ──► embeddings          (once per slice)
 *                              .decode       embedding + prompts ──► masks  (all objects of a slice at once)
 *                              .adopt        embedding + masks ──► the same masks, with object pointers
 *                              .remember     embedding + masks ──► memory
 *                              .attend       embedding + memories ──► conditioned embedding
 *   no U-Net      RefinerNetwork.propose      embedding ──► class logits   (step 0 of models with a proposal head)
 *
 * Embeddings, memories and decoder states are opaque handles that stay where the engine keeps them; only slices, masks and
 * scores cross. Whoever receives a handle gives it back with `release`.
 */
import type { Triple } from "@rfmedsam/imaging";
import type { TrackingRules } from "./tracking/rules.js";

/** Step 0: a U-Net (or anything else) that labels patches. */
export interface PatchNetwork {
  /** `[D, H, W]` in array order; `D = 1` for a 2D network. */
  readonly patch: Triple;
  readonly inputChannels: number;
  /** Classes, background included. */
  readonly classes: number;
  /**
   * @param patches `[count, inputChannels, D, H, W]`; the engine copies what it keeps, the caller reuses the array
   * @returns logits `[count, classes, D, H, W]`
   */
  predict(patches: Float32Array, count: number): Promise<Float32Array>;
  /**
   * The sum of the logits of patches mirrored in several ways, each turned back: what several calls of `predict` give, in one. Engines
   * whose tensors are far away (on a GPU) need not bring every view back.
   *
   * @param flips per view the axes of the patch (0 = z) along which it is mirrored; none for the patches as they are
   */
  predictMirrored?(patches: Float32Array, count: number, flips: readonly (readonly number[])[]): Promise<Float32Array>;
}

/** The key by which a handle's kind is known to the compiler; an engine's class writes `declare readonly [handleKind]: "memory"`. */
export declare const handleKind: unique symbol;

interface Handle<Kind extends string> {
  readonly [handleKind]: Kind;
}

/** Image embedding of one slice, with its high-resolution features. */
export type EmbeddingHandle = Handle<"embedding">;
/** An embedding that has attended to memories: one per object. */
export type ConditionedHandle = Handle<"conditioned">;
/** What the decoder knows of one slice's objects: masks, object pointers and scores. */
export type DecodedHandle = Handle<"decoded">;
/** Memories and object pointers of all objects of one slice. */
export type MemoryHandle = Handle<"memory">;
export type AnyHandle = EmbeddingHandle | ConditionedHandle | DecodedHandle | MemoryHandle;

/** Prompts of `count` objects on one slice, coordinates in pixels of the `[S, S]` input (integer = pixel centre). */
export interface ObjectPrompts {
  readonly count: number;
  /** `[count, 4]`: x0 y0 x1 y1, first and last pixel. */
  readonly boxes?: Float32Array;
  /** `[count, maskSize, maskSize]` logits. */
  readonly masks?: Float32Array;
  readonly points?: {
    /** `[count, perObject, 2]`: x y. */
    readonly coords: Float32Array;
    /** `[count, perObject]`: 1 object, 0 background, −1 padding. */
    readonly labels: Int32Array;
    readonly perObject: number;
  };
}

export interface DecodeOptions {
  /**
   * Predict the alternatives of an ambiguous prompt and take the best of them. By default so for one click an object and nothing
   * else.
   */
  readonly multimask?: boolean | undefined;
}

/** The decoder's answer for the objects of one slice. */
export interface Decoded {
  /** `[count, maskSize, maskSize]` mask logits, the best of the decoder's candidates. */
  readonly logits: Float32Array;
  /** `[count]` predicted IoU. */
  readonly ious: Float32Array;
  /** `[count]` logit of "the object is on this slice". */
  readonly objectScores: Float32Array;
  readonly state: DecodedHandle;
}

export interface RememberOptions {
  /** `[count, maskSize, maskSize]`: mask logits to remember instead of the decoder's, filled ones say. */
  readonly logits?: Float32Array | undefined;
  /** The masks answer a person's prompts; a model may be configured to remember them as yes or no. */
  readonly fromPoints?: boolean | undefined;
  /** Each object as if it were alone, even where the model is configured to part overlapping objects. */
  readonly separately?: boolean | undefined;
}

/** The memory of one slice that an object attends to. */
export interface SpatialReference {
  readonly memory: MemoryHandle;
  /** Which object of that slice's batch. */
  readonly row: number;
  /** 0 = conditioning (most confident) slice, `1 … memorySlots − 1` = distance in slices. */
  readonly position: number;
}

/** An object's pointer of one slice; it is known as soon as the slice is decoded. */
export interface PointerReference {
  readonly of: MemoryHandle | DecodedHandle;
  /** Which object of that slice's batch. */
  readonly row: number;
  /** Signed distance in slices, memory − current, in the direction of reading: negative for a slice read before. */
  readonly offset: number;
}

/** What one object attends to. */
export interface ObjectMemories {
  readonly spatial: readonly SpatialReference[];
  readonly pointers: readonly PointerReference[];
  /** The distance by which the pointers' are measured; the model's longest unless the sequence is shorter. */
  readonly farthestPointer?: number | undefined;
}

/** Stages 1 and 2: SAM 2 with adapters, one slice at a time, all objects of a slice in one batch. */
export interface RefinerNetwork {
  /** Side S of the square input, in pixels. */
  readonly imageSize: number;
  /** Side of the low-resolution masks: S / 4 in SAM 2. */
  readonly maskSize: number;
  /** Temporal positions of the memory: 7 in SAM 2. */
  readonly memorySlots: number;
  /** How SAM 2 tracks with this model. */
  readonly tracking: TrackingRules;
  /** @param slices `[count, 3, S, S]`, normalised as `renderSlice` does @returns one embedding per slice */
  embed(slices: Float32Array, count: number): Promise<readonly EmbeddingHandle[]>;
  /** @param prompts without any prompt the objects are asked for by their memories alone */
  decode(
    embedding: EmbeddingHandle,
    prompts: ObjectPrompts,
    conditioned?: ConditionedHandle,
    options?: DecodeOptions,
  ): Promise<Decoded>;
  /**
   * Takes given masks as the answer; the network adds pointers to them.
   * @param masks `[count, S, S]`, 0 or 1
   */
  adopt(embedding: EmbeddingHandle, masks: Float32Array): Promise<Decoded>;
  remember(embedding: EmbeddingHandle, decoded: DecodedHandle, options?: RememberOptions): Promise<MemoryHandle>;
  /** @param references one per object; each has at least one memory or pointer */
  attend(embedding: EmbeddingHandle, references: readonly ObjectMemories[]): Promise<ConditionedHandle>;
  /**
   * What is on a slice, asked for nothing: the step 0 of models without a U-Net. Networks without a proposal head have no such call.
   * @returns class logits `[K, maskSize, maskSize]` before softmax, background first
   */
  propose?(embedding: EmbeddingHandle): Promise<Float32Array>;
  /** For how much there is memory now, by the network's own estimate; undefined where it does not know. */
  room?(): RefinerRoom | undefined;
  release(...handles: readonly AnyHandle[]): void;
}

/** What may be kept at once of a case. */
export interface RefinerRoom {
  /** Slices. */
  readonly embeddings: number;
  /** Objects, each slice's by itself. */
  readonly memories: number;
}
