import { Random } from "@rfmedsam/base";
import { full, manualSeed, randn, type Tensor, tensor, zeros } from "@rfmedsam/torch";
import { beforeEach, describe, expect, test } from "vitest";
import { eachVoxel, tinyConfiguration } from "../testing/cases.js";
import { changeIntensities } from "./intensity.js";

const kinds = ["noise", "blur", "brightness", "contrast", "lowResolution", "invertedGamma", "gamma"] as const;
type Kind = (typeof kinds)[number];
const { augmentation } = tinyConfiguration().step0;
const none = { ...augmentation, ...Object.fromEntries(kinds.map((kind) => [kind, 0])) };
const only = (kind: Kind) => ({ ...none, [kind]: 1 });
const differ = (a: Tensor, b: Tensor) => a.sub(b).abs().amax().item();
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const deviation = (values: readonly number[]) => {
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
};
const worst = (a: readonly number[], b: readonly number[]) => Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));

beforeEach(() => manualSeed(3));

/** One channel changed by one kind, as often as asked: for kinds that change half of the channels, only those that were. */
function changed(image: Tensor, kind: Kind, times: number, sliceAxis?: number): number[][] {
  const results: number[][] = [];
  for (let n = 0; results.length < times; n++) {
    const out = changeIntensities(image, only(kind), new Random(n), sliceAxis);
    if (differ(out, image) > 0) results.push(out.toNumbers());
  }
  return results;
}

describe("intensity augmentations", () => {
  test("none at probability 0", () => {
    const image = randn([2, 4, 6, 8]);
    expect(changeIntensities(image, none, new Random(1))).toBe(image);
  });

  describe.each(kinds)("%s", (kind) => {
    test.each([
      [1, 6, 8],
      [3, 4, 6, 8],
      [1, 1, 17, 15],
      [2, 2, 1, 3],
    ])("keeps the shape, is finite, and leaves what it was given alone (%i, %i, %i, …)", (...shape) => {
      const image = randn(shape).mul(2).add(1);
      const before = image.clone();
      let different = 0;
      for (let n = 0; n < 12; n++) {
        const out = changeIntensities(image, only(kind), new Random(n));
        expect(out.shape).toEqual(shape);
        expect(out.toNumbers().every(Number.isFinite)).toBe(true);
        different = Math.max(different, differ(out, image));
      }
      expect(different).toBeGreaterThan(0);
      expect(differ(image, before)).toBe(0);
    });

    test("of a constant channel is finite and stays near it", () => {
      for (const value of [0, -3, 2]) {
        const image = full([1, 4, 6, 8], value);
        for (let n = 0; n < 20; n++) {
          const out = changeIntensities(image, only(kind), new Random(n));
          expect(out.toNumbers().every(Number.isFinite)).toBe(true);
          // Brightness multiplies by up to 1.25; noise of deviation 0.1 stays within 0.6 in 192 voxels.
          expect(differ(out, image)).toBeLessThan(kind === "noise" ? 0.6 : 0.25 * Math.abs(value) + 1e-4);
        }
      }
    });

    test("is drawn for a patch as often as its probability says, and for its part of the channels", () => {
      const image = randn([8, 3, 5, 5]);
      let patches = 0;
      let channels = 0;
      for (let n = 0; n < 300; n++) {
        const out = changeIntensities(image, { ...none, [kind]: 0.3 }, new Random(n));
        const different = out
          .sub(image)
          .abs()
          .amax({ dim: [1, 2, 3] });
        const count = different.toNumbers().filter((value) => value > 0).length;
        if (out !== image) patches++;
        channels += count / 8;
      }
      expect(Math.abs(patches / 300 - 0.3)).toBeLessThan(0.1);
      // A low resolution of no coarser voxels changes nothing: nearly a tenth of all factors at these extents.
      const part = kind === "blur" ? 0.5 : kind === "lowResolution" ? 0.45 : 1;
      expect(Math.abs(channels / patches - part)).toBeLessThan(0.08);
    });

    test("is the same for the same stream and seed", () => {
      const image = randn([2, 4, 6, 8]);
      const [a, b] = [0, 1].map(() => {
        manualSeed(11);
        return changeIntensities(image, only(kind), new Random(2));
      });
      expect(differ(a!, b!)).toBe(0);
    });
  });

  test("noise is normal, of a deviation up to 0.1 that all channels share", () => {
    const image = randn([2, 12, 12, 12]);
    const deviations = Array.from({ length: 60 }, (_, n) => {
      const noise = changeIntensities(image, only("noise"), new Random(n)).sub(image).toNumbers();
      const [a, b] = [noise.slice(0, 1728), noise.slice(1728)].map(deviation) as [number, number];
      expect(Math.abs(a / b - 1)).toBeLessThan(0.1);
      expect(Math.abs(mean(noise))).toBeLessThan((5 * a) / Math.sqrt(noise.length));
      return a;
    });
    expect(Math.max(...deviations)).toBeLessThan(0.106);
    expect(Math.abs(mean(deviations) - 0.05)).toBeLessThan(4 * (0.1 / Math.sqrt(12 * 60)));
  });

  test("brightness multiplies each channel by a factor of its own, below 1 as often as above", () => {
    const image = randn([2, 4, 4, 4]);
    const given = image.toNumbers();
    const factors = changed(image, "brightness", 100).map((values) => {
      const [a, b] = [values[0]! / given[0]!, values[64]! / given[64]!];
      expect(a).not.toBeCloseTo(b, 6);
      expect(
        worst(
          values,
          given.map((value, i) => value * (i < 64 ? a : b)),
        ),
      ).toBeLessThan(1e-5);
      return a;
    });
    expect(Math.min(...factors)).toBeGreaterThanOrEqual(0.75 - 1e-6);
    expect(Math.max(...factors)).toBeLessThanOrEqual(1.25 + 1e-6);
    expect(Math.abs(factors.filter((factor) => factor < 1).length - 50)).toBeLessThan(20);
  });

  test("contrast scales about the mean and keeps within the range", () => {
    const image = randn([1, 6, 6, 6]);
    const given = image.toNumbers();
    const [middle, low, high] = [mean(given), Math.min(...given), Math.max(...given)];
    // The voxel nearest to the mean but not on it tells the factor: it is never clamped.
    const probe = given.findIndex((value) => Math.abs(value - middle) > 0.3 && Math.abs(value - middle) < 0.8);
    for (const values of changed(image, "contrast", 20)) {
      const factor = (values[probe]! - middle) / (given[probe]! - middle);
      expect(Math.abs(factor - 1)).toBeLessThan(0.25 + 1e-4);
      const expected = given.map((value) => Math.min(high, Math.max(low, (value - middle) * factor + middle)));
      expect(worst(values, expected)).toBeLessThan(1e-4);
    }
  });

  test("blur is a Gaussian with a width of its own along each axis, cut after three deviations", () => {
    const size = 15;
    const image = zeros([1, size, size, size]);
    image.select(1, 7).select(1, 7).select(1, 7).fill_(1);
    const at = (values: number[], z: number, y: number, x: number) => values[(z * size + y) * size + x]!;
    for (const values of changed(image, "blur", 12)) {
      expect(values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
      const peak = at(values, 7, 7, 7);
      const profiles = [0, 1, 2].map((axis) =>
        Array.from({ length: 8 }, (_, d) => {
          const [z, y, x] = [0, 1, 2].map((other) => 7 + (other === axis ? d : 0)) as [number, number, number];
          return at(values, z, y, x) / peak;
        }),
      );
      const sigmas = profiles.map((profile) => Math.sqrt(-1 / (2 * Math.log(profile[1]!))));
      expect(new Set(sigmas.map((sigma) => sigma.toFixed(4))).size).toBe(3);
      for (const [axis, sigma] of sigmas.entries()) {
        expect(sigma).toBeGreaterThan(0.5 - 1e-4);
        expect(sigma).toBeLessThan(1 + 1e-4);
        const reach = Math.floor((6 * sigma + 0.5) / 2);
        const expected = profiles[axis]!.map((_, d) => (d > reach ? 0 : Math.exp(-0.5 * (d / sigma) ** 2)));
        expect(worst(profiles[axis]!, expected)).toBeLessThan(1e-5);
      }
      const corner = at(values, 8, 8, 8) / peak;
      expect(corner).toBeCloseTo(profiles[0]![1]! * profiles[1]![1]! * profiles[2]![1]!, 5);
    }
  });

  test("blur reflects at the border: what leaves comes back, but not the border itself twice", () => {
    const image = tensor([0, 1, 0, 0, 0, 0, 0, 0], [1, 1, 8]).repeat([1, 8, 1]);
    for (const values of changed(image, "blur", 5)) {
      // The impulse one voxel from the border is seen by the border from both sides.
      expect(values[0]! / values[2]!).toBeCloseTo(2, 2);
    }
  });

  test.each<[string, number[], number | undefined]>([
    ["a volume", [6, 7, 9], undefined],
    ["a slice", [11, 8], undefined],
    ["slices, never across them", [3, 9, 12], 0],
    ["slices of x", [9, 12, 3], 2],
  ])("low resolution takes the nearest voxels and goes back in lines: %s", (_, shape, slices) => {
    const image = randn([1, ...shape]);
    const given = image.toNumbers();
    const [depth, height, width] = [1, ...shape].slice(-3) as [number, number, number];
    const flat = slices === undefined ? undefined : slices + 3 - shape.length;
    /** By hand in float64, one axis after the other. */
    const coarsened = (factor: number) => {
      const sizes = [depth, height, width].map((extent, axis) =>
        axis === flat ? extent : Math.max(1, Math.round(extent * factor)),
      );
      const line = (extent: number, coarse: number) =>
        Array.from({ length: extent }, (_, i) => {
          const where = Math.min(Math.max(((i + 0.5) * coarse) / extent - 0.5, 0), coarse - 1);
          const low = Math.floor(where);
          const from = (index: number) => Math.floor(((Math.min(index, coarse - 1) + 0.5) * extent) / coarse);
          return [
            [from(low), 1 - (where - low)],
            [from(low + 1), where - low],
          ] as [number, number][];
        });
      const lines = [depth, height, width].map((extent, axis) => line(extent, sizes[axis]!));
      const out: number[] = [];
      eachVoxel([depth, height, width], (z, y, x) => {
        let sum = 0;
        for (const [a, wa] of lines[0]![z]!)
          for (const [b, wb] of lines[1]![y]!)
            for (const [c, wc] of lines[2]![x]!) sum += wa * wb * wc * given[(a * height + b) * width + c]!;
        out.push(sum);
      });
      return out;
    };
    const candidates = Array.from({ length: 201 }, (_, n) => coarsened(0.5 + n / 400));
    for (const values of changed(image, "lowResolution", 8, slices)) {
      expect(Math.min(...candidates.map((candidate) => worst(values, candidate)))).toBeLessThan(1e-5);
    }
  });

  test.each(["gamma", "invertedGamma"] as const)(
    "%s is a power law of 0.7 … 1.5 with mean and deviation kept",
    (kind) => {
      const image = randn([1, 7, 7, 7]);
      const sign = kind === "gamma" ? 1 : -1;
      const given = image.toNumbers().map((value) => sign * value);
      const [low, high] = [Math.min(...given), Math.max(...given)];
      const kept = { mean: mean(given), deviation: deviation(given) };
      /** By hand in float64. */
      const curved = (power: number) => {
        const raw = given.map((value) => ((value - low) / (high - low)) ** power);
        const [from, spread] = [mean(raw), deviation(raw)];
        return raw.map((value) => ((value - from) / spread) * kept.deviation + kept.mean);
      };
      const top = given.indexOf(high);
      const powers = changed(image, kind, 40).map((signed) => {
        const values = signed.map((value) => sign * value);
        let [a, b] = [0.5, 2];
        for (let n = 0; n < 40; n++) {
          const power = (a + b) / 2;
          // The brighter the curve leaves the middle, the nearer the brightest voxel comes to it.
          if (curved(power)[top]! < values[top]!) a = power;
          else b = power;
        }
        expect(worst(values, curved((a + b) / 2))).toBeLessThan(1e-3);
        return (a + b) / 2;
      });
      expect(Math.min(...powers)).toBeGreaterThan(0.7 - 1e-3);
      expect(Math.max(...powers)).toBeLessThan(1.5 + 1e-3);
      expect(Math.abs(powers.filter((power) => power < 1).length - 20)).toBeLessThan(14);
    },
  );
});
