import { fc, test } from "@fast-check/vitest";
import { ConfigError, GeometryError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { cleanRegions, fillHoles } from "./hole-filling.js";

/** `#` becomes +3, `.` becomes −3. */
const logits = (...rows: string[]) => Float32Array.from(rows.join(""), (letter) => (letter === "#" ? 3 : -3));
const shown = (values: Float32Array) => [...values].map((value) => (value > 0 ? "#" : ".")).join("");

const ring = ["......", ".####.", ".#..#.", ".##.#.", ".####.", "......"];

describe("the video predictor's rule", () => {
  test("fills holes up to the area with +0.1 and leaves larger ones", () => {
    const filled = fillHoles(logits(...ring), 6, 6, 3);
    expect(shown(filled)).toBe([...ring.slice(0, 2), ".####.", ".####.", ...ring.slice(4)].join(""));
    expect([14, 15, 21].map((i) => filled[i])).toEqual(Array(3).fill(Math.fround(0.1)));
    expect(shown(fillHoles(logits(...ring), 6, 6, 2))).toBe(ring.join(""));
  });

  test("works in place", () => {
    const given = logits(...ring);
    expect(fillHoles(given, 6, 6, 3)).toBe(given);
  });

  test("background that hangs together by its corners is one region", () => {
    const stairs = ["###.", "##.#", "#.##", ".###"];
    expect(shown(fillHoles(logits(...stairs), 4, 4, 3))).toBe(stairs.join(""));
    expect(shown(fillHoles(logits(...stairs), 4, 4, 4))).toBe("#".repeat(16));
  });

  test("a logit of 0 is background", () => {
    expect([...fillHoles(Float32Array.of(1, 0, 1), 1, 3, 1)]).toEqual([1, Math.fround(0.1), 1]);
  });

  test("masks of a stack are apart: background of one does not continue into the next", () => {
    const stack = logits("#.#", "#.#", "#.#");
    expect(shown(fillHoles(stack, 1, 3, 1))).toBe("#".repeat(9));
  });
});

describe("the image predictor's rule", () => {
  const spots = ["#.....", "......", "..####", "..#.##", "..####", "......"];

  test("holes become threshold + 10 and sprinkles threshold − 10", () => {
    const given = logits(...spots);
    const cleaned = cleanRegions(given, 6, 6, 0.5, { maxHoleArea: 1, maxSprinkleArea: 1 });
    expect(cleaned[21]).toBe(10.5);
    expect(cleaned[0]).toBe(-9.5);
    expect(cleaned.filter((value, i) => value !== given[i])).toHaveLength(2);
    expect(shown(given)).toBe(spots.join(""));
  });

  test("either is off by itself", () => {
    const given = logits(...spots);
    expect(cleanRegions(given, 6, 6, 0, {})).toBe(given);
    expect(cleanRegions(given, 6, 6, 0, { maxSprinkleArea: 1 })[21]).toBe(-3);
    expect(cleanRegions(given, 6, 6, 0, { maxHoleArea: 1 })[0]).toBe(3);
  });

  test("both are looked for in the mask as given: a small ring around a filled hole goes too", () => {
    const small = [".....", ".###.", ".#.#.", ".###.", "....."];
    const cleaned = cleanRegions(logits(...small), 5, 5, 0, { maxHoleArea: 1, maxSprinkleArea: 8 });
    expect(shown(cleaned)).toBe([".....", ".....", "..#..", ".....", "....."].join(""));
  });
});

const masks = fc
  .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }))
  .chain(([height, width]) =>
    fc.tuple(
      fc.constant(height),
      fc.constant(width),
      fc.array(fc.boolean(), { minLength: 2 * height * width, maxLength: 2 * height * width }),
    ),
  )
  .map(([height, width, cells]) => ({ height, width, given: Float32Array.from(cells, (on) => (on ? 2 : -2)) }));

test.prop([masks, fc.integer({ min: 0, max: 20 })])(
  "filling changes background alone, and filling again changes nothing",
  ({ height, width, given }, area) => {
    const once = fillHoles(given.slice(), height, width, area);
    expect(once.every((value, i) => given[i]! < 0 || value === given[i])).toBe(true);
    expect(fillHoles(once.slice(), height, width, area)).toEqual(once);
  },
);

test.prop([masks, fc.integer({ min: 1, max: 20 })])(
  "removing sprinkles is filling holes of the negative",
  ({ height, width, given }, area) => {
    const holes = cleanRegions(given, height, width, 0, { maxHoleArea: area });
    const negative = given.map((value) => -value);
    const sprinkles = cleanRegions(negative, height, width, 0, { maxSprinkleArea: area });
    expect(sprinkles.map((value) => -value)).toEqual(holes);
  },
);

describe("refused", () => {
  test.each([[-1], [Number.NaN], [Number.POSITIVE_INFINITY]])("an area of %d", (area) => {
    expect(() => fillHoles(new Float32Array(4), 2, 2, area)).toThrow(ConfigError);
    expect(() => cleanRegions(new Float32Array(4), 2, 2, 0, { maxHoleArea: area })).toThrow(ConfigError);
    expect(() => cleanRegions(new Float32Array(4), 2, 2, 0, { maxSprinkleArea: area })).toThrow(ConfigError);
  });

  test.each([
    [2, 3],
    [0, 4],
    [1.5, 2],
  ])("logits that are no masks of %d×%d", (height, width) => {
    expect(() => fillHoles(new Float32Array(4), height, width, 1)).toThrow(GeometryError);
    expect(() => cleanRegions(new Float32Array(4), height, width, 0, {})).toThrow(GeometryError);
  });
});
