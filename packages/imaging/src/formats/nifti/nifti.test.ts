import { fc, test } from "@fast-check/vitest";
import { ConfigError, FormatError, GeometryError, type RfmedsamError } from "@rfmedsam/base";
import { gzipSync } from "fflate";
import { describe, expect } from "vitest";
import { determinant, scalingAffine, spacingOf } from "../../geometry.js";
import { toLabels } from "../../labels.js";
import { volumes } from "../../testing/arbitraries.js";
import { largestDifference } from "../../testing/reference.js";
import type { Volume } from "../../volume.js";
import { isNifti, readNifti, volumeOfNifti } from "./read.js";
import { scaledVoxels } from "./voxels.js";
import { writeNifti } from "./write.js";

const small: Volume<Int16Array> = {
  data: Int16Array.from({ length: 60 }, (_, index) => index * 7 - 200),
  shape: [3, 4, 5],
  affine: scalingAffine([2.5, 0.9, 0.75], [10, -20, 30]),
};

/** A written file with one field changed. */
function changed(change: (view: DataView) => void, volume: Volume = small): Uint8Array {
  const bytes = writeNifti(volume);
  change(new DataView(bytes.buffer));
  return bytes;
}

function errorOf(run: () => unknown): RfmedsamError {
  try {
    run();
  } catch (error) {
    return error as RfmedsamError;
  }
  throw new Error("no error");
}

/**
 * How far the affine of a stored quaternion may be off. Its fourth part is not stored but is the root of what the squares of the
 * others leave of 1: an error of some float32 steps there is divided by 2a, and near half turns (a ≈ 0) it is the root of it.
 */
function quaternionError({ affine, shape }: Volume): number {
  const spacing = [...spacingOf({ affine })].reverse();
  const diagonal = [0, 1, 2].map((n) => affine[5 * n]! / spacing[n]!) as [number, number, number];
  const trace = diagonal[0] + diagonal[1] + (determinant(affine) < 0 ? -1 : 1) * diagonal[2];
  const a = Math.sqrt(Math.max(0, 1 + trace)) / 2;
  const steps = 4 * 2 ** -23;
  const turn = 2 * Math.min(Math.sqrt(steps), steps / (2 * a));
  return Math.max(...spacing) * (turn + 1e-5) * Math.max(...shape);
}

describe("NIfTI", () => {
  test.prop([volumes, fc.boolean()])("write → read is the identity; affine and spacing to float32", (volume, gzip) => {
    const bytes = writeNifti(volume, { gzip });
    expect(isNifti(bytes)).toBe(true);
    const image = readNifti(bytes);
    const again = volumeOfNifti(image);
    expect(again.shape).toEqual(volume.shape);
    expect(again.data).toEqual(volume.data);
    expect(again.affine).toEqual(volume.affine.map(Math.fround));
    expect(image.header.spacing).toEqual([...spacingOf(volume)].reverse().map(Math.fround));
    // The quaternion beside the sform says the same to what its float32 fields can hold.
    expect(largestDifference(image.header.qformAffine!, again.affine)).toBeLessThan(quaternionError(volume));
    expect(image.warnings).toEqual([]);
  });

  test.prop([volumes])("what was read once is written back bit for bit", (volume) => {
    const first = writeNifti(volumeOfNifti(readNifti(writeNifti(volume))));
    const second = writeNifti(volumeOfNifti(readNifti(first)));
    expect(second).toEqual(first);
  });

  test("64-bit integers survive exactly; a volume of them is narrowed only when nothing changes", () => {
    const big = { ...small, data: BigInt64Array.from({ length: 60 }, (_, index) => BigInt(index) - 30n) };
    expect(readNifti(writeNifti(big)).data).toEqual(big.data);
    expect(volumeOfNifti(readNifti(writeNifti(big))).data).toEqual(Int32Array.from(big.data, Number));
    big.data[7] = 2n ** 60n + 1n;
    expect(volumeOfNifti(readNifti(writeNifti(big))).data).toEqual(big.data);
  });

  test("axes longer than NIfTI-1 can say are written as NIfTI-2", () => {
    const long = { data: new Uint8Array(40_000).fill(3), shape: [1, 1, 40_000] as const, affine: small.affine };
    const image = readNifti(writeNifti(long));
    expect(image.header.version).toBe(2);
    expect(volumeOfNifti(image)).toEqual(long);
  });

  test("CT rescaling by whole numbers stays in integers, other factors give float64", () => {
    const scaled = (slope: number, inter: number) =>
      readNifti(
        changed((view) => {
          view.setFloat32(112, slope, true);
          view.setFloat32(116, inter, true);
        }),
      ).data;
    expect(scaled(1, -1024)).toEqual(Int16Array.from(small.data, (value) => value - 1024));
    expect(scaled(1, -32768)).toEqual(Int32Array.from(small.data, (value) => value - 32768));
    expect(scaled(0.5, 10)).toEqual(Float64Array.from(small.data, (value) => value / 2 + 10));
    expect(scaled(0, 10)).toEqual(small.data);
  });

  test.each([Int16Array, Uint16Array, Int8Array, Float32Array])(
    "rescaled %o are the same numbers in the memory of the stored ones, which they take where they fit",
    (Type) => {
      const stored = () => Type.of(...Array.from({ length: 60 }, (_, index) => 2 * index));
      for (const [slope, inter] of [
        [1, -1024],
        [-3, 7],
        [1, -40_000],
        [0.5, 10],
      ] as const) {
        const [own, given] = [stored(), stored()];
        const scaled = scaledVoxels(given, slope, inter);
        expect(given).toEqual(stored());
        const inPlace = scaledVoxels(own, slope, inter, { overwrite: true });
        expect(inPlace).toEqual(scaled);
        expect(inPlace.buffer === own.buffer).toBe(scaled instanceof Int16Array && Type.BYTES_PER_ELEMENT === 2);
      }
    },
  );

  test("voxels that do not fit the type asked for are refused, not wrapped", () => {
    expect(() => writeNifti(small, { dtype: "uint8" })).toThrow(ConfigError);
    expect(() =>
      writeNifti({ ...small, data: Float32Array.from(small.data, (v) => v + 0.5) }, { dtype: "int16" }),
    ).toThrow(ConfigError);
    const wider = readNifti(writeNifti(small, { dtype: "float64" })).data;
    expect(wider).toEqual(Float64Array.from(small.data));
  });

  test("labels saved as float32 are read as labels; an image is not taken for labels", () => {
    const floats = { ...small, data: Float32Array.from(small.data, (_, index) => index % 4) };
    expect(toLabels(volumeOfNifti(readNifti(writeNifti(floats)))).data).toEqual(Uint8Array.from(floats.data));
    expect(() => toLabels(small)).toThrow(FormatError);
  });

  test("several channels are refused with their number and what to do", () => {
    const bytes = changed((view) => {
      view.setInt16(40, 4, true);
      view.setInt16(46, 1, true);
      view.setInt16(48, 3, true);
    });
    const error = errorOf(() => volumeOfNifti(readNifti(bytes), { file: "case.nii.gz" }));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.file).toBe("case.nii.gz");
    expect(error.found).toContain("3 channels");
    expect(error.hint).toContain("_0000");
  });

  test("micrometres become millimetres in the volume", () => {
    const volume = volumeOfNifti(readNifti(changed((view) => view.setUint8(123, 3))));
    expect(largestDifference(spacingOf(volume), [2.5e-3, 0.9e-3, 0.75e-3])).toBeLessThan(1e-9);
  });

  test.each<[string, string, typeof FormatError | typeof GeometryError, (view: DataView) => void]>([
    ["a dimension of 0", "dim[3] = 0", FormatError, (view) => view.setInt16(46, 0, true)],
    ["an affine with NaN", "contains NaN", GeometryError, (view) => view.setFloat32(280, Number.NaN, true)],
    ["a contradiction in bitpix", "64 bits per voxel", FormatError, (view) => view.setInt16(72, 64, true)],
    ["an unknown datatype", "datatype code 77", FormatError, (view) => view.setInt16(70, 77, true)],
    [
      "a wrong magic",
      'magic "xyz"',
      FormatError,
      (view) =>
        [120, 121, 122].forEach((b, i) => {
          view.setUint8(344 + i, b);
        }),
    ],
    ["more voxels than bytes", "120 bytes of voxels", FormatError, (view) => view.setInt16(42, 3000, true)],
  ])("%s is refused with its value", (_, found, type, change) => {
    const error = errorOf(() => readNifti(changed(change), { file: "a.nii" }));
    expect(error).toBeInstanceOf(type);
    expect(error.file).toBe("a.nii");
    expect(error.found).toContain(found);
  });

  test.prop([fc.nat(10_000), fc.nat(255), fc.boolean()])(
    "a changed byte gives a volume or a typed error, nothing else",
    (at, value, gzip) => {
      const plain = writeNifti(small);
      const bytes = gzip ? gzipSync(plain, { mtime: 0 }) : plain;
      bytes[at % bytes.length] = value;
      try {
        volumeOfNifti(readNifti(bytes));
      } catch (error) {
        expect(error instanceof FormatError || error instanceof GeometryError, String(error)).toBe(true);
      }
    },
  );

  test.prop([fc.nat(10_000), fc.boolean()])("a file cut anywhere is refused", (length, gzip) => {
    const bytes = writeNifti(small, { gzip });
    const cut = bytes.subarray(0, length % bytes.length);
    expect(() => readNifti(cut)).toThrow(FormatError);
  });

  test.each([
    ["a PNG", [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]],
    ["text", [...new TextEncoder().encode("hello, world, this is text")]],
    ["empty", []],
    ["gzip of something else", [...gzipSync(new TextEncoder().encode("hello"))]],
  ])("other content is named: %s", (what, bytes) => {
    const error = errorOf(() => readNifti(Uint8Array.from(bytes)));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.found).toContain({ "a PNG": "PNG", text: "text", empty: "empty" }[what] ?? 'text ("hello")');
  });
});
