/**
 * What is remembered of a sequence: memories of frames that a person (or the prompt generator) conditioned, and of frames that were
 * tracked. Which of them a frame may look at is chosen by the segmenter's rules (`selectMemories`).
 */
import { reachOf, type SelectionRules, type Timeline } from "@rfmedsam/segmenter";
import type { Tensor } from "@rfmedsam/torch";
import type { Sam2Config } from "./config.js";

/** What is remembered of one frame, for a batch of objects. */
export interface FrameMemory {
  /** Spatial memory `[B, memory width, h, w]` */
  readonly features: Tensor;
  /** Object pointers `[B, C]` */
  readonly pointer: Tensor;
}

/** The rules a configuration implies; strides and the past-only rule are for prediction, not for training. */
export function selectionRules(config: Sam2Config, training: boolean): SelectionRules {
  return {
    numMaskmem: config.numMaskmem,
    maxConditioning: config.maxCondFramesInAttn,
    stride: training ? 1 : config.memoryTemporalStrideForEval,
    maxPointers: config.useObjPtrsInEncoder ? config.maxObjPtrsInEncoder : 0,
    signedPointerDistances: config.useSignedTposEncToObjPtrs,
    onlyPastPointers: config.onlyObjPtrsInThePastForEval && !training,
  };
}

/** Memories of one sequence. It owns its tensors: they leave their scope when remembered and are freed when forgotten. */
export class MemoryBank implements Timeline<FrameMemory>, Disposable {
  readonly conditioning = new Map<number, FrameMemory>();
  readonly tracked = new Map<number, FrameMemory>();

  /** Stores what a frame leaves behind; an earlier memory of it, of either kind, is forgotten. */
  remember(frame: number, memory: FrameMemory, { conditioning }: { readonly conditioning: boolean }): void {
    const kept = { features: memory.features.keep(), pointer: memory.pointer.keep() };
    for (const old of this.#at(frame)) free(old, kept);
    this.conditioning.delete(frame);
    this.tracked.delete(frame);
    (conditioning ? this.conditioning : this.tracked).set(frame, kept);
  }

  forget(frame: number): void {
    for (const memory of this.#at(frame)) free(memory);
    this.conditioning.delete(frame);
    this.tracked.delete(frame);
  }

  /**
   * Forgets tracked frames that no later frame can look at, so that a long sequence needs no more memory than a short one.
   * @param frame the next frame to be tracked
   */
  forgetUnreachable(
    frame: number,
    rules: SelectionRules,
    { reverse = false }: { readonly reverse?: boolean } = {},
  ): void {
    const { spatial, pointers } = reachOf(rules);
    for (const t of [...this.tracked.keys()]) {
      if ((frame - t) * (reverse ? -1 : 1) > Math.max(spatial, pointers)) this.forget(t);
    }
  }

  /** Forgets everything. */
  clear(): void {
    for (const frame of [...this.conditioning.keys(), ...this.tracked.keys()]) this.forget(frame);
  }

  [Symbol.dispose](): void {
    this.clear();
  }

  #at(frame: number): FrameMemory[] {
    return [this.conditioning.get(frame), this.tracked.get(frame)].filter((memory) => memory !== undefined);
  }
}

/** Frees a memory's tensors, except those that also belong to `unless`. */
function free(memory: FrameMemory, unless?: FrameMemory): void {
  if (memory.features !== unless?.features) memory.features.free();
  if (memory.pointer !== unless?.pointer) memory.pointer.free();
}
