/** `imgref/ndimage/edt`: scipy.ndimage.distance_transform_edt. */
import { compareNumbers } from "@rfmedsam/base/testing";
import { describe, expect, test } from "vitest";
import { referenceCases } from "../testing/reference.js";
import { type Triple, voxelCount } from "../volume.js";
import { distanceTransform } from "./distance.js";

/** The case states none; the other filters of its group do. */
const tolerance = 1e-9;

describe.each(referenceCases<{ spacings: Triple[] }>("ndimage", "edt"))("$name", ({ name, facts, arrays }) => {
  const all = arrays();
  const mask = all.input!.data as Uint8Array;
  const shape = all.input!.shape as unknown as Triple;
  const inverse = mask.map((value) => 1 - value);
  const compare = (actual: Float64Array, expected: string) =>
    expect(
      compareNumbers(`imgref/ndimage/${name}`, actual, all[expected]!.data, tolerance),
      expected,
    ).toBeLessThanOrEqual(tolerance);

  test.each(facts.spacings.map((spacing, index) => ({ spacing, index })))("spacing $spacing", ({ spacing, index }) => {
    compare(distanceTransform(mask, shape, spacing), `edt_${index}`);
    compare(distanceTransform(inverse, shape, spacing), `edt_outside_${index}`);
  });

  test("one slice by itself", () => {
    const [height, width] = all.edt_2d!.shape as unknown as [number, number];
    const [expected, pixels] = [all.edt_2d!.data as Float64Array, height * width];
    const slices = Array.from({ length: shape[0] }, (_, z) => mask.subarray(z * pixels, (z + 1) * pixels));
    const slice = slices.find((candidate) => candidate.every((value, at) => (value === 0) === (expected[at] === 0)));
    // the case does not say it: the in-plane part of its last spacing
    compare(distanceTransform(slice!, [1, height, width], facts.spacings.at(-1)!), "edt_2d");
  });

  test("without any background there is no distance (scipy's is to a point outside the array)", () => {
    const { shape: full } = all.all_true!;
    const distances = distanceTransform(
      new Uint8Array(voxelCount(full as unknown as Triple)).fill(1),
      full as unknown as Triple,
    );
    expect(new Set(distances)).toEqual(new Set([Number.POSITIVE_INFINITY]));
  });
});
