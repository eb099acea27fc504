/**
 * What the networks behind the segmenter's interfaces have in common: they compute without gradients, hold their results in handles
 * where the model is (GPU memory included), and answer prompts with all of the decoder's masks.
 */
import type { MaskCandidates } from "@rfmedsam/segmenter";
import { noGrad, scope, type Tensor } from "@rfmedsam/torch";

/** Runs `body` without gradients; of its tensors only those of the result live on. */
export function infer<T>(body: () => T): T {
  return noGrad(() => scope(body));
}

/** What a handle holds; freed together. */
export abstract class Held {
  constructor(readonly tensors: readonly Tensor[]) {}

  free(): void {
    for (const held of this.tensors) held.free();
  }
}

/** @param handles handles that the same network gave, which only look different to its caller */
export function releaseAll(handles: readonly object[]): void {
  for (const handle of handles) (handle as Held).free();
}

/**
 * One picture of a batch with memory of its own, so that releasing it frees something.
 * @param batch `[B, ...]` @returns `[1, ...]`
 */
export function ownPart(batch: Tensor, index: number): Tensor {
  return batch.shape[0] === 1 ? batch.alias() : batch.narrow(0, index, 1).clone();
}

/** All masks of the decoder, for the caller to choose from. @param masks logits `[B, M, S/4, S/4]` @param ious `[B, M]` */
export function candidatesOf({ masks, ious }: { readonly masks: Tensor; readonly ious: Tensor }): MaskCandidates {
  const [count, candidates] = masks.shape as [number, number];
  return { count, candidates, logits: masks.toFloat32Array(), ious: ious.toFloat32Array() };
}
