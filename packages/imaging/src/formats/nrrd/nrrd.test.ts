import { FormatError, GeometryError, type RfmedsamError } from "@rfmedsam/base";
import { processorClock } from "@rfmedsam/base/testing";
import { gzipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { spacingOf } from "../../geometry.js";
import { orientationOf } from "../../orientation.js";
import { sourceOfBytes } from "../byte-source.js";
import { readImageSource } from "../image-file.js";

const encoder = new TextEncoder();

const plain: Readonly<Record<string, string>> = {
  type: "uint8",
  dimension: "3",
  space: "left-posterior-superior",
  sizes: "2 3 4",
  "space directions": "(0.5,0,0) (0,0.5,0) (0,0,2)",
  "space origin": "(10,20,30)",
  encoding: "raw",
};
const voxels = Uint8Array.from({ length: 24 }, (_, at) => at);

/** A file with other fields; `undefined` leaves one out. */
function nrrd(
  change: Readonly<Record<string, string | undefined>> = {},
  data: Uint8Array = voxels,
  magic = "NRRD0005",
): Uint8Array {
  const fields = { ...plain, ...change };
  const lines = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [name.includes(":=") ? `${name}${value}` : `${name}: ${value}`],
  );
  const header = encoder.encode(`${[magic, "# a comment", ...lines].join("\n")}\n\n`);
  const whole = new Uint8Array(header.length + data.length);
  whole.set(header);
  whole.set(data, header.length);
  return whole;
}

const read = (bytes: Uint8Array, beside: Record<string, Uint8Array> = {}) =>
  readImageSource(sourceOfBytes(bytes, { file: "a.nrrd", beside }));

async function errorOf(promise: Promise<unknown>): Promise<RfmedsamError> {
  return promise.then(
    () => {
      throw new Error("no error");
    },
    (error: RfmedsamError) => error,
  );
}

describe("where the voxels lie", () => {
  test.each([
    ["left-posterior-superior", "LPS", [-10, -20, 30]],
    ["LPS", "LPS", [-10, -20, 30]],
    ["left-anterior-superior", "LAS", [-10, 20, 30]],
    ["RAS", "RAS", [10, 20, 30]],
    ["right-anterior-superior-time", "RAS", [10, 20, 30]],
  ])("space %s: the axes point to %s", async (space, letters, origin) => {
    const { volume, warnings } = await read(nrrd({ space }));
    expect(orientationOf(volume)).toBe(letters);
    expect([3, 7, 11].map((at) => volume.affine[at])).toEqual(origin);
    expect(spacingOf(volume)).toEqual([2, 0.5, 0.5]);
    expect(volume.shape).toEqual([4, 3, 2]);
    expect(warnings).toEqual([]);
  });

  test("lines that end as on Windows are lines", async () => {
    const unix = nrrd();
    const end = unix.length - voxels.length;
    const header = encoder.encode(new TextDecoder().decode(unix.subarray(0, end)).replaceAll("\n", "\r\n"));
    const { volume } = await read(Uint8Array.from([...header, ...voxels]));
    expect([...volume.data]).toEqual([...voxels]);
  });

  test("without a space, or with one that names no patient, LPS is assumed and said", async () => {
    for (const space of [undefined, "scanner-xyz"]) {
      const { volume, warnings } = await read(nrrd({ space, "space dimension": space ? undefined : "3" }));
      expect(orientationOf(volume)).toBe("LPS");
      expect(warnings.join()).toMatch(/taken as left, posterior, superior/);
    }
  });

  test("spacings alone, and axis mins as their origin", async () => {
    const old = { space: undefined, "space directions": undefined, "space origin": undefined };
    const { volume } = await read(nrrd({ ...old, spacings: "1 2 3", "axis mins": "4 5 6" }));
    expect(volume.affine).toEqual([-1, 0, 0, -4, 0, -2, 0, -5, 0, 0, 3, 6, 0, 0, 0, 1]);
    const { warnings } = await read(nrrd(old));
    expect(warnings.join()).toMatch(/taken as 1 mm wide/);
  });

  test("other units become mm", async () => {
    const { volume } = await read(nrrd({ "space units": '"um" "um" "um"' }));
    expect(spacingOf(volume)[0]).toBeCloseTo(0.002, 12);
  });

  test("one slice gets a third direction at right angles", async () => {
    const { volume, warnings } = await read(
      nrrd({ dimension: "2", sizes: "4 6", "space directions": "(0,0.5,0) (0,0,0.25)" }),
    );
    expect(volume.shape).toEqual([1, 6, 4]);
    expect([2, 6, 10].map((at) => volume.affine[at])).toEqual([-1, 0, 0]);
    expect(warnings.join()).toMatch(/1 mm thick/);
  });

  test.each<[string, Record<string, string | undefined>, typeof FormatError | typeof GeometryError, RegExp]>([
    ["NaN in a direction", { "space directions": "(nan,0,0) (0,1,0) (0,0,1)" }, GeometryError, /NaN/],
    ["an origin that is infinite", { "space origin": "(1e999,0,0)" }, GeometryError, /Infinity/],
    ["parallel axes", { "space directions": "(1,0,0) (2,0,0) (0,0,1)" }, GeometryError, /singular/],
    ["a direction of no length", { "space directions": "(0,0,0) (0,1,0) (0,0,1)" }, GeometryError, /singular/],
    ["too few directions", { "space directions": "(1,0,0) (0,1,0)" }, FormatError, /space directions/],
    ["an origin of one number", { "space origin": "(1)" }, FormatError, /space origin/],
    ["spacings of 0", { "space directions": undefined, spacings: "0 1 1" }, GeometryError, /singular/],
  ])("%s is refused", async (_, change, type, found) => {
    const error = await errorOf(read(nrrd(change)));
    expect(error).toBeInstanceOf(type);
    expect(error.found).toMatch(found);
    expect(error.file).toBe("a.nrrd");
  });
});

describe("voxels", () => {
  test.each([
    ["short", Int16Array.of(-2, 300, 7)],
    ["unsigned short", Uint16Array.of(65535, 1, 2)],
    ["int", Int32Array.of(-70000, 1, 2)],
    ["float", Float32Array.of(0.5, Number.NaN, 1e30)],
    ["double", Float64Array.of(0.1, 2, 3)],
  ])("%s in either byte order, raw and packed", async (type, numbers) => {
    const bytes = new Uint8Array(numbers.buffer.slice(0));
    const swapped = new Uint8Array(bytes.length);
    const size = numbers.BYTES_PER_ELEMENT;
    for (let at = 0; at < bytes.length; at++) swapped[at] = bytes[at - (at % size) + size - 1 - (at % size)]!;
    for (const [endian, stored] of [
      ["little", bytes],
      ["big", swapped],
    ] as const) {
      const fields = { type, endian, sizes: "3 1 1" };
      expect((await read(nrrd(fields, stored))).volume.data).toEqual(numbers);
      expect((await read(nrrd({ ...fields, encoding: "gzip" }, gzipSync(stored)))).volume.data).toEqual(numbers);
    }
  });

  test("in a file beside the header, behind lines and bytes to leave out", async () => {
    const beside = { "v.raw": Uint8Array.from([...encoder.encode("one\ntwo\n"), 0xff, ...voxels]) };
    const fields = { "data file": "v.raw", "line skip": "2", "byte skip": "1" };
    expect((await read(nrrd(fields, new Uint8Array()), beside)).volume.data).toEqual(voxels);
    const atEnd = { datafile: "./v.raw", byteskip: "-1" };
    expect((await read(nrrd(atEnd, new Uint8Array()), beside)).volume.data).toEqual(voxels);
  });

  test("in a file per slice, listed or numbered", async () => {
    const slices = Object.fromEntries([0, 1, 2, 3].map((n) => [`s_0${n}.raw`, voxels.slice(6 * n, 6 * n + 6)]));
    const listed = `LIST\n${Object.keys(slices).join("\n")}`;
    for (const names of [listed, "s_%02d.raw 0 3 1", "s_%02d.raw 0 3 1 2"]) {
      expect((await read(nrrd({ "data file": names }, new Uint8Array()), slices)).volume.data).toEqual(voxels);
    }
  });

  test.each(["../secret.raw", "/etc/passwd", "sub/v.raw", "..", "C:\\v.raw", "a\\..\\b.raw"])(
    "a header cannot name the file %s: only what lies beside it",
    async (name) => {
      const error = await errorOf(read(nrrd({ "data file": name }, new Uint8Array()), { "secret.raw": voxels }));
      expect(error).toBeInstanceOf(FormatError);
      expect(error.expected).toMatch(/beside the header/);
    },
  );

  test.each<[string, Record<string, string | undefined>, RegExp]>([
    ["a missing data file", { "data file": "none.raw" }, /"none.raw" is missing/],
    ["one file named many times", { "data file": `LIST\n${"v.raw\n".repeat(4).trim()}` }, /4 names/],
    ["numbers that lead nowhere", { "data file": "s_%d.raw 0 9 0" }, /data files/],
    ["more voxels than bytes", { sizes: "2 3 5" }, /24 bytes of voxels/],
    ["more voxels than a file can hold", { sizes: "99999 99999 99999" }, /at most 24 bytes/],
    ["a bomb's claim", { sizes: "9999 9999 99", encoding: "gzip" }, /at most/],
    ["damaged packing", { encoding: "gzip" }, /gzip/],
    ["a size of 0", { sizes: "2 0 4" }, /sizes/],
    ["sizes of another count", { sizes: "2 3" }, /sizes/],
    ["negative sizes", { sizes: "-2 -3 4" }, /sizes/],
    ["no type", { type: undefined }, /no field "type"/],
    ["a type that is no number", { type: "block" }, /"block"/],
    ["no byte order", { type: "short" }, /no byte order/],
    ["an encoding that is not read", { encoding: "bzip2" }, /bzip2/],
    ["a field twice", { datafile: "a", "data file": "b" }, /twice/],
    ["too many axes", { dimension: "99" }, /dimension/],
    ["a skip that is none", { "byte skip": "-7" }, /byte skip/],
    [
      "colours",
      {
        dimension: "4",
        sizes: "3 2 2 2",
        "space directions": "none (1,0,0) (0,1,0) (0,0,1)",
        kinds: "RGB-color domain domain domain",
      },
      /3 values per voxel/,
    ],
    [
      "time",
      { dimension: "4", sizes: "2 2 2 3", "space directions": "(1,0,0) (0,1,0) (0,0,1) none" },
      /3 values per voxel/,
    ],
  ])("%s is refused", async (_, change, found) => {
    const error = await errorOf(read(nrrd(change), { "v.raw": voxels }));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toMatch(found);
  });

  test("a header without end, a version to come, and no field at all are refused", async () => {
    await expect(read(encoder.encode("NRRD0005\n"))).rejects.toThrow(/no field "type"/);
    await expect(read(nrrd({}, voxels, "NRRD0009"))).rejects.toThrow(/NRRD0009/);
    const endless = new Uint8Array((1 << 22) + 5000).fill(40);
    endless.set(encoder.encode("NRRD0004\nspace directions: "));
    const taken = processorClock();
    await expect(read(endless)).rejects.toThrow(FormatError);
    expect(taken()).toBeLessThan(2000);
  });

  test("a field of megabytes takes no time", async () => {
    const taken = processorClock();
    for (const text of ["(".repeat(2e6), "1".repeat(2e6), `(${"9".repeat(1e6)}x`.repeat(2)]) {
      await expect(read(nrrd({ "space directions": text }))).rejects.toThrow(FormatError);
    }
    expect(taken()).toBeLessThan(2000);
  });
});

describe("segmentations of 3D Slicer", () => {
  const layered = (data: readonly number[], pairs: Record<string, string> = {}) =>
    nrrd(
      {
        dimension: "4",
        sizes: "2 2 2 1",
        kinds: "list domain domain domain",
        "space directions": "none (1,0,0) (0,1,0) (0,0,1)",
        "Segment0_ID:=": "S0",
        "Segment0_Name:=": "liver",
        "Segment0_Layer:=": "0",
        "Segment0_LabelValue:=": "1",
        "Segment1_ID:=": "S1",
        "Segment1_Name:=": "left\\nkidney",
        "Segment1_Layer:=": "1",
        "Segment1_LabelValue:=": "1",
        ...pairs,
      },
      Uint8Array.from(data),
    );

  test("layers that do not overlap are one label map, each segment with a number of its own", async () => {
    const { volume, warnings, description } = await read(layered([1, 0, 0, 1, 0, 0, 1, 0]));
    expect(volume.data).toEqual(Uint16Array.of(1, 2, 0, 1));
    expect(volume.shape).toEqual([1, 2, 2]);
    expect(warnings.join()).toContain("1 liver, 2 left\nkidney");
    expect(description?.segments).toContain("liver");
  });

  test("own values are kept where they differ", async () => {
    const { volume } = await read(layered([1, 0, 0, 7, 0, 0, 1, 0], { "Segment1_LabelValue:=": "7" }));
    expect(volume.data).toEqual(Uint16Array.of(1, 7, 0, 1));
  });

  test("segments that overlap are refused by name", async () => {
    await expect(read(layered([1, 1, 0, 0, 0, 0, 0, 0]))).rejects.toThrow(/overlap: .*"liver" and "left\nkidney"/);
  });

  test("a value or a layer that no segment has is refused", async () => {
    await expect(read(layered([3, 0, 0, 0, 0, 0, 0, 0]))).rejects.toThrow(/value 3 in layer 0/);
    await expect(read(layered(Array(8).fill(0), { "Segment1_Layer:=": "5" }))).rejects.toThrow(/layer 5/);
  });
});
