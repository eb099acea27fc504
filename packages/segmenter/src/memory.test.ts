import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { chooseMemories, confidenceOf, equallyLong } from "./memory.js";

const all = { confident: 1, neighbours: 6 };
const flat = (slices: readonly number[], best?: number) =>
  slices.map((slice) => ({ slice, confidence: slice === best ? 0.9 : 0.5 }));
const chosen = (slices: readonly number[], best: number, slice: number, options = all, slots = 7) =>
  chooseMemories(flat(slices, best), slice, slots, options).map(({ slice: at, position }) => [at, position]);

describe("chooseMemories", () => {
  test("takes the most confident slice first, then the nearest on both sides", () => {
    expect(chosen([1, 2, 3, 4, 5, 6, 7, 8, 9, 30], 30, 5)).toEqual([
      [30, 0],
      [4, 1],
      [6, 1],
      [3, 2],
      [7, 2],
      [2, 3],
      [8, 3],
    ]);
  });

  test("takes no slice twice, and never the slice itself", () => {
    expect(chosen([4, 5, 6], 6, 5)).toEqual([
      [6, 0],
      [4, 1],
    ]);
    expect(chosen([4, 5, 6], 5, 5)).toEqual([
      [4, 0],
      [6, 1],
    ]);
  });

  test("looks no further than the memory's positions", () => {
    expect(chosen([0, 3, 10, 20], 20, 10, all, 7)).toEqual([[20, 0]]);
    expect(chosen([0, 4, 10, 20], 20, 10, all, 7)).toEqual([
      [20, 0],
      [4, 6],
    ]);
  });

  test("an object of one slice has only itself", () => {
    expect(chosen([5], 5, 5)).toEqual([[5, 0]]);
    expect(chosen([5], 5, 5, { confident: 0, neighbours: 0 })).toEqual([[5, 0]]);
  });

  test.prop([
    fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 20 }),
    fc.nat(),
    fc.integer({ min: 1, max: 8 }),
    fc.record({ confident: fc.integer({ min: 0, max: 3 }), neighbours: fc.integer({ min: 0, max: 8 }) }),
  ])("positions and offsets are distances, and there is always one", (slices, pick, slots, options) => {
    const slice = slices[pick % slices.length]!;
    const memories = chooseMemories(flat(slices), slice, slots, options);
    expect(memories.length).toBeGreaterThan(0);
    expect(new Set(memories.map((memory) => memory.slice)).size).toBe(memories.length);
    for (const memory of memories) {
      expect(memory.offset).toBe(memory.slice - slice);
      expect(memory.position === 0 || memory.position === Math.abs(memory.offset)).toBe(true);
      expect(memory.position).toBeLessThan(slots);
    }
  });
});

test("short lists repeat their first entry", () => {
  expect(equallyLong([["a", "b", "c"], ["d"], []])).toEqual([["a", "b", "c"], ["d", "d", "d"], []]);
});

test("confidence needs both a good mask and a present object", () => {
  expect(confidenceOf(0.8, 10)).toBeCloseTo(0.8, 3);
  expect(confidenceOf(0.8, -10)).toBeLessThan(0.001);
});
