import { ConfigError, GeometryError } from "@rfmedsam/base";
import type { Volume } from "@rfmedsam/imaging";
import { describe, expect, test } from "vitest";
import { volumeOf } from "../testing/cases.js";
import { pictureSlices, type VolumeSliceOptions, volumeSlices } from "./volume-slices.js";

const options: VolumeSliceOptions = { axis: 0, window: [0, 255], colours: "repeat", imageSize: 4 };
const mean = [0.485, 0.456, 0.406] as const;
const deviation = [0.229, 0.224, 0.225] as const;
/** The bytes that a rendered slice was made of. */
const bytes = (rendered: Float32Array, colour: number) => {
  const size = rendered.length / 3;
  return [...rendered.subarray(colour * size, (colour + 1) * size)].map((value) =>
    Math.abs(Math.round(255 * (value * deviation[colour]! + mean[colour]!))),
  );
};

describe("slices of a volume", () => {
  const volume = volumeOf([3, 4, 5], (z, y, x) => 100 * z + 10 * y + x, [4, 2, 1]);

  test.each([
    [0, { count: 3, height: 4, width: 5, spacing: [4, 2, 1] }, (z: number, y: number, x: number) => [z, y, x]],
    [1, { count: 4, height: 3, width: 5, spacing: [2, 4, 1] }, (y: number, z: number, x: number) => [z, y, x]],
    [2, { count: 5, height: 3, width: 4, spacing: [1, 4, 2] }, (x: number, z: number, y: number) => [z, y, x]],
  ] as const)("along axis %i have the sizes, the spacing and the voxels of that axis", (axis, facts, at) => {
    const square = volumeOf([4, 4, 4], (z, y, x) => 50 * z + 10 * y + x);
    expect(volumeSlices(volume, { ...options, axis })).toMatchObject(facts);
    const source = volumeSlices(square, { ...options, axis });
    const expected = Array.from({ length: 16 }, (_, n) => {
      const [z, y, x] = at(2, Math.floor(n / 4), n % 4);
      return 50 * z! + 10 * y! + x!;
    });
    for (const colour of [0, 1, 2]) expect(bytes(source.render(2), colour)).toEqual(expected);
  });

  test("show the neighbours as colours, the ends repeated", () => {
    const source = volumeSlices(
      volumeOf([3, 4, 4], (z) => 10 * z + 5),
      { ...options, colours: "adjacent" },
    );
    const colours = (slice: number) => [0, 1, 2].map((colour) => bytes(source.render(slice), colour)[0]);
    expect([colours(0), colours(1), colours(2)]).toEqual([
      [5, 5, 15],
      [5, 15, 25],
      [15, 25, 25],
    ]);
  });

  test("are windowed, clipped and rounded", () => {
    const values = [-200, -100, -99.8, 0, 100, 300];
    const given = volumeOf([6, 4, 4], (z) => values[z]!);
    const source = volumeSlices(given, { ...options, window: [-100, 100] });
    expect(values.map((_, slice) => bytes(source.render(slice), 0)[0])).toEqual([0, 0, 0, 128, 255, 255]);
  });

  test("are windowed by percentiles, 8-bit ones not at all", () => {
    const ramp = volumeOf([1, 50, 40], (_, y, x) => (y === 0 && x === 0 ? 1e9 : y * 40 + x));
    const source = volumeSlices(ramp, { axis: 0, colours: "repeat", imageSize: 50 });
    const shown = bytes(source.render(0), 0);
    expect([Math.min(...shown), shown[25 * 50]! > 120, shown.at(-1)]).toEqual([0, true, 255]);
    const eight: Volume<Uint8Array> = { ...volume, data: Uint8Array.from({ length: 60 }, (_, n) => 100 + n) };
    const square = { ...eight, shape: [1, 4, 4] as const, data: eight.data.slice(0, 16) };
    const plain = volumeSlices(square, { axis: 0, colours: "repeat", imageSize: 4 });
    expect(bytes(plain.render(0), 0)).toEqual([...square.data]);
  });

  test("of one intensity, or of whole numbers, are no trouble", () => {
    const flat = volumeSlices(
      volumeOf([2, 4, 4], () => 7),
      { axis: 0, colours: "repeat", imageSize: 4 },
    );
    expect(new Set(bytes(flat.render(0), 0))).toEqual(new Set([0]));
    const whole = { ...volume, data: Int16Array.from({ length: 60 }, (_, n) => n) };
    expect(volumeSlices(whole, options).render(0).every(Number.isFinite)).toBe(true);
  });

  test.each([
    ["an axis that is none", { axis: 3 as 2 }],
    ["colours that are none", { colours: "grey" as "repeat" }],
    ["a window upside down", { window: [5, 5] as const }],
    ["a window with NaN", { window: [Number.NaN, 5] as const }],
    ["an image size of 0", { imageSize: 0 }],
  ])("refuse %s", (_, wrong) => {
    expect(() => volumeSlices(volume, { ...options, ...wrong })).toThrow(ConfigError);
  });

  test("refuse slices that are none, voxels that are no numbers, data of another length, 64-bit numbers", () => {
    const source = volumeSlices(volume, options);
    for (const slice of [-1, 3, 0.5, Number.NaN]) expect(() => source.render(slice)).toThrow(GeometryError);
    const holed = volumeOf([2, 4, 4], (z, y) => (z === 1 && y === 2 ? Number.NaN : 1));
    expect(() => volumeSlices(holed, options).render(1)).toThrow(/voxel \(0, 2\) of slice 1/);
    expect(() =>
      volumeSlices(
        volumeOf([1, 2, 2], () => Number.NaN),
        { ...options, window: undefined },
      ),
    ).toThrow(ConfigError);
    expect(() => volumeSlices({ ...volume, shape: [3, 4, 6] }, options)).toThrow(GeometryError);
    expect(() => volumeSlices({ ...volume, shape: [0, 4, 5], data: new Float32Array(0) }, options)).toThrow(
      GeometryError,
    );
    expect(() => volumeSlices({ ...volume, data: new BigInt64Array(60) }, options)).toThrow(ConfigError);
  });
});

describe("pictures as slices", () => {
  const picture = { height: 4, width: 4, data: Uint8Array.from({ length: 48 }, (_, n) => n) };

  test("keep their colours apart", () => {
    const source = pictureSlices([picture, picture], 4);
    expect(source).toMatchObject({ count: 2, height: 4, width: 4 });
    for (const colour of [0, 1, 2]) {
      expect(bytes(source.render(1), colour)).toEqual(Array.from({ length: 16 }, (_, n) => 3 * n + colour));
    }
  });

  test("are refused when there are none, or of several sizes, or incomplete", () => {
    expect(() => pictureSlices([], 4)).toThrow(ConfigError);
    expect(() => pictureSlices([picture], 4.5)).toThrow(ConfigError);
    expect(() => pictureSlices([picture, { height: 2, width: 8, data: picture.data }], 4)).toThrow(GeometryError);
    expect(() => pictureSlices([{ ...picture, width: 5 }], 4)).toThrow(GeometryError);
  });
});
