/** Values, files and series of DICOM, from files built in code; one broken file for every promise. */
import { fc, test } from "@fast-check/vitest";
import { ConfigError, FileError, FormatError, joinBytes, RfmedsamError } from "@rfmedsam/base";
import { processorClock } from "@rfmedsam/base/testing";
import { describe, expect } from "vitest";
import {
  ctElements,
  ctFile,
  ctSeries,
  dicomFile,
  encode,
  failure,
  packedFrames,
  rleFrame,
  type TestElement,
  type TestSlice,
} from "../../testing/dicom-files.js";
import { isDicom } from "./dataset.js";
import { decodeDicomSeries } from "./decode.js";

const rle = "1.2.840.10008.1.2.5";
const secondaryCapture = "1.2.840.10008.5.1.4.1.1.7";

describe("values", () => {
  const values = async (other: TestSlice["other"], samples = Int16Array.from([-5, 0, 4095, 32767])) => {
    const { volume } = await decodeDicomSeries([
      { name: "a", bytes: ctFile({ rows: 2, columns: 2, samples, other: other! }) },
    ]);
    return volume.data;
  };
  const rescale = (slope: string, intercept: string): Record<string, TestElement> => ({
    slope: ["00281053", "DS", slope],
    intercept: ["00281052", "DS", intercept],
  });
  const bits = (stored: number, high: number, sign: number): Record<string, TestElement> => ({
    bitsStored: ["00280101", "US", [stored]],
    highBit: ["00280102", "US", [high]],
    representation: ["00280103", "US", [sign]],
  });

  test("whole values that fit stay int16, others become float32", async () => {
    expect(await values({})).toEqual(Int16Array.from([-5, 0, 4095, 32767]));
    expect(await values(rescale("1", "-1024"))).toEqual(Int16Array.from([-1029, -1024, 3071, 31743]));
    expect(await values(rescale("1", "1"))).toEqual(Float32Array.from([-4, 1, 4096, 32768]));
    expect(await values(rescale("0.5", "0"))).toEqual(Float32Array.from([-2.5, 0, 2047.5, 16383.5]));
  });

  test("unused bits are masked, the sign is the highest stored bit's, wherever it lies", async () => {
    const stored = Int16Array.from([0x0fff, 0x1800, 0x07ff, 0x7800]);
    expect(await values(bits(12, 11, 0), stored)).toEqual(Int16Array.from([4095, 2048, 2047, 2048]));
    expect(await values(bits(12, 11, 1), stored)).toEqual(Int16Array.from([-1, -2048, 2047, -2048]));
    const high = Int16Array.from([0x0010, -16, 0x7ff0, 0x000f]);
    expect(await values(bits(12, 15, 1), high)).toEqual(Int16Array.from([1, -1, 2047, 0]));
  });

  test("low values of MONOCHROME1 stay low", async () => {
    expect(await values({ photometric: ["00280004", "CS", "MONOCHROME1"] })).toEqual(await values({}));
  });

  test("frames of a multi-frame file have their own places and rescalings; packed ones are told apart", async () => {
    const group = (z: number, slope: string): TestElement[] => [
      ["00209113", "SQ", [[["00200032", "DS", `0\\0\\${z}`]]]],
      [
        "00289145",
        "SQ",
        [
          [
            ["00281053", "DS", slope],
            ["00281052", "DS", "0"],
          ],
        ],
      ],
    ];
    const shared: TestElement[] = [
      ["00209116", "SQ", [[["00200037", "DS", "1\\0\\0\\0\\1\\0"]]]],
      ["00289110", "SQ", [[["00280030", "DS", "1\\1"]]]],
    ];
    const frames = [Int16Array.from([1, 2, 3, 4]), Int16Array.from([5, 6, 7, 8]), Int16Array.from([9, 10, 11, 12])];
    const common: TestSlice = { rows: 2, columns: 2 };
    const other = (pixels: TestElement): TestSlice["other"] => ({
      position: undefined,
      orientation: undefined,
      spacing: undefined,
      frames: ["00280008", "IS", "3"],
      shared: ["52009229", "SQ", [shared]],
      own: ["52009230", "SQ", [group(4, "1"), group(0, "2"), group(2, "3")]],
      pixels,
    });
    const plain = joinBytes(frames.map(({ buffer }) => new Uint8Array(buffer)));
    const packed = packedFrames(frames.map(rleFrame));
    const expected = Int16Array.from([10, 12, 14, 16, 27, 30, 33, 36, 1, 2, 3, 4]);
    for (const [pixels, syntax] of [
      [["7fe00010", "OW", plain], undefined],
      [["7fe00010", "OB", packed], rle],
    ] as const) {
      const bytes = ctFile({ ...common, other: other(pixels)! }, syntax);
      const { volume, series } = await decodeDicomSeries([{ name: "a", bytes }]);
      expect(volume.data).toEqual(expected);
      expect(series.slices.map(({ frame }) => frame)).toEqual([2, 3, 1]);
      expect(series.slices[0]!.frames).toBe(3);
    }
  });
});

describe("files", () => {
  test("are told by their content, also without preamble", async () => {
    const bare = encode(ctElements());
    expect([ctFile(), bare, new TextEncoder().encode("no DICOM here"), new Uint8Array(0)].map(isDicom)).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect((await decodeDicomSeries([{ name: "bare", bytes: bare }])).volume.shape).toEqual([1, 3, 4]);
  });

  test("that are no images are left out and named", async () => {
    const text = { name: "notes.txt", bytes: new TextEncoder().encode("notes") };
    const sopClass: TestElement = ["00080016", "UI", "1.2.840.10008.5.1.4.1.1.88.11"];
    const report = { name: "report", bytes: ctFile({ other: { pixels: undefined, sopClass } }) };
    const { warnings } = await decodeDicomSeries([text, report, ...ctSeries(2)]);
    expect(warnings.join(" ")).toMatch(/notes.txt.*report \(a structured report\)/);
    expect(await failure(decodeDicomSeries([report]))).toBeInstanceOf(FormatError);
    expect(await failure(decodeDicomSeries([text]))).toBeInstanceOf(FileError);
    expect(await failure(decodeDicomSeries([]))).toBeInstanceOf(FileError);
  });

  test("of several series are listed, and one of them can be chosen", async () => {
    const files = [...ctSeries(2), ...ctSeries(3, () => ({ series: "1.2.4" }))];
    const error = await failure(decodeDicomSeries(files, { where: "folder" }));
    expect(error.message).toMatch(
      /^folder: 2 series: 1: CT "built in code" \(series 7\), 2 images, UID 1.2.3; 2: .*--series/,
    );
    for (const series of [2, "2", "1.2.4"]) {
      expect((await decodeDicomSeries(files, { series })).volume.shape[0]).toBe(3);
    }
    expect(await failure(decodeDicomSeries(files, { series: 3 }))).toBeInstanceOf(ConfigError);
  });

  test("saved screens are refused in words, and left out of a scan", async () => {
    const screen: TestSlice["other"] = {
      position: undefined,
      sopClass: ["00080016", "UI", secondaryCapture],
      imageType: ["00080008", "CS", "DERIVED\\SECONDARY\\DOSE_INFO"],
    };
    const error = await failure(decodeDicomSeries(ctSeries(2, () => ({ other: screen! }))));
    expect(error.message).toMatch(/"built in code" holds only saved screens \(dose info\)/);
    const mixed = await decodeDicomSeries(ctSeries(3, (k) => (k === 0 ? { other: screen! } : {})));
    expect(mixed.volume.shape[0]).toBe(2);
    expect(mixed.warnings).toEqual([expect.stringContaining("saved screens")]);
  });

  test("say their series and slices for whoever writes a segmentation of them", async () => {
    const patientName: TestElement = ["00100010", "PN", "Müller^Jörg"];
    const characterSet: TestElement = ["00080005", "CS", "ISO_IR 192"];
    const { series, description } = await decodeDicomSeries(
      ctSeries(2, (k) => ({ position: [1, 2, -k], other: { patientName, characterSet } })),
    );
    expect(series).toMatchObject({ studyUid: "1.2", seriesUid: "1.2.3", rows: 3, columns: 4, pixelSpacing: [1, 1] });
    expect(series.attributes).toMatchObject({ patientName: "Müller^Jörg", modality: "CT", seriesNumber: "7" });
    expect(series.slices.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(["1.2.3.2", "1.2.3.1"]);
    expect(series.slices[0]).toMatchObject({ imagePosition: [1, 2, -1], frame: 1, frames: 1 });
    expect(description).toMatchObject({ modality: "CT", images: 2 });
  });

  test("with headers longer than the first piece, with 64-bit elements and nested private ones are read", async () => {
    const other: TestSlice["other"] = {
      private: ["00091010", "UN", new Uint8Array(200_000)],
      nested: ["00091011", "SQ", [[["00091012", "SQ", [[["00091013", "LO", "deep"]]]]]]],
      offsets: ["7fe00001", "OV", new Uint8Array(16)],
    };
    const { volume } = await decodeDicomSeries([{ name: "a", bytes: ctFile({ other: other! }) }]);
    expect(volume.data[0]).toBe(100);
  });

  const us = (tag: string, value: number): TestElement => [tag, "US", [value]];
  const refused: readonly [what: string, other: TestSlice["other"], message: RegExp, syntax?: string][] = [
    ["colours", { samplesPerPixel: us("00280002", 3) }, /only colour pictures/],
    ["a palette", { photometric: ["00280004", "CS", "PALETTE COLOR"] }, /PALETTE COLOR/],
    ["no pixels at all", { rows: us("00280010", 0) }, /4×0 pixels/],
    ["pixels that are not there", { rows: us("00280010", 65535) }, /expected 524280 bytes/],
    ["frames that are not there", { frames: ["00280008", "IS", "9999999"] }, /impossible number of frames/],
    [
      "more frames than there are pixels",
      { frames: ["00280008", "IS", "2"], position: undefined, orientation: undefined },
      /48 bytes for 2 frames/,
    ],
    ["a negative number of frames", { frames: ["00280008", "IS", "-1"] }, /impossible number of frames/],
    ["12 bits allocated", { bitsAllocated: us("00280100", 12) }, /pixels of 12 bits/],
    ["more bits stored than allocated", { bitsStored: us("00280101", 17) }, /17 bits up to bit 15/],
    ["a slope of 0", { slope: ["00281053", "DS", "0"] }, /slope 0/],
    ["an intercept that is no number", { intercept: ["00281052", "DS", "many"] }, /intercept NaN/],
    ["a lookup table", { lut: ["00283000", "SQ", [[["00283004", "LO", "HU"]]]] }, /lookup table/],
    ["an unknown transfer syntax", {}, /1\.9\.9 \(unknown\)/, "1.9.9"],
    ["video", {}, /MPEG-4 video/, "1.2.840.10008.1.2.4.102"],
    ["plain pixels said to be packed", {}, /plain pixels/, rle],
    ["packed pixels said to be plain", { pixels: ["7fe00010", "OB", packedFrames([])] }, /packed pixels/],
    ["no packed frame", { pixels: ["7fe00010", "OB", packedFrames([])] }, /0 pieces/, rle],
    ["an empty packed frame", { pixels: ["7fe00010", "OB", packedFrames([new Uint8Array(0)])] }, /0 bytes/, rle],
    ["broken RLE", { pixels: ["7fe00010", "OB", packedFrames([new Uint8Array(80)])] }, /RLE frame of 0 segments/, rle],
  ];

  test.each(refused)("%s: refused", async (_, other, message, syntax) => {
    const error = await failure(decodeDicomSeries([{ name: "file", bytes: ctFile({ other: other! }, syntax) }]));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toMatch(message);
    expect(error.file).toBe("file");
  });

  test("cut short anywhere are refused, as is a damaged deflated one", async () => {
    const whole = ctFile();
    for (let length = 132; length < whole.length; length += 7) {
      const error = await failure(decodeDicomSeries([{ name: "file", bytes: whole.subarray(0, length) }]));
      expect(error).toBeInstanceOf(FormatError);
    }
    const deflated = dicomFile(ctElements(), "1.2.840.10008.1.2.1.99");
    expect((await failure(decodeDicomSeries([{ name: "file", bytes: deflated }]))).message).toMatch(/damaged/);
  });
});

describe("damaged bytes", () => {
  const plain = ctFile();
  const pixels: TestElement = [
    "7fe00010",
    "OB",
    packedFrames([rleFrame(Int16Array.from({ length: 12 }, (_, i) => i))]),
  ];
  const packed = ctFile({ other: { pixels } }, rle);
  test.prop([
    fc.constantFrom(plain, packed),
    fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 }),
    fc.nat(),
  ])("give a volume or a typed error, soon", async (whole, changes, cut) => {
    const bytes = whole.slice(0, cut % 4 === 0 ? cut % whole.length : whole.length);
    for (const [at, value] of changes) bytes[at % bytes.length] = value;
    const taken = processorClock();
    const outcome = await decodeDicomSeries([{ name: "file", bytes }]).catch((cause: unknown) => cause);
    if (outcome instanceof Error) expect(outcome).toBeInstanceOf(RfmedsamError);
    expect(taken()).toBeLessThan(2000);
  });
});
