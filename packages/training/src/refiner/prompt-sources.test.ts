import { Random } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
import { inputToVoxel, type PixelBox } from "@rfmedsam/segmenter";
import { tensor } from "@rfmedsam/torch";
import { describe, expect, test } from "vitest";
import { ball, logitsOf, painted, storedCase, tinyConfiguration } from "../testing/cases.js";
import { drawSource, jitterBox, type PromptSource } from "./prompt-sources.js";
import { RefinerCase, type SequenceSample } from "./sequences.js";
import { noJitter, only } from "./testing/sources.js";

const shape: Triple = [9, 22, 28];
const classes = 4;
const truth = painted(
  ball(shape, 1, 0.25, [0.5, 0.35, 0.3]),
  ball(shape, 3, 0.15, [0.5, 0.7, 0.7]),
  ball(shape, 3, 0.12, [0.5, 0.25, 0.85]),
);
const stored = storedCase({ shape, spacing: [4, 2, 1.5], classes, truth });
/** Step 0 says class 2 where class 1 is, and nothing of class 3. */
const wrong = tensor(
  logitsOf(shape, classes, (...at) => (truth(...at) === 1 ? 2 : 0)),
  [classes, ...shape],
).keep();

type Refiner = ReturnType<typeof tinyConfiguration>["refiner"];
const make = (changes: Partial<Refiner>) =>
  new RefinerCase(stored, wrong, classes, {
    ...tinyConfiguration().refiner,
    imageSize: 64,
    sequence: 3,
    boxJitter: noJitter,
    ...changes,
  });
const draws = (changes: Partial<Refiner>, count = 12): SequenceSample[] => {
  const refinerCase = make(changes);
  return Array.from({ length: count }, (_, n) => refinerCase.draw(new Random(5, n)));
};
const slicesOf = (changes: Partial<Refiner>, count?: number) => draws(changes, count).flatMap(({ slices }) => slices);

test("sources are drawn as often as they weigh", () => {
  const weights = { outOfFold: 2, degradedTruth: 0, degradedPrediction: 1, box: 0, clicks: 1, mask: 0 };
  const random = new Random(1);
  const counts = new Map<PromptSource, number>();
  for (let n = 0; n < 4000; n++) {
    const source = drawSource(weights, random);
    counts.set(source, (counts.get(source) ?? 0) + 1 / 4000);
  }
  expect([...counts.keys()].sort()).toEqual(["clicks", "degradedPrediction", "outOfFold"]);
  expect(Math.abs(counts.get("outOfFold")! - 0.5)).toBeLessThan(0.03);
  expect(Math.abs(counts.get("clicks")! - 0.25)).toBeLessThan(0.03);
});

describe("prompts of source", () => {
  test.each([
    ["outOfFold", [2]],
    ["mask", [1, 3]],
    ["box", [1, 3]],
    ["clicks", [1, 3]],
  ] as const)("%s ask for what it knows", (source, expected) => {
    const found = new Set(slicesOf({ promptSources: only(source) }).flatMap(({ asked }) => asked.classes));
    expect([...found].sort()).toEqual(expected);
  });

  test("degradedPrediction starts from step 0's labels, degradedTruth from the true ones", () => {
    const shareOf = (source: PromptSource, label: number) => {
      const all = slicesOf({ promptSources: only(source) }, 60).flatMap(({ asked }) => asked.classes);
      return all.filter((own) => own === label).length / all.length;
    };
    expect(shareOf("degradedPrediction", 2)).toBeGreaterThan(0.5);
    expect(shareOf("degradedTruth", 2)).toBeLessThan(0.3);
  });

  test("box are boxes of the true objects alone", () => {
    for (const { asked, truth: masks } of slicesOf({ promptSources: only("box") })) {
      expect(Object.keys(asked.prompts).sort()).toEqual(["boxes", "count"]);
      asked.classes.forEach((_, row) => {
        const [x0, y0, x1, y1] = asked.prompts.boxes!.subarray(4 * row, 4 * row + 4) as unknown as PixelBox;
        const mask = masks.subarray(row * 64 * 64, (row + 1) * 64 * 64);
        const inside = mask.filter((own, i) => {
          const [y, x] = [Math.floor(i / 64), i % 64];
          return own === 1 && x >= x0 && x <= x1 && y >= y0 && y <= y1;
        });
        expect(inside.length).toBe(mask.filter((own) => own === 1).length);
        expect(inside.length).toBeGreaterThan(0);
      });
    }
  });

  // 64 pixels enlarge the slices, 16 make them smaller: an object of few voxels is thinner than a pixel then.
  test.each([64, 16, 8])(
    "clicks are one to three, as many for all objects of a sequence, on true voxels of the class, at %i pixels",
    (imageSize) => {
      const counts = new Set<number>();
      const seen = new Set<string>();
      for (const { slices } of draws({ promptSources: only("clicks"), imageSize }, 60)) {
        expect(new Set(slices.map(({ asked }) => asked.prompts.points!.perObject)).size).toBeLessThanOrEqual(1);
        for (const { asked, slice } of slices) {
          expect(Object.keys(asked.prompts).sort()).toEqual(["count", "points"]);
          const { coords, labels, perObject } = asked.prompts.points!;
          counts.add(perObject);
          expect(labels.every((label) => label === 1)).toBe(true);
          asked.classes.forEach((label, row) => {
            for (let n = 0; n < perObject; n++) {
              const at = 2 * (row * perObject + n);
              const [x, y] = inputToVoxel(make({ imageSize }).frame, [coords[at]!, coords[at + 1]!]);
              expect(truth(slice, Math.round(y), Math.round(x))).toBe(label);
              seen.add(`${slice} ${Math.round(y)} ${Math.round(x)}`);
            }
          });
        }
      }
      expect([...counts].sort()).toEqual([1, 2, 3]);
      // The first row of class 1 on its middle slice is clicked at, too: nothing is cut off an object's border.
      const [z, x] = [4, 8];
      const first = Array.from({ length: shape[1] }, (_, y) => y).find((y) => truth(z, y, x) === 1)!;
      expect([...seen].some((place) => place.startsWith(`${z} ${first} `))).toBe(true);
    },
  );

  test("mask are no prompts at all, also on slices next to the object's, where the given mask is empty", () => {
    const all = slicesOf(
      { promptSources: only("mask"), prompts: { ...tinyConfiguration().refiner.prompts, marginSlices: 1 } },
      30,
    );
    for (const { asked } of all) expect(asked.prompts).toEqual({ count: asked.classes.length });
    const given = all.flatMap(({ asked, truth: masks }) =>
      asked.classes.map((_, row) => masks.subarray(row * 64 * 64, (row + 1) * 64 * 64).includes(1)),
    );
    expect(new Set(given)).toEqual(new Set([true, false]));
  });

  test.each(["outOfFold", "degradedTruth", "degradedPrediction", "mask", "box", "clicks"] as const)(
    "%s are the same for the same stream",
    (source) => {
      const changes = { promptSources: only(source), boxJitter: { deviation: 0.1, limit: 5 } };
      const prompts = () => draws(changes, 4).map(({ slices }) => slices.map(({ asked }) => asked));
      expect(prompts()).toEqual(prompts());
    },
  );
});

test("what is made of the truth, or made worse, is no bridge: it is asked for where it is, whatever its neighbours say", () => {
  const [left, right] = [ball(shape, 1, 0.2, [0.5, 0.5, 0.25]), ball(shape, 1, 0.2, [0.5, 0.5, 0.75])];
  const jumping = storedCase({
    shape,
    spacing: [4, 2, 1.5],
    classes,
    truth: (z, y, x) => (z === 4 ? right(z, y, x) : left(z, y, x)),
  });
  const { refiner } = tinyConfiguration();
  const jumps = new RefinerCase(jumping, undefined, classes, {
    ...refiner,
    imageSize: 64,
    sequence: 3,
    boxJitter: noJitter,
    promptSources: only("box"),
    prompts: { ...refiner.prompts, bridgeSlices: 3 },
  });
  const all = Array.from({ length: 30 }, (_, n) => jumps.draw(new Random(5, n)).slices);
  const spanned = all.filter((slices) => slices.map(({ slice }) => slice).join() === "3,4,5");
  expect(spanned.length).toBeGreaterThan(0);
  for (const slices of spanned) {
    const [below, at, above] = slices.map(({ asked }) => asked.boxes[0]!);
    expect(at).toBeGreaterThan(below! + 10);
    expect(above).toBe(below);
  }
});

test("asked for by components, an object is one of the class's parts, prompted and judged by itself", () => {
  const { prompts } = tinyConfiguration().refiner;
  const slices = slicesOf({ promptSources: only("box"), prompts: { ...prompts, perComponent: true } }, 20);
  const twice = slices.filter(({ asked }) => asked.classes.filter((label) => label === 3).length === 2);
  expect(twice.length).toBeGreaterThan(0);
  for (const { asked, truth: masks, labels } of twice) {
    const rows = [...asked.classes.keys()].filter((row) => asked.classes[row] === 3);
    const parts = rows.map((row) => masks.subarray(row * 64 * 64, (row + 1) * 64 * 64));
    expect(parts.every((part) => part.some((own) => own === 1))).toBe(true);
    // Together the class, with nothing in both.
    expect(labels.every((label, i) => parts.reduce((sum, part) => sum + part[i]!, 0) === (label === 3 ? 1 : 0))).toBe(
      true,
    );
  }
});

describe("jittered boxes", () => {
  const { frame } = make({});
  const box: PixelBox = [10, 12, 33, 27];
  const jittered = (settings: { deviation: number; limit: number }, from: PixelBox = box) =>
    Array.from({ length: 400 }, (_, n) => jitterBox(from, frame, settings, new Random(2, n)));
  const moved = (boxes: readonly PixelBox[], side: number) => boxes.map((own) => own[side]! - box[side]!);
  const deviation = (values: readonly number[]) =>
    Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);

  test("move each side by a tenth of the box's length, if so told", () => {
    const boxes = jittered({ deviation: 0.1, limit: 100 });
    for (const [side, length] of [24, 16, 24, 16].entries()) {
      expect(Math.abs(deviation(moved(boxes, side)) / (0.1 * length) - 1)).toBeLessThan(0.15);
    }
    // Sides move by themselves.
    const [left, right] = [moved(boxes, 0), moved(boxes, 2)];
    const together = left.reduce((sum, value, n) => sum + value * right[n]!, 0) / left.length;
    expect(Math.abs(together) / (deviation(left) * deviation(right))).toBeLessThan(0.2);
  });

  test("move no further than the limit", () => {
    const boxes = jittered({ deviation: 0.5, limit: 3 });
    for (let side = 0; side < 4; side++) {
      const most = Math.max(...moved(boxes, side).map(Math.abs));
      expect(most).toBeLessThanOrEqual(3 + 1e-5);
      expect(most).toBeGreaterThan(2.9);
    }
    expect(jittered(noJitter)[0]).toEqual(box);
  });

  test("stay in the picture and in order, also small and at its edge", () => {
    const [width, height] = [frame.width * frame.scale[1] - 1, frame.height * frame.scale[0] - 1];
    for (const from of [[0, 0, 3, 2], [width - 1, height - 1, width, height], box] as PixelBox[]) {
      for (const [x0, y0, x1, y1] of jittered({ deviation: 1, limit: 20 }, from)) {
        expect(Math.min(x0, y0)).toBeGreaterThanOrEqual(0);
        expect(x1).toBeGreaterThanOrEqual(x0);
        expect(y1).toBeGreaterThanOrEqual(y0);
        expect(x1).toBeLessThanOrEqual(width + 1e-4);
        expect(y1).toBeLessThanOrEqual(height + 1e-4);
      }
    }
  });
});

test("a fused case is cut along all three axes, one a sequence", () => {
  const refinerCase = make({ axis: "fused", promptSources: only("box") });
  expect(refinerCase.views.map(({ axis }) => axis)).toEqual(["axial", "coronal", "sagittal"]);
  const drawn = Array.from({ length: 30 }, (_, n) => refinerCase.draw(new Random(4, n)));
  expect(new Set(drawn.map(({ frame }) => frame.axis))).toEqual(new Set([0, 1, 2]));
  for (const { frame, slices } of drawn) {
    for (const { slice, labels } of slices) {
      expect(slice).toBeLessThan(shape[frame.axis]);
      expect(new Set(labels).size).toBeGreaterThan(1);
    }
  }
});
