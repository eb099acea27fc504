/**
 * Which memories a frame may look at when SAM 2 tracks along a sequence: the frames that were conditioned (by a person or a prompt
 * generator) and some of those that were tracked, chosen by time alone. Entries are only passed through, so that one set of rules serves
 * tensors and handles.
 *
 * Source: SAM 2, `_prepare_memory_conditioned_features`.
 */
import { ConfigError } from "@rfmedsam/base";

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

/** How many frames behind the one being tracked something tracked can still be looked at. */
export interface Reach {
  readonly spatial: number;
  readonly pointers: number;
}

export function reachOf({ numMaskmem, stride, maxPointers }: SelectionRules): Reach {
  return {
    // the grid of strided frames lies at most `stride` frames before the last but one
    spatial: numMaskmem < 2 ? 0 : 1 + stride * (numMaskmem - 2),
    pointers: Math.max(0, maxPointers - 1),
  };
}
