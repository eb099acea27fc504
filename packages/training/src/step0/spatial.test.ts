import { Random } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
import type { Tensor } from "@rfmedsam/torch";
import { describe, expect, test } from "vitest";
import type { StoredCase } from "../dataset/store.js";
import { eachVoxel, storedCase, tinyConfiguration } from "../testing/cases.js";
import { cutPatch, patchStart, type Region } from "./patches.js";
import { drawTurn, type Matrix, regionOf, sliceAxis, type Turning, turnPatch } from "./spatial.js";

const { augmentation } = tinyConfiguration().step0;
const always: Turning = { ...augmentation, rotate: 1, scaling: 1, maximumAngle: 40, scale: [0.7, 1.4] };
const identity: Matrix = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
];
const differ = (a: Tensor, b: Tensor) => a.float().sub(b.float()).abs().amax().item();

/** Two smooth channels and five labels in blocks. */
function waves(shape: Triple, spacing: Triple = [1, 1, 1]): StoredCase {
  return storedCase({
    shape,
    spacing,
    channels: 2,
    classes: 5,
    truth: (z, y, x) => (Math.floor(z / 3) + Math.floor(y / 4) + Math.floor(x / 4)) % 5,
    value: (c, z, y, x) => Math.sin(0.5 * z + 0.3 * y + c) + Math.cos(0.4 * x - 0.2 * y),
  });
}

/** Corners of the voxel cube around a position and their shares in it, in float64. */
function shares(at: readonly number[], visit: (voxel: Triple, share: number) => void): void {
  const low = at.map(Math.floor);
  for (const corner of [0, 1, 2, 3, 4, 5, 6, 7]) {
    const upper = [corner >> 2, (corner >> 1) & 1, corner & 1];
    const share = upper.reduce((product, up, axis) => {
      const fraction = at[axis]! - low[axis]!;
      return product * (up === 1 ? fraction : 1 - fraction);
    }, 1);
    visit(low.map((v, axis) => v + upper[axis]!) as unknown as Triple, share);
  }
}

/** The turned patch sampled voxel by voxel from the whole case; labels are −1 where two are almost equally near. */
function byHand(stored: StoredCase, centre: Triple, patch: Triple, turn: Matrix) {
  const { shape, channels, data, truth } = stored;
  const start = patchStart(stored, centre, patch);
  const voxels = patch[0] * patch[1] * patch[2];
  const image = new Float64Array(channels * voxels);
  const labels = new Int32Array(voxels);
  eachVoxel(patch, (z, y, x, i) => {
    const offset = [z, y, x].map((v, axis) => v - (patch[axis]! - 1) / 2);
    const at = turn.map((row, axis) => {
      const middle = start[axis]! + (patch[axis]! - 1) / 2;
      return row.reduce((sum, m, column) => sum + m * offset[column]!, middle);
    });
    const votes = new Float64Array(5);
    shares(at, (voxel, share) => {
      const inside = voxel.every((v, axis) => v >= 0 && v < shape[axis]!);
      const flat = (voxel[0] * shape[1] + voxel[1]) * shape[2] + voxel[2];
      votes[inside ? truth[flat]! : 0]! += share;
      for (let c = 0; inside && c < channels; c++) image[c * voxels + i]! += share * data[c * truth.length + flat]!;
    });
    const [first, second] = [...votes].sort((a, b) => b - a);
    labels[i] = first! - second! < 1e-4 ? -1 : votes.indexOf(first!);
  });
  return { image, labels };
}

function expectSame(region: Region, expected: ReturnType<typeof byHand>): void {
  const values = region.image.toNumbers();
  expect(Math.max(...values.map((value, i) => Math.abs(value - expected.image[i]!)))).toBeLessThan(1e-5);
  const labels = region.labels.toNumbers();
  expect(labels.filter((label, i) => expected.labels[i] !== -1 && label !== expected.labels[i])).toEqual([]);
  const unsure = expected.labels.filter((label) => label === -1).length;
  expect(unsure / labels.length).toBeLessThan(0.2);
}

describe("turning a patch", () => {
  test.each<[string, Triple, Triple, Triple]>([
    ["inside", [30, 34, 38], [15, 16, 20], [8, 10, 12]],
    ["of even and odd extents at a corner", [20, 24, 26], [19, 0, 25], [9, 8, 11]],
    ["larger than the case", [6, 9, 7], [0, 4, 2], [12, 10, 9]],
    ["of slices along z", [9, 30, 34], [4, 14, 16], [3, 16, 14]],
    ["of slices along x", [30, 34, 9], [14, 16, 8], [14, 12, 4]],
    ["of slices beyond the case", [3, 30, 34], [1, 14, 16], [5, 16, 18]],
    ["of one slice", [9, 30, 34], [8, 2, 33], [1, 16, 13]],
  ])("is sampling the whole case where its voxels come to lie: %s", (_, shape, centre, patch) => {
    const stored = waves(shape, [2, 1, 1.5]);
    for (let n = 0; n < 4; n++) {
      const turn = drawTurn(patch, stored.spacing, always, new Random(n))!;
      const turned = turnPatch(stored, centre, patch, turn);
      expect(turned.image.shape).toEqual([2, ...patch]);
      expect(turned.labels.shape).toEqual([...patch]);
      expect([turned.image.dtype, turned.labels.dtype]).toEqual(["float32", "uint8"]);
      expectSame(turned, byHand(stored, centre, patch, turn));
    }
  });

  test.each<[string, Triple, Triple, Triple]>([
    ["inside", [10, 12, 14], [5, 6, 7], [4, 6, 5]],
    ["larger than the case", [3, 5, 4], [0, 4, 2], [8, 9, 6]],
    ["of one slice", [6, 12, 14], [4, 6, 7], [1, 16, 9]],
  ])("by nothing is cutting it: %s", (_, shape, centre, patch) => {
    const stored = waves(shape);
    const [turned, cut] = [turnPatch(stored, centre, patch, identity), cutPatch(stored, centre, patch)];
    expect(differ(turned.image, cut.image)).toBeLessThan(1e-5);
    expect(differ(turned.labels, cut.labels)).toBe(0);
  });

  test("where no label is, gives background", () => {
    const empty = storedCase({ shape: [12, 12, 12], truth: () => 0, value: () => 1 });
    const turn = drawTurn([6, 6, 6], [1, 1, 1], always, new Random(1))!;
    const { image, labels } = turnPatch(empty, [6, 6, 6], [6, 6, 6], turn);
    expect(labels.dtype).toBe("uint8");
    expect(labels.toNumbers()).toEqual(new Array(216).fill(0));
    expect(image.amin().item()).toBeCloseTo(1, 5);
  });

  test("takes from a large case no more than the turned patch spans", () => {
    const patch: Triple = [40, 40, 40];
    for (let n = 0; n < 50; n++) {
      const turn = drawTurn(patch, [1, 1, 1], always, new Random(n))!;
      const { from, extent } = regionOf([500, 600, 700], [200, 250, 660], patch, turn);
      for (const axis of [0, 1, 2]) {
        expect(extent[axis]).toBeLessThanOrEqual(Math.ceil(39 * 1.4 * Math.sqrt(3)) + 2);
        expect(from[axis]! + extent[axis]!).toBeLessThanOrEqual([500, 600, 700][axis]!);
      }
    }
  });
});

describe("drawing a turn", () => {
  const spacing: Triple = [4, 1, 1.5];
  const mm = (turn: Matrix) => turn.map((row, r) => row.map((value, c) => (value * spacing[r]!) / spacing[c]!));
  const product = (a: Matrix) => a.map((row) => a.map((other) => row.reduce((sum, v, k) => sum + v * other[k]!, 0)));

  test.each<[string, Triple, number | undefined]>([
    ["a volume", [24, 32, 40], undefined],
    ["three times as long as thick", [10, 30, 30], undefined],
    ["slices of z", [9, 30, 30], 0],
    ["slices of y", [40, 8, 40], 1],
    ["slices of x", [40, 40, 13], 2],
    ["one slice", [1, 4, 30], 0],
  ])("in mm it is a rotation times one factor: %s", (_, patch, flat) => {
    expect(sliceAxis(patch)).toBe(flat);
    const factors = new Set<number>();
    for (let n = 0; n < 40; n++) {
      const turn = mm(drawTurn(patch, spacing, always, new Random(n))!);
      const plane = [0, 1, 2].filter((axis) => axis !== flat);
      const squared = product(turn);
      const factor = Math.sqrt(squared[plane[0]!]![plane[0]!]!);
      factors.add(factor);
      expect(factor).toBeGreaterThanOrEqual(0.7 - 1e-9);
      expect(factor).toBeLessThanOrEqual(1.4);
      for (const [r, row] of squared.entries()) {
        for (const [c, value] of row.entries()) {
          const diagonal = r === flat ? 1 : factor ** 2;
          expect(value).toBeCloseTo(r === c ? diagonal : 0, 9);
        }
      }
      const [a, b, c] = turn as [number[], number[], number[]];
      const cross = [b[1]! * c[2]! - b[2]! * c[1]!, b[2]! * c[0]! - b[0]! * c[2]!, b[0]! * c[1]! - b[1]! * c[0]!];
      expect(cross.reduce((sum, v, k) => sum + v * a[k]!, 0)).toBeCloseTo(factor ** plane.length, 9);
    }
    expect(factors.size).toBe(40);
  });

  test("turns and scales each by a chance of its own", () => {
    const kinds = { turned: 0, scaled: 0, both: 0, none: 0 };
    for (let n = 0; n < 2000; n++) {
      const turn = drawTurn([8, 8, 8], [1, 1, 1], { ...always, rotate: 0.2, scaling: 0.4 }, new Random(n));
      const factor = turn && Math.sqrt(product(turn)[0]![0]!);
      const scaled = factor !== undefined && Math.abs(factor - 1) > 1e-9;
      const turned = turn !== undefined && Math.abs(turn[0]![1]!) > 1e-9;
      kinds[turned && scaled ? "both" : turned ? "turned" : scaled ? "scaled" : "none"]++;
    }
    // Four standard deviations of 2000 draws are at most 90.
    expect(Math.abs(kinds.both - 2000 * 0.08)).toBeLessThan(50);
    expect(Math.abs(kinds.turned - 2000 * 0.12)).toBeLessThan(60);
    expect(Math.abs(kinds.scaled - 2000 * 0.32)).toBeLessThan(85);
    expect(Math.abs(kinds.none - 2000 * 0.48)).toBeLessThan(90);
  });

  test.each<[string, Triple, number]>([
    ["a volume by 30°", [24, 32, 40], 30],
    ["slices by 180°", [6, 32, 40], 180],
    ["a square by 180°", [1, 30, 40], 180],
    ["an oblong slice by 15°", [1, 20, 40], 15],
  ])("as nnU-Net chooses turns %s", (_, patch, limit) => {
    let largest = 0;
    for (let n = 0; n < 500; n++) {
      const turn = drawTurn(patch, [1, 1, 1], { ...always, scaling: 0, maximumAngle: "auto" }, new Random(n))!;
      const angle = (Math.abs(Math.atan2(turn[2]![1]!, turn[2]![2]!)) * 180) / Math.PI;
      largest = Math.max(largest, angle);
    }
    expect(largest).toBeGreaterThan(0.9 * limit);
    // Turns about the other axes move what this one shows by a little.
    expect(largest).toBeLessThanOrEqual(sliceAxis(patch) === undefined ? 1.2 * limit : limit);
  });
});
