/**
 * One slice at a time through SAM 2, for objects that remember other slices. It owns every handle: embeddings of a few slices, answers,
 * memories.
 *
 *   ask      prompts, and on a slice passed before also memories ──► a fresh answer of one object
 *   adopt    a given mask ──► the same
 *   follow   memories alone ──► answers of many objects, in one batch
 */
import { ConfigError } from "@rfmedsam/base";
import { EmbeddingWindow, HandlePool } from "../handles.js";
import type {
  ConditionedHandle,
  Decoded,
  MemoryHandle,
  ObjectMemories,
  ObjectPrompts,
  RefinerNetwork,
} from "../networks.js";
import type { SliceSource } from "../predictors/volume-slices.js";
import { ObjectTrack, type TimelineKind } from "./object-track.js";
import { usesMultimask } from "./rules.js";
import { reachOf, selectMemories } from "./select-memories.js";
import { type ObjectAnswer, SliceAnswers } from "./slice-answers.js";

export interface SliceTrackerOptions {
  readonly fillHoleArea: number;
  readonly maxEmbeddings: number;
}

export class SliceTracker {
  readonly #network: RefinerNetwork;
  readonly #slices: SliceSource;
  readonly #pool: HandlePool;
  readonly #embeddings: EmbeddingWindow;
  readonly #answers: SliceAnswers;

  constructor(network: RefinerNetwork, slices: SliceSource, { fillHoleArea, maxEmbeddings }: SliceTrackerOptions) {
    this.#network = network;
    this.#slices = slices;
    this.#pool = new HandlePool(network);
    const render = (slice: number, out: Float32Array, offset: number) => out.set(slices.render(slice), offset);
    this.#embeddings = new EmbeddingWindow(network, this.#pool, render, maxEmbeddings, 1);
    this.#answers = new SliceAnswers(network, this.#pool, this.#embeddings, fillHoleArea);
  }

  newTrack(): ObjectTrack {
    return new ObjectTrack(this.#answers);
  }

  /**
   * @param points how many the prompts are, a box being two
   * @throws ConfigError for a correction of an object that has no conditioning slice
   */
  async ask(
    slice: number,
    track: ObjectTrack,
    kind: TimelineKind,
    prompts: Omit<ObjectPrompts, "count">,
    points: number,
  ): Promise<void> {
    const backwards = track.passed.get(slice);
    const initial = backwards === undefined;
    if (!initial && track.conditioning.size === 0) {
      throw new ConfigError({
        found: `a correction on slice ${slice} of an object that is conditioned by no slice`,
        expected: "at least one slice with prompts that a propagation has started from",
        hint: "prompt the object on a slice it was not followed through, and propagate",
      });
    }
    const conditioned = initial ? undefined : await this.#attend(slice, [track], backwards);
    const decoded = await this.#decode(slice, { count: 1, ...prompts }, conditioned, points, initial);
    track.putFresh(slice, kind, this.#answers.take(slice, decoded, { prompted: true })[0]!);
    const { spatial } = reachOf(this.#network.tracking.memory);
    this.#answers.trim(slice - spatial, slice + spatial);
  }

  /** @param mask `[S, S]`, 0 or 1 */
  async adopt(slice: number, track: ObjectTrack, kind: TimelineKind, mask: Float32Array): Promise<void> {
    const decoded = await this.#network.adopt(await this.#embeddings.get(slice, []), mask);
    track.putFresh(slice, kind, this.#answers.take(slice, decoded, { prompted: true })[0]!);
  }

  /** Makes memories of all fresh answers, then lets them count. */
  async settle(tracks: readonly ObjectTrack[]): Promise<void> {
    if (this.#network.tracking.memory.numMaskmem > 0) {
      const fresh = tracks.flatMap((track) => [...track.fresh.tracked.values(), ...track.fresh.conditioning.values()]);
      for (const answer of fresh.sort((a, b) => a.batch.slice - b.batch.slice)) await this.memoryOf(answer);
    }
    for (const track of tracks) track.settle();
  }

  /** Finds objects on a slice by their memories. */
  async follow(slice: number, tracks: readonly ObjectTrack[], reverse: boolean): Promise<void> {
    if (tracks.length === 0) return;
    const conditioned = await this.#attend(slice, tracks, reverse);
    const decoded = await this.#decode(slice, { count: tracks.length }, conditioned, 0, false);
    const found = this.#answers.take(slice, decoded, { prompted: false });
    tracks.forEach((track, object) => {
      track.putTracked(slice, found[object]!);
    });
    if (this.#network.tracking.memory.numMaskmem > 0) await this.memoryOf(found[0]!);
  }

  /** The slices whose memories, and whose pointers or memories, the slice after `slice` can look at. */
  reachAfter(slice: number, reverse: boolean): { readonly spatial: SliceRange; readonly any: SliceRange } {
    const { spatial, pointers } = reachOf(this.#network.tracking.memory);
    const range = (reach: number): SliceRange => (reverse ? [slice, slice + reach - 1] : [slice - reach + 1, slice]);
    return { spatial: range(spatial), any: range(Math.max(spatial, pointers)) };
  }

  memoryOf(answer: ObjectAnswer): Promise<MemoryHandle> {
    return this.#answers.memoryOf(answer);
  }

  /** Frees the memories of tracked slices outside a range. */
  trim([from, to]: SliceRange): void {
    this.#answers.trim(from, to);
  }

  /** Releases every handle. */
  free(): void {
    this.#pool.freeAll();
  }

  async #decode(
    slice: number,
    prompts: ObjectPrompts,
    conditioned: ConditionedHandle | undefined,
    points: number,
    initial: boolean,
  ): Promise<Decoded> {
    try {
      const multimask = usesMultimask(this.#network.tracking.multimask, points, initial);
      const embedding = await this.#embeddings.get(slice, []);
      return await this.#network.decode(embedding, prompts, conditioned, { multimask });
    } finally {
      this.#pool.free(conditioned);
    }
  }

  /** Lets the slice's embedding look at what its objects remember; undefined for a model without memory. */
  async #attend(
    slice: number,
    tracks: readonly ObjectTrack[],
    reverse: boolean,
  ): Promise<ConditionedHandle | undefined> {
    const { memory: rules } = this.#network.tracking;
    if (rules.numMaskmem === 0) return undefined;
    const numFrames = this.#slices.count;
    const references: ObjectMemories[] = [];
    for (const track of tracks) {
      const { spatial, pointers } = selectMemories(track, slice, rules, { numFrames, reverse });
      const seen = [];
      for (const { entry, distance } of spatial) {
        seen.push({ memory: await this.memoryOf(entry), row: entry.row, position: distance });
      }
      references.push({
        spatial: seen,
        pointers: pointers.map(({ entry, distance }) => ({
          of: entry.batch.decoded,
          row: entry.row,
          offset: -distance,
        })),
        farthestPointer: Math.min(numFrames, rules.maxPointers) - 1,
      });
    }
    // After the memories, which may have needed embeddings of their own.
    const embedding = await this.#embeddings.get(slice, []);
    return this.#pool.keep(await this.#network.attend(embedding, references));
  }
}

/** First and last slice; empty when the last comes before the first. */
export type SliceRange = readonly [from: number, to: number];
