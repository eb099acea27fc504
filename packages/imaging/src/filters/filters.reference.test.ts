/** `imgref/ndimage`: scipy.ndimage's interpolation, smoothing and rank filters. */
import { compareNumbers } from "@rfmedsam/base/testing";
import { describe, expect, test } from "vitest";
import { type ReferenceCase, type ReferenceTensor, referenceCases } from "../testing/reference.js";
import type { Triple } from "../volume.js";
import type { BoundaryMode } from "./boundary.js";
import { affineTransform, mapCoordinates, zoom } from "./interpolate.js";
import { gaussianFilter, rankFilter, uniformFilter } from "./neighbourhood.js";
import { type SplineDegree, splineCoefficients } from "./spline.js";

interface Facts {
  readonly tolerance_abs: number;
}

const shapeOf = ({ shape }: ReferenceTensor) => shape as unknown as Triple;
const numbers = ({ data }: ReferenceTensor) => data as Float64Array;

function comparing({ name, facts, arrays }: ReferenceCase<Facts>) {
  const all = arrays();
  const compare = (actual: Float64Array, expected: string) => {
    const difference = compareNumbers(`imgref/ndimage/${name}`, actual, all[expected]!.data, facts.tolerance_abs);
    expect(difference, expected).toBeLessThanOrEqual(facts.tolerance_abs);
  };
  return { all, input: numbers(all.input!), shape: shapeOf(all.input!), compare };
}

/** Outputs called `order<n>_<mode>`. */
function ordersAndModes(all: Readonly<Record<string, ReferenceTensor>>) {
  return Object.keys(all).flatMap((output) => {
    const [, order, mode] = /^order(\d)_(.+)$/.exec(output) ?? [];
    return order === undefined ? [] : [{ output, order: Number(order) as SplineDegree, mode: mode as BoundaryMode }];
  });
}

describe.each(referenceCases<Facts>("ndimage", "spline_prefilter"))("$name", (reference) => {
  const { all, input, shape, compare } = comparing(reference);
  test.each(Object.keys(all).filter((key) => key !== "input"))("%s", (output) => {
    compare(splineCoefficients(input, shape, 3, output.replace("_", "-") as BoundaryMode), output);
  });
});

describe.each(referenceCases<Facts & { cval: number }>("ndimage", "map_coordinates"))("$name", (reference) => {
  const { all, input, shape, compare } = comparing(reference);
  test.each(ordersAndModes(all))("$output", ({ output, order, mode }) => {
    const [places, count] = [numbers(all.coordinates!), all.coordinates!.shape[1]!];
    const axes = [0, 1, 2].map((axis) => places.subarray(axis * count, (axis + 1) * count));
    const options = { order, mode, fill: reference.facts.cval };
    compare(mapCoordinates(input, shape, axes as [Float64Array, Float64Array, Float64Array], options), output);
  });
});

interface AffineFacts extends Facts {
  readonly matrix: number[][];
  readonly offset: Triple;
  readonly output_shape: Triple;
}

describe.each(referenceCases<AffineFacts>("ndimage", "affine_transform"))("$name", (reference) => {
  const { all, input, shape, compare } = comparing(reference);
  const { matrix, offset, output_shape } = reference.facts;
  test.each(ordersAndModes(all))("$output", ({ output, order, mode }) => {
    compare(affineTransform(input, shape, matrix, offset, output_shape, { order, mode }), output);
  });
});

interface ZoomFacts extends Facts {
  readonly order: SplineDegree;
  readonly variants: Readonly<Record<string, { mode: BoundaryMode; grid_mode: boolean; shape: Triple }>>;
}

describe.each(referenceCases<ZoomFacts>("ndimage", "zoom_"))("$name", (reference) => {
  const { input, shape, compare } = comparing(reference);
  const { order, variants } = reference.facts;
  test.each(Object.entries(variants))("%s", (output, { mode, grid_mode, shape: target }) => {
    compare(zoom(input, shape, target, { order, mode, align: grid_mode ? "edges" : "centres" }), output);
  });
});

interface GaussianFacts extends Facts {
  readonly variants: Readonly<Record<string, { sigma: Triple; mode: BoundaryMode; truncate: number }>>;
}

describe.each(referenceCases<GaussianFacts>("ndimage", "gaussian"))("$name", (reference) => {
  const { input, shape, compare } = comparing(reference);
  test.each(Object.entries(reference.facts.variants))("%s", (output, { sigma, ...options }) => {
    compare(gaussianFilter(input, shape, sigma, options), output);
  });
});

describe.each(referenceCases<Facts>("ndimage", "median_uniform"))("$name", (reference) => {
  const { input, shape, compare } = comparing(reference);
  test("3×3×3", () => {
    compare(uniformFilter(input, shape, 3), "uniform");
    for (const rank of ["median", "maximum", "minimum"] as const) compare(rankFilter(input, shape, rank, 3), rank);
  });
});
