import { fc, test } from "@fast-check/vitest";
import { ConfigError, GeometryError } from "@rfmedsam/base";
import { orientations, reorient, type Volume } from "@rfmedsam/imaging";
import { decode } from "fast-png";
import { describe, expect } from "vitest";
import { colourOf } from "./colours.js";
import { drawComparison, drawOutlines, drawOverlay } from "./overlay.js";
import { mosaic, toPng } from "./picture.js";
import { informativeSlice, percentileWindow, sliceCount, sliceOf, type View } from "./slices.js";

/** RAS, voxels 1 × 2 × 4 mm (x, y, z), value = 100 x + 10 y + z. */
const shape = [3, 4, 5] as const;
const affine = [1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 4, 0, 0, 0, 0, 1];
const image: Volume<Float32Array> = {
  data: Float32Array.from(
    { length: 60 },
    (_, at) => 100 * (at % 5) + 10 * (Math.floor(at / 5) % 4) + Math.floor(at / 20),
  ),
  shape,
  affine,
};

/** One block of label 2 in the upper right front of the patient. */
const labels: Volume<Uint8Array> = {
  data: Uint8Array.from(image.data, (value) => (value % 10 === 2 && value >= 300 && value % 100 >= 20 ? 2 : 0)),
  shape,
  affine,
};

const views: View[] = ["axial", "coronal", "sagittal"];

describe("a slice", () => {
  test("shows right on the left, front or head on top", () => {
    // Corners of the picture: [top left, top right, bottom left, bottom right].
    const corners = (view: View) => {
      const { data, width, height } = sliceOf(image, view, 1);
      return [0, width - 1, (height - 1) * width, height * width - 1].map((at) => data[at]);
    };
    expect(corners("axial")).toEqual([431, 31, 401, 1]);
    expect(corners("coronal")).toEqual([412, 12, 410, 10]);
    expect(corners("sagittal")).toEqual([132, 102, 130, 100]);
  });

  test.prop([fc.constantFrom(...orientations), fc.constantFrom(...views), fc.nat(2)])(
    "does not depend on how the volume is stored",
    (orientation, view, index) => {
      expect(sliceOf(reorient(image, orientation), view, index)).toEqual(sliceOf(image, view, index));
    },
  );

  test("is the one that shows most", () => {
    expect(views.map((view) => informativeSlice(labels, view))).toEqual([2, 2, 3]);
    expect(informativeSlice({ ...labels, data: new Uint8Array(60) }, "axial")).toBe(1);
    expect(views.map((view) => sliceCount(labels, view))).toEqual([3, 4, 5]);
    expect(() => sliceOf(image, "axial", 3)).toThrow(ConfigError);
  });
});

test.prop([fc.array(fc.double({ min: -1000, max: 1000, noNaN: true }), { minLength: 1 })])(
  "a window of all voxels spans them",
  (values) => {
    const { low, high } = percentileWindow(
      { data: Float64Array.from(values), shape: [1, 1, values.length], affine },
      0,
      1,
    );
    expect(high).toBeGreaterThan(low);
    expect(low).toBeLessThanOrEqual(Math.min(...values));
    expect(high).toBeGreaterThanOrEqual(Math.max(...values));
  },
);

describe("an overlay", () => {
  const window = { low: 0, high: 1000 };
  const pixel = ({ data, width }: { data: Uint8Array; width: number }, x: number, y: number) => [
    ...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3),
  ];

  test("has square millimetres", () => {
    // 5 mm × 8 mm, 5 mm × 12 mm, 8 mm × 12 mm.
    for (const [view, width, height] of [
      ["axial", 50, 80],
      ["coronal", 50, 120],
      ["sagittal", 80, 120],
    ] as const) {
      expect(drawOverlay(image, labels, { view, width })).toMatchObject({ width, height });
    }
  });

  test("paints labels where they are and leaves the rest grey", () => {
    const plain = drawOverlay(image, undefined, { index: 2, window, width: 50 });
    const drawn = drawOverlay(image, labels, { index: 2, window, width: 50, fill: 0.5, contour: 1 });
    // Voxels x = 3, 4 and y = 2, 3: the upper left 20 × 40 pixels.
    expect(pixel(drawn, 19, 20)).toEqual([...colourOf(2)]);
    expect(pixel(drawn, 10, 39)).toEqual([...colourOf(2)]);
    expect(pixel(drawn, 10, 20)).toEqual(
      pixel(plain, 10, 20).map((grey, channel) => Math.round(grey * 0.5 + colourOf(2)[channel]! * 0.5)),
    );
    for (const [x, y] of [
      [20, 20],
      [10, 40],
      [45, 70],
    ] as const) {
      expect(pixel(drawn, x, y)).toEqual(pixel(plain, x, y));
    }
  });

  test("outlines one label of each map, later over earlier", () => {
    const plain = drawOverlay(image, undefined, { index: 2, window, width: 50 });
    const outline = { labels, label: [2, 7], colour: [255, 0, 0], thickness: 2 } as const;
    const other = { ...outline, label: 9, colour: [0, 255, 0] } as const;
    const inner = { ...outline, colour: [0, 0, 255], thickness: 1 } as const;
    const drawn = drawOutlines(image, [outline, other, inner], { index: 2, window, width: 50 });
    expect(pixel(drawn, 19, 20)).toEqual([0, 0, 255]);
    expect(pixel(drawn, 18, 20)).toEqual([255, 0, 0]);
    expect(pixel(drawn, 10, 20)).toEqual(pixel(plain, 10, 20));
    expect(pixel(drawn, 45, 70)).toEqual(pixel(plain, 45, 70));
    const moved = { ...outline, labels: { ...labels, affine: affine.with(0, 3) } };
    expect(() => drawOutlines(image, [moved])).toThrow(GeometryError);
  });

  test("refuses labels of another grid", () => {
    expect(() => drawOverlay(image, { ...labels, affine: affine.with(0, 3) })).toThrow(GeometryError);
  });

  test("strip has a panel per stage", () => {
    const strip = drawComparison(image, [undefined, labels, labels], { width: 50 });
    expect(strip).toMatchObject({ width: 3 * 50 + 2 * 6, height: 80 });
  });
});

describe("pictures", () => {
  const panel = (width: number, height: number, value: number) => ({
    width,
    height,
    data: new Uint8Array(width * height * 3).fill(value),
  });

  test("lie side by side, smaller ones in the middle", () => {
    const { width, height, data } = mosaic([panel(2, 2, 1), panel(2, 4, 2), panel(1, 1, 3)], { columns: 2, gap: 1 });
    expect([width, height]).toEqual([5, 6]);
    const red = Array.from({ length: height }, (_, y) =>
      Array.from({ length: width }, (_, x) => data[(y * width + x) * 3]).join(" "),
    );
    expect(red).toEqual([
      "16 16 16 2 2",
      "1 1 16 2 2",
      "1 1 16 2 2",
      "16 16 16 2 2",
      "16 16 16 16 16",
      "3 16 16 16 16",
    ]);
  });

  test("come back from PNG as they were", () => {
    const picture = drawOverlay(image, labels, { width: 40 });
    const { width, height, data, channels } = decode(toPng(picture));
    expect({ width, height, data: new Uint8Array(data), channels }).toEqual({ ...picture, channels: 3 });
  });
});
