import { fc, test } from "@fast-check/vitest";
import { orientationOf, spacingOf } from "@rfmedsam/imaging";
import { describe, expect } from "vitest";
import { defaultOrgans, organNames } from "./organs.js";
import { makePhantom, type PhantomOptions } from "./phantom.js";

/** Coarse voxels keep the tests quick; the rules are the same. */
const coarse = { inPlaneSpacing: [8, 10], sliceSpacing: [9, 12] } as const satisfies PhantomOptions;

const seeds = fc.integer({ min: 0, max: 2 ** 31 });
const modalities = fc.constantFrom("ct" as const, "mr" as const);

/** How many voxels carry each label. */
function histogram(labels: Uint8Array): number[] {
  const counts = new Array<number>(256).fill(0);
  for (const label of labels) counts[label] = (counts[label] as number) + 1;
  return counts;
}

describe("a phantom", () => {
  test.prop([seeds, modalities], { numRuns: 6 })("is the same for the same seed", (seed, modality) => {
    const options = { ...coarse, modality };
    expect(makePhantom(options, seed)).toEqual(makePhantom(options, seed));
    expect(makePhantom(options, seed).image.data).not.toEqual(makePhantom(options, seed + 1).image.data);
  });

  test.prop([seeds, modalities], { numRuns: 12 })("has every organ unless one is missing", (seed, modality) => {
    const { image, labels } = makePhantom({ ...coarse, modality, absence: 0 }, seed);
    const counts = histogram(labels.data);
    for (const [index, organ] of defaultOrgans.entries()) expect(counts[index + 1], organ).toBeGreaterThan(5);
    expect(counts.slice(defaultOrgans.length + 1).every((count) => count === 0)).toBe(true);
    expect(image.data).toHaveLength(labels.data.length);
    expect(image.data.every(Number.isFinite)).toBe(true);
  });

  test.prop([seeds], { numRuns: 8 })("labels whatever was asked for, in that order", (seed) => {
    const absence = 0;
    const all = makePhantom({ ...coarse, absence, organs: organNames }, seed).labels.data;
    const liverOnly = makePhantom({ ...coarse, absence, organs: ["liver"] }, seed).labels.data;
    expect(liverOnly).toEqual(all.map((label) => (label === organNames.indexOf("liver") + 1 ? 1 : 0)));
  });

  test.prop([seeds], { numRuns: 8 })("shows one patient in CT and MR", (seed) => {
    const ct = makePhantom({ ...coarse, modality: "ct" }, seed);
    const mr = makePhantom({ ...coarse, modality: "mr" }, seed);
    expect(ct.labels).toEqual(mr.labels);
    expect(ct.image.data).toBeInstanceOf(Int16Array);
    expect(mr.image.data).toBeInstanceOf(Float32Array);
    expect(mr.image.data.every((value) => value >= 0)).toBe(true);
  });

  test.prop([seeds, fc.constantFrom("RAS" as const, "LPS" as const, "LAS" as const)], { numRuns: 8 })(
    "lies as its affine says",
    (seed, orientation) => {
      const { image, labels } = makePhantom({ ...coarse, orientation, absence: 0 }, seed);
      expect(orientationOf(image)).toBe(orientation);
      expect(labels.affine).toEqual(image.affine);
      const [z, y, x] = spacingOf(image);
      expect(y).toBe(x);
      expect(z).toBeGreaterThanOrEqual(9);
      // In the patient the liver is on the right, the spleen on the left.
      expect(meanRight(labels, 1)).toBeGreaterThan(meanRight(labels, 2) + 60);
      // A float32 header holds the affine exactly.
      expect(image.affine.map(Math.fround)).toEqual([...image.affine]);
    },
  );

  test("takes the size it is given", () => {
    const options: PhantomOptions = { inPlaneSpacing: 5, sliceSpacing: 10, fieldOfView: [100, 200, 300] };
    const { image } = makePhantom(options, 7);
    expect(image.shape).toEqual([10, 40, 60]);
    expect(spacingOf(image)).toEqual([10, 5, 5]);
  });

  test("misses spleen, gallbladder and kidneys when told to, nothing else", () => {
    const { labels } = makePhantom({ ...coarse, absence: 1 }, 5);
    const present = histogram(labels.data).map((count) => count > 0);
    expect(defaultOrgans.filter((_, index) => present[index + 1])).toEqual(["liver", "stomach", "aorta"]);
  });

  test.each([
    [{ inPlaneSpacing: 0 }, /inPlaneSpacing of 0/],
    [{ sliceSpacing: [5, 3] }, /sliceSpacing of 5 … 3/],
    [{ noise: -1 }, /noise factor of -1/],
    [{ organs: [] }, /no organs/],
    [{ organs: ["liver", "liver"] }, /named twice/],
    [{ fieldOfView: [1, 200, 200] }, /field of view/],
  ] as [PhantomOptions, RegExp][])("refuses %o", (options, message) => {
    expect(() => makePhantom(options, 1)).toThrow(message);
  });
});

/** Mean x (RAS mm, to the patient's right) of a label's voxels. */
function meanRight(
  { data, shape, affine }: { data: Uint8Array; shape: readonly number[]; affine: readonly number[] },
  label: number,
): number {
  let [sum, count] = [0, 0];
  for (const [at, value] of data.entries()) {
    if (value !== label) continue;
    sum += (affine[0] as number) * (at % (shape[2] as number)) + (affine[3] as number);
    count++;
  }
  return sum / count;
}
