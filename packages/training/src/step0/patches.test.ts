import { Random } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
import { describe, expect, test } from "vitest";
import type { StoredCase } from "../dataset/store.js";
import { ball, painted, storedCase } from "../testing/cases.js";
import { cutPatch, cutRegion, drawCentre } from "./patches.js";

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
    expect(image.shape).toEqual([1, ...patch]);
    expect(labels.shape).toEqual([...patch]);
    expect(labels.dtype).toBe("uint8");
    const wanted = expected(stored, start, patch);
    expect(image.toNumbers()).toEqual(wanted);
    expect(labels.toNumbers()).toEqual(wanted.map((value) => value % 5));
  });

  test("changes nothing in the case", () => {
    const stored = numbered([4, 5, 6]);
    const [data, truth] = [stored.data.slice(), stored.truth.slice()];
    for (const patch of [
      [3, 3, 3],
      [4, 5, 6],
    ] as Triple[]) {
      const { image, labels } = cutPatch(stored, [2, 2, 2], patch);
      image.fill_(0);
      labels.fill_(0);
    }
    expect(stored.data).toEqual(data);
    expect(stored.truth).toEqual(truth);
  });

  test("a region is cut where it is asked for, also across the border", () => {
    const stored = numbered([5, 6, 7]);
    const { image } = cutRegion(stored, [3, -2, 5], [4, 5, 3]);
    expect(image.toNumbers()).toEqual(expected(stored, [3, -2, 5], [4, 5, 3]));
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
