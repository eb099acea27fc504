/**
 * Which memories a frame may look at. The bank holds what was remembered of frames that a person (or the prompt generator)
 * conditioned, and of frames that were tracked; the rules choose among them, by time alone. Tensors are only passed through.
 */
import { ConfigError } from "@rfmedsam/base";
import type { Tensor } from "@rfmedsam/torch";
import type { Sam2Config } from "./config.js";

/** What is remembered of one frame, for a batch of objects. */
export interface FrameMemory {
  /** Spatial memory `[B, memory width, h, w]` */
  readonly features: Tensor;
  /** Object pointers `[B, C]` */
  readonly pointer: Tensor;
}

/** Something remembered, and how far away it is in time. */
export interface Remembered<T> {
  readonly entry: T;
  readonly distance: number;
}

export interface Selection<T> {
  /** Spatial memories. Distance 0 marks conditioning frames wherever they are; otherwise the place in the row of tracked frames, 1 the nearest. */
  readonly spatial: readonly Remembered<T>[];
  /** Object pointers; distances in frames, negative ahead of the direction of tracking when signed. */
  readonly pointers: readonly Remembered<T>[];
}

export interface Timeline<T> {
  readonly conditioning: ReadonlyMap<number, T>;
  readonly tracked: ReadonlyMap<number, T>;
}

export interface SelectionRules {
  /** Spatial memories: the conditioning ones and this number, less one, of tracked ones. */
  readonly numMaskmem: number;
  /** -1: no limit. */
  readonly maxConditioning: number;
  /** Tracked memories but the last come from every `stride`-th frame. */
  readonly stride: number;
  readonly maxPointers: number;
  readonly signedPointerDistances: boolean;
  /** Leave out pointers of conditioning frames that tracking has not reached. */
  readonly onlyPastPointers: boolean;
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

/**
 * Up to `limit` of the frames: the nearest before `frame`, the nearest at or after it, then the nearest of what is left.
 * @returns chosen frames in that order, and the others in their own
 */
export function selectNearest(
  frames: readonly number[],
  frame: number,
  limit: number,
): { readonly selected: readonly number[]; readonly rest: readonly number[] } {
  if (limit === -1 || frames.length <= limit) return { selected: frames, rest: [] };
  if (limit < 2) {
    throw new ConfigError({ found: `maxCondFramesInAttn ${limit}`, expected: "at least 2, or -1 for no limit" });
  }
  const before = Math.max(...frames.filter((t) => t < frame));
  const after = Math.min(...frames.filter((t) => t >= frame));
  const ends = [before, after].filter(Number.isFinite);
  const others = frames.filter((t) => !ends.includes(t)).sort((a, b) => Math.abs(a - frame) - Math.abs(b - frame));
  const selected = [...ends, ...others.slice(0, limit - ends.length)];
  return { selected, rest: frames.filter((t) => !selected.includes(t)) };
}

/**
 * The memories that `frame` looks at when frames are tracked in order.
 * @param numFrames frames of the whole sequence @param reverse tracking runs backwards in time
 */
export function selectMemories<T>(
  { conditioning, tracked }: Timeline<T>,
  frame: number,
  rules: SelectionRules,
  { numFrames, reverse = false }: { readonly numFrames: number; readonly reverse?: boolean },
): Selection<T> {
  const { selected, rest } = selectNearest([...conditioning.keys()], frame, rules.maxConditioning);
  const unselected = new Set(rest);
  // a conditioning frame beyond the limit still counts when it lies where a tracked one is looked for
  const at = (t: number) => tracked.get(t) ?? (unselected.has(t) ? conditioning.get(t) : undefined);
  const forward = reverse ? -1 : 1;

  const spatial: Remembered<T>[] = selected.map((t) => ({ entry: conditioning.get(t)!, distance: 0 }));
  for (let distance = rules.numMaskmem - 1; distance >= 1; distance--) {
    const entry = at(trackedFrame(frame, distance, rules.stride, reverse));
    if (entry !== undefined) spatial.push({ entry, distance });
  }

  const pointers: Remembered<T>[] = [];
  const maxPointers = Math.min(numFrames, rules.maxPointers);
  if (rules.maxPointers > 0) {
    for (const t of selected) {
      const distance = reverse ? t - frame : frame - t;
      if (rules.onlyPastPointers && distance < 0) continue;
      pointers.push({
        entry: conditioning.get(t)!,
        distance: rules.signedPointerDistances ? distance : Math.abs(distance),
      });
    }
  }
  for (let distance = 1; distance < maxPointers; distance++) {
    const t = frame - distance * forward;
    if (t < 0 || t >= numFrames) break;
    const entry = at(t);
    if (entry !== undefined) pointers.push({ entry, distance });
  }
  return { spatial, pointers };
}

/** The frame whose memory takes place `distance`: the last one, then every `stride`-th on a grid fixed to frame 0. */
function trackedFrame(frame: number, distance: number, stride: number, reverse: boolean): number {
  if (distance === 1) return reverse ? frame + 1 : frame - 1;
  return reverse
    ? Math.ceil((frame + 2) / stride) * stride + (distance - 2) * stride
    : Math.floor((frame - 2) / stride) * stride - (distance - 2) * stride;
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
    const reach = Math.max(rules.maxPointers, rules.stride * rules.numMaskmem + 1);
    for (const t of [...this.tracked.keys()]) {
      if ((frame - t) * (reverse ? -1 : 1) > reach) this.forget(t);
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
