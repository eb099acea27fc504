/** What one image is encoded to, and what it may remember: the currency between encoder, memory and decoder. */
import type { Tensor } from "@rfmedsam/torch";
import type { HighResFeatures } from "./mask-decoder.js";

/** One or more encoded slices. */
export interface ImageEmbedding {
  /** Lowest level kept `[B, C, h, w]`, without any memory */
  readonly features: Tensor;
  /** Encoding of its grid `[1, C, h, w]` */
  readonly position: Tensor;
  /** Projected features of higher resolution; absent if the model uses none */
  readonly highRes: HighResFeatures | undefined;
}

/** A spatial memory and its place in time. */
export interface SpatialMemory {
  /** `[B, memory width, h, w]` */
  readonly features: Tensor;
  /** 0 for a conditioning frame, else the distance in frames, from 1 to `numMaskmem - 1`; it has no sign, so both sides of a slice can be used */
  readonly distance: number;
}

/** What an object looked like on one frame, in one vector. */
export interface ObjectPointer {
  /** `[B, C]` */
  readonly pointer: Tensor;
  /** Frames from there to here, along the direction of reading; negative for frames ahead */
  readonly distance: number;
}

/** Everything one image may look at. Order does not matter. Empty: the image is segmented without memory. */
export interface MemorySet {
  readonly spatial: readonly SpatialMemory[];
  readonly pointers?: readonly ObjectPointer[] | undefined;
  /** The distance that pointer distances are measured by; `maxObjPtrsInEncoder - 1` unless the sequence is shorter. */
  readonly farthestPointer?: number | undefined;
}
