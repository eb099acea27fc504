/** Every valid file of `imgref/nifti` (written and re-read with nibabel) and the hostile ones of `imgref/nifti_hostile`. */
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileError, FormatError, GeometryError } from "@rfmedsam/base";
import { compareNumbers, processorClock } from "@rfmedsam/base/testing";
import { describe, expect, test } from "vitest";
import { spacingOf } from "../../geometry.js";
import { readImageHeader, readNiftiFile, readVolume, writeVolume } from "../../node/index.js";
import { orientationOf, reorient } from "../../orientation.js";
import { caseNumber, type ReferenceCase, referenceCases } from "../../testing/reference.js";
import type { VoxelArray } from "../../volume.js";
import { channelCount, isNifti, type NiftiImage, readNifti, splitNiftiChannels, volumeOfNifti } from "./read.js";
import { writeNifti } from "./write.js";

type Matrix = readonly (readonly number[])[];

interface NiftiFacts {
  readonly files: readonly string[];
  readonly expect: string;
  readonly shape: readonly number[];
  readonly affine_ras: Matrix;
  readonly [field: string]: unknown;
}

/** float64 arithmetic on float32 header fields; the cases' affines come from the same fields. */
const affineTolerance = 1e-6;

function readCase({ facts, path }: ReferenceCase<NiftiFacts>): NiftiImage {
  const [first, second] = facts.files;
  const voxels = second === undefined ? {} : { voxels: new Uint8Array(readFileSync(path(second))), voxelFile: second };
  return readNifti(new Uint8Array(readFileSync(path(first!))), { file: first!, ...voxels });
}

/** C-order `[i][j][k]…` (last fastest) → the file's order (first fastest). */
function fileOrder<T extends VoxelArray>(data: T, shape: readonly number[]): T {
  const out = data.slice() as T;
  const index = shape.map(() => 0);
  for (let at = 0; at < out.length; at++) {
    let from = 0;
    for (let axis = 0; axis < shape.length; axis++) from = from * shape[axis]! + index[axis]!;
    out[at] = data[from]!;
    for (let axis = 0; axis < shape.length; axis++) {
      index[axis]! += 1;
      if (index[axis]! < shape[axis]!) break;
      index[axis] = 0;
    }
  }
  return out;
}

type Numbers = ArrayLike<number | bigint>;

/** How far a case's numbers may be from the reference's, recorded under its name. */
const judge = (recorded: string) => {
  const close = (actual: Numbers, expected: Numbers, tolerance: number) =>
    expect(compareNumbers(recorded, actual, expected, tolerance)).toBeLessThanOrEqual(tolerance);
  const expectAffine = (actual: readonly number[], expected: Matrix) => close(actual, expected.flat(), affineTolerance);
  return { close, expectAffine };
};

const cases = referenceCases<NiftiFacts>("nifti");
const scalar = cases.filter(({ facts }) => facts.expect === "ok");

describe.each(scalar)("$name", (reference) => {
  const { facts } = reference;
  const { close, expectAffine } = judge(`imgref/nifti/${reference.name}`);

  test("header facts are those of the reference reader", () => {
    const { header, extensions } = readCase(reference);
    expect(header.dims).toEqual(facts.shape);
    expect(isNifti(new Uint8Array(readFileSync(reference.path(facts.files[0]!))))).toBe(true);
    if (facts.format === undefined) return; // a crop of a real scan: only geometry and values are given
    expect(`NIfTI-${header.version}`).toBe(facts.format);
    expect(header.container).toBe(facts.container);
    expect(header.littleEndian ? "little" : "big").toBe(facts.byte_order);
    expect(header.datatype.code).toBe(facts.datatype_code);
    expect(header.datatype.name).toBe(facts.dtype);
    expect(header.slope).toBe(facts.scl_slope_field);
    expect(header.inter).toBe(facts.scl_inter_field);
    expect(header.voxelOffset).toBe(facts.vox_offset_field);
    expect([header.spaceUnit, header.timeUnit]).toEqual(facts.xyzt_units);
    expect(header.qformCode).toBe(facts.qform_code);
    expect(header.sformCode).toBe(facts.sform_code);
    expect(header.description).toBe(facts.descrip);
    const expectedExtensions = (facts.extensions ?? []) as { code: number; content_latin1: string }[];
    expect(extensions.map(({ code }) => code)).toEqual(expectedExtensions.map(({ code }) => code));
    for (const [index, { bytes }] of extensions.entries()) {
      const text = String.fromCharCode(...bytes).replace(/\0+$/, "");
      expect(text).toBe(expectedExtensions[index]!.content_latin1);
    }
  });

  test("geometry: affines, spacing, orientation", () => {
    const { header } = readCase(reference);
    expectAffine(header.affine, facts.affine_ras);
    if (facts.sform_affine) expectAffine(header.sformAffine!, facts.sform_affine as Matrix);
    if (facts.qform_affine) expectAffine(header.qformAffine!, facts.qform_affine as Matrix);
    if (facts.affine_source) expect(String(facts.affine_source).startsWith(header.affineSource)).toBe(true);
    close(header.spacing, facts.spacing as number[], affineTolerance);
    expect(orientationOf({ affine: header.affine })).toBe(facts.orientation);
    const columns = [0, 1, 2].map((c) => Math.hypot(...[0, 1, 2].map((r) => facts.affine_ras[r]![c]!))).reverse();
    close(spacingOf({ affine: header.affine }), columns, affineTolerance);
  });

  test("values, stored and scaled, are exact", () => {
    const image = readCase(reference);
    const arrays = reference.arrays();
    const { values, raw } = arrays;
    close(image.data, fileOrder(values!.data, values!.shape), 0);
    if (raw !== undefined) {
      const expected = fileOrder(raw.data, raw.shape);
      // Unsigned 64-bit numbers are kept as signed ones of the same bits in the reference.
      const stored = image.stored instanceof BigUint64Array ? new BigInt64Array(image.stored.buffer) : image.stored;
      const same = (value: number | bigint, at: number) =>
        typeof value === "bigint" ? value === BigInt(expected[at]!) : Object.is(value, Number(expected[at]));
      expect([...stored].every(same)).toBe(true);
    }
    for (const { index, value } of facts.probes as { index: number[]; value: number | string }[]) {
      const at = index.reduceRight((sum, position, axis) => sum * facts.shape[axis]! + position, 0);
      expect(Number(image.data[at])).toBe(caseNumber(value));
    }
  });

  test("read from disk, written and read again: the same voxels and the same affine to float32", async () => {
    const image = await readNiftiFile(reference.path(facts.files[0]!));
    expect((await readImageHeader(reference.path(facts.files[0]!))).dims).toEqual(facts.shape);
    const volumes = splitNiftiChannels(image);
    expect(volumes.length).toBe(channelCount(image.header));
    const folder = await mkdtemp(join(tmpdir(), "nifti-"));
    try {
      for (const volume of volumes) {
        const file = join(folder, "again.nii.gz");
        await writeVolume(file, volume);
        const again = await readVolume(file);
        expect(again.shape).toEqual(volume.shape);
        expect(again.affine).toEqual(volume.affine.map(Math.fround));
        close(again.data, volume.data, 0);
        const written = readNifti(writeNifti(volume));
        if (orthogonal(facts)) close(written.header.qformAffine!, volume.affine, 1e-4);
        close(written.header.spacing, [...spacingOf(volume)].reverse(), 1e-6);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  if (facts.canonical_ras !== undefined) {
    test("reordered to the closest RAS", () => {
      const volume = reorient(volumeOfNifti(readCase(reference)), "RAS");
      const canonical = facts.canonical_ras as { shape: number[]; affine_ras: Matrix; spacing: number[] };
      const expected = reference.arrays().canonical_ras_values!;
      expect([...volume.shape].reverse()).toEqual(canonical.shape);
      expectAffine(volume.affine, canonical.affine_ras);
      close([...spacingOf(volume)].reverse(), canonical.spacing, affineTolerance);
      close(volume.data, fileOrder(expected.data, expected.shape), 0);
    });
  }
});

/** Whether the file's voxel axes are at right angles, so that a quaternion can hold them. */
function orthogonal({ affine_ras }: NiftiFacts): boolean {
  const column = (c: number) => [0, 1, 2].map((r) => affine_ras[r]![c]!);
  const cosine = (a: number[], b: number[]) =>
    a.reduce((sum, value, i) => sum + value * b[i]!, 0) / (Math.hypot(...a) * Math.hypot(...b));
  return [
    [0, 1],
    [0, 2],
    [1, 2],
  ].every(([a, b]) => Math.abs(cosine(column(a!), column(b!))) < 1e-5);
}

describe.each(cases.filter(({ facts }) => facts.expect !== "ok"))("$name", (reference) => {
  test("colour voxels are refused with their channel count, never read as numbers", () => {
    expect(() => readCase(reference)).toThrow(FormatError);
    expect(() => readCase(reference)).toThrow(/3 channels/);
  });
});

interface HostileFacts extends NiftiFacts {
  readonly open: string;
  readonly shape_if_accepted?: readonly number[];
  readonly affine_ras_if_accepted?: Matrix | string;
}

describe.each(referenceCases<HostileFacts>("nifti_hostile"))("hostile: $name", (reference) => {
  const { facts } = reference;
  const { close, expectAffine } = judge(`imgref/nifti_hostile/${reference.name}`);

  test.each(["from memory", "from disk"])("%s: refused or repaired, within 2 s and 500 MB", async (how) => {
    const taken = processorClock();
    const before = process.memoryUsage().rss;
    let image: NiftiImage | undefined;
    let error: unknown;
    try {
      image = how === "from disk" ? await readNiftiFile(reference.path(facts.open)) : readCase(reference);
    } catch (cause) {
      error = cause;
    }
    expect(taken()).toBeLessThan(2000);
    expect(process.memoryUsage().rss - before).toBeLessThan(500e6);
    if (image === undefined) {
      expect(facts.expect).not.toBe("ok");
      const typed = [FormatError, GeometryError, FileError].some((type) => error instanceof type);
      expect(typed, String(error)).toBe(true);
      return;
    }
    expect(facts.expect).toMatch(/^ok/);
    if (facts.expect.includes("warning")) expect(image.warnings).not.toEqual([]);
    if (facts.shape_if_accepted === undefined) return;
    const { values } = reference.arrays();
    expect(image.header.dims).toEqual(facts.shape_if_accepted);
    close(image.data, fileOrder(values!.data, values!.shape), 0);
    if (typeof facts.affine_ras_if_accepted === "string") expect(image.header.affineSource).toBe("qform");
    else if (facts.affine_ras_if_accepted) expectAffine(image.header.affine, facts.affine_ras_if_accepted);
  });
});
