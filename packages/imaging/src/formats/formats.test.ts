/** Every format that is written: what comes back, and what of a damaged file does not. */
import { fc, test } from "@fast-check/vitest";
import { ConfigError, FormatError, GeometryError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { scalingAffine } from "../geometry.js";
import { orientationOf, reorient } from "../orientation.js";
import { axisLetters, volumes } from "../testing/arbitraries.js";
import { largestDifference } from "../testing/reference.js";
import type { Volume } from "../volume.js";
import { sourceOfBytes } from "./byte-source.js";
import { readImageSource } from "./image-file.js";
import { scalarNameOf } from "./scalars.js";
import { volumeToBytes, type WriteVolumeOptions } from "./volume-files.js";

const small: Volume<Int16Array> = {
  data: Int16Array.from({ length: 60 }, (_, index) => index * 7 - 200),
  shape: [3, 4, 5],
  affine: scalingAffine([2.5, 0.9, 0.75], [10, -20, 30]),
};

/** Written under a name, and read again from what was written. */
async function again(volume: Volume, name: string, options: WriteVolumeOptions = {}) {
  const files = volumeToBytes(volume, name, options);
  return readImageSource(sourceOfBytes(files[name]!, { file: name, beside: files }));
}

const affineError = { nifti: 1e-4, nrrd: 0, metaimage: 1e-12 } as const;
const names = ["a.nii", "a.nii.gz", "a.nrrd", "a.mha", "a.mhd"] as const;

describe.each(names)("%s", (name) => {
  test.prop([volumes], { numRuns: 40 })("write → read is the identity", async (volume) => {
    const { volume: back, warnings, format } = await again(volume, name);
    expect(back.data).toEqual(volume.data);
    expect(back.shape).toEqual(volume.shape);
    const scale = Math.max(...volume.affine.map(Math.abs));
    expect(largestDifference(back.affine, volume.affine)).toBeLessThanOrEqual(
      affineError[format as keyof typeof affineError] * scale,
    );
    expect(warnings).toEqual([]);
  });

  test.prop([volumes, axisLetters], { numRuns: 20 })(
    "written in another orientation and turned back it is the same volume",
    async (volume, letters) => {
      const { volume: back } = await again(reorient(volume, letters), name);
      const turned = reorient(back, orientationOf(volume));
      expect(turned.data).toEqual(volume.data);
      expect(largestDifference(turned.affine, volume.affine)).toBeLessThan(1e-2);
    },
  );

  test.prop([fc.uint8Array({ minLength: 60, maxLength: 60 })], { numRuns: 20 })(
    "labels never gain a value, whatever type they are written as",
    async (labels) => {
      const volume = { ...small, data: labels };
      for (const dtype of ["uint8", "int16", "float32", "int64"] as const) {
        const { volume: back } = await again(volume, name, { dtype });
        expect(new Set(Array.from(back.data, Number))).toEqual(new Set(labels));
        expect(scalarNameOf(back.data)).toBe(dtype === "int64" ? "int32" : dtype);
      }
    },
  );

  test.prop([fc.nat(), fc.nat(255)], { numRuns: 150 })(
    "a changed byte gives a volume or a typed error, nothing else",
    async (at, value) => {
      const files = volumeToBytes(small, name);
      const bytes = files[name]!;
      bytes[at % Math.min(bytes.length, 600)] = value;
      try {
        await readImageSource(sourceOfBytes(bytes, { file: name, beside: files }));
      } catch (error) {
        expect(error instanceof FormatError || error instanceof GeometryError, String(error)).toBe(true);
      }
    },
  );

  test.prop([fc.nat()], { numRuns: 40 })("a file cut anywhere is refused", async (length) => {
    const files = volumeToBytes(small, name);
    const part = name === "a.mhd" ? "a.zraw" : name;
    const cut = files[part]!.subarray(0, length % files[part]!.length);
    const beside = { ...files, [part]: cut };
    await expect(readImageSource(sourceOfBytes(beside[name]!, { file: name, beside }))).rejects.toThrow(FormatError);
  });

  test("voxels that do not fit the type asked for are refused, not wrapped", () => {
    expect(() => volumeToBytes(small, name, { dtype: "uint8" })).toThrow(ConfigError);
    const huge = { ...small, data: Float64Array.from(small.data, (value) => value * 1e300) };
    expect(() => volumeToBytes(huge, name, { dtype: "float32" })).toThrow(ConfigError);
  });

  test("a volume that is none is not written", () => {
    expect(() => volumeToBytes({ ...small, shape: [3, 4, 6] }, name)).toThrow(ConfigError);
    const flat = { ...small, affine: small.affine.map((value, at) => (at === 10 ? 0 : value)) };
    expect(() => volumeToBytes(flat, name)).toThrow(GeometryError);
  });
});

describe("names", () => {
  test("an ending that no format has is refused with those there are", () => {
    expect(() => volumeToBytes(small, "a.jpg")).toThrow(/\.nii\.gz, \.nii, \.nrrd, \.mha, \.mhd/);
  });

  test("an .mha is not packed, since ITK could not read it", () => {
    expect(() => volumeToBytes(small, "a.mha", { compress: true })).toThrow(ConfigError);
  });
});

describe("content that is no image is named", () => {
  test.each([
    ["empty", [], "is empty"],
    ["text", [...new TextEncoder().encode("hello, world")], 'text ("hello'],
    ["zip", [0x50, 0x4b, 3, 4, 0, 0, 0, 0], "zip archive"],
  ])("%s", async (_, bytes, words) => {
    const source = sourceOfBytes(Uint8Array.from(bytes), { file: "x.bin" });
    await expect(readImageSource(source)).rejects.toThrow(FormatError);
    await expect(readImageSource(source)).rejects.toThrow(words);
  });
});
