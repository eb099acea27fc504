/** Segmentations written and read again, and what cannot be written. */
import { fc, test as prop } from "@fast-check/vitest";
import { ConfigError, GeometryError, joinBytes } from "@rfmedsam/base";
import { describe, expect, test } from "vitest";
import { scalingAffine } from "../../geometry.js";
import { orientationOf, reorient } from "../../orientation.js";
import { affines, axisLetters } from "../../testing/arbitraries.js";
import { seriesOn } from "../../testing/dicom-seg.js";
import type { LabelVolume, Triple } from "../../volume.js";
import { type DicomSeg, readDicomSeg } from "./read.js";
import { type SegmentedSeries, type WriteDicomSegOptions, writeDicomSeg } from "./write.js";

async function roundTrip(
  labels: LabelVolume,
  names: Readonly<Record<string, number | readonly number[]>>,
  source: SegmentedSeries,
  options: WriteDicomSegOptions = {},
): Promise<DicomSeg> {
  const { parts } = writeDicomSeg(labels, names, source, options);
  return readDicomSeg(joinBytes(parts), { like: { ...source.volume, series: source.series } });
}

const shapes: fc.Arbitrary<Triple> = fc.tuple(
  fc.integer({ min: 1, max: 5 }),
  fc.integer({ min: 1, max: 9 }),
  fc.integer({ min: 1, max: 9 }),
);

/** Labels 0 … count on a grid, most slices with holes. */
const labelled = fc
  .tuple(shapes, affines, fc.integer({ min: 1, max: 40 }), fc.integer())
  .map(([shape, affine, count, seed]) => {
    let state = seed | 1;
    const data = Uint8Array.from({ length: shape[0] * shape[1] * shape[2] }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      return (state >>> 20) % 3 === 0 ? (state >>> 8) % (count + 1) : 0;
    });
    return { labels: { data, shape, affine } as LabelVolume, count };
  });

const namesUpTo = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`structure ${n + 1}`, n + 1]));

describe("written and read", () => {
  prop.prop([labelled])("any labels come back, whatever the size of a frame", async ({ labels, count }) => {
    const seg = await roundTrip(labels, namesUpTo(count), seriesOn(labels.shape, labels.affine));
    const { volume, overlap } = seg.labels();
    expect(volume.data).toEqual(labels.data);
    expect(overlap).toBeUndefined();
    expect(seg.segments.map(({ label }) => label)).toEqual(Object.keys(namesUpTo(count)));
    expect(seg.warnings).toEqual([]);
  });

  prop.prop([labelled, axisLetters])(
    "labels may lie on the series' grid in any orientation",
    async ({ labels, count }, axes) => {
      const source = seriesOn(labels.shape, labels.affine);
      const turned = reorient(labels, axes);
      const { volume } = (await roundTrip(turned, namesUpTo(count), source)).labels();
      expect(volume.data).toEqual(labels.data);
      const back = await readDicomSeg(joinBytes(writeDicomSeg(turned, namesUpTo(count), source).parts), {
        like: turned,
      });
      expect(back.labels().volume.data).toEqual(turned.data);
    },
  );

  prop.prop([labelled])("single masks and fractions are the labels' own voxels", async ({ labels, count }) => {
    const seg = await roundTrip(labels, namesUpTo(count), seriesOn(labels.shape, labels.affine));
    const value = 1 + (labels.data[0]! % count);
    const expected = labels.data.map((label) => (label === value ? 1 : 0));
    expect(seg.mask(value).data).toEqual(expected);
    expect(seg.fractions(value).data).toEqual(Float32Array.from(expected));
  });

  const grid = { shape: [4, 3, 5] as Triple, affine: scalingAffine([2.5, 0.5, 0.75], [10, -20, 30]) };
  const source = seriesOn(grid.shape, grid.affine);
  const labelsOf = (at: (index: number) => number): LabelVolume => ({
    ...grid,
    data: Uint8Array.from({ length: 60 }, (_, index) => at(index)),
  });

  test("on its own grid, holes between slices are filled and the series' directions kept", async () => {
    // Slices 0 and 3 alone: the distance of slices says that two are missing.
    const labels = labelsOf((index) => (index < 15 || index >= 45 ? 1 : 0));
    const { parts } = writeDicomSeg(labels, { liver: 1 }, source);
    const seg = await readDicomSeg(joinBytes(parts));
    expect(seg.grid.shape).toEqual([4, 3, 5]);
    const { volume } = seg.labels();
    expect(reorient(volume, orientationOf(labels)).data).toEqual(labels.data);
  });

  test("values with gaps are counted anew, and the caller is told", () => {
    const written = writeDicomSeg(
      labelsOf((index) => [0, 3, 7][index % 3]!),
      { spleen: 7, liver: 3 },
      source,
    );
    expect([...written.numbers]).toEqual([
      ["liver", 1],
      ["spleen", 2],
    ]);
    expect(written.warnings).toEqual([]);
  });

  test("regions share voxels", async () => {
    const labels = labelsOf((index) => index % 3);
    const seg = await roundTrip(labels, { edema: 1, tumor: 2, "whole tumor": [1, 2] }, source);
    expect(seg.mask(3).data).toEqual(labels.data.map((value) => (value === 0 ? 0 : 1)));
    const { volume, overlap } = seg.labels();
    expect(overlap?.voxels).toBe(labels.data.filter((value) => value !== 0).length);
    expect(overlap?.sentence).toMatch(/3 \(whole tumor\) over 1 \(edema\) on 20/);
    expect(new Set(volume.data)).toEqual(new Set([0, 3]));
  });

  test("nothing found is a file with all names", async () => {
    const seg = await roundTrip(
      labelsOf(() => 0),
      { liver: 1, spleen: 2 },
      source,
    );
    expect(seg.segments.map(({ label }) => label)).toEqual(["liver", "spleen"]);
    expect(seg.labels().volume.data.every((value) => value === 0)).toBe(true);
  });

  test("names, codes, colours, patient and references", async () => {
    const labels = labelsOf((index) => index % 4);
    const names = {
      kidney_left: 1,
      "Bösartiger Herd": 2,
      "a name longer than sixty-four characters, as some data sets have them": 3,
    };
    const seg = await roundTrip(labels, names, source, { algorithmName: "a model" });
    const [kidney, unknown, long] = seg.segments;
    expect(kidney).toMatchObject({
      type: { value: "64033007" },
      modifiers: [{ meaning: "Left" }],
      algorithmName: "a model",
    });
    expect(unknown).toMatchObject({
      label: "Bösartiger Herd",
      type: { meaning: "Tissue" },
      algorithmType: "AUTOMATIC",
    });
    expect(long?.description).toBe(Object.keys(names)[2]);
    expect(new Set(seg.segments.map(({ colour }) => String(colour))).size).toBe(3);
    expect(seg.attributes.patientName).toBe("Müller^Jörg");
    expect(seg.attributes.patientWeight).toBeUndefined();
    expect(seg.sources).toEqual([{ seriesUid: "1.2.3.4", sopInstanceUids: [1, 2, 3, 4].map((n) => `1.2.3.4.${n}`) }]);
    expect(seg.sourcesOfFrame(1)).toEqual([{ sopInstanceUid: "1.2.3.4.2", frame: undefined }]);
  });

  test("slices that lie unevenly are found by their positions, and told of without their series", async () => {
    const slices = source.series.slices.map((slice, n) => ({
      ...slice,
      imagePosition: [slice.imagePosition![0], slice.imagePosition![1], [30, 32, 36.9, 37.5][n]!] as const,
    }));
    const uneven = { ...source, series: { ...source.series, slices } };
    const labels = labelsOf((index) => (index % 2 === 0 ? 1 : 2));
    const seg = await roundTrip(labels, { liver: 1, spleen: 2 }, uneven);
    expect(seg.labels().volume.data).toEqual(labels.data);
    const alone = await readDicomSeg(joinBytes(writeDicomSeg(labels, { liver: 1, spleen: 2 }, uneven).parts));
    expect(alone.warnings).toEqual([expect.stringMatching(/unevenly .* Read it onto the grid of its series/)]);
  });

  test.each([0.1, 0.05, -0.05])("slices %d mm apart of 10 mm pixels are told apart", async (gap) => {
    const thin = seriesOn([3, 2, 2], scalingAffine([gap, 10, 10], [0, 0, -987.9]));
    const labels: LabelVolume = { ...thin.volume, data: Uint8Array.from({ length: 12 }, (_, index) => index >> 2) };
    const seg = await roundTrip(labels, { liver: 1, spleen: 2 }, thin);
    expect(seg.labels().volume.data).toEqual(labels.data);
    const alone = await readDicomSeg(joinBytes(writeDicomSeg(labels, { liver: 1, spleen: 2 }, thin).parts));
    expect(alone.labels().volume.shape).toEqual([2, 2, 2]);
    expect([...alone.labels().volume.data].sort()).toEqual([1, 1, 1, 1, 2, 2, 2, 2]);
    expect(Math.abs(alone.grid.affine[10]!)).toBeCloseTo(Math.abs(gap), 8);
  });

  test("slices counted against the normal still say how many are missing between them", async () => {
    const backwards = seriesOn([4, 2, 2], scalingAffine([-2.5, 1, 1]));
    // Slices 0 and 3 alone.
    const labels: LabelVolume = {
      ...backwards.volume,
      data: Uint8Array.from({ length: 16 }, (_, index) => (index < 4 || index >= 12 ? 1 : 0)),
    };
    const seg = await readDicomSeg(joinBytes(writeDicomSeg(labels, { liver: 1 }, backwards).parts));
    expect(seg.grid.shape).toEqual([4, 2, 2]);
  });

  test("a de-identified series can be segmented; what is missing is told", async () => {
    const anonymous = seriesOn(grid.shape, grid.affine, { studyUid: "", seriesUid: "", frameOfReferenceUid: "" });
    const { parts, warnings } = writeDicomSeg(
      labelsOf((index) => index % 2),
      { liver: 1 },
      anonymous,
    );
    expect(warnings).toEqual([expect.stringMatching(/no identifier of its study, of the series/)]);
    expect((await readDicomSeg(joinBytes(parts))).sources).toEqual([]);
  });
});

describe("what cannot be written", () => {
  const source = seriesOn([2, 3, 4], scalingAffine([2, 1, 1]));
  const labels: LabelVolume = { ...source.volume, data: new Uint8Array(24).fill(1) };

  test.each<[string, LabelVolume]>([
    ["another size", { ...labels, shape: [3, 2, 4] }],
    ["another spacing", { ...labels, affine: scalingAffine([2, 1, 1.1]) }],
    ["another place", { ...labels, affine: scalingAffine([2, 1, 1], [0.5, 0, 0]) }],
    ["more slices", { ...labels, shape: [3, 3, 4], data: new Uint8Array(36) }],
  ])("labels of %s", (_, wrong) => {
    expect(() => writeDicomSeg(wrong, { liver: 1 }, source)).toThrow(GeometryError);
    expect(() => writeDicomSeg(wrong, { liver: 1 }, source)).toThrow(/convert LABELS OUT\.nii\.gz --like/);
  });

  test("labels without a name, names without a value, no names", () => {
    expect(() => writeDicomSeg(labels, { spleen: 2 }, source)).toThrow(/label 1, which has no name/);
    expect(() => writeDicomSeg(labels, { liver: 256 }, source)).toThrow(ConfigError);
    expect(() => writeDicomSeg(labels, { liver: Number.NaN }, source)).toThrow(ConfigError);
    expect(() => writeDicomSeg(labels, { background: 0 }, source)).toThrow(/empty list/);
    expect(() => writeDicomSeg(labels, { " ": 1 }, source)).toThrow(/without a name/);
    const twice = [1, 2].map((value) => ({ label: "liver", values: [value] }));
    expect(() => writeDicomSeg(labels, twice, source)).toThrow(/two labels of one name/);
  });

  test("a series without positions", () => {
    const slices = source.series.slices.map((slice) => ({ ...slice, imagePosition: undefined }));
    const nowhere = { ...source, series: { ...source.series, slices } };
    expect(() => writeDicomSeg(labels, { liver: 1 }, nowhere)).toThrow(GeometryError);
  });
});
