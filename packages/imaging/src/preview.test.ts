import { describe, expect, test } from "vitest";
import { scalingAffine } from "./geometry.js";
import { reorient } from "./orientation.js";
import { previewStrip } from "./preview.js";
import type { Volume } from "./volume.js";

/** Bright at the patient's right front, in a volume 20 mm high, 10 wide. */
const volume: Volume<Float32Array> = {
  data: Float32Array.from({ length: 4 * 20 * 20 }, (_, at) => {
    const [x, y] = [at % 20, Math.floor(at / 20) % 20];
    return x >= 10 && y >= 10 ? 100 : 10;
  }),
  shape: [4, 20, 20],
  affine: scalingAffine([3, 1, 0.5]),
};

describe("a preview", () => {
  test("shows the patient's right on the left and the front above, whatever the file's axes", () => {
    const strip = previewStrip(volume, { slices: 2, height: 20 });
    expect([strip.height, strip.width]).toEqual([20, 22]);
    expect(strip.data[0]).toBe(255);
    expect(strip.data[9]).toBeLessThan(100);
    expect(strip.data[19 * 22]).toBeLessThan(100);
    expect(previewStrip(reorient(volume, "SAL"), { slices: 2, height: 20 })).toEqual(strip);
  });

  test("CT gets the soft-tissue window, another one if asked for", () => {
    const ct = { ...volume, data: volume.data.map((value) => (value === 10 ? -1000 : 40)) };
    expect(previewStrip(ct, { slices: 1, height: 20 }).data[0]).toBe(Math.round((255 * 200) / 400));
    expect(previewStrip(ct, { slices: 1, height: 20, window: { low: 0, high: 40 } }).data[0]).toBe(255);
  });

  test("constant values, NaN and single voxels have a picture, too", () => {
    for (const value of [0, 5, Number.NaN]) {
      const flat = {
        data: new Float32Array(1).fill(value),
        shape: [1, 1, 1] as const,
        affine: scalingAffine([1, 1, 1]),
      };
      expect(previewStrip(flat, { height: 4 }).data).toHaveLength(16);
    }
  });
});
