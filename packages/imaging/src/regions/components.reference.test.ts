/** Connected components and hole filling of `imgref/ndimage` (scipy). */
import { describe, expect, test } from "vitest";
import { referenceCases } from "../testing/reference.js";
import type { Triple } from "../volume.js";
import { boundingBox } from "./box.js";
import { type Connectivity, connectedComponents, fillHoles, largestComponent } from "./components.js";

interface Expected {
  readonly count: number;
  readonly sizes_by_label: number[];
  readonly bounding_boxes_half_open?: readonly (readonly (readonly [number, number])[])[];
}

interface LabelFacts {
  readonly results: Readonly<Record<string, Expected>>;
}

describe.each(referenceCases<LabelFacts>("ndimage", "label_"))("$name", ({ facts, arrays }) => {
  test.each(Object.entries(facts.results))("%s neighbours", (neighbours, expected) => {
    const all = arrays();
    const mask = all.input!.data as Uint8Array;
    const shape = all.input!.shape as unknown as Triple;
    const connectivity = Number(neighbours) as Connectivity;
    const { labels, count, sizes } = connectedComponents(mask, shape, connectivity);
    expect(count).toBe(expected.count);
    expect(sizes.slice(1)).toEqual(expected.sizes_by_label);
    expect(labels).toEqual(all[`labels_${neighbours}`]!.data);
    const largest = all[`largest_${neighbours}`];
    if (largest !== undefined) expect(largestComponent(mask, shape, connectivity)).toEqual(largest.data);
    for (const [index, bounds] of (expected.bounding_boxes_half_open ?? []).entries()) {
      const box = boundingBox(
        Uint8Array.from(labels, (label) => (label === index + 1 ? 1 : 0)),
        shape,
      )!;
      expect(box.start.map((start, axis) => [start, box.end[axis]])).toEqual(bounds);
    }
  });
});

describe.each(referenceCases("ndimage", "fill_holes"))("$name", ({ arrays }) => {
  test("in the volume, with diagonal leaks, and slice by slice", () => {
    const all = arrays();
    const data = (name: string) => all[name]!.data as Uint8Array;
    const shape = all.input!.shape as unknown as Triple;
    expect(fillHoles(data("input"), shape)).toEqual(data("filled"));
    expect(fillHoles(data("input"), shape, 4)).toEqual(data("filled_per_slice"));
    expect(fillHoles(data("diagonal_input"), shape)).toEqual(data("diagonal_filled_default"));
    expect(fillHoles(data("diagonal_input"), shape, 26)).toEqual(data("diagonal_filled_26"));
  });
});
