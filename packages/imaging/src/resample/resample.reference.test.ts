/** `imgref/resampling` (nnU-Net's own functions) and the zoom cases of `imgref/ndimage` that resampling uses. */
import { compareNumbers } from "@rfmedsam/base/testing";
import { describe, expect, test } from "vitest";
import { referenceCases } from "../testing/reference.js";
import type { Triple } from "../volume.js";
import type { SplineOrder } from "./axis.js";
import { computeNewShape, resampleImage, resampleLabels, separateAxisOf } from "./resample.js";

interface Result {
  readonly order: SplineOrder;
  readonly order_z: SplineOrder;
  readonly tolerance_abs: number;
  readonly allowed_mismatch_fraction: number;
}

interface ResamplingFacts {
  readonly kind: string;
  readonly old_shape: Triple;
  readonly new_shape: Triple;
  readonly current_spacing: Triple;
  readonly new_spacing: Triple;
  readonly force_separate_z: boolean | null;
  readonly separate_z: boolean;
  readonly low_resolution_axis: number | null;
  readonly results: Readonly<Record<string, Result>>;
}

const cases = referenceCases<ResamplingFacts>("resampling");

describe.each(cases.filter(({ facts }) => facts.kind === "resampling"))("resampling $name", (reference) => {
  const { facts, arrays } = reference;
  const recorded = `imgref/resampling/${reference.name}`;
  const axis = separateAxisOf(facts.current_spacing, facts.new_spacing, { force: facts.force_separate_z ?? undefined });
  const separateWith = (order: SplineOrder) => (axis === undefined ? undefined : { axis, order });

  test("new shape and separate axis", () => {
    expect(computeNewShape(facts.old_shape, facts.current_spacing, facts.new_spacing)).toEqual(facts.new_shape);
    expect(axis ?? null).toBe(facts.low_resolution_axis);
    expect(axis !== undefined).toBe(facts.separate_z);
  });

  test.each(Object.entries(facts.results))("%s", (name, result) => {
    const { [`${name}_in`]: input, [`${name}_out`]: output } = arrays();
    const count = input!.data.length / input!.shape[0]!;
    const outCount = output!.data.length / output!.shape[0]!;
    let mismatches = 0;
    for (let channel = 0; channel < input!.shape[0]!; channel++) {
      const data = input!.data.slice(channel * count, (channel + 1) * count);
      const expected = output!.data.slice(channel * outCount, (channel + 1) * outCount) as Float32Array;
      const separate = separateWith(result.order_z);
      if (name === "seg") {
        const labels = data as Int8Array;
        expect(result.order).toBeLessThan(2);
        const order = result.order as 0 | 1;
        const actual = resampleLabels(labels, facts.old_shape, facts.new_shape, { order, separate });
        mismatches += actual.reduce((sum, label, at) => sum + (label === expected[at] ? 0 : 1), 0);
        continue;
      }
      const actual = resampleImage(
        Float32Array.from(data as Float32Array),
        facts.old_shape,
        facts.new_shape,
        result.order,
        separate,
      );
      const allowed = result.tolerance_abs;
      expect(compareNumbers(recorded, actual, expected, allowed)).toBeLessThanOrEqual(allowed);
    }
    if (name !== "seg") return;
    const [part, allowed] = [mismatches / output!.data.length, result.allowed_mismatch_fraction];
    expect(compareNumbers(recorded, [part], [0], allowed)).toBeLessThanOrEqual(allowed);
  });
});

interface TableFacts {
  readonly separate_z: readonly { current: Triple; new: Triple; force: boolean | null; axis: number | null }[];
  readonly new_shapes: readonly { shape: Triple; current: Triple; new: Triple; new_shape: Triple }[];
}

describe.each(referenceCases<TableFacts>("resampling", "decision_table"))("$name", ({ facts }) => {
  test("when and along which axis", () => {
    for (const row of facts.separate_z) {
      expect(separateAxisOf(row.current, row.new, { force: row.force ?? undefined }) ?? null, JSON.stringify(row)).toBe(
        row.axis,
      );
    }
  });
  test("new shapes", () => {
    for (const row of facts.new_shapes) expect(computeNewShape(row.shape, row.current, row.new)).toEqual(row.new_shape);
  });
});

interface ZoomFacts {
  readonly order: SplineOrder;
  readonly tolerance_abs: number;
  readonly variants: Readonly<Record<string, { mode: string; grid_mode: boolean; shape: Triple }>>;
}

describe.each(referenceCases<ZoomFacts>("ndimage", "zoom_"))("ndimage $name", ({ name, facts, arrays }) => {
  test("mode nearest with grid_mode, the one resizing uses", () => {
    const { input, nearest_grid: expected } = arrays();
    const { shape } = facts.variants.nearest_grid!;
    // zoom does not clip to the input's range, as resizing does.
    const actual = resampleImage(input!.data as Float64Array, input!.shape as unknown as Triple, shape, facts.order);
    const [least, most] = [Math.min(...(input!.data as Float64Array)), Math.max(...(input!.data as Float64Array))];
    const clipped = Float64Array.from(expected!.data as Float64Array, (value) =>
      Math.min(Math.max(value, least), most),
    );
    const allowed = facts.tolerance_abs;
    expect(compareNumbers(`imgref/ndimage/${name}`, actual, clipped, allowed)).toBeLessThanOrEqual(allowed);
  });
});
