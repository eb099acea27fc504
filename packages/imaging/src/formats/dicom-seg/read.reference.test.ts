/** Segmentations of `imgref/dicom` (pydicom, dciodvfy) and of dcmqi's real CT, against the arrays and NRRD files beside them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compareNumbers, sharedPath } from "@rfmedsam/base/testing";
import { describe, expect, test } from "vitest";
import { readDicom, readVolume } from "../../node/index.js";
import { type ReferenceCase, referenceCases } from "../../testing/reference.js";
import type { Volume } from "../../volume.js";
import { type DicomSeg, readDicomSeg } from "./read.js";

interface SegFacts {
  readonly kind: string;
  readonly seg_file: string;
  readonly ct_files_in_slice_order: readonly string[];
  readonly segmentation_type: string;
  readonly segments: readonly { readonly number: number; readonly label: string; readonly type_code: string }[];
  readonly shape_segment_slice_row_column: readonly [number, number, number, number];
  readonly voxels_per_segment: readonly number[];
  readonly overlap_voxels: number;
  readonly affine_ras: readonly (readonly number[])[];
  readonly maximum_fractional_value?: number;
}

/** float64 arithmetic on the same decimal numbers. */
const affineTolerance = 1e-9;

const cases = referenceCases<SegFacts>("dicom").filter(({ facts }) => facts.kind === "dicom_seg");

async function readCase(reference: ReferenceCase<SegFacts>, onSeries: boolean): Promise<DicomSeg> {
  const bytes = new Uint8Array(readFileSync(reference.path(reference.facts.seg_file)));
  if (!onSeries) return readDicomSeg(bytes, { file: reference.name });
  const { volume, series } = await readDicom(
    reference.facts.ct_files_in_slice_order.map((name) => reference.path(name)),
  );
  return readDicomSeg(bytes, { file: reference.name, like: { ...volume, series } });
}

/** As the reference counts: bits, or stored fractions. */
function storedValues(seg: DicomSeg, number: number, { maximum_fractional_value: full }: SegFacts): ArrayLike<number> {
  return full === undefined ? seg.mask(number).data : seg.fractions(number).data.map((part) => Math.round(part * full));
}

describe.each(cases)("$name", (reference) => {
  const { facts, name } = reference;
  const [, ...shape] = facts.shape_segment_slice_row_column;
  const { segments: expected } = reference.arrays();
  const each = expected!.data.length / facts.segments.length;

  test.each([
    ["its own grid", false],
    ["the grid of its series", true],
  ])("every segment's voxels on %s", async (_, onSeries) => {
    const seg = await readCase(reference, onSeries);
    expect(seg.grid.shape).toEqual(shape);
    const affine = facts.affine_ras.flat();
    expect(compareNumbers(`imgref/dicom/${name}`, seg.grid.affine, affine, affineTolerance)).toBeLessThanOrEqual(
      affineTolerance,
    );
    for (const [n, { number }] of facts.segments.entries()) {
      const values = storedValues(seg, number, facts);
      const reference = expected!.data.slice(n * each, (n + 1) * each) as Uint8Array;
      expect(compareNumbers(`imgref/dicom/${name}`, values, reference, 0)).toBe(0);
      expect(Array.from(values).filter((value) => value !== 0).length).toBe(facts.voxels_per_segment[n]);
    }
  });

  test("names, codes and type", async () => {
    const seg = await readCase(reference, false);
    expect(seg.type).toBe(facts.segmentation_type);
    expect(seg.segments.map(({ number, label, type }) => ({ number, label, type_code: type?.value }))).toEqual(
      facts.segments,
    );
  });

  test("as labels, the overlap is told", async () => {
    const seg = await readCase(reference, false);
    // Any share at all counts here, as in the reference.
    const { volume, overlap } = seg.labels({ threshold: 0 });
    expect(overlap?.voxels).toBe(facts.overlap_voxels);
    expect(overlap?.sentence).toMatch(/Segments overlap on \d+ voxels/);
    const inside = facts.segments.map((_, n) => expected!.data.slice(n * each, (n + 1) * each) as Uint8Array);
    const any = (voxel: number) => inside.some((mask) => mask[voxel] !== 0);
    expect(volume.data.every((value, voxel) => (value !== 0) === any(voxel))).toBe(true);
  });

  test("it references the images beside it", async () => {
    const seg = await readCase(reference, true);
    const { series } = await readDicom(facts.ct_files_in_slice_order.map((file) => reference.path(file)));
    expect(seg.frameOfReferenceUid).toBe(series.frameOfReferenceUid);
    expect(seg.studyUid).toBe(series.studyUid);
    const uids = series.slices.map(({ sopInstanceUid }) => sopInstanceUid);
    for (const { seriesUid, sopInstanceUids } of seg.sources) {
      expect(seriesUid).toBe(series.seriesUid);
      for (const uid of sopInstanceUids) expect(uids).toContain(uid);
    }
  });
});

const folder = "data/dicom/ct_and_seg";
const read = (name: string) => readDicomSeg(new Uint8Array(readFileSync(sharedPath(folder, name))), { file: name });
const nrrd = (name: string) => readVolume(sharedPath(folder, name));
/** dcmqi writes its grids in float32. */
const gridTolerance = 1e-4;

function sameAsNrrd(volume: Volume, expected: Volume, name: string): void {
  expect(volume.shape).toEqual(expected.shape);
  expect(compareNumbers(`${folder}/${name}`, volume.affine, expected.affine, gridTolerance)).toBeLessThanOrEqual(
    gridTolerance,
  );
  expect(compareNumbers(`${folder}/${name}`, volume.data as Uint8Array, expected.data as Int16Array, 0)).toBe(0);
}

describe("segmentations that dcmqi wrote", () => {
  test("liver.dcm is liver_seg.nrrd, named and coloured", async () => {
    const seg = await read("liver.dcm");
    const { volume, overlap } = seg.labels();
    expect(overlap).toBeUndefined();
    sameAsNrrd(volume, await nrrd("liver_seg.nrrd"), "liver_seg.nrrd");
    // seg-example.json of dcmqi: recommendedDisplayRGBValue.
    expect(seg.segments[0]).toMatchObject({ label: "Liver", colour: [221, 130, 101], algorithmName: "SlicerEditor" });
    expect(seg.warnings).toEqual([]);
  });

  test("partial_overlaps.dcm is the three partial_overlaps NRRDs, read on the CT", async () => {
    const { volume, series } = await readDicom(sharedPath(folder, "ct-3slice"));
    const bytes = new Uint8Array(readFileSync(sharedPath(folder, "partial_overlaps.dcm")));
    const seg = await readDicomSeg(bytes, { like: { ...volume, series } });
    const parts = readdirSync(sharedPath(folder)).filter((name) => name.startsWith("partial_overlaps-"));
    const found = new Set<number>();
    for (const name of parts) {
      const expected = await nrrd(name);
      const numbers = new Set(Array.from(expected.data as Int16Array).filter((value) => value !== 0));
      const merged = new Uint8Array(expected.data.length);
      for (const number of numbers) {
        found.add(number);
        for (const [voxel, inside] of seg.mask(number).data.entries()) if (inside === 1) merged[voxel] = number;
      }
      sameAsNrrd({ ...seg.grid, data: merged }, expected, name);
    }
    expect([...found].sort()).toEqual(seg.segments.map(({ number }) => number));
    expect(seg.labels().overlap?.voxels).toBeGreaterThan(0);
  });

  test.each(["noppv", "ppv5"])(
    "sparse-labelmap-%s.dcm is its NRRD, the missing slice as its padding value",
    async (kind) => {
      const seg = await read(`sparse-labelmap-${kind}.dcm`);
      expect(seg.type).toBe("LABELMAP");
      const { volume } = seg.labels({ background: seg.paddingValue ?? 0 });
      sameAsNrrd(volume, await nrrd(`sparse_labelmap_${kind}_seg.nrrd`), `sparse_labelmap_${kind}_seg.nrrd`);
      // Without being asked for another, the background is 0.
      expect([...new Set(seg.labels().volume.data)].sort()).toEqual([0, 1]);
      const mask = seg.mask(1).data;
      expect(seg.labels().volume.data.every((value, voxel) => value === mask[voxel])).toBe(true);
    },
  );

  test("an image is no segmentation", async () => {
    const [ct] = readdirSync(sharedPath(folder, "ct-3slice"));
    await expect(read(join("ct-3slice", ct!))).rejects.toThrow(/modality CT/);
  });
});
