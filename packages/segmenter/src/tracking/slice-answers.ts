/**
 * What the network answered while tracking, kept as long as some object needs it.
 *
 *   one call's answer for the objects of a slice ── decoded handle, its memory when one is wanted ── counted by rows
 *     └─ per object: its row, its mask logits, its score
 *
 * A spatial memory is large and can be made again from the decoded handle, so it comes and goes; conditioning slices keep theirs.
 */
import { EngineError } from "@rfmedsam/base";
import type { EmbeddingWindow, HandlePool } from "../handles.js";
import type { Decoded, DecodedHandle, MemoryHandle, RefinerNetwork, RememberOptions } from "../networks.js";
import { fillHoles } from "../predictors/hole-filling.js";

/** One call's answer for one or more objects of a slice. Objects leave it one by one; its handles go with the last. */
interface AnswerBatch {
  readonly slice: number;
  readonly decoded: DecodedHandle;
  memory: MemoryHandle | undefined;
  /** How it is remembered. Answers to a person's prompts are remembered as they are shown, holes filled; tracked ones as decoded. */
  readonly remembered: RememberOptions;
  /** Never lose the memory: it is looked at from any distance. */
  pinned: boolean;
  objects: number;
}

/** What is known of one object on one slice. */
export interface ObjectAnswer {
  readonly batch: Readonly<Pick<AnswerBatch, "slice" | "decoded" | "memory">>;
  /** Which object of the batch. */
  readonly row: number;
  /** `[m, m]` mask logits, small holes filled. */
  readonly logits: Float32Array;
  /** Logit of "the object is on this slice". */
  readonly objectScore: number;
}

export class SliceAnswers {
  /** Batches that have their memory. */
  readonly #remembered = new Set<AnswerBatch>();

  constructor(
    private readonly network: RefinerNetwork,
    private readonly pool: HandlePool,
    private readonly embeddings: EmbeddingWindow,
    private readonly fillHoleArea: number,
  ) {}

  /** Takes over what the decoder gave, its handle included. @returns one answer per object @throws EngineError when it is no number */
  take(slice: number, decoded: Decoded, { prompted }: { readonly prompted: boolean }): ObjectAnswer[] {
    this.pool.keep(decoded.state);
    const { maskSize } = this.network;
    const objects = decoded.objectScores.length;
    // Compared with 0 it would only say that the object is not there.
    const wrong = decoded.objectScores.find((score) => !Number.isFinite(score));
    if (wrong !== undefined) {
      this.pool.free(decoded.state);
      throw new EngineError({ found: `an object score of ${wrong} on slice ${slice}`, expected: "a number" });
    }
    const filled =
      this.fillHoleArea > 0 ? fillHoles(decoded.logits.slice(), maskSize, maskSize, this.fillHoleArea) : decoded.logits;
    const batch: AnswerBatch = {
      slice,
      decoded: decoded.state,
      memory: undefined,
      remembered: {
        separately: true,
        ...(prompted && { fromPoints: true }),
        ...(prompted && filled !== decoded.logits && { logits: filled }),
      },
      pinned: false,
      objects,
    };
    const pixels = maskSize ** 2;
    return Array.from({ length: objects }, (_, row) => ({
      batch,
      row,
      logits: objects === 1 ? filled : filled.slice(row * pixels, (row + 1) * pixels),
      objectScore: decoded.objectScores[row]!,
    }));
  }

  /** One object needs its answer no more. */
  leave(answer: ObjectAnswer | undefined): void {
    if (answer === undefined) return;
    const batch = this.#own(answer);
    if (--batch.objects > 0) return;
    this.pool.free(batch.decoded, batch.memory);
    this.#remembered.delete(batch);
  }

  /** Conditioning slices are pinned: their memory stays until they are unpinned. */
  pin(answer: ObjectAnswer, pinned: boolean): void {
    this.#own(answer).pinned = pinned;
  }

  /** The memory of an answer's batch, made now unless it is there. It may take the slice's embedding, so ask for that afterwards. */
  async memoryOf(answer: ObjectAnswer): Promise<MemoryHandle> {
    const batch = this.#own(answer);
    if (batch.memory === undefined) {
      const embedding = await this.embeddings.get(batch.slice, []);
      batch.memory = this.pool.keep(await this.network.remember(embedding, batch.decoded, batch.remembered));
      this.#remembered.add(batch);
    }
    return batch.memory;
  }

  /** Frees the memories of slices before `from` or after `to`, but for pinned ones. */
  trim(from: number, to: number): void {
    for (const batch of this.#remembered) {
      if (batch.pinned || (batch.slice >= from && batch.slice <= to)) continue;
      this.pool.free(batch.memory);
      batch.memory = undefined;
      this.#remembered.delete(batch);
    }
  }

  #own({ batch }: ObjectAnswer): AnswerBatch {
    return batch as AnswerBatch;
  }
}
