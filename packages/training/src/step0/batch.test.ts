import { Random } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
import { liveTensors, manualSeed, randn, scope, type Tensor, tensor } from "@rfmedsam/torch";
import { describe, expect, test } from "vitest";
import { ball, storedCase, tinyConfiguration } from "../testing/cases.js";
import { drawBatch, mirror } from "./batch.js";

const { step0 } = tinyConfiguration();
const random = (...names: number[]) => new Random(7, ...names);
const differ = (a: Tensor, b: Tensor) => a.float().sub(b.float()).abs().amax().item();
const never = {
  ...step0.augmentation,
  ...{ rotate: 0, scaling: 0, noise: 0, blur: 0, brightness: 0, contrast: 0, lowResolution: 0, gamma: 0 },
  invertedGamma: 0,
};
const ever = {
  ...step0.augmentation,
  ...{ rotate: 1, scaling: 1, noise: 1, blur: 1, brightness: 1, contrast: 1, lowResolution: 1, gamma: 1 },
  invertedGamma: 1,
  mirrorAxes: [0, 1, 2],
};

/** Noise and contrast always, nothing that moves voxels. */
const loud = { ...never, noise: 1, contrast: 1 };

describe("drawing a batch", () => {
  const shape: Triple = [12, 40, 44];
  const stored = storedCase({
    shape,
    truth: ball(shape, 2, 0.08, [0.1, 0.1, 0.1]),
    channels: 2,
    value: (c, z, y, x) => Math.sin(z + 0.5 * y + 0.7 * x + c),
  });
  const settings = { ...step0, batch: 4, foreground: 0.5, augmentation: ever };
  const alone = { ...settings, augmentation: never };
  const whole = { ...settings, batch: 1, foreground: 0 };

  test.each<[string, Triple, number[]]>([
    ["three dimensions", [6, 16, 16], [4, 2, 6, 16, 16]],
    ["slices", [3, 16, 16], [4, 2, 3, 16, 16]],
    ["two dimensions", [1, 16, 12], [4, 2, 16, 12]],
    ["a patch beyond the case", [16, 48, 16], [4, 2, 16, 48, 16]],
  ])("has the shapes the network wants: %s", (_, patch, image) => {
    for (let n = 0; n < 5; n++) {
      const batch = drawBatch([stored], patch, settings, random(n), "cpu");
      expect(batch.image.shape).toEqual(image);
      expect(batch.labels.shape).toEqual([image[0], ...image.slice(2)]);
      expect([batch.image.dtype, batch.labels.dtype]).toEqual(["float32", "int64"]);
      expect(batch.image.toNumbers().every(Number.isFinite)).toBe(true);
    }
  });

  test("is the same for the same stream and seed, and another for another", () => {
    const [a, b, c] = [1, 1, 2].map((name) => {
      manualSeed(5);
      return drawBatch([stored], [6, 16, 16], settings, random(name), "cpu");
    });
    expect(differ(a!.image, b!.image)).toBe(0);
    expect(differ(a!.labels, b!.labels)).toBe(0);
    expect(differ(a!.image, c!.image)).toBeGreaterThan(0);
  });

  test("leaves what is outside the nonzero mask 0 where channels are normalised inside it", () => {
    const inside = storedCase({
      shape,
      truth: ball(shape, 2, 0.3),
      channels: 2,
      value: (c, z, y, x) => (ball(shape, 1, 0.35)(z, y, x) === 0 ? (c === 1 ? 3 : 0) : Math.sin(z + y + x + c) + 0.01),
    });
    const zscore = (insideNonzero: boolean) => ({ kind: "zscore" as const, insideNonzero });
    const zeros = (first: boolean) => {
      manualSeed(5);
      const normalisation = [zscore(first), zscore(false)];
      const { image } = drawBatch([inside], shape, { ...whole, augmentation: loud, normalisation }, random(3), "cpu");
      const values = image.toNumbers();
      const half = values.length / 2;
      return [values.slice(0, half), values.slice(half)].map(
        (channel) => channel.filter((value) => value === 0).length,
      );
    };
    const outside = Array.from({ length: shape[0] * shape[1] * shape[2] }, (_, n) =>
      ball(shape, 1, 0.35)(Math.floor(n / 1760), Math.floor(n / 44) % 40, n % 44),
    ).filter((label) => label === 0).length;
    expect(outside).toBeGreaterThan(1000);
    expect(zeros(true)).toEqual([outside, 0]);
    expect(zeros(false)).toEqual([0, 0]);
  });

  test("augments each patch by itself", () => {
    // A patch as large as the case: without augmentation the members of the batch are the same.
    const whole = { ...settings, foreground: 0 };
    const same = drawBatch([stored], shape, { ...whole, augmentation: never }, random(1), "cpu").image;
    expect(differ(same.select(0, 0), same.select(0, 1))).toBe(0);
    const kinds = ["rotate", "scaling", "noise", "brightness", "contrast", "gamma", "invertedGamma"] as const;
    for (const kind of kinds) {
      const augmentation = { ...never, [kind]: 1 };
      const { image } = drawBatch([stored], shape, { ...whole, augmentation }, random(2), "cpu");
      expect(differ(image.select(0, 0), image.select(0, 1)), kind).toBeGreaterThan(1e-3);
    }
    const mirrored = { ...whole, augmentation: { ...never, mirrorAxes: [2] } };
    const outcomes = Array.from({ length: 6 }, (_, n) => {
      const { image } = drawBatch([stored], shape, mirrored, random(n), "cpu");
      return new Set([0, 1, 2, 3].map((member) => differ(image.select(0, member), same.select(0, 0)) === 0)).size;
    });
    expect(Math.max(...outcomes)).toBe(2);
  });

  test("holds a label in its last part", () => {
    for (let n = 0; n < 20; n++) {
      const { labels } = drawBatch([stored], [4, 16, 16], alone, random(n), "cpu");
      for (const member of [2, 3]) expect(labels.select(0, member).gt(0).sum().item()).toBeGreaterThan(0);
    }
  });

  test.each([
    [0.33, 1, true],
    [0.01, 2, true],
    [0, 2, false],
  ])("foreground %f in batches of %i: the last guided is %s", (foreground, batch, guided) => {
    const found = Array.from({ length: 30 }, (_, n) => {
      const { labels } = drawBatch([stored], [2, 12, 12], { ...alone, foreground, batch }, random(n), "cpu");
      return (
        labels
          .select(0, batch - 1)
          .gt(0)
          .sum()
          .item() > 0
      );
    });
    expect(found.every(Boolean)).toBe(guided);
  });

  test("leaves no tensor but the two it returns", () => {
    const before = liveTensors();
    scope(() => {
      drawBatch([stored], [6, 16, 16], settings, random(1), "cpu");
      expect(liveTensors()).toBe(before + 2);
    });
    expect(liveTensors()).toBe(before);
  });
});

describe("mirroring", () => {
  /** The labels as a picture: whatever happens to one must happen to the other. */
  const pair = (shape: number[]) => {
    const labels = randn(shape).mul(100).abs().to({ dtype: "uint8" });
    return { image: labels.float().unsqueeze(0), labels };
  };

  test.each([
    [
      [3, 4, 5],
      [0, 1, 2],
    ],
    [
      [4, 5],
      [0, 1, 2],
    ],
    [[3, 4, 5], [2]],
  ])("turns image %j and labels alike along %j", (shape, mirrorAxes) => {
    const given = pair(shape);
    let turned = 0;
    for (let n = 0; n < 16; n++) {
      const { image, labels } = mirror(given, { mirrorAxes }, random(n));
      expect(image.shape).toEqual(given.image.shape);
      expect(differ(image.squeeze(0), labels)).toBe(0);
      if (differ(labels, given.labels) > 0) turned++;
    }
    expect(turned).toBeGreaterThan(2);
  });

  test.each([
    [2, [3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10]],
    [1, [4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9]],
    [0, [7, 8, 9, 10, 11, 12, 1, 2, 3, 4, 5, 6]],
  ])("along axis %i reverses its voxels", (axis, expected) => {
    const labels = tensor(
      Uint8Array.from({ length: 12 }, (_, i) => i + 1),
      [2, 2, 3],
    );
    const given = { image: labels.float().unsqueeze(0), labels };
    const results = Array.from({ length: 16 }, (_, n) => mirror(given, { mirrorAxes: [axis] }, random(n)).labels);
    const changed = results.filter((own) => differ(own, labels) > 0);
    expect(changed.length).toBeGreaterThan(2);
    for (const own of changed) expect(own.toNumbers()).toEqual(expected);
  });

  test("without axes returns what it was given", () => {
    const given = pair([2, 2, 2]);
    expect(mirror(given, { mirrorAxes: [] }, random(1)).image).toBe(given.image);
  });
});
