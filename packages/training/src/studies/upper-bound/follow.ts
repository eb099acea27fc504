/** One object of a case, prompted from the truth on chosen slices and followed through the volume. */
import { type CancelSignal, throwIfCancelled } from "@rfmedsam/base";
import { type SliceAnswer, VolumePredictor } from "@rfmedsam/segmenter";
import type { KeptEmbeddings } from "./kept-embeddings.js";
import { maskOf, type TruePrompt, truePrompts } from "./prompts.js";
import {
  type DirectionName,
  directions,
  isFollowed,
  notFollowed,
  type StrategyName,
  strategyNamed,
} from "./strategies.js";

/** A row of the table. */
export interface Way {
  readonly prompt: TruePrompt;
  readonly strategy: StrategyName;
  readonly direction: DirectionName | typeof notFollowed;
}

/** The rows of a kind of prompt: every strategy in every direction, but for what is not followed at all. */
export function waysOfPrompt(
  prompt: TruePrompt,
  strategies: readonly StrategyName[],
  followed: readonly DirectionName[],
): Way[] {
  return strategies.flatMap((strategy) =>
    (isFollowed(strategy) ? followed : ([notFollowed] as const)).map((direction) => ({ prompt, strategy, direction })),
  );
}

export const armOf = ({ prompt, strategy, direction }: Way): string => `${prompt}/${strategy}/${direction}`;

/** The number that objects have in predictors: each is followed alone, so that its passes begin at its own slices. */
const object = 1;

export class ObjectOfCase {
  readonly #ious = new Map<string, number>();

  /** @param truth its true mask on every slice that shows it, `[S, S]` */
  constructor(
    private readonly embeddings: KeptEmbeddings,
    private readonly truth: ReadonlyMap<number, Uint8Array>,
    private readonly signal: CancelSignal | undefined,
  ) {}

  /** Without slices that show the object there is nothing to take. */
  async follow({ prompt, strategy, direction }: Way, take: (answer: SliceAnswer) => void): Promise<void> {
    if (this.truth.size === 0) return;
    const { network, slices } = this.embeddings;
    const met = [...this.truth.keys()].sort((a, b) => (direction === "backward" ? b - a : a - b));
    const chosen = await strategyNamed(strategy)(met, {
      area: (slice) => this.truth.get(slice)!.reduce((sum, pixel) => sum + pixel, 0),
      iou: (slice) => this.#promptedIou(prompt, slice),
    });
    using predictor = new VolumePredictor(network, slices, { history: "reachable" });
    if (direction === notFollowed) {
      for (const slice of chosen) take(await this.#ask(predictor, prompt, slice));
      return;
    }
    for (const slice of chosen) await this.#ask(predictor, prompt, slice);
    const ends = { first: Math.min(...chosen), last: Math.max(...chosen) };
    for (const { reverse, from } of directions[direction]) {
      const start = ends[from];
      // Backwards from slice 0 a predictor has nothing to do; its own answer there still counts.
      const pass = reverse && start === 0 ? { start: 0, maxSlices: 0 } : { start, reverse };
      const { signal } = this;
      for await (const answer of predictor.propagate({ ...pass, ...(signal && { signal }) })) take(answer);
    }
  }

  /** Of the slice alone, with nothing remembered; known once it was asked. */
  async #promptedIou(prompt: TruePrompt, slice: number): Promise<number> {
    const key = `${prompt}/${slice}`;
    const known = this.#ious.get(key);
    if (known !== undefined) return known;
    using predictor = new VolumePredictor(this.embeddings.network, this.embeddings.slices);
    const made = iou(maskOf(await this.#ask(predictor, prompt, slice), object), this.truth.get(slice)!);
    this.#ious.set(key, made);
    return made;
  }

  async #ask(predictor: VolumePredictor, prompt: TruePrompt, slice: number): Promise<SliceAnswer> {
    throwIfCancelled(this.signal);
    const size = this.embeddings.slices;
    return truePrompts[prompt].ask({ predictor, slice, object, truth: this.truth.get(slice)!, size });
  }
}

/** 1 for two empty masks. */
export function iou(a: Uint8Array, b: Uint8Array): number {
  let [both, either] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    both += a[i]! & b[i]!;
    either += a[i]! | b[i]!;
  }
  return either === 0 ? 1 : both / either;
}
