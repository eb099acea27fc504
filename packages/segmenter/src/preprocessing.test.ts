import { fc, test } from "@fast-check/vitest";
import { ConfigError, GeometryError } from "@rfmedsam/base";
import { orientations, scalingAffine, type Triple, type Volume } from "@rfmedsam/imaging";
import { describe, expect } from "vitest";
import { prepareCase, prepareLabels, preprocessingSchema } from "./preprocessing.js";
import { LabelRestorer, restoreLabels, restoreScores } from "./restore.js";
import { asLabels, labelVolumes, plainRecipe, preparedCase, volumeOf } from "./testing/cases.js";

const anyOrientation = fc.constantFrom(...orientations);
const target = fc.double({ min: 0.7, max: 3, noNaN: true });

describe("there and back", () => {
  test.prop([labelVolumes(), anyOrientation])("labels on the same spacing come back exactly", (labels, orientation) => {
    const prepared = preparedCase(labels, { orientation });
    const back = restoreLabels(prepareLabels(labels, prepared), prepared.restore);
    expect(back).toEqual(labels);
  });

  test.prop([labelVolumes(), anyOrientation])(
    "what the crop cuts away comes back as background",
    (labels, orientation) => {
      const prepared = preparedCase(labels, { orientation, cropToNonzero: true });
      expect(restoreLabels(prepareLabels(labels, prepared), prepared.restore)).toEqual(labels);
    },
  );

  test.prop([labelVolumes(), anyOrientation])("scores of the true class give the labels", (labels, orientation) => {
    const prepared = preparedCase(labels, { orientation });
    const onGrid = prepareLabels(labels, prepared);
    const oneHot = [0, 1, 2, 3, 4].map((label) => Float32Array.from(onGrid, (value) => (value === label ? 1 : 0)));
    expect(restoreScores(oneHot, prepared.restore)).toEqual(labels);
  });

  test.prop([labelVolumes(), anyOrientation, fc.tuple(target, target, target)])(
    "resampled or not, the output has exactly the input's shape and affine",
    (labels, orientation, spacing) => {
      const prepared = preparedCase(labels, { orientation, spacing });
      expect(prepared.data.length).toBe(prepared.shape[0] * prepared.shape[1] * prepared.shape[2]);
      const onGrid = prepareLabels(labels, prepared);
      expect(onGrid.length).toBe(prepared.data.length);
      for (const back of [
        restoreLabels(onGrid, prepared.restore),
        restoreScores([new Float32Array(onGrid.length), Float32Array.from(onGrid)], prepared.restore),
      ]) {
        expect(back.shape).toEqual(labels.shape);
        expect(back.affine).toEqual(labels.affine);
        expect(back.data.length).toBe(labels.data.length);
      }
    },
  );

  test("a grid turned by exactly 45° comes back although its axis letters are a draw", () => {
    const half = Math.SQRT1_2;
    const affine = [half, -half, 0, 3, half, half, 0, 4, 0, 0, 1, 5, 0, 0, 0, 1];
    const labels = { ...asLabels(volumeOf([3, 4, 5], (z, y, x) => (z + 2 * y + x) % 4)), affine };
    for (const orientation of orientations) {
      const prepared = preparedCase(labels, { orientation });
      expect(restoreLabels(prepareLabels(labels, prepared), prepared.restore)).toEqual(labels);
    }
  });
});

describe("prepareCase", () => {
  const image = volumeOf([4, 6, 6], (z, y, x) => z * 100 + y * 10 + x);

  test("refuses a wrong number of channels", () => {
    expect(() => prepareCase([image, image], plainRecipe())).toThrow(ConfigError);
    expect(() => prepareCase([], plainRecipe())).toThrow(/0 channels/);
  });

  test("refuses channels and labels of another grid, saying both", () => {
    const shifted: Volume = { ...image, affine: scalingAffine([1, 1, 1], [9, 9, 9]) };
    const recipe = plainRecipe({ normalisation: [{ kind: "zscore" }, { kind: "zscore" }] });
    expect(() => prepareCase([image, shifted], recipe)).toThrow(GeometryError);
    expect(() => prepareCase([image, shifted], recipe)).toThrow(/channel 1/);
    expect(() => prepareLabels(asLabels(shifted), preparedCase(image))).toThrow(GeometryError);
  });

  test("keeps one slice of a slab thinner than the spacing", () => {
    expect(preparedCase(image, { spacing: [100, 1, 1] }).shape).toEqual([1, 6, 6]);
  });

  test("normalises each channel by its own rule", () => {
    const recipe = plainRecipe({
      normalisation: [{ kind: "ct", mean: 100, std: 50, low: 0, high: 200 }, { kind: "zscore" }],
    });
    const { data, channels } = prepareCase([image, image], recipe);
    expect(channels).toBe(2);
    expect([data[0], data[143]]).toEqual([-2, 2]);
    const second = data.subarray(144);
    expect(second.reduce((sum, value) => sum + value, 0) / 144).toBeCloseTo(0, 5);
  });

  test("scales ranges and 8-bit values to 0 … 1, or leaves everything as it is", () => {
    const eight = volumeOf([2, 2, 2], (z, y, x) => 51 * (z + y + x) + 51);
    const normalisation = [{ kind: "range" }, { kind: "rgb" }, { kind: "none" }] as const;
    const { data } = prepareCase([eight, eight, eight], plainRecipe({ normalisation: [...normalisation] }));
    const last = [0, 1, 2].map((channel) => [data[8 * channel]!, data[8 * channel + 7]!]);
    expect(last).toEqual([
      [0, 1],
      [expect.closeTo(0.2, 6), expect.closeTo(0.8, 6)],
      [51, 204],
    ]);
  });

  test("replaces voxels that are no numbers by the smallest value", () => {
    const holes = volumeOf([2, 2, 2], (z, y, x) => (z + y + x === 0 ? Number.NaN : z + y + x === 3 ? Infinity : -5));
    expect([...preparedCase(holes).data]).toEqual(new Array(8).fill(-5));
  });

  test("takes the slice window from the recipe, or from the case", () => {
    const percentiles = { window: { kind: "percentiles", low: 0, high: 50 } };
    expect(preparedCase(image).windows).toEqual([{ low: 0, high: 1 }]);
    const [window] = preparedCase(image, percentiles).windows;
    expect(window!.low).toBe(0);
    expect(window!.high).toBeCloseTo((155 + 200) / 2, 5);
    const flat = volumeOf([2, 2, 2], () => 3);
    expect(preparedCase(flat, percentiles).windows).toEqual([{ low: 3, high: 4 }]);
  });

  test("a fixed window is the first channel's, and of those normalised like it", () => {
    const ct = { kind: "ct", mean: 0, std: 1, low: -1e6, high: 1e6 };
    const recipe = plainRecipe({ normalisation: [ct, { kind: "zscore", insideNonzero: false }, ct] });
    const mr = volumeOf([4, 5, 6], (z, y, x) => 1000 + 31 * z + 7 * y + x);
    const same = volumeOf([4, 5, 6], (z, y, x) => z + y + x);
    const { windows, data } = prepareCase([same, mr, same], recipe);
    expect([windows[0], windows[2]]).toEqual([
      { low: 0, high: 1 },
      { low: 0, high: 1 },
    ]);
    const own = data.slice(120, 240).sort();
    expect(windows[1]!.low).toBeGreaterThanOrEqual(own[0]!);
    expect(windows[1]!.low).toBeLessThan(-1);
    expect(windows[1]!.high).toBeGreaterThan(1);
  });

  test("says the spacing it ends with", () => {
    const coarse = volumeOf([4, 6, 6], () => 1, [3, 1.5, 1.5]);
    expect(preparedCase(coarse).spacing).toEqual([3, 1.5, 1.5]);
    const finer = preparedCase(coarse, { spacing: [1.5, 1.5, 1.5] });
    expect(finer.spacing).toEqual([1.5, 1.5, 1.5]);
    expect(finer.shape).toEqual([8, 6, 6]);
  });
});

test("of equal scores the first class wins, and classes become label values", () => {
  const { restore } = preparedCase(volumeOf([1, 1, 3], () => 1));
  const restorer = new LabelRestorer(restore);
  restorer.add(Float32Array.of(1, 0, 0));
  restorer.add(Float32Array.of(1, 2, 2));
  restorer.add(Float32Array.of(1, 2, 3));
  expect([...restorer.finish([0, 7, 9]).data]).toEqual([0, 7, 9]);
});

test("the caller's scores stay as they were", () => {
  const shape: Triple = [1, 1, 2];
  const { restore } = preparedCase(volumeOf(shape, () => 1));
  const scores = [Float32Array.of(1, 0), Float32Array.of(0, 1)];
  restoreScores(scores, restore);
  expect(scores.map((score) => [...score])).toEqual([
    [1, 0],
    [0, 1],
  ]);
});

test("recipes are checked", () => {
  const parse = (orientation: string) =>
    preprocessingSchema.safeParse({ orientation, normalisation: [{ kind: "zscore" }] });
  expect(orientations.every((letters) => parse(letters).success)).toBe(true);
  for (const wrong of ["RA", "RRS", "RLS", "ras", "RASR"]) expect(parse(wrong).success, wrong).toBe(false);
});
