import { fc, test } from "@fast-check/vitest";
import { GeometryError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { type Counts, countOverlap, dice, jaccard, precision, recall, volumeSimilarity } from "./overlap.js";

const labels = [1, 2, 3];

/** Two label maps of the same length. */
const pairs = fc
  .integer({ min: 1, max: 60 })
  .chain((length) => fc.tuple(...[0, 1].map(() => fc.uint8Array({ minLength: length, maxLength: length, max: 4 }))));

const counts = fc.record({ tp: fc.nat(1000), fp: fc.nat(1000), fn: fc.nat(1000), tn: fc.nat(1000) });

/** Predicted and real change places. */
const swapped = ({ tp, fp, fn, tn }: Counts): Counts => ({ tp, fp: fn, fn: fp, tn });

describe("counts", () => {
  test.prop([pairs])("cover every voxel once", ([a, b]) => {
    for (const { tp, fp, fn, tn } of countOverlap(a!, b!, labels)) expect(tp + fp + fn + tn).toBe(a!.length);
  });

  test.prop([pairs])("are those of counting one voxel after the other", ([a, b]) => {
    const all = [...a!].map((value, i) => [value, b![i]] as const);
    expect(countOverlap(a!, b!, labels)).toEqual(
      labels.map((label) => ({
        tp: all.filter(([p, r]) => p === label && r === label).length,
        fp: all.filter(([p, r]) => p === label && r !== label).length,
        fn: all.filter(([p, r]) => p !== label && r === label).length,
        tn: all.filter(([p, r]) => p !== label && r !== label).length,
      })),
    );
  });

  test.prop([pairs])("exchange their errors when the masks change places", ([a, b]) => {
    expect(countOverlap(a!, b!, labels).map(swapped)).toEqual(countOverlap(b!, a!, labels));
  });

  test.prop([pairs])("of a region are those of its union", ([a, b]) => {
    const merged = (data: Uint8Array) => data.map((value) => (value === 1 || value === 3 ? 9 : value));
    expect(countOverlap(a!, b!, [[1, 3]])).toEqual(countOverlap(merged(a!), merged(b!), [9]));
  });

  test.prop([pairs])("leave out what the reference ignores", ([a, b]) => {
    const kept = [...a!.keys()].filter((i) => b![i] !== 4);
    const pick = (data: Uint8Array) => Uint8Array.from(kept, (i) => data[i]!);
    expect(countOverlap(a!, b!, labels, { ignoreLabel: 4 })).toEqual(countOverlap(pick(a!), pick(b!), labels));
  });

  test.prop([pairs])("do not depend on how labels are stored", ([a, b]) => {
    const wide = (data: Uint8Array) => Int32Array.from(data, (value) => (value === 2 ? 70_000 : value));
    const expected = countOverlap(a!, b!, labels);
    expect(countOverlap(wide(a!), wide(b!), [1, 70_000, 3])).toEqual(expected);
    expect(countOverlap(BigInt64Array.from(a!, BigInt), new Float32Array(b!), labels)).toEqual(expected);
  });

  test("refuse what is no label map", () => {
    expect(() => countOverlap(Float32Array.of(0.5), Uint8Array.of(1), [1])).toThrow(/the value 0.5/);
    expect(() => countOverlap(new Uint8Array(3), new Uint8Array(4), [1])).toThrow(GeometryError);
  });
});

describe("scores", () => {
  const scores = { dice, jaccard, precision, recall, volumeSimilarity };

  test.prop([counts])("lie in [0, 1] or are undefined", (some) => {
    for (const [name, score] of Object.entries(scores)) {
      const value = score(some);
      expect(Number.isNaN(value) || (value >= 0 && value <= 1), `${name} = ${value}`).toBe(true);
    }
  });

  test.prop([counts])("are symmetric where they should be", (some) => {
    expect(dice(swapped(some))).toBe(dice(some));
    expect(jaccard(swapped(some))).toBe(jaccard(some));
    expect(volumeSimilarity(swapped(some))).toBe(volumeSimilarity(some));
    expect(precision(swapped(some))).toBe(recall(some));
  });

  test.prop([counts.filter(({ tp, fp, fn }) => tp + fp + fn > 0)])("Dice and Jaccard say the same", (some) => {
    expect(dice(some)).toBeCloseTo((2 * jaccard(some)) / (1 + jaccard(some)), 12);
  });

  test.prop([pairs])("are 1 for a mask against itself", ([a]) => {
    for (const [at, label] of labels.entries()) {
      const own = countOverlap(a!, a!, labels)[at]!;
      const expected = a!.includes(label) ? 1 : Number.NaN;
      for (const score of Object.values(scores)) expect(score(own)).toBe(expected);
    }
  });

  test("know empty masks", () => {
    const nothing = { tp: 0, fp: 0, fn: 0, tn: 9 };
    expect(Object.values(scores).map((score) => score(nothing))).toEqual(new Array(5).fill(Number.NaN));
    const onlyPredicted = { tp: 0, fp: 4, fn: 0, tn: 5 };
    expect([dice, jaccard, volumeSimilarity].map((score) => score(onlyPredicted))).toEqual([0, 0, 0]);
    expect([precision(onlyPredicted), recall(onlyPredicted)]).toEqual([0, Number.NaN]);
  });
});
