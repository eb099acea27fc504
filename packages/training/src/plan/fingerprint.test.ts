import type { Triple } from "@rfmedsam/imaging";
import { describe, expect, test } from "vitest";
import type { LoadedCase } from "../dataset/load.js";
import { fingerprintCase, fingerprintDataset, median } from "./fingerprint.js";

/** Voxels i (along x) of 1 mm, j of 2 mm, k of 3 mm; `turned` stores the axes in another order. */
function loaded(id: string, shape: Triple, turned = false): LoadedCase {
  const affine = turned
    ? [0, 0, -1, 5, 2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 1] // i runs along A, j along S, k along L
    : [1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1];
  const voxels = shape[0] * shape[1] * shape[2];
  const labels = Uint8Array.from({ length: voxels }, (_, i) => (i % 4 === 1 ? 1 : 0));
  const volume = <T extends Uint8Array | Int16Array>(data: T) => ({ data, shape, affine });
  return {
    id,
    channels: [volume(Int16Array.from({ length: voxels }, (_, i) => (i % 4 === 1 ? Math.floor(i / 4) : -5000)))],
    labels: volume(labels),
  };
}

describe("a case's fingerprint", () => {
  test("has sizes and spacings in RAS, however the file is stored", () => {
    expect(fingerprintCase(loaded("a", [4, 5, 6]), 1)).toMatchObject({ shape: [4, 5, 6], spacing: [3, 2, 1] });
    // Stored [z, y, x] = [k, j, i] = [along x, along z, along y].
    expect(fingerprintCase(loaded("b", [6, 4, 5], true), 1)).toMatchObject({ shape: [4, 5, 6], spacing: [3, 2, 1] });
  });

  test("looks at intensities under the labels alone", () => {
    const { foreground } = fingerprintCase(loaded("a", [4, 5, 6]), 1);
    expect([...foreground[0]!]).toEqual(Array.from({ length: 30 }, (_, i) => i));
  });

  test("remembers a bounded sample that depends on the seed alone", () => {
    const large = loaded("a", [40, 50, 60]);
    const [one, again, other] = [1, 1, 2].map((seed) => fingerprintCase(large, seed).foreground[0]!);
    expect(one).toHaveLength(10_000);
    expect(again).toEqual(one);
    expect(other).not.toEqual(one);
    expect(one!.every((value) => value >= 0)).toBe(true);
  });

  test("of a case without labels is empty", () => {
    const empty = loaded("a", [2, 2, 2]);
    empty.labels.data.fill(0);
    expect(fingerprintCase(empty, 1).foreground[0]).toHaveLength(0);
  });
});

describe("a data set's fingerprint", () => {
  const cases = [
    { id: "a", shape: [10, 20, 30], spacing: [3, 1, 1], foreground: [Float32Array.from([1, 2, 3])] },
    { id: "b", shape: [20, 20, 40], spacing: [1, 2, 2], foreground: [Float32Array.from([4])] },
    { id: "c", shape: [30, 25, 10], spacing: [2, 1, 1], foreground: [Float32Array.from([])] },
  ] as const;

  test("takes medians axis by axis", () => {
    const { medianSpacing, medianExtent } = fingerprintDataset(cases);
    expect(medianSpacing).toEqual([2, 1, 1]);
    expect(medianExtent).toEqual([30, 25, 30]);
  });

  test("pools intensities of all cases", () => {
    const [channel] = fingerprintDataset(cases).channels;
    expect(channel!.mean).toBeCloseTo(2.5, 6);
    expect(channel!.std).toBeCloseTo(Math.sqrt(1.25), 6);
    expect(channel!.low).toBe(1);
    expect(channel!.high).toBe(4);
  });

  test("percentiles leave out half a percent at each end", () => {
    const foreground = [Float32Array.from({ length: 10_000 }, (_, i) => 9999 - i)];
    const [channel] = fingerprintDataset([{ ...cases[0], foreground }]).channels;
    expect(channel!.low).toBeCloseTo(50, -1);
    expect(channel!.high).toBeCloseTo(9950, -1);
  });

  test("without any labelled voxel is finite", () => {
    const [channel] = fingerprintDataset([cases[2]]).channels;
    const { bulk, ...others } = channel!;
    expect([...Object.values(others), ...Object.values(bulk)].every(Number.isFinite)).toBe(true);
    expect(channel!.std).toBeGreaterThan(0);
  });

  test("the median of an even number of values is between the middle two", () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([7])).toBe(7);
  });
});
