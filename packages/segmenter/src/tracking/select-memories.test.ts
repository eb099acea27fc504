import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { reachOf, type SelectionRules, selectMemories, selectNearest } from "./select-memories.js";

const numFrames = 30;
const frames = fc.uniqueArray(fc.integer({ min: 0, max: numFrames - 1 }), { maxLength: 20 });
const rules: fc.Arbitrary<SelectionRules> = fc.record({
  numMaskmem: fc.integer({ min: 1, max: 8 }),
  maxConditioning: fc.constantFrom(-1, 2, 3, 5),
  stride: fc.integer({ min: 1, max: 4 }),
  maxPointers: fc.integer({ min: 0, max: 16 }),
  signedPointerDistances: fc.boolean(),
  onlyPastPointers: fc.boolean(),
});

/** Entries are their own frame numbers. */
function timeline(conditioning: readonly number[], tracked: readonly number[]) {
  const entries = (list: readonly number[]) => new Map(list.map((frame) => [frame, frame]));
  return { conditioning: entries(conditioning), tracked: entries(tracked.filter((t) => !conditioning.includes(t))) };
}

describe("choosing memories", () => {
  test.prop([frames, frames, fc.integer({ min: 0, max: numFrames - 1 }), rules])(
    "stays within its limits and, but for conditioning, in the past",
    (conditioning, tracked, frame, given) => {
      const { spatial, pointers } = selectMemories(timeline(conditioning, tracked), frame, given, { numFrames });
      const atZero = spatial.filter(({ distance }) => distance === 0);
      const others = spatial.filter(({ distance }) => distance > 0);
      expect(atZero.length).toBe(
        given.maxConditioning === -1 ? conditioning.length : Math.min(conditioning.length, given.maxConditioning),
      );
      expect(others.every(({ entry, distance }) => entry < frame && distance < given.numMaskmem)).toBe(true);
      expect(new Set(others.map(({ distance }) => distance)).size).toBe(others.length);
      expect(pointers.length).toBeLessThanOrEqual(given.maxPointers === 0 ? 0 : atZero.length + given.maxPointers - 1);
      if (given.onlyPastPointers) expect(pointers.every(({ entry }) => entry <= frame)).toBe(true);
    },
  );

  test.prop([frames, frames, fc.integer({ min: 0, max: numFrames - 1 }), rules])(
    "backwards in time is forwards in a mirror",
    (conditioning, tracked, frame, given) => {
      // with a stride the grid is fixed to frame 0, and a limit breaks ties towards earlier frames
      const symmetric = { ...given, stride: 1, maxConditioning: -1 };
      const mirror = (t: number) => numFrames - 1 - t;
      const backward = selectMemories(timeline(conditioning, tracked), frame, symmetric, { numFrames, reverse: true });
      const mirrored = timeline(conditioning.map(mirror), tracked.map(mirror));
      const forward = selectMemories(mirrored, mirror(frame), symmetric, { numFrames });
      const back = ({ entry, distance }: { entry: number; distance: number }) => ({ entry: mirror(entry), distance });
      expect(backward).toEqual({ spatial: forward.spatial.map(back), pointers: forward.pointers.map(back) });
    },
  );

  test.prop([frames, fc.integer({ min: 0, max: numFrames - 1 }), fc.integer({ min: 2, max: 25 })])(
    "the nearest frames on both sides come first and nothing is lost",
    (given, frame, limit) => {
      const { selected, rest } = selectNearest(given, frame, limit);
      expect([...selected, ...rest].sort((a, b) => a - b)).toEqual(given.toSorted((a, b) => a - b));
      expect(selected.length).toBe(Math.min(limit, given.length));
      const before = Math.max(...given.filter((t) => t < frame));
      const after = Math.min(...given.filter((t) => t >= frame));
      for (const end of [before, after].filter(Number.isFinite)) expect(selected).toContain(end);
    },
  );

  test.prop([fc.integer({ min: 0, max: numFrames - 1 }), rules, fc.boolean()])(
    "nothing tracked is looked at beyond the reach",
    (frame, given, reverse) => {
      const everywhere = Array.from({ length: numFrames }, (_, t) => t).filter((t) =>
        reverse ? t > frame : t < frame,
      );
      const { spatial, pointers } = selectMemories(timeline([], everywhere), frame, given, { numFrames, reverse });
      const reach = reachOf(given);
      const farthest = (chosen: typeof spatial) => Math.max(0, ...chosen.map(({ entry }) => Math.abs(entry - frame)));
      expect(farthest(spatial)).toBeLessThanOrEqual(reach.spatial);
      expect(farthest(pointers)).toBeLessThanOrEqual(reach.pointers);
    },
  );

  test.prop([rules, fc.boolean()])("the reach is no longer than what some frame looks at", (given, reverse) => {
    const numFrames = 200;
    const frames = Array.from({ length: numFrames }, (_, t) => t);
    const seen = frames.slice(80, 120).map((frame) => {
      const tracked = frames.filter((t) => (reverse ? t > frame : t < frame));
      const { spatial, pointers } = selectMemories(timeline([], tracked), frame, given, { numFrames, reverse });
      const farthest = (chosen: typeof spatial) => Math.max(0, ...chosen.map(({ entry }) => Math.abs(entry - frame)));
      return { spatial: farthest(spatial), pointers: farthest(pointers) };
    });
    expect({
      spatial: Math.max(...seen.map(({ spatial }) => spatial)),
      pointers: Math.max(...seen.map(({ pointers }) => pointers)),
    }).toEqual(reachOf(given));
  });
});
