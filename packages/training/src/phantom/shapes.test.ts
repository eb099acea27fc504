import { fc, test } from "@fast-check/vitest";
import { Random } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { deform, ellipsoid, type Point, type Shape, subtract, tube, union, waves } from "./shapes.js";

const coordinate = fc.double({ min: -60, max: 60, noNaN: true });
const point = fc.tuple(coordinate, coordinate, coordinate);
const radius = fc.double({ min: 4, max: 40, noNaN: true });

const ellipsoids = fc
  .record({
    centre: point,
    radii: fc.tuple(radius, radius, radius),
    turn: fc.tuple(coordinate, coordinate, coordinate),
    exponent: fc.constantFrom(2, 2.3, 3),
  })
  .map(ellipsoid);
const tubes = fc
  .array(fc.tuple(coordinate, coordinate, coordinate, radius), { minLength: 2, maxLength: 5 })
  .filter((stations) =>
    stations.every((a, i) =>
      stations.every((b, j) => i === j || Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]) > 5),
    ),
  )
  .map((stations) => tube(stations));
const wavy = fc
  .tuple(fc.oneof(ellipsoids, tubes), fc.nat())
  .map(([shape, seed]) => deform(shape, waves(new Random(seed), 5, 50), 5));
const shapes = fc.oneof(ellipsoids, tubes, wavy);

const at = (shape: Shape, [x, y, z]: Point) => shape.field(x, y, z);

const anywhere = fc.tuple(...[0, 1, 2].map(() => fc.double({ min: -150, max: 150, noNaN: true }))) as fc.Arbitrary<
  [number, number, number]
>;

describe("a shape", () => {
  test.prop([shapes, anywhere])("lies in its box", (shape, somewhere) => {
    const inBox = somewhere.every((value, axis) => value >= shape.box.min[axis]! && value <= shape.box.max[axis]!);
    if (!inBox) expect(at(shape, somewhere)).toBeGreaterThanOrEqual(0);
  });

  test.prop([shapes, shapes, anywhere])("is part of a union, and not of what is cut away", (a, b, somewhere) => {
    const [da, db] = [at(a, somewhere), at(b, somewhere)];
    expect(at(union(a, b, 10), somewhere)).toBeLessThanOrEqual(Math.min(da, db));
    const rest = at(subtract(a, b.field, 4), somewhere);
    if (rest < 0) expect([da < 0, db > 0]).toEqual([true, true]);
  });

  test.prop([point, radius, anywhere])("of equal radii is a ball, at its true distance", (centre, r, somewhere) => {
    const ball = ellipsoid({ centre, radii: [r, r, r] });
    const distance = Math.hypot(...somewhere.map((value, axis) => value - centre[axis]!)) - r;
    if (distance > -0.99 * r) expect(at(ball, somewhere)).toBeCloseTo(distance, 6);
  });

  test.prop([fc.nat(), fc.double({ min: 0, max: 20, noNaN: true }), anywhere])(
    "is moved by no more than its amplitude",
    (seed, amplitude, [x, y, z]) => {
      expect(Math.abs(waves(new Random(seed), amplitude, 40)(x, y, z))).toBeLessThanOrEqual(amplitude);
    },
  );
});
