import { fc, test } from "@fast-check/vitest";
import type { Triple } from "@rfmedsam/imaging";
import { describe, expect } from "vitest";
import { prepareCase } from "./preprocessing.js";
import {
  boxToInput,
  boxToVoxels,
  extractSlice,
  fitInto,
  fitOut,
  inputToVoxel,
  placeSlice,
  renderSlice,
  type SliceAxis,
  sliceAxes,
  sliceFrame,
  voxelToInput,
} from "./slices.js";
import { plainRecipe, preparedCase, volumeOf } from "./testing/cases.js";

const size = fc.integer({ min: 1, max: 24 });
const millimetres = fc.double({ min: 0.3, max: 5, noNaN: true });
const axis = fc.constantFrom<SliceAxis>("axial", "coronal", "sagittal");
const frames = fc
  .tuple(
    fc.tuple(size, size, size),
    fc.tuple(millimetres, millimetres, millimetres),
    axis,
    fc.constantFrom(16, 64, 256),
  )
  .map(([shape, spacing, along, imageSize]) => sliceFrame(shape, spacing, along, imageSize));
const coordinate = fc.double({ min: -5, max: 50, noNaN: true });

describe("coordinates", () => {
  test.prop([frames, coordinate, coordinate])("of points go to the input and back", (frame, x, y) => {
    const [backX, backY] = inputToVoxel(frame, voxelToInput(frame, [x, y]));
    expect(backX).toBeCloseTo(x, 6);
    expect(backY).toBeCloseTo(y, 6);
  });

  test.prop([frames, fc.tuple(coordinate, coordinate, coordinate, coordinate)])("of boxes too", (frame, box) => {
    const back = boxToVoxels(frame, boxToInput(frame, box));
    box.forEach((value, n) => {
      expect(back[n]).toBeCloseTo(value, 6);
    });
  });

  test.prop([frames])("the slice spans the input along its longest side, true in mm", (frame) => {
    const [sy, sx] = frame.scale;
    expect(Math.max(frame.height * sy, frame.width * sx)).toBeCloseTo(frame.imageSize, 6);
  });

  test("the box of the whole slice is the whole input", () => {
    const frame = sliceFrame([3, 8, 8], [2, 1, 1], "axial", 32);
    expect(boxToInput(frame, [0, 0, 7, 7])).toEqual([0, 0, 31, 31]);
    expect(voxelToInput(frame, [0, 0])).toEqual([1.5, 1.5]);
  });

  test("a voxel lies where its coordinates say, also when it is not square", () => {
    const frame = sliceFrame([6, 10, 12], [3, 1, 1.5], "coronal", 72);
    const slice = new Float32Array(frame.height * frame.width);
    const [row, column] = [4, 7];
    slice[row * frame.width + column] = 1;
    const picture = fitInto(slice, frame, 72, 0);
    let [weight, x, y] = [0, 0, 0];
    picture.forEach((value, n) => {
      weight += value;
      x += value * (n % 72);
      y += value * Math.floor(n / 72);
    });
    const [expectedX, expectedY] = voxelToInput(frame, [column, row]);
    expect(x / weight).toBeCloseTo(expectedX, 4);
    expect(y / weight).toBeCloseTo(expectedY, 4);
  });
});

describe("pictures", () => {
  test.prop([frames, fc.double({ min: -3, max: 3, noNaN: true })])(
    "a constant stays constant there and back",
    (frame, value) => {
      const slice = new Float32Array(frame.height * frame.width).fill(value);
      const back = fitOut(fitInto(slice, frame, 16, 99), frame, 16);
      expect(back.length).toBe(slice.length);
      for (const voxel of back) expect(voxel).toBeCloseTo(value, 4);
    },
  );

  test("a slope survives enlarging and shrinking", () => {
    const frame = sliceFrame([1, 20, 20], [1, 1, 1], "axial", 80);
    const slope = Float32Array.from({ length: 400 }, (_, n) => 2 * (n % 20) - Math.floor(n / 20));
    const back = fitOut(fitInto(slope, frame, 80, 0), frame, 80);
    for (let y = 2; y < 18; y++) {
      for (let x = 2; x < 18; x++) expect(back[y * 20 + x]).toBeCloseTo(slope[y * 20 + x]!, 3);
    }
  });

  test.prop([fc.tuple(size, size, size), axis, fc.nat()])("slices are cut and put back", (shape, along, seed) => {
    const count = shape[sliceAxes[along]];
    const index = seed % count;
    const volume = Float32Array.from({ length: shape[0] * shape[1] * shape[2] }, (_, n) => n);
    const slice = extractSlice(volume, shape, sliceAxes[along], index, new Float32Array(volume.length / count));
    const copy = volume.slice();
    placeSlice(
      slice.map((value) => -value),
      copy,
      shape,
      sliceAxes[along],
      index,
    );
    expect(copy.filter((value, n) => value === -volume[n]! && n > 0).length).toBeGreaterThanOrEqual(slice.length - 1);
    placeSlice(slice, copy, shape, sliceAxes[along], index);
    expect(copy).toEqual(volume);
  });

  const prepared = preparedCase(volumeOf([3, 4, 8], (z) => z / 2));
  const render = (index: number, colours: "adjacent" | "repeat") => {
    const frame = sliceFrame(prepared.shape, prepared.spacing, "axial", 16);
    const out = new Float32Array(3 * 256 + 5).fill(7);
    renderSlice(prepared, frame, index, { colours }, out, 2);
    return out;
  };
  const grey = (out: Float32Array, colour: number) =>
    out[2 + colour * 256]! * [0.229, 0.224, 0.225][colour]! + [0.485, 0.456, 0.406][colour]!;

  test.each([
    ["adjacent", 0, [0, 0, 0.5]],
    ["adjacent", 1, [0, 0.5, 1]],
    ["adjacent", 2, [0.5, 1, 1]],
    ["repeat", 1, [0.5, 0.5, 0.5]],
  ] as const)("%s shows slice %i as %j", (colours, index, expected) => {
    const out = render(index, colours);
    expected.forEach((value, colour) => {
      expect(grey(out, colour)).toBeCloseTo(value, 5);
    });
  });

  test("several channels are the colours, the last one again where there are fewer", () => {
    const volumes = [0, 1, 2, 3].map((n) => volumeOf([1, 4, 4], () => (n + 1) / 10));
    const shown = (count: number, channel = 0) => {
      const normalisation = volumes.slice(0, count).map(() => ({ kind: "ct", mean: 0, std: 1, low: -9, high: 9 }));
      const several = prepareCase(volumes.slice(0, count), plainRecipe({ normalisation }));
      const frame = sliceFrame(several.shape, several.spacing, "axial", 16);
      const out = new Float32Array(3 * 256 + 5);
      renderSlice(several, frame, 0, { colours: "channels", channel }, out, 2);
      return [0, 1, 2].map((colour) => Math.round(10 * grey(out, colour)));
    };
    expect(shown(1)).toEqual([1, 1, 1]);
    expect(shown(2)).toEqual([1, 2, 2]);
    expect(shown(4)).toEqual([1, 2, 3]);
    expect(shown(4, 1)).toEqual([2, 3, 4]);
  });

  test("the padding is 0 and nothing is written outside the picture", () => {
    const out = render(1, "repeat");
    expect([out[0], out[1], out.at(-1), out.at(-3)]).toEqual([7, 7, 7, 7]);
    expect(out[2 + 7 * 16]).not.toBe(0);
    expect([...out.subarray(2 + 8 * 16, 2 + 256)].every((value) => value === 0)).toBe(true);
  });
});

test("axes name the right planes", () => {
  const shape: Triple = [2, 3, 4];
  const plane = (along: SliceAxis) => sliceFrame(shape, [1, 1, 1], along, 8);
  expect(
    [plane("axial"), plane("coronal"), plane("sagittal")].map(({ count, height, width }) => [count, height, width]),
  ).toEqual([
    [2, 3, 4],
    [3, 2, 4],
    [4, 2, 3],
  ]);
});
