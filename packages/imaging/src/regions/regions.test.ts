import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { shapes, volumes } from "../testing/arbitraries.js";
import { boundingBox, boxShape, cropData, cropVolume, labelBoxes, pasteData, sliceBoxes } from "./box.js";
import { type Connectivity, connectedComponents, fillHoles, largestComponent } from "./components.js";

const masks = shapes.chain((shape) =>
  fc
    .array(fc.integer({ min: 0, max: 1 }), {
      minLength: shape[0] * shape[1] * shape[2],
      maxLength: shape[0] * shape[1] * shape[2],
    })
    .map((bits) => ({ shape, mask: Uint8Array.from(bits) })),
);
const connectivities = fc.constantFrom<Connectivity>(4, 6, 8, 18, 26);

describe("regions", () => {
  test.prop([masks, connectivities])("components cover the mask and nothing else", ({ shape, mask }, connectivity) => {
    const { labels, count, sizes } = connectedComponents(mask, shape, connectivity);
    expect(labels.every((label, at) => label > 0 === (mask[at] === 1))).toBe(true);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(mask.length);
    expect(sizes.slice(1).every((size) => size > 0)).toBe(true);
    expect(sizes).toHaveLength(count + 1);
  });

  test.prop([masks, connectivities])("the largest component is one component", ({ shape, mask }, connectivity) => {
    const largest = largestComponent(mask, shape, connectivity);
    expect(connectedComponents(largest, shape, connectivity).count).toBe(mask.includes(1) ? 1 : 0);
  });

  test.prop([masks, fc.constantFrom<Connectivity>(4, 6)])(
    "filling holes twice changes nothing more",
    ({ shape, mask }, connectivity) => {
      const filled = fillHoles(mask, shape, connectivity);
      expect(fillHoles(filled, shape, connectivity)).toEqual(filled);
      expect(mask.every((value, at) => value <= filled[at]!)).toBe(true);
    },
  );

  test.prop([masks])("the bounding box holds all of the mask and touches it on every side", ({ shape, mask }) => {
    const box = boundingBox(mask, shape);
    expect(box !== undefined).toBe(mask.includes(1));
    if (box === undefined) return;
    const inside = cropData(mask, shape, box);
    const total = (data: Uint8Array) => data.reduce((sum, value) => sum + value, 0);
    expect(total(inside)).toBe(total(mask));
    const back = new Uint8Array(mask.length);
    pasteData(back, shape, box, inside);
    expect(back).toEqual(mask);
    expect(boundingBox(inside, boxShape(box))).toEqual({ start: [0, 0, 0], end: boxShape(box) });
    expect(labelBoxes(mask, shape).get(1)).toEqual(box);
  });

  test.prop([volumes])("cropping keeps every voxel in its place", (volume) => {
    const end = volume.shape;
    const cropped = cropVolume(volume, { start: [end[0] - 1, 0, end[2] - 1], end });
    expect(cropped.data.at(-1)).toEqual(volume.data.at(-1));
    expect(cropped.shape).toEqual([1, end[1], 1]);
  });

  test("boxes in slices are pixels, both ends inside", () => {
    const labels = new Uint8Array(2 * 3 * 4);
    labels[12 + 4 + 1] = 5;
    labels[12 + 8 + 2] = 5;
    expect(sliceBoxes(labels, [2, 3, 4], 5)).toEqual([{ slice: 1, left: 1, top: 1, right: 2, bottom: 2 }]);
  });
});
