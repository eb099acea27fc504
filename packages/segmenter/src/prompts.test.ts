import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import {
  boxOfLogits,
  maskPrompt,
  maskPromptLimit,
  padBox,
  planPrompts,
  type promptGenerators,
  slicePrompts,
} from "./prompts.js";
import { extentsOf } from "./slice-components.js";
import { fitOut, sliceFrame } from "./slices.js";

/** Slices of 4 × 4 with a square of each given class in its own corner. */
const corners: Readonly<Record<number, readonly number[]>> = { 1: [0, 1, 4, 5], 2: [10, 11, 14, 15] };
const slices: readonly (readonly number[])[] = [[], [], [1], [1, 2], [], [], [], [2]];
const frame = sliceFrame([slices.length, 4, 4], [1, 1, 1], "axial", 16);

function labels(slice: number): Uint8Array {
  const out = new Uint8Array(16);
  for (const label of slices[slice]!) for (const at of corners[label]!) out[at] = label;
  return out;
}

function probabilities(slice: number): Float32Array {
  const truth = labels(slice);
  return Float32Array.from({ length: 48 }, (_, n) => (truth[n % 16] === Math.floor(n / 16) ? 0.98 : 0.01));
}

const plan = (minimumArea: number, marginSlices: number) =>
  planPrompts(labels, frame, 3, { minimumArea, marginSlices }).map((objects) =>
    objects.map((object) => [object.class, object.source]),
  );

describe("the plan", () => {
  test("asks for a class where it is", () => {
    expect(plan(1, 0)).toEqual([
      [],
      [],
      [[1, 2]],
      [
        [1, 3],
        [2, 3],
      ],
      [],
      [],
      [],
      [[2, 7]],
    ]);
  });

  test("adds the margin from the nearest slice, of two the lower", () => {
    expect(plan(1, 2)).toEqual([
      [[1, 2]],
      [
        [1, 2],
        [2, 3],
      ],
      [
        [1, 2],
        [2, 3],
      ],
      [
        [1, 3],
        [2, 3],
      ],
      [
        [1, 3],
        [2, 3],
      ],
      [
        [1, 3],
        [2, 3],
      ],
      [[2, 7]],
      [[2, 7]],
    ]);
  });

  test("ignores masks that are too small", () => {
    expect(plan(5, 2).flat()).toEqual([]);
    expect(plan(4, 0).flat().length).toBe(4);
  });
});

describe("the prompts of a slice", () => {
  const planned = planPrompts(labels, frame, 3, { minimumArea: 1, marginSlices: 1 });
  const at = (slice: number, kind: keyof typeof promptGenerators, boxMargin = 0) =>
    slicePrompts(planned, slice, probabilities, frame, 3, 4, { kind, boxMargin });

  test("are boxes around the enlarged masks and log-odds", () => {
    const found = at(3, "maskAndBox")!;
    expect(found.classes).toEqual([1, 2]);
    expect([...found.prompts.boxes!]).toEqual([0, 0, 7, 7, 8, 8, 15, 15]);
    const odds = Math.log(0.98 / 0.02);
    expect(found.prompts.masks![0]).toBeCloseTo(odds, 4);
    expect(found.prompts.masks![16]).toBeCloseTo(Math.log(0.01 / 0.99), 4);
    expect(found.prompts.masks![16 + 15]).toBeCloseTo(odds, 4);
  });

  test("come from the nearest slice in the margin", () => {
    const [own, margin] = [at(3, "maskAndBox")!, at(4, "maskAndBox")!];
    expect(margin.classes).toEqual([1, 2]);
    expect(margin.prompts).toEqual(own.prompts);
  });

  test("are not there where nothing is asked for", () => {
    expect(at(0, "box")).toBeUndefined();
  });

  test("show what the generator shows, and keep the boxes", () => {
    expect(Object.keys(at(3, "mask")!.prompts).sort()).toEqual(["count", "masks"]);
    expect(Object.keys(at(3, "box")!.prompts).sort()).toEqual(["boxes", "count"]);
    expect([...at(3, "mask", 2)!.boxes]).toEqual([0, 0, 9, 9, 6, 6, 15, 15]);
  });
});

describe("component by component", () => {
  /** Class 1 in two pieces of three pixels, the first held together by a corner; class 2 in one of two. */
  const drawn = Uint8Array.from(["1100", "0010", "0000", "2011", "2010"].join(""), Number);
  const size = sliceFrame([3, 5, 4], [1, 1, 1], "axial", 20);
  const at = (slice: number) => (slice === 1 ? drawn : new Uint8Array(20));
  const scores = (slice: number) =>
    Float32Array.from({ length: 60 }, (_, n) => (at(slice)[n % 20] === Math.floor(n / 20) ? 0.9 : 0.05));
  const options = { minimumArea: 2, marginSlices: 1, perComponent: true };
  const planned = planPrompts(at, size, 3, options);

  test("every piece that is large enough is asked for, in array order", () => {
    const objects = [
      { class: 1, source: 1, component: 1 },
      { class: 1, source: 1, component: 2 },
      { class: 2, source: 1, component: 1 },
    ];
    expect(planned).toEqual([objects, objects, objects]);
    expect(planPrompts(at, size, 3, { ...options, minimumArea: 3 })[1]).toEqual([
      { class: 1, source: 1, component: 1 },
      { class: 1, source: 1, component: 2 },
    ]);
    expect(planPrompts(at, size, 3, { ...options, minimumArea: 4 })[1]).toEqual([]);
  });

  test("its box is around it alone, its mask without the others", () => {
    const asked = slicePrompts(planned, 1, scores, size, 3, 5, { kind: "maskAndBox", boxMargin: 0 })!;
    expect(asked.classes).toEqual([1, 1, 2]);
    const { scale } = size;
    expect(scale).toEqual([4, 4]);
    expect([...asked.boxes]).toEqual([0, 0, 11, 7, 8, 12, 15, 19, 0, 12, 3, 19]);
    const [first, second] = [asked.prompts.masks!.subarray(0, 25), asked.prompts.masks!.subarray(25, 50)];
    const odds = Math.log(0.9 / 0.1);
    expect(first[0]).toBeCloseTo(odds, 4);
    expect(second[0]).toBe(-maskPromptLimit);
    expect(first[3 * 5 + 2]).toBe(-maskPromptLimit);
    expect(second[3 * 5 + 2]).toBeCloseTo(odds, 4);
    // Elsewhere both keep what step 0 thought of the class.
    expect(first[4]).toBe(second[4]);
  });
});

const sizes = fc.integer({ min: 1, max: 20 });

test.prop([
  sizes,
  sizes,
  fc.array(fc.nat(), { minLength: 1, maxLength: 12 }),
  fc.double({ min: 0, max: 9, noNaN: true }),
])("a padded box lies within the slice and holds every voxel of the mask", (height, width, places, margin) => {
  const square = sliceFrame([1, height, width], [1, 1, 1], "axial", 64);
  const mask = new Uint8Array(height * width);
  for (const place of places) mask[place % mask.length] = 1;
  const [vx0, vy0, vx1, vy1] = extentsOf(mask, 1, square)!;
  const [sy, sx] = square.scale;
  const [x0, y0, x1, y1] = padBox([vx0 * sx, vy0 * sy, (vx1 + 1) * sx - 1, (vy1 + 1) * sy - 1], margin, square);
  expect(Math.min(x0, y0)).toBeGreaterThanOrEqual(0);
  expect(x1).toBeLessThanOrEqual(width * sx - 1 + 1e-9);
  expect(y1).toBeLessThanOrEqual(height * sy - 1 + 1e-9);
  mask.forEach((value, n) => {
    if (value === 0) return;
    expect(((n % width) + 0.5) * sx - 0.5).toBeGreaterThanOrEqual(x0 - 1e-9);
    expect(((n % width) + 0.5) * sx - 0.5).toBeLessThanOrEqual(x1 + 1e-9);
  });
});

test("certain probabilities stay within the prompts' range, on both sides of one half", () => {
  const small = sliceFrame([1, 4, 2], [1, 1, 1], "axial", 16);
  const prompt = maskPrompt(Float32Array.of(1, 1, 1, 1, 0, 0, 0, 0), small, 4);
  expect([...prompt.subarray(0, 4)]).toEqual([10, 10, -10, -10]);
  expect(Math.max(...prompt.map(Math.abs))).toBe(maskPromptLimit);
  expect([...fitOut(prompt, small, 4)].map(Math.sign)).toEqual([1, 1, 1, 1, -1, -1, -1, -1]);
});

test("the box of logits spans their foreground in input pixels", () => {
  const logits = new Float32Array(16).fill(-1);
  expect(boxOfLogits(logits, 4, 16)).toBeUndefined();
  logits[6] = 0.5;
  logits[9] = 2;
  expect(boxOfLogits(logits, 4, 16)).toEqual([4, 4, 11, 11]);
});
