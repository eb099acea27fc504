/**
 * Interactive segmentation of a volume, slice by slice, with SAM 2: prompts on any slices, masks on all of them.
 *
 *   addPoints, addMask:  prompts ─► decoder ─► fresh answer, shown at once
 *                          └ on a slice that was passed before: a correction, which also looks at memories and at the earlier mask
 *   propagate:           fresh answers ─► memories;  then slice after slice, both ways as wanted:
 *                        memories of the objects ─► attention ─► decoder ─► masks ─► memories
 *
 * Objects are independent of each other; those tracked on the same slice go through the network together. The slice an answer belongs to
 * is embedded when it is needed, and only a few embeddings are kept.
 *
 * Source: SAM 2, `SAM2VideoPredictor`.
 */
import { type CancelSignal, ConfigError, EngineError, type Progress, silent } from "@rfmedsam/base";
import { breathe } from "../breathe.js";
import type { MemoryHandle, RefinerNetwork } from "../networks.js";
import { clampLogits } from "../prompts.js";
import type { ObjectTrack, TimelineKind } from "../tracking/object-track.js";
import type { Timeline } from "../tracking/select-memories.js";
import type { ObjectAnswer } from "../tracking/slice-answers.js";
import { type SliceRange, SliceTracker } from "../tracking/slice-tracker.js";
import { checkArea } from "./hole-filling.js";
import { keepHighest, masksOnSlice } from "./slice-masks.js";
import { countPoints, maskAsPrompt, maskToInput, pointPrompts, type SlicePointPrompts } from "./volume-prompts.js";
import { checkSlice, type SliceSource } from "./volume-slices.js";

export interface VolumePredictorOptions {
  /** Holes of at most so many pixels of the low-resolution masks are filled; 8 by default, as the official models are set up, 0 fills none. */
  readonly fillHoleArea?: number | undefined;
  /** Where the objects' masks overlap, only the one with the highest logit keeps its own, in what is handed out. Off by default. */
  readonly nonOverlapping?: boolean | undefined;
  /** Corrections of passed slices condition all others, as first prompts do. Off by default: the next propagation passes them anew. */
  readonly correctionsAsConditioning?: boolean | undefined;
  /**
   * `full` (the default): masks and pointers of all slices are kept, so any slice can be corrected.
   * `reachable`: of the slices a propagation has passed only those are kept that its next ones look at, or one in the other direction
   * from the same start, so memory does not grow with the volume; what is dropped counts as never passed. For propagations nobody corrects.
   */
  readonly history?: "full" | "reachable" | undefined;
  /** How many slices' embeddings may be kept (4 by default). */
  readonly maxEmbeddings?: number | undefined;
}

export interface PropagateOptions {
  /** The first slice; by default the first one that conditions. */
  readonly start?: number | undefined;
  /** Towards slice 0. */
  readonly reverse?: boolean | undefined;
  /** How far to go from `start`, in slices; to the end by default. */
  readonly maxSlices?: number | undefined;
  readonly signal?: CancelSignal | undefined;
  readonly progress?: Progress | undefined;
}

/** The masks of all objects on one slice. */
export interface SliceAnswer {
  readonly slice: number;
  readonly objectIds: readonly number[];
  /** `[objects, height, width]` mask logits, above 0 for the object; −1024 where nothing is known of an object on the slice. */
  readonly logits: Float32Array;
}

/** Earlier masks are prompts within ± this. */
const promptLimit = 32;

/** Dispose it when done: it holds handles of the network, which itself stays with whoever made it. */
export class VolumePredictor {
  readonly #network: RefinerNetwork;
  readonly #slices: SliceSource;
  readonly #options: Required<Pick<VolumePredictorOptions, "nonOverlapping" | "correctionsAsConditioning" | "history">>;
  readonly #tracker: SliceTracker;
  readonly #tracks = new Map<number, ObjectTrack>();
  /** The last call; each waits for the one before. */
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #disposed = false;

  /** @throws ConfigError for an option that makes no sense */
  constructor(network: RefinerNetwork, slices: SliceSource, options: VolumePredictorOptions = {}) {
    const {
      fillHoleArea = 8,
      nonOverlapping = false,
      correctionsAsConditioning = false,
      history = "full",
      maxEmbeddings = 4,
    } = options;
    checkArea("hole", fillHoleArea);
    if (history !== "full" && history !== "reachable") {
      throw new ConfigError({ found: `history ${history}`, expected: "full or reachable" });
    }
    checkCount("maxEmbeddings", maxEmbeddings, 1);
    this.#network = network;
    this.#slices = slices;
    this.#options = { nonOverlapping, correctionsAsConditioning, history };
    this.#tracker = new SliceTracker(network, slices, { fillHoleArea, maxEmbeddings });
  }

  /** In the order they were added, which is the order of all masks. */
  get objectIds(): readonly number[] {
    return [...this.#tracks.keys()];
  }

  /**
   * What is kept of an object: its answers by slice, conditioning and tracked ones. Their handles stay the predictor's.
   *
   * @throws ConfigError for an object that was never added
   */
  timeline(objectId: number): Timeline<ObjectAnswer> {
    return this.#known(objectId);
  }

  /** The spatial memory of an object's answer (its `row` of it), made again if it was let go. The handle stays the predictor's. */
  memoryOf(answer: ObjectAnswer): Promise<MemoryHandle> {
    return this.#inTurn(() => this.#tracker.memoryOf(answer));
  }

  /**
   * Asks for an object on a slice by clicks, a box or both. On a slice that a propagation has passed it corrects what was found.
   *
   * @param objectId any whole number; a new one is a new object
   * @returns the slice's masks, of all objects
   * @throws GeometryError for a slice that is none; ConfigError for prompts that make no sense or lie outside the slice, and for a box in
   *   addition to other prompts
   */
  addPoints(slice: number, objectId: number, prompts: SlicePointPrompts): Promise<SliceAnswer> {
    return this.#inTurn(async () => {
      checkSlice(slice, this.#slices.count);
      const track = this.#trackFor(objectId);
      const points = pointPrompts(prompts, this.#slices, this.#network.imageSize, track.points.get(slice));
      const kind = this.#kindOf(slice, track);
      const previous = track.at(slice, kind);
      const asked = { ...points, ...(previous && { masks: clampLogits(previous.logits, promptLimit) }) };
      await this.#tracker.ask(slice, track, kind, asked, countPoints(points));
      track.points.set(slice, points);
      track.masks.delete(slice);
      this.#tracks.set(objectId, track);
      return this.#shown(slice, kind);
    });
  }

  /**
   * Says what an object is on a slice.
   *
   * @param mask `[height, width]` of the slice, 0 or 1
   * @returns the slice's masks, of all objects
   * @throws GeometryError for a slice that is none and a mask of another size, ConfigError for other values
   */
  addMask(slice: number, objectId: number, mask: ArrayLike<number>): Promise<SliceAnswer> {
    return this.#inTurn(async () => {
      const { imageSize, maskSize, tracking } = this.#network;
      checkSlice(slice, this.#slices.count);
      const track = this.#trackFor(objectId);
      const given = maskToInput(mask, this.#slices, imageSize);
      const kind = this.#kindOf(slice, track);
      if (tracking.maskAsOutput) {
        await this.#tracker.adopt(slice, track, kind, given);
      } else {
        await this.#tracker.ask(slice, track, kind, { masks: maskAsPrompt(given, imageSize, maskSize) }, 0);
      }
      track.masks.add(slice);
      track.points.delete(slice);
      this.#tracks.set(objectId, track);
      return this.#shown(slice, kind);
    });
  }

  /**
   * Takes an object's prompts on a slice back. What they gave stays until the next propagation passes the slice, but conditions no more.
   *
   * @returns the slice's masks, of all objects
   * @throws GeometryError for a slice that is none, ConfigError for an object that was never added
   */
  clearPrompts(slice: number, objectId: number): Promise<SliceAnswer> {
    return this.#inTurn(async () => {
      checkSlice(slice, this.#slices.count);
      this.#known(objectId).clearPrompts(slice);
      return this.#shown(slice, this.#freshKindOn(slice));
    });
  }

  /**
   * Forgets an object.
   *
   * @returns the masks of the objects that remain, on the slices where it had prompts
   * @throws ConfigError for an object that was never added
   */
  removeObject(objectId: number): Promise<readonly SliceAnswer[]> {
    return this.#inTurn(async () => {
      const track = this.#known(objectId);
      const { asked } = track;
      track.forgetAll();
      this.#tracks.delete(objectId);
      return this.#tracks.size === 0 ? [] : asked.map((slice) => this.#shown(slice, this.#freshKindOn(slice)));
    });
  }

  /** Forgets all objects. */
  reset(): Promise<void> {
    return this.#inTurn(async () => this.#forgetObjects());
  }

  /**
   * Follows all objects from slice to slice, `start` included. Whoever stops reading keeps what was found so far; prompts may be added
   * between two slices and count from the next propagation on. Backwards from slice 0 there is nothing to do.
   *
   * @throws ConfigError without objects, for an object without any conditioning slice, and for a `maxSlices` that is none; GeometryError
   *   for a start that is no slice; InterruptedError when stopped by the signal
   */
  async *propagate(options: PropagateOptions = {}): AsyncGenerator<SliceAnswer, void> {
    const { reverse = false, signal, progress = silent } = options;
    const order = await this.#inTurn(async () => {
      const slices = this.#order(options);
      await this.#tracker.settle([...this.#tracks.values()]);
      return slices;
    });
    const [first = 0] = order;
    // Back at the start, a propagation in the other direction looks at what lies on this side of it.
    const { any: behind } = this.#tracker.reachAfter(first + (reverse ? -1 : 1), !reverse);
    try {
      for (const [n, slice] of order.entries()) {
        await breathe(signal);
        const answer = await this.#inTurn(() => this.#pass(slice, reverse, behind));
        progress({ stage: "following the objects through the slices", done: n + 1, total: order.length });
        yield answer;
      }
    } finally {
      if (this.#options.history === "reachable" && !this.#disposed) {
        await this.#inTurn(async () => this.#forgetTracked(behind));
      }
    }
  }

  /** Releases everything; a call that is under way ends first. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    if (this.#waiting === 0) this.#tracker.free();
  }

  /** One call after the other, whoever makes them: each finds the objects as the one before left them. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting++;
    const mine = this.#turn.then(async () => {
      try {
        if (this.#disposed) throw new EngineError({ found: "a predictor that was disposed", expected: "one in use" });
        return await work();
      } finally {
        if (--this.#waiting === 0 && this.#disposed) this.#tracker.free();
      }
    });
    this.#turn = mine.catch(() => {});
    return mine;
  }

  #known(objectId: number): ObjectTrack {
    const track = this.#tracks.get(objectId);
    if (track !== undefined) return track;
    throw new ConfigError({
      found: `object ${objectId}`,
      expected: this.#tracks.size === 0 ? "an object; none was added" : `one of ${this.objectIds.join(", ")}`,
    });
  }

  /** An object's track; a new one becomes known when its first prompt was answered. */
  #trackFor(objectId: number): ObjectTrack {
    if (!Number.isSafeInteger(objectId)) {
      throw new ConfigError({ found: `object ${objectId}`, expected: "a whole number" });
    }
    return this.#tracks.get(objectId) ?? this.#tracker.newTrack();
  }

  /** A slice conditions the others when it is asked about before any propagation has passed it, or if corrections do as well. */
  #kindOf(slice: number, track: ObjectTrack): TimelineKind {
    return !track.passed.has(slice) || this.#options.correctionsAsConditioning ? "conditioning" : "tracked";
  }

  /** Which fresh answers a slice shows when no prompt says so. */
  #freshKindOn(slice: number): TimelineKind {
    const conditions = [...this.#tracks.values()].some(({ fresh }) => fresh.conditioning.has(slice));
    return conditions ? "conditioning" : "tracked";
  }

  /** The slices of a propagation, in order. */
  #order({ start, reverse = false, maxSlices }: PropagateOptions): number[] {
    const { count } = this.#slices;
    if (this.#tracks.size === 0) {
      throw new ConfigError({ found: "nothing to propagate", expected: "at least one object with prompts" });
    }
    for (const [objectId, { conditioning, fresh }] of this.#tracks) {
      if (conditioning.size + fresh.conditioning.size > 0) continue;
      throw new ConfigError({
        found: `object ${objectId} without prompts that could be propagated`,
        expected: "prompts on at least one slice that no propagation has passed",
        hint: "prompt it, or remove the object",
      });
    }
    if (start !== undefined) checkSlice(start, count);
    if (maxSlices !== undefined) checkCount("maxSlices", maxSlices, 0);
    const conditioning = [...this.#tracks.values()].flatMap((track) => [
      ...track.conditioning.keys(),
      ...track.fresh.conditioning.keys(),
    ]);
    const first = start ?? conditioning.reduce((least, slice) => Math.min(least, slice));
    if (reverse && first === 0) return [];
    const most = reverse ? first : count - 1 - first;
    const length = Math.min(maxSlices ?? most, most) + 1;
    return Array.from({ length }, (_, n) => (reverse ? first - n : first + n));
  }

  /** One slice of a propagation: finds all objects it does not condition. */
  async #pass(slice: number, reverse: boolean, behind: SliceRange): Promise<SliceAnswer> {
    // An object that was added since the propagation began waits for the next one.
    const settled = [...this.#tracks.values()].filter(({ conditioning }) => conditioning.size > 0);
    const wanted = settled.filter(({ conditioning }) => !conditioning.has(slice));
    await this.#tracker.follow(slice, wanted, reverse);
    for (const { passed } of settled) passed.set(slice, reverse);
    const answer = this.#enlarged(slice, (track) => track.conditioning.get(slice) ?? track.tracked.get(slice));
    const reach = this.#tracker.reachAfter(slice, reverse);
    this.#tracker.trim(reach.spatial);
    if (this.#options.history === "reachable") this.#forgetTracked(reach.any, behind);
    return answer;
  }

  #shown(slice: number, kind: TimelineKind): SliceAnswer {
    return this.#enlarged(slice, (track) => track.at(slice, kind));
  }

  #enlarged(slice: number, answerOf: (track: ObjectTrack) => ObjectAnswer | undefined): SliceAnswer {
    const masks = [...this.#tracks.values()].map((track) => answerOf(track)?.logits);
    const logits = masksOnSlice(masks, this.#network.maskSize, this.#slices);
    if (this.#options.nonOverlapping) keepHighest(logits, masks.length);
    return { slice, objectIds: this.objectIds, logits };
  }

  #forgetTracked(...kept: readonly SliceRange[]): void {
    for (const track of this.#tracks.values()) track.forgetTracked(kept);
  }

  #forgetObjects(): void {
    for (const track of this.#tracks.values()) track.forgetAll();
    this.#tracks.clear();
  }
}

function checkCount(name: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new ConfigError({ found: `${name} ${value}`, expected: `a whole number of at least ${least}` });
}
