/**
 * Which memories an object attends to in stage 2: its most confident slices, at the conditioning position, and the nearest slices
 * on both sides. A pure choice over slice numbers; the engine never sees it.
 */
import type { PixelBox } from "./slices.js";

export interface MemoryOptions {
  /** How many of the most confident slices are at position 0. */
  readonly confident: number;
  /** How many of the nearest slices, both sides together; at most those within `memorySlots − 1` slices. */
  readonly neighbours: number;
}

/** A slice whose memory can be attended to. */
export interface MemoryCandidate {
  readonly slice: number;
  /** Predicted IoU × probability that the object is there. */
  readonly confidence: number;
}

/** One chosen slice, in the terms of `SpatialReference` and `PointerReference`. */
export interface ChosenMemory {
  readonly slice: number;
  readonly position: number;
  readonly offset: number;
}

/**
 * Chooses the memories of one object on one slice. The slice itself is no memory of its own, unless there is no other.
 *
 * @param candidates all slices that have the object
 * @param memorySlots temporal positions of the network
 * @returns confident ones first, then neighbours by distance (of equally near ones the lower first); never empty if `candidates`
 *   is not
 */
export function chooseMemories(
  candidates: readonly MemoryCandidate[],
  slice: number,
  memorySlots: number,
  { confident, neighbours }: MemoryOptions,
): ChosenMemory[] {
  const others = candidates.filter((candidate) => candidate.slice !== slice);
  const distance = (candidate: MemoryCandidate) => Math.abs(candidate.slice - slice);
  const ranked = [...(others.length > 0 ? others : candidates)].sort(
    (a, b) => b.confidence - a.confidence || distance(a) - distance(b) || a.slice - b.slice,
  );
  const conditioning = ranked.slice(0, others.length > 0 ? confident : 1);
  const near = others
    .filter((candidate) => distance(candidate) < memorySlots && !conditioning.includes(candidate))
    .sort((a, b) => distance(a) - distance(b) || a.slice - b.slice)
    .slice(0, neighbours);
  const chosen = [
    ...conditioning.map((candidate) => ({ candidate, position: 0 })),
    ...near.map((candidate) => ({ candidate, position: distance(candidate) })),
  ];
  // Without conditioning slices (confident: 0) an object far from its others would have nothing to look at.
  const used = chosen.length > 0 ? chosen : ranked.slice(0, 1).map((candidate) => ({ candidate, position: 0 }));
  return used.map(({ candidate, position }) => ({
    slice: candidate.slice,
    position,
    offset: candidate.slice - slice,
  }));
}

/**
 * Which of a class's components on another slice is this one: the one whose box overlaps most (intersection over union), of those that
 * do not touch the nearest by centre; of equals the first.
 *
 * @param boxes at least one
 */
export function sameComponent(box: PixelBox, boxes: readonly PixelBox[]): number {
  let best = 0;
  let bestScore = Number.NEGATIVE_INFINITY;
  boxes.forEach((other, n) => {
    const overlap = boxOverlap(box, other);
    const score = overlap > 0 ? overlap : -centreDistance(box, other);
    if (score > bestScore) [best, bestScore] = [n, score];
  });
  return best;
}

function boxOverlap(a: PixelBox, b: PixelBox): number {
  const area = ([x0, y0, x1, y1]: PixelBox) => Math.max(0, x1 - x0 + 1) * Math.max(0, y1 - y0 + 1);
  const shared = area([Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])]);
  return shared / (area(a) + area(b) - shared);
}

function centreDistance(a: PixelBox, b: PixelBox): number {
  return Math.hypot(a[0] + a[2] - b[0] - b[2], a[1] + a[3] - b[1] - b[3]) / 2;
}

/** Makes the lists of all objects of a slice equally long: short ones repeat their first (most confident) memory. */
export function equallyLong<T>(lists: readonly (readonly T[])[]): T[][] {
  const longest = Math.max(0, ...lists.map((list) => list.length));
  return lists.map((list) => {
    const [first] = list;
    return first === undefined ? [] : [...list, ...new Array<T>(longest - list.length).fill(first)];
  });
}

/** How much a stage-1 answer is trusted: predicted IoU × probability that the object is on the slice. */
export function confidenceOf(iou: number, objectScore: number): number {
  return iou / (1 + Math.exp(-objectScore));
}
