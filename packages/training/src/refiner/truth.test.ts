import { expect, test } from "vitest";
import { objectTruth } from "./truth.js";

const size = 12;
/** Shares of pixels under rectangles (x0 y0 x1 y1, corners included). */
const shares = (...boxes: readonly (readonly [number, number, number, number])[]) =>
  Float32Array.from({ length: size * size }, (_, i) => {
    const [y, x] = [Math.floor(i / size), i % size];
    return boxes.some(([x0, y0, x1, y1]) => x >= x0 && x <= x1 && y >= y0 && y <= y1) ? 0.9 : 0.1;
  });
const asked = (...objects: readonly (readonly [number, number, number, number, number])[]) => ({
  classes: objects.map(([label]) => label),
  boxes: Float32Array.from(objects.flatMap(([, ...box]) => box)),
});
const areas = (truth: Float32Array, objects: number) =>
  Array.from({ length: objects }, (_, n) =>
    truth.subarray(n * size * size, (n + 1) * size * size).reduce((sum, own) => sum + own, 0),
  );

test("a class asked for as a whole gets all of it, wherever its box is", () => {
  const fitted = new Map([[2, shares([0, 0, 2, 2], [8, 8, 9, 9])]]);
  const truth = objectTruth(asked([1, 0, 0, 3, 3], [2, 5, 5, 6, 6]), fitted, size);
  expect(areas(truth, 2)).toEqual([0, 13]);
  expect(truth.subarray(size * size).every((own, i) => (own === 1) === fitted.get(2)![i]! > 0.5)).toBe(true);
});

test("asked for by components, each gets those that its box holds most of; one that holds none is not there", () => {
  const fitted = new Map([[1, shares([0, 0, 2, 2], [7, 7, 10, 10])]]);
  const truth = objectTruth(asked([1, 0, 0, 3, 3], [1, 6, 6, 9, 9], [1, 0, 9, 2, 11]), fitted, size);
  expect(areas(truth, 3)).toEqual([9, 16, 0]);
});

test("a component outside all boxes belongs to the nearest; none is lost, none counted twice", () => {
  const fitted = new Map([[1, shares([0, 0, 1, 1], [5, 0, 6, 1], [10, 10, 11, 11])]]);
  const truth = objectTruth(asked([1, 0, 0, 2, 2], [1, 9, 4, 11, 7]), fitted, size);
  expect(areas(truth, 2)).toEqual([8, 4]);
});
