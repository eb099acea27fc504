import { FormatError, GeometryError } from "@rfmedsam/base";
import { zlibSync } from "fflate";
import { describe, expect, test } from "vitest";
import { spacingOf } from "../../geometry.js";
import { orientationOf } from "../../orientation.js";
import { sourceOfBytes } from "../byte-source.js";
import { readImageSource } from "../image-file.js";

const encoder = new TextEncoder();
const voxels = Uint8Array.from({ length: 24 }, (_, at) => at * 3);
const plain: Readonly<Record<string, string>> = {
  ObjectType: "Image",
  NDims: "3",
  BinaryData: "True",
  BinaryDataByteOrderMSB: "False",
  TransformMatrix: "1 0 0 0 1 0 0 0 1",
  Offset: "1 2 3",
  ElementSpacing: "0.5 0.5 2",
  DimSize: "2 3 4",
  ElementType: "MET_UCHAR",
};

function meta(
  change: Readonly<Record<string, string | undefined>> = {},
  data: Uint8Array = voxels,
  dataFile = "LOCAL",
): Uint8Array {
  const lines = Object.entries({ ...plain, ...change }).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key} = ${value}`],
  );
  return Uint8Array.from([...encoder.encode(`${[...lines, `ElementDataFile = ${dataFile}`].join("\n")}\n`), ...data]);
}

const read = (bytes: Uint8Array, beside: Record<string, Uint8Array> = {}) =>
  readImageSource(sourceOfBytes(bytes, { file: "a.mha", beside }));

describe("MetaImage", () => {
  test("places are LPS; the matrix lists the axes one after the other", async () => {
    const { volume, warnings } = await read(meta({ TransformMatrix: "0 1 0 0 0 1 1 0 0" }));
    expect(orientationOf(volume)).toBe("PSL");
    expect(spacingOf(volume)).toEqual([2, 0.5, 0.5]);
    expect([3, 7, 11].map((at) => volume.affine[at])).toEqual([-1, -2, 3]);
    expect(volume.shape).toEqual([4, 3, 2]);
    expect(volume.data).toEqual(voxels);
    expect(warnings).toEqual([]);
  });

  test("AnatomicalOrientation changes nothing, as in ITK", async () => {
    expect((await read(meta({ AnatomicalOrientation: "LPI" }))).volume).toEqual((await read(meta())).volume);
  });

  test("either byte order", async () => {
    const big = { ElementType: "MET_SHORT", DimSize: "2 1 1", BinaryDataByteOrderMSB: "True" };
    expect((await read(meta(big, Uint8Array.of(1, 0, 0xff, 0xfe)))).volume.data).toEqual(Int16Array.of(256, -2));
  });

  test("packed voxels, with and without their size, and what follows them", async () => {
    const packed = zlibSync(voxels);
    expect((await read(meta({ CompressedData: "True" }, packed))).volume.data).toEqual(voxels);
    const sized = meta(
      { CompressedData: "True", CompressedDataSize: String(packed.length) },
      Uint8Array.from([...packed, 9]),
    );
    expect((await read(sized)).volume.data).toEqual(voxels);
  });

  test("voxels beside the header: one file, one per slice, behind their own header", async () => {
    const slices = Object.fromEntries([1, 2, 3, 4].map((n) => [`s${n}.raw`, voxels.slice(6 * n - 6, 6 * n)]));
    const beside = { ...slices, "v.raw": Uint8Array.from([7, 7, ...voxels]) };
    const none = new Uint8Array();
    expect((await read(meta({ HeaderSize: "2" }, none, "v.raw"), beside)).volume.data).toEqual(voxels);
    expect((await read(meta({ HeaderSize: "-1" }, none, "v.raw"), beside)).volume.data).toEqual(voxels);
    expect((await read(meta({}, none, "s%d.raw 1 4 1"), beside)).volume.data).toEqual(voxels);
    const list = `LIST\n${Object.keys(slices).join("\n")}`;
    expect((await read(meta({}, none, list), beside)).volume.data).toEqual(voxels);
  });

  test.each(["../v.raw", "/etc/passwd", "x/v.raw"])("a header cannot name the file %s", async (name) => {
    await expect(read(meta({}, new Uint8Array(), name), { "v.raw": voxels })).rejects.toThrow(/beside the header/);
  });

  test("one slice is 1 mm thick, and says so; a fourth axis of length 1 is dropped", async () => {
    const flat = { NDims: "2", TransformMatrix: "1 0 0 1", Offset: "0 0", ElementSpacing: "0.5 0.25", DimSize: "4 6" };
    const { volume, warnings } = await read(meta(flat));
    expect(volume.shape).toEqual([1, 6, 4]);
    expect(spacingOf(volume)).toEqual([1, 0.25, 0.5]);
    expect(warnings.join()).toMatch(/1 mm thick/);
  });

  test.each<[string, Record<string, string | undefined>, typeof FormatError | typeof GeometryError, RegExp]>([
    ["no type", { ElementType: undefined }, FormatError, /ElementType/],
    ["a type that is none", { ElementType: "MET_OTHER" }, FormatError, /MET_OTHER/],
    ["no size", { DimSize: undefined }, FormatError, /DimSize/],
    ["a size of 0", { DimSize: "2 0 4" }, FormatError, /DimSize/],
    ["too many axes", { NDims: "999999999" }, FormatError, /NDims/],
    [
      "time",
      { NDims: "4", DimSize: "2 2 2 3", TransformMatrix: undefined, Offset: undefined, ElementSpacing: undefined },
      FormatError,
      /4 axes/,
    ],
    ["channels", { ElementNumberOfChannels: "3" }, FormatError, /3 channels/],
    ["text voxels", { BinaryData: "False" }, FormatError, /as text/],
    ["another object", { ObjectType: "Tube" }, FormatError, /Tube/],
    ["more voxels than bytes", { DimSize: "20 30 40" }, FormatError, /24 bytes/],
    ["a claim beyond all files", { DimSize: "999999 999999 999999" }, FormatError, /at most 24 bytes/],
    ["damaged packing", { CompressedData: "True" }, FormatError, /damaged|too early/],
    ["NaN spacing", { ElementSpacing: "nan 1 1" }, GeometryError, /NaN/],
    ["no spacing at all", { ElementSpacing: "0 1 1" }, GeometryError, /singular/],
    ["parallel axes", { TransformMatrix: "1 0 0 1 0 0 0 0 1" }, GeometryError, /singular/],
    ["a matrix of other size", { TransformMatrix: "1 0 0 1" }, FormatError, /TransformMatrix/],
    ["an offset at infinity", { Offset: "1e999 0 0" }, GeometryError, /Infinity/],
  ])("%s is refused", async (_, change, type, found) => {
    const error = await read(meta(change)).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(type);
    expect(String(error)).toMatch(found);
  });

  test("a header without its last line is refused", async () => {
    const bytes = meta();
    const text = new TextDecoder().decode(bytes).split("ElementDataFile")[0]!;
    await expect(read(encoder.encode(text))).rejects.toThrow(/without ElementDataFile/);
  });
});
