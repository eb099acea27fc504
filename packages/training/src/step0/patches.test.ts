import { Random } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
import type { Tensor } from "@rfmedsam/torch";
import { describe, expect, test } from "vitest";
import type { StoredCase } from "../dataset/store.js";
import { ball, painted, storedCase, tinyConfiguration } from "../testing/cases.js";
import { cutPatch, drawBatch, drawCentre, turnPatch } from "./patches.js";

const { augmentation } = tinyConfiguration().step0;
const still = { ...augmentation, maximumAngle: 0, scale: [1, 1] as [number, number] };
const random = (...names: number[]) => new Random(7, ...names);

/** Every voxel has a number of its own, from 1; labels are the number modulo 5. */
function numbered(shape: Triple): StoredCase {
  const number = (z: number, y: number, x: number) => 1 + (z * shape[1] + y) * shape[2] + x;
  return storedCase({
    shape,
    classes: 5,
    truth: (z, y, x) => number(z, y, x) % 5,
    value: (_, z, y, x) => number(z, y, x),
  });
}

/** What a patch at `start` should hold, by looking voxel by voxel. */
function expected({ data, shape }: StoredCase, start: Triple, patch: Triple): number[] {
  const out: number[] = [];
  for (let z = start[0]; z < start[0] + patch[0]; z++) {
    for (let y = start[1]; y < start[1] + patch[1]; y++) {
      for (let x = start[2]; x < start[2] + patch[2]; x++) {
        const inside = [z, y, x].every((v, axis) => v >= 0 && v < shape[axis]!);
        out.push(inside ? data[(z * shape[1] + y) * shape[2] + x]! : 0);
      }
    }
  }
  return out;
}

const differ = (a: Tensor, b: Tensor) => a.float().sub(b.float()).abs().amax().item();

describe("cutting a patch", () => {
  test.each<[string, Triple, Triple, Triple, Triple]>([
    ["inside", [10, 12, 14], [5, 6, 7], [4, 6, 5], [3, 3, 5]],
    ["at the low corner", [10, 12, 14], [0, 0, 0], [4, 6, 5], [0, 0, 0]],
    ["at the high corner", [10, 12, 14], [9, 11, 13], [4, 6, 5], [6, 6, 9]],
    ["larger than the case on all sides", [3, 5, 4], [0, 4, 2], [8, 8, 8], [-2, -1, -2]],
    ["larger along one axis", [3, 12, 14], [2, 6, 7], [6, 6, 5], [-1, 3, 5]],
    ["one slice of it", [6, 12, 14], [4, 6, 7], [1, 16, 8], [4, -2, 3]],
    ["exactly the case", [4, 6, 5], [1, 1, 1], [4, 6, 5], [0, 0, 0]],
  ])("%s", (_, shape, centre, patch, start) => {
    const stored = numbered(shape);
    const { image, labels } = cutPatch(stored, centre, patch);
    expect(image.shape).toEqual([1, 1, ...patch]);
    expect(labels.shape).toEqual([1, ...patch]);
    expect(labels.dtype).toBe("int64");
    const wanted = expected(stored, start, patch);
    expect(image.toNumbers()).toEqual(wanted);
    expect(labels.toNumbers()).toEqual(wanted.map((value) => value % 5));
  });

  test("changes nothing in the case", () => {
    const stored = numbered([4, 5, 6]);
    const before = stored.data.slice();
    const { image } = cutPatch(stored, [2, 2, 2], [3, 3, 3]);
    image.fill_(0);
    expect(stored.data).toEqual(before);
  });
});

describe("drawing a centre", () => {
  const stored = storedCase({
    shape: [9, 16, 18],
    classes: 4,
    truth: painted(ball([9, 16, 18], 1, 0.1, [0.1, 0.1, 0.1]), ball([9, 16, 18], 3, 0.2, [0.8, 0.6, 0.9])),
  });

  test("on a label takes all classes that are there equally often, and the patch holds the voxel", () => {
    const patch: Triple = [4, 7, 6];
    const counts = new Map<number, number>();
    for (let n = 0; n < 300; n++) {
      const centre = drawCentre(stored, patch, true, random(n));
      const label = stored.truth[(centre[0] * 16 + centre[1]) * 18 + centre[2]]!;
      counts.set(label, (counts.get(label) ?? 0) + 1);
      expect(cutPatch(stored, centre, patch).labels.eq(label).sum().item()).toBeGreaterThan(0);
    }
    expect([...counts.keys()].sort()).toEqual([1, 3]);
    expect(Math.abs(counts.get(1)! - counts.get(3)!)).toBeLessThan(80);
  });

  test("anywhere reaches every place the patch fits, and only those", () => {
    const starts = new Set<number>();
    for (let n = 0; n < 300; n++) {
      const centre = drawCentre(stored, [9, 13, 20], false, random(n));
      expect(centre[0]).toBe(4);
      expect(centre[2]).toBe(9);
      starts.add(centre[1] - 6);
    }
    expect([...starts].sort()).toEqual([0, 1, 2, 3]);
  });

  test("on a label of a case without labels is anywhere", () => {
    const empty = storedCase({ shape: [4, 4, 4], truth: () => 0 });
    expect(drawCentre(empty, [2, 2, 2], true, random(1))).toHaveLength(3);
  });
});

describe("turning a patch", () => {
  test.each<[string, Triple, Triple, Triple]>([
    ["inside", [10, 12, 14], [5, 6, 7], [4, 6, 5]],
    ["of even and odd extents at a corner", [10, 12, 14], [9, 0, 13], [5, 6, 4]],
    ["larger than the case", [3, 5, 4], [0, 4, 2], [8, 9, 6]],
    ["of one slice", [6, 12, 14], [4, 6, 7], [1, 16, 9]],
  ])("by no angle and at scale 1 is cutting it: %s", (_, shape, centre, patch) => {
    const stored = numbered(shape);
    const [turned, cut] = [turnPatch(stored, centre, patch, still, random(1)), cutPatch(stored, centre, patch)];
    // Positions are float32: a part in a million of the largest number.
    expect(differ(turned.image, cut.image)).toBeLessThan(0.02);
    expect(differ(turned.labels, cut.labels)).toBe(0);
    expect(turned.labels.dtype).toBe("int64");
  });

  test("turns image and labels alike", () => {
    const shape: Triple = [20, 24, 28];
    const stored = storedCase({ shape, spacing: [3, 1, 1.5], truth: ball(shape, 2, 0.3), classes: 3 });
    for (let n = 0; n < 5; n++) {
      const { image, labels } = turnPatch(
        stored,
        [10, 12, 14],
        [12, 16, 14],
        { ...augmentation, maximumAngle: 40 },
        random(n),
      );
      const [values, own] = [image.toNumbers(), labels.toNumbers()];
      let sure = 0;
      for (const [i, value] of values.entries()) {
        if (Math.abs(value - Math.round(value / 2) * 2) > 1e-4) continue;
        sure++;
        expect(own[i]).toBe(Math.round(value));
      }
      expect(sure).toBeGreaterThan(values.length / 2);
      expect(new Set(own)).toEqual(new Set([0, 2]));
    }
  });

  test.each([2, 3])("in %iD is a rotation and one scale in mm, whatever the voxels are", (dimensions) => {
    const spacing: Triple = [4, 1, 1.5];
    const shape: Triple = [24, 60, 50];
    // Three channels tell where in mm they were sampled: linear, so interpolation is exact.
    const stored = storedCase({
      shape,
      spacing,
      channels: 3,
      value: (channel, ...at) => at[channel]! * spacing[channel]!,
    });
    const patch: Triple = dimensions === 2 ? [1, 9, 9] : [4, 9, 9];
    const axes = dimensions === 2 ? [1, 2] : [0, 1, 2];
    const factors = new Set<number>();
    for (let n = 0; n < 6; n++) {
      const { image } = turnPatch(
        stored,
        [12, 30, 25],
        patch,
        { ...augmentation, maximumAngle: 35, scale: [0.8, 1.25] },
        random(n),
      );
      const where = image.squeeze(0); // [3 mm, z, y, x]
      const steps = axes.map((axis) =>
        where
          .narrow(axis + 1, 1, patch[axis]! - 1)
          .sub(where.narrow(axis + 1, 0, patch[axis]! - 1))
          .flatten({ startDim: 1 })
          .mean([1])
          .toNumbers(),
      );
      const length = (v: number[]) => Math.hypot(...v);
      const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
      const factor = length(steps[0]!) / spacing[axes[0]!]!;
      factors.add(factor);
      expect(factor).toBeGreaterThan(0.79);
      expect(factor).toBeLessThan(1.26);
      for (const [i, axis] of axes.entries()) {
        expect(length(steps[i]!) / spacing[axis]!).toBeCloseTo(factor, 3);
        for (let j = 0; j < i; j++) expect(dot(steps[i]!, steps[j]!)).toBeCloseTo(0, 2);
        if (dimensions === 2) expect(steps[i]![0]).toBeCloseTo(0, 4);
      }
    }
    expect(factors.size).toBe(6);
  });
});

describe("drawing a batch", () => {
  const stored = storedCase({
    shape: [8, 20, 20],
    truth: ball([8, 20, 20], 2, 0.08, [0.1, 0.1, 0.1]),
    channels: 2,
  });
  const settings = { ...tinyConfiguration().step0, batch: 4, foreground: 0.5 };
  const alone = { ...settings, augmentation: { ...augmentation, rotateScale: 0 } };

  test("has the shapes the network wants, in three and in two dimensions", () => {
    const three = drawBatch([stored], [4, 8, 8], settings, random(1), "cpu");
    expect([three.image.shape, three.labels.shape]).toEqual([
      [4, 2, 4, 8, 8],
      [4, 4, 8, 8],
    ]);
    const two = drawBatch([stored], [1, 8, 8], settings, random(1), "cpu");
    expect([two.image.shape, two.labels.shape]).toEqual([
      [4, 2, 8, 8],
      [4, 8, 8],
    ]);
    expect(two.labels.dtype).toBe("int64");
  });

  test("is the same for the same stream", () => {
    const [a, b, c] = [1, 1, 2].map((name) => drawBatch([stored], [4, 8, 8], settings, random(name), "cpu"));
    expect(differ(a!.image, b!.image)).toBe(0);
    expect(differ(a!.image, c!.image)).toBeGreaterThan(0);
  });

  test("holds a label in its last part", () => {
    for (let n = 0; n < 20; n++) {
      const { labels } = drawBatch([stored], [4, 8, 8], alone, random(n), "cpu");
      for (const member of [2, 3]) expect(labels.select(0, member).gt(0).sum().item()).toBeGreaterThan(0);
    }
  });

  test.each([
    [0.33, 1, true],
    [0.01, 2, true],
    [0, 2, false],
  ])("foreground %f in batches of %i: the last guided is %s", (foreground, batch, guided) => {
    const found = Array.from({ length: 30 }, (_, n) => {
      const { labels } = drawBatch([stored], [2, 6, 6], { ...alone, foreground, batch }, random(n), "cpu");
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
});
