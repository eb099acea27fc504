import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { keepHighest, masksOnSlice } from "./slice-masks.js";

const logits = fc.array(fc.float({ min: -20, max: 20, noNaN: true }), { minLength: 12, maxLength: 12 });

describe("masks of a slice", () => {
  test("lie on the slice's own grid, in the objects' order; an unknown object has −1024 everywhere", () => {
    const masks = masksOnSlice([undefined, Float32Array.of(0, 4, 0, 4)], 2, { height: 1, width: 4 });
    expect([...masks]).toEqual([-1024, -1024, -1024, -1024, 0, 1, 3, 4]);
    expect(masksOnSlice([], 2, { height: 3, width: 3 })).toHaveLength(0);
  });

  test.prop([logits])("that do not overlap keep the highest logit at every pixel, and no other above −10", (values) => {
    const apart = keepHighestOf(values, 3);
    for (let pixel = 0; pixel < 4; pixel++) {
      const before = [0, 4, 8].map((at) => Math.fround(values[at + pixel]!));
      const after = [0, 4, 8].map((at) => apart[at + pixel]!);
      const winner = before.indexOf(Math.max(...before));
      expect(after).toEqual(before.map((value, object) => (object === winner ? value : Math.min(value, -10))));
    }
  });

  test.prop([logits])("of one object stay as they are", (values) => {
    expect(keepHighestOf(values, 1)).toEqual(Float32Array.from(values));
  });
});

function keepHighestOf(values: readonly number[], objects: number): Float32Array {
  const copy = Float32Array.from(values);
  keepHighest(copy, objects);
  return copy;
}
