import type { Triple } from "@rfmedsam/imaging";
import { describe, expect, test } from "vitest";
import type { LoadedCase } from "../dataset/load.js";
import { fingerprintCase, fingerprintDataset } from "./fingerprint.js";

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

  test("draws every labelled voxel equally often", () => {
    const voxels = 60 * 50 * 40;
    const labels = new Uint8Array(voxels).fill(1);
    const affine = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
    const data = Float32Array.from({ length: voxels }, (_, i) => i / voxels);
    const shape = [60, 50, 40] as const;
    const whole = { id: "a", channels: [{ data, shape, affine }], labels: { data: labels, shape, affine } };
    // Every twelfth of the volume: the deviation of a count of n of 10 000 draws is at most √n.
    const counts = new Array<number>(12).fill(0);
    for (let seed = 0; seed < 10; seed++)
      for (const value of fingerprintCase(whole, seed).foreground[0]!) counts[Math.floor(value * 12)]!++;
    const expected = 100_000 / 12;
    for (const count of counts) expect(Math.abs(count - expected)).toBeLessThan(4 * Math.sqrt(expected));
  });

  test("takes the same voxels of every channel", () => {
    const { channels, labels, id } = loaded("a", [40, 50, 60]);
    const twice = {
      id,
      labels,
      channels: [
        channels[0]!,
        { ...channels[0]!, data: Float32Array.from(channels[0]!.data as Float32Array, (v) => 2 * v) },
      ],
    };
    const [one, two] = fingerprintCase(twice, 3).foreground;
    expect([...two!]).toEqual(Array.from(one!, (value) => 2 * value));
  });

  test("measures what cropping will leave, in RAS", () => {
    const large = loaded("b", [6, 4, 5], true);
    (large.channels[0]!.data as Float32Array).fill(0, 0, 3 * 4 * 5);
    large.labels.data.fill(0, 0, 3 * 4 * 5);
    expect(fingerprintCase(large, 1, { cropToNonzero: false })).toMatchObject({ shape: [4, 5, 6], kept: 1 });
    const cropped = fingerprintCase(large, 1, { cropToNonzero: true });
    expect(cropped).toMatchObject({ shape: [4, 5, 3], kept: 0.5, spacing: [3, 2, 1] });
    expect(cropped.bytes).toBe(2 * 120);
  });

  test("of a case without labels is empty", () => {
    const empty = loaded("a", [2, 2, 2]);
    empty.labels.data.fill(0);
    expect(fingerprintCase(empty, 1).foreground[0]).toHaveLength(0);
  });
});

describe("a data set's fingerprint", () => {
  const cases = [
    { id: "a", shape: [10, 20, 30], spacing: [3, 1, 1], kept: 1, bytes: 1, foreground: [Float32Array.from([1, 2, 3])] },
    { id: "b", shape: [20, 20, 40], spacing: [1, 2, 2], kept: 1, bytes: 2, foreground: [Float32Array.from([4])] },
    { id: "c", shape: [30, 25, 10], spacing: [2, 1, 1], kept: 1, bytes: 3, foreground: [Float32Array.from([])] },
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
    // NumPy's percentile([1, 2, 3, 4], [0.5, 99.5])
    expect(channel!.low).toBeCloseTo(1.015, 6);
    expect(channel!.high).toBeCloseTo(3.985, 6);
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

  test("the median of an even number of cases is between the middle two", () => {
    expect(fingerprintDataset(cases.slice(0, 2)).medianSpacing).toEqual([2, 1.5, 1.5]);
  });

  test("knows the finest, the largest and all of it", () => {
    const found = fingerprintDataset(cases);
    expect(found).toMatchObject({
      cases: 3,
      largestExtent: [20, 40, 80],
      largestVoxels: 16_000,
      largestBytes: 3,
      kept: 1,
    });
    expect(found.totalVolume).toBe(18_000 + 64_000 + 15_000);
    expect(found.fineSpacing[0]).toBeCloseTo(1.2, 10); // NumPy's percentile([3, 1, 2], 10)
  });
});
