import { fc, test } from "@fast-check/vitest";
import { ConfigError, GeometryError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { type SurfaceDefinition, surfaceDefinitions, surfaceScores } from "./distances.js";
import type { Mask } from "./mask.js";

const definitions = Object.keys(surfaceDefinitions) as SurfaceDefinition[];
const tolerances = [0, 0.5, 1, 2, 4];

interface Pair {
  readonly a: Mask;
  readonly b: Mask;
  readonly spacing: readonly number[];
}

/** Two masks on one small grid, in the volume or in the plane, both with something in them. */
const pairs: fc.Arbitrary<Pair> = fc
  .integer({ min: 2, max: 3 })
  .chain((axes) =>
    fc.record({
      shape: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: axes, maxLength: axes }),
      spacing: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: axes, maxLength: axes }),
    }),
  )
  .chain(({ shape, spacing }) => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    const mask = fc
      .uint8Array({ minLength: size, maxLength: size, max: 1 })
      .filter((data) => data.includes(1))
      .map((data): Mask => ({ data, shape }));
    return fc.record({ a: mask, b: mask, spacing: fc.constant(spacing.map((step) => step / 4)) });
  });

const scoresOf = ({ a, b, spacing }: Pair, definition: SurfaceDefinition) =>
  surfaceScores(a, b, spacing, { definition, tolerances });

type Scores = ReturnType<typeof scoresOf>;

function expectSame(actual: Scores, expected: Scores) {
  for (const key of ["hausdorff", "hausdorff95", "assd", "fromReference", "fromPrediction"] as const) {
    expect(actual[key], key).toBeCloseTo(expected[key], 10);
  }
  for (const [at, share] of actual.surfaceDice.entries()) expect(share).toBeCloseTo(expected.surfaceDice[at]!, 10);
}

/** The mask with its axes in another order, some of them backwards. */
function turned({ data, shape }: Mask, order: readonly number[], flipped: readonly boolean[]): Mask {
  const to = order.map((axis) => shape[axis]!);
  const out = new Uint8Array(data.length);
  for (let at = 0; at < data.length; at++) {
    let rest = at;
    const index = shape.map(() => 0);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = rest % shape[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    const place = order.map((axis) => (flipped[axis] ? shape[axis]! - 1 - index[axis]! : index[axis]!));
    out[place.reduce((sum, position, axis) => sum * to[axis]! + position, 0)] = data[at]!;
  }
  return { data: out, shape: to };
}

describe.each(definitions)("surface scores as %s has them", (definition) => {
  test.prop([pairs])("are the same both ways, but for the directed ones, which change places", (pair) => {
    const there = scoresOf(pair, definition);
    const back = scoresOf({ ...pair, a: pair.b, b: pair.a }, definition);
    expectSame(back, { ...there, fromReference: there.fromPrediction, fromPrediction: there.fromReference });
  });

  test.prop([pairs])("of a mask against itself are 0 mm and 1", (pair) => {
    const same = scoresOf({ ...pair, b: pair.a }, definition);
    expectSame(same, {
      hausdorff: 0,
      hausdorff95: 0,
      assd: 0,
      fromReference: 0,
      fromPrediction: 0,
      surfaceDice: tolerances.map(() => 1),
    });
  });

  const turns = fc.tuple(
    fc.shuffledSubarray([0, 1, 2], { minLength: 3 }),
    fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
  );
  test.prop([pairs, turns])("do not depend on how the volume is stored", (pair, [permutation, flipped]) => {
    const order = permutation.filter((axis) => axis < pair.spacing.length);
    const stored = {
      a: turned(pair.a, order, flipped),
      b: turned(pair.b, order, flipped),
      spacing: order.map((axis) => pair.spacing[axis]!),
    };
    expectSame(scoresOf(stored, definition), scoresOf(pair, definition));
  });

  test.prop([pairs])("HD95 and ASSD are no larger than HD, surface Dice grows with the tolerance up to 1", (pair) => {
    const { hausdorff, hausdorff95, assd, surfaceDice } = scoresOf(pair, definition);
    expect(hausdorff95).toBeLessThanOrEqual(hausdorff);
    expect(assd).toBeLessThanOrEqual(hausdorff + 1e-12);
    expect(surfaceDice.toSorted((a, b) => a - b)).toEqual(surfaceDice);
    for (const [at, tolerance] of tolerances.entries()) {
      if (tolerance >= hausdorff) expect(surfaceDice[at]).toBe(1);
    }
  });

  test.prop([pairs, fc.integer({ min: 1, max: 8 })])("grow with the voxels", (pair, factor) => {
    const { hausdorff, assd } = scoresOf(pair, definition);
    const larger = scoresOf({ ...pair, spacing: pair.spacing.map((step) => step * factor) }, definition);
    expect(larger.hausdorff).toBeCloseTo(hausdorff * factor, 8);
    expect(larger.assd).toBeCloseTo(assd * factor, 8);
  });

  test.prop([pairs])("of an empty mask: infinite from one, undefined from two", ({ a, spacing }) => {
    const empty = { ...a, data: new Uint8Array(a.data.length) };
    for (const pair of [
      { a, b: empty, spacing },
      { a: empty, b: a, spacing },
    ]) {
      const { hausdorff, hausdorff95, assd, surfaceDice } = scoresOf(pair, definition);
      expect([hausdorff, hausdorff95, assd]).toEqual(new Array(3).fill(Number.POSITIVE_INFINITY));
      expect(surfaceDice).toEqual(tolerances.map(() => 0));
    }
    const { hausdorff, hausdorff95, assd, surfaceDice } = scoresOf({ a: empty, b: empty, spacing }, definition);
    expect([hausdorff, hausdorff95, assd, ...surfaceDice].every(Number.isNaN)).toBe(true);
  });
});

describe("refused are", () => {
  const mask = (data: readonly number[], shape = [1, 1, data.length]): Mask => ({ data: Uint8Array.from(data), shape });
  const good = mask([1, 0, 1]);

  test("masks of different shapes, or of another size than they say", () => {
    expect(() => surfaceScores(good, mask([1, 0]), [1, 1, 1])).toThrow(GeometryError);
    expect(() => surfaceScores(good, mask([1, 0, 1], [1, 3, 2]), [1, 1, 1])).toThrow(GeometryError);
    expect(() => surfaceScores(mask([1], [1, 1, 1, 1]), mask([1], [1, 1, 1, 1]), [1, 1, 1, 1])).toThrow(GeometryError);
  });

  test.each([[[1, 1]], [[1, 1, 0]], [[1, 1, -1]], [[1, 1, Number.NaN]], [[1, 1, Number.POSITIVE_INFINITY]]])(
    "a spacing of %s",
    (spacing) => expect(() => surfaceScores(good, good, spacing)).toThrow(GeometryError),
  );

  test("a label map, and NaN", () => {
    expect(() => surfaceScores(mask([1, 2, 0]), good, [1, 1, 1])).toThrow(ConfigError);
    const holes = { data: Float32Array.of(1, Number.NaN, 0) as unknown as Uint8Array, shape: [1, 1, 3] };
    expect(() => surfaceScores(good, holes, [1, 1, 1])).toThrow(/the prediction holds the value NaN/);
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("a tolerance of %d mm", (tolerance) => {
    expect(() => surfaceScores(good, good, [1, 1, 1], { tolerances: [tolerance] })).toThrow(ConfigError);
  });
});
