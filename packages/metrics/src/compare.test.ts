import { fc, test } from "@fast-check/vitest";
import { ConfigError, GeometryError } from "@rfmedsam/base";
import { processorClock } from "@rfmedsam/base/testing";
import { scalingAffine, type Triple, type Volume } from "@rfmedsam/imaging";
import { describe, expect } from "vitest";
import { compareLabels } from "./compare.js";
import { chooseMetrics, defaultMetrics, metricNames, metrics, parseMetricNames } from "./metrics.js";
import { surfaceScores } from "./surface/distances.js";

const volume = (data: ArrayLike<number>, shape: Triple, spacing: Triple = [1, 1, 1]): Volume<Uint8Array> => ({
  data: Uint8Array.from(data),
  shape,
  affine: scalingAffine(spacing),
});
const first = <T>([one]: readonly T[]): T => one!;

/** Two label maps of 0 … 4 on one small grid. */
const maps = fc
  .record({
    shape: fc.tuple(...([0, 1, 2] as const).map(() => fc.integer({ min: 1, max: 5 }))),
    spacing: fc.tuple(...([0, 1, 2] as const).map(() => fc.integer({ min: 1, max: 8 }))),
  })
  .chain(({ shape, spacing }) => {
    const length = shape.reduce((product, extent) => product * extent, 1);
    const data = fc.uint8Array({ minLength: length, maxLength: length, max: 4 });
    return fc.tuple(data, data).map(([a, b]) => ({
      prediction: volume(a, shape as unknown as Triple, spacing as unknown as Triple),
      reference: volume(b, shape as unknown as Triple, spacing as unknown as Triple),
      spacing,
    }));
  });

describe("the scores of a label", () => {
  const inside = ({ data, shape }: Volume<Uint8Array>, labels: readonly number[]) => ({
    data: data.map((value) => (labels.includes(value) ? 1 : 0)),
    shape,
  });

  test.prop([maps])(
    "on its crop are those of its whole masks; so are a region's",
    ({ prediction, reference, spacing }) => {
      const labels = [1, 3, [1, 2], [4, 2, 3]];
      const all = compareLabels(prediction, reference, labels, { tolerances: [1] });
      for (const [at, label] of labels.entries()) {
        const [a, b] = [reference, prediction].map((map) => inside(map, [label].flat()));
        const { hausdorff, hausdorff95, assd, surfaceDice } = surfaceScores(a!, b!, spacing, { tolerances: [1] });
        const { hd, hd95, assd: mean, surfaceDice1mm } = all[at]!.scores;
        expect([hd, hd95, mean, surfaceDice1mm]).toEqual([hausdorff, hausdorff95, assd, surfaceDice[0]]);
      }
    },
  );

  test.prop([maps])("do not see what the reference ignores", ({ prediction, reference }) => {
    const ignored = (map: Volume<Uint8Array>) => ({
      ...map,
      data: map.data.map((value, at) => (reference.data[at] === 4 ? 0 : value)),
    });
    const with4 = compareLabels(prediction, reference, [1, 2], { ignoreLabel: 4 });
    const without = compareLabels(ignored(prediction), ignored(reference), [1, 2]);
    const surfaces = ({ scores: { dice, hd, hd95, assd, surfaceDice2mm } }: (typeof with4)[number]) => [
      dice,
      hd,
      hd95,
      assd,
      surfaceDice2mm,
    ];
    expect(with4.map(surfaces)).toEqual(without.map(surfaces));
  });

  test.prop([maps])("do not depend on how labels are stored", ({ prediction, reference }) => {
    const wide = (map: Volume<Uint8Array>) => ({
      ...map,
      data: Int32Array.from(map.data, (value) => (value === 2 ? 70_000 : value)),
    });
    const float = { ...prediction, data: Float32Array.from(prediction.data) };
    const big = { ...reference, data: BigInt64Array.from(reference.data, BigInt) };
    const expected = compareLabels(prediction, reference, [1, 2]);
    expect(compareLabels(wide(prediction), wide(reference), [1, 70_000])).toEqual(expected);
    expect(compareLabels(float, big, [1, 2])).toEqual(expected);
  });

  test("in neither map are undefined, in one map alone 0 and infinitely far", () => {
    const [nowhere, predicted] = compareLabels(volume([2, 2, 0], [1, 1, 3]), volume([0, 0, 0], [1, 1, 3]), [1, 2]);
    expect(nowhere!.scores).toMatchObject({ dice: Number.NaN, hd95: Number.NaN, surfaceDice1mm: Number.NaN });
    expect(predicted!.scores).toMatchObject({
      dice: 0,
      hd: Number.POSITIVE_INFINITY,
      hd95: Number.POSITIVE_INFINITY,
      assd: Number.POSITIVE_INFINITY,
      surfaceDice1mm: 0,
    });
  });

  test("in a single slice are those of a volume, with a front and a back", () => {
    // one voxel against two: the second's corners lie a voxel's edge further in the plane, nothing lies further through it
    const scores = compareLabels(volume([1, 1], [1, 1, 2], [9, 1, 2]), volume([1, 0], [1, 1, 2], [9, 1, 2]), [1]);
    expect(first(scores).scores).toMatchObject({ hd: 2 });
  });

  test("have volumes in ml", () => {
    const { scores } = first(
      compareLabels(volume([1, 1, 1, 0], [1, 2, 2], [10, 5, 2]), volume([1, 0, 0, 0], [1, 2, 2], [10, 5, 2]), [1]),
    );
    expect(scores.predictedMl).toBeCloseTo(0.3, 12);
    expect(scores.referenceMl).toBeCloseTo(0.1, 12);
  });
});

describe("refused are", () => {
  const good = volume([1, 1, 1, 0], [1, 2, 2]);

  test("volumes on different grids", () => {
    const moved = { ...good, affine: good.affine.with(3, 4) };
    const files = { predictionFile: "a.nii", referenceFile: "b.nii" };
    expect(() => compareLabels(moved, good, [1], files)).toThrow(/^a\.nii: shape 1×2×2.*b\.nii/);
    expect(() => compareLabels(volume([1, 1], [1, 1, 2]), good, [1])).toThrow(GeometryError);
  });

  test.each([0.5, Number.NaN, Number.POSITIVE_INFINITY])("a map that holds %d", (value) => {
    const odd = { ...good, data: Float32Array.of(1, 1, value, 0) };
    expect(() => compareLabels(odd, good, [1])).toThrow(ConfigError);
    expect(() => compareLabels(good, odd, [1])).toThrow(/the reference holds/);
  });

  test("a negative tolerance", () => {
    expect(() => compareLabels(good, good, [1], { tolerances: [-1] })).toThrow(ConfigError);
  });
});

describe("the table of metrics", () => {
  test("gives a column for every tolerance", () => {
    const chosen = chooseMetrics(["hd95", "surfaceDice"], [1, 2.5]);
    expect(chosen.map(({ key }) => key)).toEqual(["dice", "hd95", "surfaceDice1mm", "surfaceDice2.5mm"]);
    expect(chosen.map(({ title }) => title).slice(2)).toEqual(["surface Dice 1 mm", "surface Dice 2.5 mm"]);
  });

  test("is chosen from as people write", () => {
    expect(parseMetricNames("Dice, HD95,surface-dice,volume similarity")).toEqual([
      "dice",
      "hd95",
      "surfaceDice",
      "volumeSimilarity",
    ]);
    expect(() => parseMetricNames("dice,beauty")).toThrow(/no metric is called "beauty"; expected dice, jaccard/);
  });

  test("computes surfaces only where a score asks for them", () => {
    const map = volume([1, 0], [1, 1, 2]);
    const quick = metricNames.filter((name) => !("surface" in metrics[name]));
    expect(Object.keys(first(compareLabels(map, map, [1], { metrics: quick })).scores)).toEqual(quick);
    expect(Object.keys(first(compareLabels(map, map, [1])).scores)).toHaveLength(defaultMetrics.length + 1);
  });
});

test("a hundred labels in 200×200×200 voxels take a few seconds", () => {
  const [size, blocks] = [200, 5];
  /** Balls in a grid of 4×5×5, shifted against each other. */
  const balls = (shift: number): Volume<Uint8Array> => {
    const data = new Uint8Array(size ** 3);
    for (let z = 0, at = 0; z < size; z++) {
      for (let y = 0; y < size; y++) {
        for (let x = 0; x < size; x++, at++) {
          const [i, j, k] = [Math.floor(z / 50), Math.floor(y / 40), Math.floor((x + shift) / 40)];
          const distance = Math.hypot((z % 50) - 25, (y % 40) - 20, ((x + shift) % 40) - 20);
          if (distance < 16 && k < blocks) data[at] = 1 + (i * blocks + j) * blocks + k;
        }
      }
    }
    return volume(data, [size, size, size]);
  };
  const [prediction, reference] = [balls(1), balls(0)];
  const labels = Array.from({ length: 100 }, (_, at) => at + 1);
  const taken = processorClock();
  const scores = compareLabels(prediction, reference, labels);
  expect(taken()).toBeLessThan(10_000);
  expect(scores.every((each) => each.scores.hd === 1 && each.scores.surfaceDice1mm === 1)).toBe(true);
}, 240_000);
