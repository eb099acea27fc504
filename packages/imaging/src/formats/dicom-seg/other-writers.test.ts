/** Segmentations as other programs write them, and files that are wrong. */
import { fc, test as prop } from "@fast-check/vitest";
import { ConfigError, FormatError, GeometryError, joinBytes, RfmedsamError } from "@rfmedsam/base";
import { describe, expect, test } from "vitest";
import { type Point, scalingAffine } from "../../geometry.js";
import { seriesOn } from "../../testing/dicom-seg.js";
import type { Triple } from "../../volume.js";
import { type Attributes, encodeFile } from "./encode.js";
import { fileMeta, segmentationDataset } from "./object.js";
import { type ReadDicomSegOptions, readDicomSeg } from "./read.js";
import { segmentsToWrite } from "./segments-to-write.js";

describe("other writers' files", () => {
  const source = seriesOn([3, 3, 5], scalingAffine([2, 1, 1]));
  const segments = segmentsToWrite({ liver: 1, spleen: 2 }, undefined);
  const frames = [0, 1, 2].flatMap((slice) => [0, 1].map((segment) => ({ segment, slice })));
  const base = segmentationDataset({ segments, frames, source, options: {}, instance: "1.2", uid: () => "1.2.9" });
  const read = (changes: Attributes, pixels: Uint8Array, options?: ReadDicomSegOptions) =>
    readDicomSeg(joinBytes(encodeFile(fileMeta("1.2"), { ...base, ...changes }, pixels)), options);
  const eightBits: Attributes = { BitsAllocated: 8, BitsStored: 8, HighBit: 7 };
  const fractional: Attributes = {
    ...eightBits,
    SegmentationType: "FRACTIONAL",
    SegmentationFractionalType: "PROBABILITY",
    MaximumFractionalValue: 200,
  };

  test("frames that each begin with a new byte", async () => {
    // Frames of 9 pixels, in two bytes each, all pixels set: read without gaps, zeros would lie among them.
    const padded = Uint8Array.from({ length: 12 }, (_, index) => (index % 2 === 0 ? 0xff : 0x01));
    const seg = await read({ Columns: 3 }, padded);
    expect(seg.warnings).toEqual([expect.stringMatching(/begins with a new byte/)]);
    for (const number of [1, 2]) expect(seg.mask(number).data.every((value) => value === 1)).toBe(true);
  });

  test("fractions: the larger share wins, from the threshold on", async () => {
    const pixels = new Uint8Array(90);
    pixels.set([200, 120, 99, 100], 0); // liver, slice 0
    pixels.set([0, 180, 40, 100], 15); // spleen, slice 0
    const seg = await read(fractional, pixels);
    expect(seg.fractionalType).toBe("PROBABILITY");
    expect([...seg.fractions(1).data.subarray(0, 4)]).toEqual([1, 0.6, 0.495, 0.5].map(Math.fround));
    expect([...seg.mask(1).data.subarray(0, 4)]).toEqual([1, 1, 0, 1]);
    const { volume, overlap } = seg.labels();
    expect([...volume.data.subarray(0, 4)]).toEqual([1, 2, 0, 2]);
    expect(overlap).toMatchObject({ voxels: 2, between: [{ kept: 2, lost: 1, voxels: 2 }] });
  });

  test.each<[string, Attributes, RegExp]>([
    ["fractions of an unknown whole", { ...fractional, MaximumFractionalValue: undefined }, /value of a whole/],
    ["an unknown type", { SegmentationType: "SURFACE" }, /segmentation type SURFACE/],
    ["no segments", { SegmentSequence: [] }, /no list of segments/],
    ["a segment that is not listed", { SegmentSequence: [{ SegmentNumber: 1 }] }, /frame 2 of segment 2/],
    [
      "two segments of one number",
      { SegmentSequence: [{ SegmentNumber: 1 }, { SegmentNumber: 1 }] },
      /several segments/,
    ],
    ["more frames than are described", { NumberOfFrames: 7 }, /7 frames, 6 of them described/],
    ["no frames", { NumberOfFrames: 0 }, /0 frames/],
    ["frames without a place", { PerFrameFunctionalGroupsSequence: frames.map(() => ({})) }, /without a segment/],
    ["frames of no size", { Rows: 0 }, /5×0 pixels/],
    ["an image", { Modality: "CT", SOPClassUID: "1.2.840.10008.5.1.4.1.1.2" }, /modality CT/],
    ["larger frames than there are pixels", { Rows: 60 }, /12 bytes of pixels/],
  ])("%s: refused", async (_, changes, words) => {
    const reading = read(changes, new Uint8Array(changes.BitsAllocated === 8 ? 90 : 12));
    await expect(reading).rejects.toThrow(FormatError);
    await expect(reading).rejects.toThrow(words);
  });

  const moved = (position: (slice: number) => Point) =>
    (base.PerFrameFunctionalGroupsSequence as readonly Attributes[]).map((group, index) => ({
      ...group,
      PlanePositionSequence: [{ ImagePositionPatient: position(frames[index]!.slice) }],
    }));

  test("a hole of a million slices is not made room for", async () => {
    const far = moved((slice) => [0, 0, [0, 2, 5e7][slice]!]);
    const reading = read({ PerFrameFunctionalGroupsSequence: far }, new Uint8Array(12));
    await expect(reading).rejects.toThrow(/3 slices over a distance of 25000001 slices/);
  });

  test("frames that are shifted sideways form no volume", async () => {
    const shifted = moved((slice) => [[0, 3, 0][slice]!, 0, 2 * slice]);
    await expect(read({ PerFrameFunctionalGroupsSequence: shifted }, new Uint8Array(12))).rejects.toThrow(
      GeometryError,
    );
  });

  test("another grid than the one it is to be read onto", async () => {
    const like = { shape: [3, 3, 5] as Triple, affine: scalingAffine([2, 1, 1], [0.4, 0, 0]) };
    await expect(read({}, new Uint8Array(12), { like })).rejects.toThrow(/segmentation of another grid/);
  });

  test("a background that is a segment's number, a mask of no segment", async () => {
    const seg = await read({}, new Uint8Array(12));
    expect(() => seg.labels({ background: 2 })).toThrow(ConfigError);
    expect(() => seg.mask(3)).toThrow(/no segment 3/);
  });

  const bytes = joinBytes(encodeFile(fileMeta("1.2"), base, new Uint8Array(12).fill(0x5a)));
  const mixed = joinBytes(encodeFile(fileMeta("1.2"), { ...base, ...fractional }, new Uint8Array(90).fill(77)));

  prop.prop(
    [
      fc.boolean(),
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
    ],
    { numRuns: 400 },
  )("damaged anywhere or cut short: read, or refused with a typed error", async (which, damage, kept) => {
    const damaged = (which ? bytes : mixed).slice();
    for (const [at, value] of damage) damaged[at] = value;
    const cut = kept < 0.8 ? damaged : damaged.subarray(0, Math.floor(((kept - 0.8) / 0.2) * damaged.length));
    try {
      const seg = await readDicomSeg(cut);
      seg.labels();
      for (const { number } of seg.segments) seg.fractions(number);
    } catch (cause) {
      if (!(cause instanceof RfmedsamError)) throw cause;
    }
  });
});
