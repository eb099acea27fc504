import { fc, test } from "@fast-check/vitest";
import { ConfigError, GeometryError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { masks } from "../testing/arbitraries.js";
import { type Triple, voxelCount } from "../volume.js";
import { pasteData } from "./box.js";
import { close, dilate, dilateBall, erode, open } from "./morphology.js";

const connectivities = fc.constantFrom<6 | 18 | 26>(6, 18, 26);
const within = (a: Uint8Array, b: Uint8Array) => a.every((value, i) => value === 0 || b[i] !== 0);

describe("morphology", () => {
  test.prop([masks, connectivities])(
    "shrinking the mask is growing the background",
    ({ mask, shape }, connectivity) => {
      const inverse = mask.map((value) => 1 - value);
      const grown = dilate(inverse, shape, { connectivity, outside: 1 });
      expect(erode(mask, shape, { connectivity })).toEqual(grown.map((value) => 1 - value));
    },
  );

  test.prop([masks, connectivities])("opening takes away only, and twice is once", ({ mask, shape }, connectivity) => {
    const opened = open(mask, shape, { connectivity });
    expect(within(opened, mask)).toBe(true);
    expect(open(opened, shape, { connectivity })).toEqual(opened);
  });

  test.prop([masks, connectivities])("closing adds only, away from the border", ({ mask, shape }, connectivity) => {
    const wide = shape.map((extent) => extent + 2) as unknown as Triple;
    const inner = { start: [1, 1, 1] as Triple, end: shape.map((extent) => extent + 1) as unknown as Triple };
    const padded = new Uint8Array(voxelCount(wide));
    pasteData(padded, wide, inner, mask);
    expect(within(padded, close(padded, wide, { connectivity }))).toBe(true);
  });

  test.prop([masks])("a ball of radius 1 is one step over faces", ({ mask, shape }) => {
    expect(dilateBall(mask, shape, 1)).toEqual(dilate(mask, shape));
    expect(dilateBall(mask, shape, 0)).toEqual(mask);
  });

  test("refuses a mask of another size, broken iterations and a negative radius", () => {
    expect(() => erode(new Uint8Array(7), [2, 2, 2])).toThrow(GeometryError);
    expect(() => erode(new Uint8Array(8), [2, 2, 2], { iterations: 0.5 })).toThrow(ConfigError);
    expect(() => dilateBall(new Uint8Array(8), [2, 2, 2], -1)).toThrow(ConfigError);
  });
});
