/** What a refiner is shown and what comes back: the truth, through the square input, is the truth again. */
import { type orientations, reorient, type Triple, type Volume, voxelCount } from "@rfmedsam/imaging";
import { describe, expect, test } from "vitest";
import type { LoadedCase } from "../../dataset/load.js";
import { CaseView, officialView, type RefinerView } from "./case-view.js";

const shape: Triple = [5, 9, 12];

/** Two blocks, one of them on some slices only, in a volume of oblong voxels. */
function loaded(orientation: string): LoadedCase {
  const data = new Uint8Array(voxelCount(shape));
  for (let z = 0, at = 0; z < 5; z++)
    for (let y = 0; y < 9; y++)
      for (let x = 0; x < 12; x++, at++) {
        if (y >= 2 && y <= 6 && x >= 1 && x <= 4) data[at] = 1;
        else if (z >= 1 && z <= 3 && y >= 1 && y <= 3 && x >= 6 && x <= 10) data[at] = 2;
      }
  const affine = [2, 0, 0, -10, 0, 3, 0, 5, 0, 0, 6, 0, 0, 0, 0, 1];
  const labels = reorient({ data, shape, affine }, orientation as (typeof orientations)[number]);
  const image: Volume<Float32Array> = {
    ...labels,
    data: Float32Array.from(labels.data, (label, at) => label + (at % 3)),
  };
  return { id: "case", channels: [image], labels };
}

const views: readonly (readonly [string, (imageSize: number) => RefinerView])[] = [
  ["official weights", (imageSize) => officialView(1, imageSize)],
  ["a model's refiner, cropping", (size) => ({ ...withCrop(officialView(1, size)), slices: "adjacent" })],
  ["coronal slices", (size) => ({ ...officialView(1, size), axis: "coronal" })],
];

const withCrop = (view: RefinerView): RefinerView => ({
  ...view,
  preprocessing: { ...view.preprocessing, orientation: "LPS", cropToNonzero: true },
});

/** Answers with the true masks, surely. */
const answering = (view: CaseView) =>
  view.labelsOf([1, 2], async (value, take) => {
    for (const [slice, mask] of view.truthOf(value)) {
      take({ slice, objectIds: [1], logits: Float32Array.from(mask, (inside) => (inside === 1 ? 9 : -9)) });
    }
  });

describe.each(views)("for %s", (_, viewAt) => {
  test.each(["RAS", "LPS", "PIR", "SRA"])("what is stored as %s comes back voxel for voxel", async (orientation) => {
    const given = loaded(orientation);
    const found = await answering(new CaseView(given, viewAt(96)));
    expect(found.shape).toEqual(given.labels.shape);
    expect(found.affine).toEqual(given.labels.affine);
    expect(Array.from(found.data)).toEqual(Array.from(given.labels.data));
  });

  test("slices are square pictures of the input's size", () => {
    const { slices } = new CaseView(loaded("RAS"), viewAt(32));
    expect([slices.height, slices.width]).toEqual([32, 32]);
    expect(slices.render(0)).toHaveLength(3 * 32 * 32);
  });
});

test("an object that is too small for the input is on no slice, and nothing is made of it", async () => {
  const given = loaded("RAS");
  const one = given.labels.data.map((label) => (label === 1 ? 1 : 0));
  one[0] = 2;
  const view = new CaseView({ ...given, labels: { ...given.labels, data: one } }, officialView(1, 4));
  expect(view.truthOf(2).size).toBe(0);
  expect(view.truthOf(7).size).toBe(0);
  expect((await answering(view)).data.includes(2)).toBe(false);
});
