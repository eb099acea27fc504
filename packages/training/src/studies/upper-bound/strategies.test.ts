/** Clicks, boxes and the slices that strategies choose. */
import { fc, test } from "@fast-check/vitest";
import { GeometryError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { nextClick } from "./clicks.js";
import { iou } from "./follow.js";
import { boxAround } from "./prompts.js";
import { evenly, isStrategy, type StrategyName, strategyNamed, strategyNames } from "./strategies.js";

const size = { height: 7, width: 9 };
const masks = fc.array(fc.constantFrom(0, 1), { minLength: 63, maxLength: 63 }).map((bits) => Uint8Array.from(bits));

/** A filled rectangle, corners inside. */
const rectangle = (x0: number, y0: number, x1: number, y1: number) =>
  Uint8Array.from({ length: 63 }, (_, at) => {
    const [x, y] = [at % 9, Math.floor(at / 9)];
    return x >= x0 && x <= x1 && y >= y0 && y <= y1 ? 1 : 0;
  });

/** Pixels from each pixel to the nearest one that is not inside, the picture's surroundings among them; by looking at all. */
const depth = (inside: (at: number) => boolean, at: number) => {
  let least = Number.POSITIVE_INFINITY;
  for (let y = -1; y <= 7; y++) {
    for (let x = -1; x <= 9; x++) {
      const within = x >= 0 && x < 9 && y >= 0 && y < 7;
      if (within && inside(y * 9 + x)) continue;
      least = Math.min(least, Math.hypot((at % 9) - x, Math.floor(at / 9) - y));
    }
  }
  return least;
};

describe("a click", () => {
  test("goes into the middle of the object, away from the picture's border", () => {
    expect(nextClick(rectangle(2, 1, 6, 5), size)).toEqual({ at: [4, 3], label: 1 });
    expect(nextClick(rectangle(0, 0, 8, 6), size)).toEqual({ at: [3, 3], label: 1 });
  });

  test("goes off the object where too much was found", () => {
    expect(nextClick(rectangle(0, 0, 1, 1), size, rectangle(0, 0, 8, 4))).toMatchObject({ label: 0 });
  });

  test.prop([masks, masks])(
    "meets the deepest point of the larger error; equal ones count as surplus",
    (truth, found) => {
      const missing = (at: number) => truth[at] === 1 && found[at] === 0;
      const surplus = (at: number) => truth[at] === 0 && found[at] === 1;
      const depths = (inside: (at: number) => boolean) =>
        Array.from({ length: 63 }, (_, at) => (inside(at) ? depth(inside, at) : 0));
      const [lost, extra] = [Math.max(...depths(missing)), Math.max(...depths(surplus))];
      const click = nextClick(truth, size, found);
      if (lost === 0 && extra === 0) return expect(click).toBeUndefined();
      expect(click!.label).toBe(lost > extra ? 1 : 0);
      const at = click!.at[1] * 9 + click!.at[0];
      expect(depth(click!.label === 1 ? missing : surplus, at)).toBeCloseTo(Math.max(lost, extra), 9);
    },
  );

  test("needs masks of the picture's size", () => {
    expect(() => nextClick(new Uint8Array(62), size)).toThrow(GeometryError);
    expect(() => nextClick(new Uint8Array(63), size, new Uint8Array(1))).toThrow(GeometryError);
  });
});

describe("a box", () => {
  test("spans the first and last row and column; a line gets a second one", () => {
    expect(boxAround(rectangle(2, 1, 6, 5), size)).toEqual([2, 1, 6, 5]);
    expect(boxAround(rectangle(8, 3, 8, 3), size)).toEqual([8, 3, 9, 4]);
  });
});

test.prop([masks, masks])("IoU is symmetric, from 0 to 1, and 1 for the same", (a, b) => {
  expect(iou(a, b)).toBe(iou(b, a));
  expect(iou(a, b)).toBeGreaterThanOrEqual(0);
  expect(iou(a, b)).toBeLessThanOrEqual(1);
  expect(iou(a, a)).toBe(1);
});

describe("a strategy", () => {
  const slices = fc.uniqueArray(fc.nat(50), { minLength: 1 }).map((list) => list.sort((a, b) => a - b));
  const facts = { area: (slice: number) => (slice * 7) % 11, iou: async (slice: number) => (slice * 5) % 13 };

  test.prop([slices, fc.constantFrom<StrategyName>(...strategyNames, "even1", "even7", "even200")])(
    "chooses slices that show the object, one at least, none twice",
    async (met, name) => {
      const chosen = await strategyNamed(name)(met, facts);
      expect(chosen.length).toBeGreaterThan(0);
      expect(new Set(chosen).size).toBe(chosen.length);
      expect(chosen.every((slice) => met.includes(slice))).toBe(true);
    },
  );

  test.prop([slices])("means what it is called", async (met) => {
    const chosen = async (name: StrategyName) => [...(await strategyNamed(name)(met, facts))];
    expect(await chosen("every")).toEqual(met);
    expect(await chosen("first")).toEqual([met[0]]);
    expect(await chosen("even200")).toEqual(met);
    const [largest] = await chosen("largest");
    expect(facts.area(largest!)).toBe(Math.max(...met.map(facts.area)));
    const [best] = await chosen("best");
    expect(await facts.iou(best!)).toBe(Math.max(...(await Promise.all(met.map(facts.iou)))));
  });

  test("divides a line into equal parts and takes their middles", () => {
    const met = Array.from({ length: 9 }, (_, at) => 10 + at);
    expect(evenly(met, 1)).toEqual([14]);
    expect(evenly(met, 3)).toEqual([11, 14, 17]);
    expect(evenly([4, 5], 3)).toEqual([4, 5]);
  });

  test("is one of the table or of the family of evens", () => {
    expect(["every", "best", "even3", "even12"].every(isStrategy)).toBe(true);
    expect(["even", "even0", "evenx", "toString", "last", ""].some(isStrategy)).toBe(false);
  });
});
