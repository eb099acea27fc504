import { fc, test } from "@fast-check/vitest";
import { Random } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
import { renderSlice, sliceFrame } from "@rfmedsam/segmenter";
import { expect } from "vitest";
import { storedCase } from "../testing/cases.js";
import { noisySlab } from "./noisy-slab.js";

const shape: Triple = [6, 9, 12];
const stored = storedCase({
  shape,
  spacing: [3, 1, 2],
  channels: 2,
  value: (channel, z, y, x) => 0.05 * (z + 2 * y + x) - channel,
});
const voxels = 6 * 9 * 12;

test.prop([fc.constantFrom("axial", "coronal", "sagittal"), fc.nat(5), fc.integer({ min: 1, max: 4 })])(
  "without noise its pictures are the case's own, at the ends, too",
  (axis, start, length) => {
    const frame = sliceFrame(shape, stored.spacing, axis, 32);
    const first = Math.min(start, frame.count - 1);
    const slices = Array.from({ length: Math.min(length, frame.count - first) }, (_, n) => first + n);
    const slab = noisySlab(stored, frame, slices, 0, new Random(1));
    for (const colours of ["adjacent", "channels"] as const) {
      for (const slice of slices) {
        const [own, expected] = [new Float32Array(3 * 32 * 32), new Float32Array(3 * 32 * 32)];
        renderSlice(slab.prepared, slab.frame, slab.at(slice), { colours }, own);
        renderSlice(stored, frame, slice, { colours }, expected);
        expect(own).toEqual(expected);
      }
    }
  },
);

test("noise is a part of the channel's window, and the case stays as it is", () => {
  const frame = sliceFrame(shape, stored.spacing, "axial", 32);
  const before = stored.data.slice();
  const windows = [
    { low: 0, high: 1 },
    { low: -10, high: 10 },
  ];
  const { prepared } = noisySlab({ ...stored, windows }, frame, [0, 1, 2, 3, 4, 5], 0.2, new Random(3));
  expect(stored.data).toEqual(before);
  for (const [channel, expected] of [0.2, 4].entries()) {
    const differences = Array.from({ length: voxels }, (_, at) => {
      const place = channel * voxels + at;
      return prepared.data[place]! - before[place]!;
    });
    const deviation = Math.sqrt(differences.reduce((sum, value) => sum + value ** 2, 0) / voxels);
    expect(deviation / expected).toBeGreaterThan(0.9);
    expect(deviation / expected).toBeLessThan(1.1);
  }
});
