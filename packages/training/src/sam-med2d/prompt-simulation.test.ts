import { fc, test } from "@fast-check/vitest";
import { ConfigError, GeometryError, Random } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import {
  type BinaryMask,
  componentBoxes,
  correctivePoints,
  type DrawnPoints,
  initialPoints,
  jitterBoxes,
  pointLabels,
} from "./prompt-simulation.js";

/** A mask from a drawing: `#` inside. */
function drawn(...rows: readonly string[]): BinaryMask {
  const data = Uint8Array.from(rows.join(""), (pixel) => (pixel === "#" ? 1 : 0));
  return { height: rows.length, width: rows[0]!.length, data };
}

const masks = (density = fc.constantFrom(0.02, 0.2, 0.5, 0.9)) =>
  fc
    .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }), fc.nat(), density)
    .map(([height, width, seed, share]): BinaryMask => {
      const random = new Random(seed);
      // 1 and 255 both mean inside.
      const data = Uint8Array.from({ length: height * width }, () =>
        random.chance(share) ? random.pick([1, 255]) : 0,
      );
      return { height, width, data };
    });

/** Two masks of one picture. */
const pairs = fc.tuple(masks(), fc.nat()).map(([truth, seed]) => {
  const random = new Random(seed);
  const data = truth.data.map((value) => (random.chance(0.2) ? random.below(2) : value));
  return { truth, prediction: { ...truth, data } };
});

const counts = fc.integer({ min: 1, max: 12 });

function pixelsOf({ coords, labels }: DrawnPoints, { width, height }: BinaryMask): { pixel: number; label: number }[] {
  expect(coords).toHaveLength(2 * labels.length);
  return Array.from(labels, (label, n) => {
    const [x, y] = [coords[2 * n]!, coords[2 * n + 1]!];
    expect(x >= 0 && x < width && y >= 0 && y < height).toBe(true);
    return { pixel: y * width + x, label };
  });
}

describe("corrective points", () => {
  test.prop([pairs, counts, fc.nat()])(
    "lie where the prediction is wrong and say what is right",
    (pair, count, seed) => {
      const { truth, prediction } = pair;
      const points = correctivePoints(prediction, truth, count, new Random(seed));
      expect(points.labels).toHaveLength(count);
      for (const { pixel, label } of pixelsOf(points, truth)) {
        const [found, real] = [prediction.data[pixel] !== 0, truth.data[pixel] !== 0];
        if (label === pointLabels.padding) {
          expect(truth.data.every((value, at) => (value !== 0) === (prediction.data[at] !== 0))).toBe(true);
        } else {
          expect(found).toBe(!real);
          expect(label).toBe(real ? 1 : 0);
        }
      }
    },
  );

  test.prop([masks(), counts])("of a right answer are padding", (mask, count) => {
    const { labels, coords } = correctivePoints(mask, mask, count, new Random(1));
    expect([...labels]).toEqual(Array(count).fill(-1));
    expect([...coords]).toEqual(Array(2 * count).fill(0));
  });

  test("come equally often from all wrong pixels, missed and invented ones together", () => {
    const truth = drawn("##..", "....");
    const prediction = drawn(".#..", "..##");
    const points = correctivePoints(prediction, truth, 30_000, new Random(7));
    const seen = new Map<number, number>();
    for (const { pixel } of pixelsOf(points, truth)) seen.set(pixel, (seen.get(pixel) ?? 0) + 1);
    expect([...seen.keys()].sort()).toEqual([0, 6, 7]);
    for (const count of seen.values()) expect(Math.abs(count - 10_000)).toBeLessThan(400);
  });

  test.prop([pairs, counts, fc.nat()])("are the same for the same stream", (pair, count, seed) => {
    const draw = () => correctivePoints(pair.prediction, pair.truth, count, new Random(seed));
    expect(draw()).toEqual(draw());
  });

  test("of masks of two sizes are refused", () => {
    const attempt = () => correctivePoints(drawn("##"), drawn("#", "#"), 1, new Random(1));
    expect(attempt).toThrow(GeometryError);
    expect(attempt).toThrow("1×2");
  });
});

describe("first points", () => {
  test.prop([masks(), counts, fc.nat()])("have the mask's own labels, half of them inside", (mask, count, seed) => {
    const points = initialPoints(mask, count, new Random(seed));
    const area = mask.data.filter((value) => value !== 0).length;
    const all = pixelsOf(points, mask);
    for (const { pixel, label } of all) expect(label).toBe(mask.data[pixel] === 0 ? 0 : 1);
    const inside = all.filter(({ label }) => label === 1).length;
    const half = count === 1 ? 1 : Math.floor(count / 2);
    expect(inside).toBe(area === 0 ? 0 : area === mask.data.length ? count : half);
  });

  test("come in random order, anywhere in the mask", () => {
    const mask = drawn("#.#", "...");
    const orders = new Set<string>();
    const places = new Set<string>();
    for (let seed = 0; seed < 100; seed++) {
      const { coords, labels } = initialPoints(mask, 4, new Random(seed));
      orders.add(labels.join());
      places.add(coords.slice(0, 2).join());
    }
    expect(orders.size).toBe(6);
    expect(places.size).toBe(6);
  });

  test.prop([masks(), counts, fc.nat()])("are the same for the same stream", (mask, count, seed) => {
    const draw = () => initialPoints(mask, count, new Random(seed));
    expect(draw()).toEqual(draw());
  });
});

describe("boxes of components", () => {
  test("are tight, with sides past the last pixel, largest first; diagonal neighbours hang together", () => {
    const mask = drawn("#....##", ".#...##", "..#....", "......#");
    expect([...componentBoxes(mask, 3)]).toEqual([5, 0, 7, 2, 0, 0, 3, 3, 6, 3, 7, 4]);
    expect([...componentBoxes(mask, 1)]).toEqual([5, 0, 7, 2]);
  });

  test("of fewer components than asked for come in array order, over and over", () => {
    const mask = drawn("#...", "....", "##..", "##..");
    expect([...componentBoxes(mask, 5)]).toEqual(
      [
        [0, 0, 1, 1],
        [0, 2, 2, 4],
        [0, 0, 1, 1],
        [0, 2, 2, 4],
        [0, 0, 1, 1],
      ].flat(),
    );
    expect([...componentBoxes(mask, 2)]).toEqual([0, 2, 2, 4, 0, 0, 1, 1]);
  });

  test("of equally large components come in array order", () => {
    expect([...componentBoxes(drawn("#.#.#"), 2)]).toEqual([0, 0, 1, 1, 2, 0, 3, 1]);
  });

  test.prop([masks()])(
    "enough of them contain every pixel of the mask, and none reaches beyond the picture",
    (mask) => {
      fc.pre(mask.data.some((value) => value !== 0));
      const boxes = componentBoxes(mask, mask.data.length);
      const held = (x: number, y: number) => {
        for (let at = 0; at < boxes.length; at += 4) {
          if (x >= boxes[at]! && y >= boxes[at + 1]! && x < boxes[at + 2]! && y < boxes[at + 3]!) return true;
        }
        return false;
      };
      const left = mask.data.findIndex(
        (value, at) => value !== 0 && !held(at % mask.width, Math.floor(at / mask.width)),
      );
      expect(left).toBe(-1);
      for (let at = 0; at < boxes.length; at += 4) {
        expect(boxes[at]).toBeGreaterThanOrEqual(0);
        expect(boxes[at + 2]! - boxes[at]!).toBeGreaterThanOrEqual(1);
        expect(boxes[at + 3]! - boxes[at + 1]!).toBeGreaterThanOrEqual(1);
        expect(boxes[at + 2]).toBeLessThanOrEqual(mask.width);
        expect(boxes[at + 3]).toBeLessThanOrEqual(mask.height);
      }
    },
  );

  test("of a full mask is the picture", () => {
    expect([...componentBoxes(drawn("###", "###"), 1)]).toEqual([0, 0, 3, 2]);
  });

  test("of an empty mask are refused", () => {
    const attempt = () => componentBoxes(drawn("...", "..."), 1);
    expect(attempt).toThrow(GeometryError);
    expect(attempt).toThrow("an empty mask");
  });
});

describe("jitter", () => {
  const boxes = fc
    .array(fc.tuple(fc.nat(200), fc.nat(200), fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 90 })), {
      minLength: 1,
      maxLength: 6,
    })
    .map((list) => Float32Array.from(list.flatMap(([x, y, w, h]) => [x, y, x + w, y + h])));
  const options = fc.record({ std: fc.double({ min: 0, max: 1, noNaN: true }), maximum: fc.nat(9) });

  test.prop([boxes, options, fc.nat()])("shifts whole boxes by no more than the rule allows", (before, rule, seed) => {
    const after = jitterBoxes(before, new Random(seed), rule);
    for (let at = 0; at < before.length; at += 4) {
      const [width, height] = [before[at + 2]! - before[at]!, before[at + 3]! - before[at + 1]!];
      const limit = Math.min(rule.maximum, Math.floor(5 * rule.std * Math.min(width, height) + 1e-9));
      for (const axis of [0, 1]) {
        const shift = after[at + axis]! - before[at + axis]!;
        expect(after[at + axis + 2]! - before[at + axis + 2]!).toBe(shift);
        expect(Number.isInteger(shift)).toBe(true);
        if (limit === 0) expect(shift).toBe(0);
        else expect(shift >= -limit && shift < limit).toBe(true);
      }
    }
  });

  test.prop([boxes, fc.nat()])("is the same for the same stream, and leaves its input alone", (before, seed) => {
    const copy = before.slice();
    expect(jitterBoxes(before, new Random(seed))).toEqual(jitterBoxes(before, new Random(seed)));
    expect(before).toEqual(copy);
  });

  test("takes every value of its range along both axes, the upper end left out", () => {
    const [dx, dy] = [new Set<number>(), new Set<number>()];
    for (let seed = 0; seed < 500; seed++) {
      const [x, y] = jitterBoxes(Float32Array.of(10, 20, 110, 120), new Random(seed));
      dx.add(x! - 10);
      dy.add(y! - 20);
    }
    const range = [-5, -4, -3, -2, -1, 0, 1, 2, 3, 4];
    for (const shifts of [dx, dy]) expect([...shifts].sort((a, b) => a - b)).toEqual(range);
  });

  test("leaves boxes thinner than 2 pixels where they are", () => {
    const thin = Float32Array.of(3, 4, 4, 80);
    for (let seed = 0; seed < 20; seed++) expect(jitterBoxes(thin, new Random(seed))).toEqual(thin);
  });

  test.each([{ std: -0.1 }, { std: Number.NaN }, { maximum: 2.5 }, { maximum: -1 }, { maximum: Number.NaN }])(
    "%o is refused",
    (wrong) => {
      expect(() => jitterBoxes(Float32Array.of(0, 0, 9, 9), new Random(1), wrong)).toThrow(ConfigError);
    },
  );

  test.each([[[0, 0, 1]], [[5, 0, 1, 9]], [[0, 0, 1, Number.NaN]], [[0, 0, Number.POSITIVE_INFINITY, 4]]])(
    "%o is no box",
    (wrong) => {
      expect(() => jitterBoxes(Float32Array.from(wrong), new Random(1))).toThrow(GeometryError);
    },
  );
});

describe.each<[string, (mask: BinaryMask, count: number) => unknown]>([
  ["initialPoints", (mask, count) => initialPoints(mask, count, new Random(1))],
  ["correctivePoints", (mask, count) => correctivePoints(mask, mask, count, new Random(1))],
  ["componentBoxes", componentBoxes],
])("%s refuses", (_, attempt) => {
  test.each([0, -1, 1.5, Number.NaN])("a count of %s", (count) => {
    expect(() => attempt(drawn("#."), count)).toThrow(ConfigError);
  });

  test.each<[string, BinaryMask]>([
    ["fewer values than pixels", { height: 2, width: 2, data: new Uint8Array(3) }],
    ["no pixels", { height: 0, width: 2, data: new Uint8Array(0) }],
    ["half a row", { height: 1.5, width: 2, data: new Uint8Array(3) }],
    ["sizes that are no numbers", { height: Number.NaN, width: 2, data: new Uint8Array(3) }],
  ])("a mask of %s", (_name, mask) => {
    expect(() => attempt(mask, 1)).toThrow(GeometryError);
  });
});
