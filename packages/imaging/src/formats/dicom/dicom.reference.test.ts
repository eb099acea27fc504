/** Every series and problem folder of `imgref/dicom` (pydicom, GDCM, DCMTK, dcm2niix), and the real series of the shared data. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { FileError, FormatError, GeometryError, Random, RfmedsamError } from "@rfmedsam/base";
import { compareNumbers, processorClock, sharedPath } from "@rfmedsam/base/testing";
import { describe, expect, test } from "vitest";
import { apply, spacingOf } from "../../geometry.js";
import { listSeries, loadWasm, readDicom, readVolume } from "../../node/index.js";
import { caseNumber, type ReferenceCase, type ReferenceTensor, referenceCases } from "../../testing/reference.js";
import type { Volume } from "../../volume.js";
import { type DicomImage, decodeDicomSeries } from "./decode.js";

type Matrix = readonly (readonly number[])[];

interface DicomFacts {
  readonly kind: string;
  readonly expect: string;
  readonly warning_or_error_kind?: string | null;
  readonly files?: readonly string[];
  readonly files_in_slice_order?: readonly string[];
  readonly shape_slices_rows_columns?: readonly number[];
  readonly affine_ras?: Matrix;
  readonly spacing_ijk?: readonly number[];
  readonly probes?: readonly { readonly index: readonly number[]; readonly value: number | string }[];
  readonly instance_numbers_in_slice_order?: readonly number[];
  readonly frame_index_of_each_slice?: readonly number[];
  readonly photometric?: string;
  readonly tolerance_abs?: number;
  readonly series_uids?: readonly string[];
  readonly tilt_degrees?: number;
}

/** float64 arithmetic on the same decimal numbers. */
const affineTolerance = 1e-9;

const cases = referenceCases<DicomFacts>("dicom").filter(({ facts }) => facts.kind !== "dicom_seg");
const volumes = cases.filter(({ facts }) => facts.kind !== "dicom_folder");
const folders = cases.filter(({ facts }) => facts.kind === "dicom_folder");

function filesOf({ facts }: ReferenceCase<DicomFacts>): readonly string[] {
  return facts.files ?? facts.files_in_slice_order ?? [];
}

function inMemory(reference: ReferenceCase<DicomFacts>): Promise<DicomImage> {
  const files = filesOf(reference).map((name) => ({ name, bytes: new Uint8Array(readFileSync(reference.path(name))) }));
  return decodeDicomSeries(files, { loadWasm });
}

function onDisk(reference: ReferenceCase<DicomFacts>): Promise<DicomImage> {
  return readDicom(filesOf(reference).map((name) => reference.path(name)));
}

describe.each(volumes)("$name", (reference) => {
  const { facts, name } = reference;

  test("values, order of slices and place in the patient are those of the reference readers", async () => {
    const { volume, warnings, series } = await inMemory(reference);
    const tolerance = facts.tolerance_abs ?? 0;
    expect(volume.shape).toEqual(facts.shape_slices_rows_columns);
    const { values } = reference.arrays();
    expect(compareNumbers(`imgref/dicom/${name}`, volume.data, values!.data, tolerance)).toBeLessThanOrEqual(tolerance);
    for (const { index, value } of facts.probes!) {
      const at = index.reduce((sum, position, axis) => sum * volume.shape[axis]! + position, 0);
      expect(Math.abs(volume.data[at]! - caseNumber(value))).toBeLessThanOrEqual(tolerance);
    }
    const affine = compareNumbers(`imgref/dicom/${name}`, volume.affine, facts.affine_ras!.flat(), affineTolerance);
    expect(affine).toBeLessThanOrEqual(affineTolerance);
    const spacing = [...spacingOf(volume)].reverse();
    expect(compareNumbers(`imgref/dicom/${name}`, spacing, facts.spacing_ijk!, affineTolerance)).toBeLessThanOrEqual(
      affineTolerance,
    );
    if (facts.files_in_slice_order) expect(series.slices.map(({ file }) => file)).toEqual(facts.files_in_slice_order);
    if (facts.frame_index_of_each_slice) {
      expect(series.slices.map(({ frame }) => frame - 1)).toEqual(facts.frame_index_of_each_slice);
    }
    expect(new Set(series.slices.map(({ sopInstanceUid, frame }) => `${sopInstanceUid} ${frame}`)).size).toBe(
      volume.shape[0],
    );
    if (facts.expect === "warning") expect(warnings).not.toEqual([]);
    else expect(warnings).toEqual([]);
    if (facts.warning_or_error_kind === "gantry_tilt") {
      expect(warnings.join(" ")).toContain(`tilted by ${facts.tilt_degrees!.toFixed(1)}°`);
    }
  });

  test("whole values stay int16, and the files are read from disk to the same volume", async () => {
    const [memory, disk] = [await inMemory(reference), await onDisk(reference)];
    const whole = memory.volume.data.every((value) => Number.isInteger(value) && Math.abs(value) <= 32767);
    expect(memory.volume.data).toBeInstanceOf(whole ? Int16Array : Float32Array);
    expect(disk.volume.data).toEqual(memory.volume.data);
    expect(disk.volume.affine).toEqual(memory.volume.affine);
  });
});

describe("damaged files of every kind", () => {
  // One file of each case; the same draws every time.
  test.each(volumes.map((reference, index) => ({ name: reference.name, reference, index })))(
    "$name: a volume or a typed error, each within 2 s, all within 500 MB",
    async ({ reference, index }) => {
      const name = filesOf(reference)[0]!;
      const whole = new Uint8Array(readFileSync(reference.path(name)));
      const random = new Random(1, index);
      const before = process.memoryUsage().rss;
      for (let round = 0; round < 12; round++) {
        const bytes = whole.slice(0, round % 4 === 3 ? random.below(whole.length) : whole.length);
        const last = round % 2 === 0 ? Math.min(3000, bytes.length) : bytes.length;
        for (let change = 0; change < 1 + (round % 5) && last > 132; change++) {
          bytes[132 + random.below(last - 132)] = random.below(256);
        }
        const taken = processorClock();
        const outcome = await decodeDicomSeries([{ name, bytes }], { loadWasm }).catch((cause: unknown) => cause);
        expect(taken()).toBeLessThan(2000);
        if (outcome instanceof Error) expect(outcome, String(outcome.stack)).toBeInstanceOf(RfmedsamError);
      }
      expect(process.memoryUsage().rss - before).toBeLessThan(500e6);
    },
  );
});

/** What a sentence about each kind of problem mentions. */
const words: Readonly<Record<string, RegExp>> = {
  bad_orientation: /directions .* right angles/,
  duplicate_slice: /twice|same position/,
  too_large_or_truncated: /bytes of pixels; expected \d+ bytes/,
  inconsistent_orientation: /another orientation/,
  missing_slice: /slices? seems? to be missing \(after slice \d+ of \d+/,
  inconsistent_slices: /different sizes/,
  missing_geometry: /do not say where they lie/,
  truncated: /cut short|bytes of pixels/,
  skipped_files: /not DICOM were left out/,
  multiple_series: /\d+ series: 1: .* 2: .*--series/s,
  multiple_volumes: /\d+ images at each of \d+ positions \(temporal position 1, 2/,
  uneven_spacing: /unevenly/,
  unsupported_transfer_syntax: /transfer syntax [\d.]+ \(unknown\)/,
  bad_spacing: /pixel spacing 0/,
};

describe.each(folders)("$name", (reference) => {
  const { facts, name } = reference;

  test.each(["in memory", "on disk"])(
    "%s: refused, or read with a word about it, within 2 s and 500 MB",
    async (how) => {
      const taken = processorClock();
      const before = process.memoryUsage().rss;
      let image: DicomImage | undefined;
      let error: unknown;
      try {
        image = await (how === "on disk" ? onDisk(reference) : inMemory(reference));
      } catch (cause) {
        error = cause;
      }
      expect(taken()).toBeLessThan(2000);
      expect(process.memoryUsage().rss - before).toBeLessThan(500e6);
      const kind = facts.warning_or_error_kind ?? undefined;
      if (image === undefined) {
        expect(facts.expect).toMatch(/error/);
        const typed = [FormatError, GeometryError, FileError].some((type) => error instanceof type);
        expect(typed, String(error)).toBe(true);
        expect(String(error)).toMatch(words[kind!]!);
        return;
      }
      expect(facts.expect).toMatch(/ok|warning/);
      if (facts.expect === "ok") expect(image.warnings).toEqual([]);
      else expect(image.warnings.join(" ")).toMatch(words[kind!]!);
      const { values } = reference.arrays();
      if (values === undefined) return;
      expect(image.volume.shape).toEqual(values.shape);
      expect(compareNumbers(`imgref/dicom/${name}`, image.volume.data, values.data, 0)).toBe(0);
    },
  );

  if (facts.series_uids !== undefined) {
    test("each series is read when it is chosen", async () => {
      const arrays: Readonly<Record<string, ReferenceTensor>> = reference.arrays();
      const paths = filesOf(reference).map((file) => reference.path(file));
      for (const [index, uid] of facts.series_uids!.entries()) {
        const { volume, series } = await readDicom(paths, { series: uid });
        expect(series.seriesUid).toBe(uid);
        const expected = arrays[uid] ?? Object.values(arrays)[index]!;
        expect(compareNumbers(`imgref/dicom/${name}`, volume.data, expected.data, 0)).toBe(0);
      }
    });
  }
});

/** Folders below `data/dicom` that hold files. */
function foldersBelow(folder: string): string[] {
  const inner = readdirSync(folder).map((name) => join(folder, name));
  const below = inner.filter((path) => statSync(path).isDirectory()).flatMap(foldersBelow);
  return inner.some((path) => statSync(path).isFile() && !path.endsWith(".nrrd")) ? [folder, ...below] : below;
}

describe("real series", () => {
  const root = sharedPath("data", "dicom");
  const real = foldersBelow(root).map((folder) => ({ folder, name: folder.slice(root.length + 1) }));
  const readable = real.filter(({ name }) => name !== "not_a_volume" && name !== "ct_and_seg");

  test.each(readable)("$name becomes a volume", async ({ folder, name }) => {
    const { volume, warnings, series } = await readDicom(folder);
    expect(volume.shape[0]).toBe(series.slices.length);
    expect([volume.shape[1], volume.shape[2]]).toEqual([series.rows, series.columns]);
    if (name.includes("gantry")) {
      expect(warnings.join(" ")).toMatch(/unevenly.*tilted by 18\.5°/);
    } else expect(warnings).toEqual([]);
    expect(await listSeries(folder)).toHaveLength(1);
  });

  test("saved screens and survey pictures are refused in words", async () => {
    const error = await readDicom(sharedPath("data", "dicom", "not_a_volume")).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(FormatError);
    expect(String(error)).toMatch(
      /"Exam Summary" holds only saved screens \(ref surview, patient info, dose info, results\)/,
    );
  });

  test("the CT series lies on the grid of its labels, whose rows are stored the other way round", async () => {
    const folder = sharedPath("data", "totalsegmentator_examples", "example_ct_dicom");
    const labels = await readVolume(sharedPath("data", "totalsegmentator_examples", "example_ct_dicom_labels.nii.gz"));
    const { volume, warnings } = await readDicom(folder);
    expect(warnings).toEqual([]);
    expect(volume.shape).toEqual(labels.shape);
    // NIfTI keeps single precision.
    expect(compareNumbers("data/example_ct_dicom", corners(volume), corners(labels), 1e-3)).toBeLessThanOrEqual(1e-3);
  });
});

/** The corners of the first and last slice, sorted: the same for grids that differ by flips alone. */
function corners(volume: Volume): number[] {
  const [z, y, x] = volume.shape;
  const points = [0, z - 1].flatMap((k) =>
    [0, y - 1].flatMap((j) => [0, x - 1].map((i) => apply(volume.affine, [i, j, k]))),
  );
  return points.sort((a, b) => a[2] - b[2] || a[1] - b[1] || a[0] - b[0]).flat();
}
