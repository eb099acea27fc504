import { Random } from "@rfmedsam/base";
import { full, manualSeed, randn, type Tensor } from "@rfmedsam/torch";
import { beforeEach, describe, expect, test } from "vitest";
import { tinyConfiguration } from "../testing/cases.js";
import { changeIntensities, mirror } from "./intensity.js";

const { augmentation } = tinyConfiguration().step0;
const none = { ...augmentation, noise: 0, blur: 0, brightness: 0, contrast: 0, lowResolution: 0, gamma: 0 };
const kinds = ["noise", "blur", "brightness", "contrast", "lowResolution", "gamma"] as const;
const labels = full([2, 4, 6, 8], 1, { dtype: "int64" });
const differ = (a: Tensor, b: Tensor) => a.sub(b).abs().amax().item();

beforeEach(() => manualSeed(3));

describe("intensity augmentations", () => {
  test("none at probability 0", () => {
    const image = randn([2, 2, 4, 6, 8]);
    expect(differ(changeIntensities({ image, labels }, none, new Random(1)).image, image)).toBe(0);
  });

  describe.each(kinds)("%s", (kind) => {
    const only = { ...none, [kind]: 1 };

    test.each([
      [2, 1, 6, 8],
      [2, 3, 4, 6, 8],
      [1, 1, 1, 17, 15],
    ])("keeps the shape, is finite, and leaves labels alone (%i, %i, %i, …)", (...shape) => {
      const image = randn(shape).mul(2).add(1);
      const changed = changeIntensities({ image, labels }, only, new Random(5));
      expect(changed.image.shape).toEqual(shape);
      expect(changed.image.toNumbers().every(Number.isFinite)).toBe(true);
      expect(changed.labels).toBe(labels);
      expect(differ(changed.image, image)).toBeGreaterThan(0);
    });

    test("of a constant picture is finite and stays near it", () => {
      for (const value of [0, -3, 2]) {
        const image = full([1, 1, 4, 6, 8], value);
        for (let n = 0; n < 20; n++) {
          const changed = changeIntensities({ image, labels }, only, new Random(n)).image;
          expect(changed.toNumbers().every(Number.isFinite)).toBe(true);
          // Brightness multiplies by up to 1.25, noise has at most a deviation of √0.1.
          expect(differ(changed, image)).toBeLessThan(kind === "noise" ? 2 : 0.25 * Math.abs(value) + 1e-4);
        }
      }
    });

    test("changes the members of a batch apart from each other", () => {
      const one = randn([1, 1, 4, 6, 8]);
      const image = one.repeat([2, 1, 1, 1, 1]);
      const changed = changeIntensities({ image, labels }, only, new Random(4)).image;
      expect(differ(changed.select(0, 0), changed.select(0, 1))).toBeGreaterThan(0);
    });
  });

  test("contrast and blur stay within the picture's range", () => {
    const image = randn([1, 1, 6, 8, 8]);
    const [low, high] = [image.amin().item(), image.amax().item()];
    for (const kind of ["contrast", "blur", "lowResolution"] as const) {
      for (let n = 0; n < 10; n++) {
        const changed = changeIntensities({ image, labels }, { ...none, [kind]: 1 }, new Random(n)).image;
        expect(changed.amin().item()).toBeGreaterThanOrEqual(low - 1e-5);
        expect(changed.amax().item()).toBeLessThanOrEqual(high + 1e-5);
      }
    }
  });

  test("gamma keeps mean, deviation and the order of voxels", () => {
    const image = randn([1, 1, 8, 8, 8]);
    for (let n = 0; n < 10; n++) {
      const changed = changeIntensities({ image, labels }, { ...none, gamma: 1 }, new Random(n)).image;
      expect(changed.mean().item()).toBeCloseTo(image.mean().item(), 4);
      expect(changed.std().item()).toBeCloseTo(image.std().item(), 3);
      const order = image.flatten().argsort();
      const sorted = changed.flatten().indexSelect(0, order).toNumbers();
      expect(sorted.every((value, i) => i === 0 || value >= sorted[i - 1]! - 1e-5)).toBe(true);
    }
  });

  test("is the same for the same stream and seed", () => {
    const image = randn([2, 1, 4, 6, 8]);
    const all = { ...none, noise: 1, blur: 1, gamma: 1, brightness: 1 };
    const [a, b] = [0, 1].map(() => {
      manualSeed(11);
      return changeIntensities({ image, labels }, all, new Random(2)).image;
    });
    expect(differ(a!, b!)).toBe(0);
  });
});

describe("mirroring", () => {
  /** The labels as a picture: whatever happens to one must happen to the other. */
  const pair = (shape: number[]) => {
    const own = randn(shape).mul(100).abs().to({ dtype: "int64" });
    return { image: own.float().unsqueeze(1), labels: own };
  };

  test.each([
    [
      [2, 3, 4, 5],
      [0, 1, 2],
    ],
    [
      [2, 4, 5],
      [0, 1, 2],
    ],
    [[2, 3, 4, 5], [2]],
  ])("turns image %j and labels alike along %j", (shape, mirrorAxes) => {
    const given = pair(shape);
    let turned = 0;
    for (let n = 0; n < 16; n++) {
      const { image, labels: own } = mirror(given, { ...augmentation, mirrorAxes }, new Random(n));
      expect(image.shape).toEqual(given.image.shape);
      expect(differ(image.squeeze(1), own.float())).toBe(0);
      if (differ(own.float(), given.labels.float()) > 0) turned++;
    }
    expect(turned).toBeGreaterThan(2);
  });

  test("along x mirrors columns", () => {
    const given = pair([1, 2, 2, 3]);
    const axes = { ...augmentation, mirrorAxes: [2] };
    const mirrored = Array.from({ length: 16 }, (_, n) => mirror(given, axes, new Random(n)).labels).find(
      (own) => differ(own.float(), given.labels.float()) > 0,
    )!;
    const rows = given.labels.toNumbers();
    expect(mirrored.toNumbers()).toEqual([0, 3, 6, 9].flatMap((at) => rows.slice(at, at + 3).reverse()));
  });

  test("without axes returns what it was given", () => {
    const given = pair([1, 2, 2, 2]);
    expect(mirror(given, { ...augmentation, mirrorAxes: [] }, new Random(1)).image).toBe(given.image);
  });
});
