/**
 * The NIfTI-1 (348 bytes) and NIfTI-2 (540 bytes) headers, either byte order, single files and `.hdr/.img` pairs. What cannot
 * be trusted is refused; what can be repaired without a guess about voxels or geometry is repaired and told in `warnings`.
 * Source: nifti1.h, nifti2.h.
 */
import { FormatError, GeometryError } from "@rfmedsam/base";
import { affineProblem } from "../../geometry.js";
import type { Affine } from "../../volume.js";
import { describeBytes } from "../sniff.js";
import { affineOfQuaternion, affineOfSizes } from "./affine.js";
import { type NiftiDatatype, niftiDatatypes } from "./datatypes.js";

export interface NiftiHeader {
  readonly version: 1 | 2;
  readonly littleEndian: boolean;
  /** `pair`: the voxels are in an `.img` file beside this one. */
  readonly container: "single" | "pair";
  /** Voxels per axis, x first; 1 to 7 axes. */
  readonly dims: readonly number[];
  readonly datatype: NiftiDatatype;
  /** Where the voxels start, in bytes. */
  readonly voxelOffset: number;
  /** value = stored · slope + inter; 1 and 0 if the file asks for no scaling. */
  readonly slope: number;
  readonly inter: number;
  /** Voxel size per axis, x first, positive, in `spaceUnit` (time steps in `timeUnit`). */
  readonly spacing: readonly number[];
  readonly spaceUnit: string;
  readonly timeUnit: string;
  readonly qformCode: number;
  readonly sformCode: number;
  readonly qformAffine: Affine | undefined;
  readonly sformAffine: Affine | undefined;
  /** Voxel `ijk` → RAS+, in the file's `spaceUnit`. */
  readonly affine: Affine;
  /** Which of the three ways gave `affine`; `pixdim` means that the file does not know its orientation. */
  readonly affineSource: "sform" | "qform" | "pixdim";
  readonly description: string;
  readonly intentCode: number;
  /** What was odd but harmless, in words. */
  readonly warnings: readonly string[];
}

/** Bytes that are enough to parse either header. */
export const niftiHeaderBytes = 544;

const units: Readonly<Record<number, string>> = {
  0: "unknown",
  1: "meter",
  2: "mm",
  3: "micron",
  8: "sec",
  16: "msec",
  24: "usec",
  32: "hz",
  40: "ppm",
  48: "rads",
};

/** Byte offsets of the fields in the two versions. */
const layouts = {
  1: { size: 348, magic: 344, dim: 40, datatype: 70, bitpix: 72, pixdim: 76, offset: 108, slope: 112, inter: 116 },
  2: { size: 540, magic: 4, dim: 16, datatype: 12, bitpix: 14, pixdim: 104, offset: 168, slope: 176, inter: 184 },
} as const;
const tails = {
  1: { units: 123, descrip: 148, qform: 252, sform: 254, quatern: 256, qoffset: 268, srow: 280, intent: 68 },
  2: { units: 500, descrip: 240, qform: 344, sform: 348, quatern: 352, qoffset: 376, srow: 400, intent: 504 },
} as const;

/**
 * @param bytes the uncompressed start of the file, `niftiHeaderBytes` of it or all there is
 * @throws FormatError, GeometryError naming the field and its value
 */
export function parseNiftiHeader(bytes: Uint8Array, file?: string): NiftiHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { version, littleEndian } = recognise(view, bytes, file);
  const container = containerOf(bytes, version, file);
  const layout = { ...layouts[version], ...tails[version] };
  const warnings: string[] = [];

  const int16 = (at: number) => view.getInt16(at, littleEndian);
  const int32 = (at: number) => view.getInt32(at, littleEndian);
  const code = version === 1 ? int16 : int32;
  const real = (at: number, index = 0) =>
    version === 1 ? view.getFloat32(at + 4 * index, littleEndian) : view.getFloat64(at + 8 * index, littleEndian);
  const long = (at: number) => Number(view.getBigInt64(at, littleEndian));

  const dims = dimsOf((index) => (version === 1 ? int16(layout.dim + 2 * index) : long(layout.dim + 8 * index)), file);
  const datatype = datatypeOf(int16(layout.datatype), int16(layout.bitpix), file);
  const voxelOffset = offsetOf(
    version === 1 ? real(layout.offset) : long(layout.offset),
    version,
    container,
    warnings,
    file,
  );
  const { slope, inter } = scalingOf(real(layout.slope), real(layout.inter), file);

  const pixdim = Array.from({ length: 8 }, (_, index) => real(layout.pixdim, index));
  const unitCode = version === 1 ? view.getUint8(layout.units) : int32(layout.units);
  const placement = placementOf(
    {
      dims,
      pixdim,
      qformCode: code(layout.qform),
      sformCode: code(layout.sform),
      quatern: [0, 1, 2].map((index) => real(layout.quatern, index)),
      qoffset: [0, 1, 2].map((index) => real(layout.qoffset, index)),
      srow: Array.from({ length: 12 }, (_, index) => real(layout.srow, index)),
    },
    warnings,
    file,
  );

  return {
    version,
    littleEndian,
    container,
    dims,
    datatype,
    voxelOffset,
    slope,
    inter,
    ...placement,
    spaceUnit: units[unitCode & 7] ?? "unknown",
    timeUnit: units[unitCode & 56] ?? "unknown",
    description: text(bytes.subarray(layout.descrip, layout.descrip + 80)),
    intentCode: code(layout.intent),
    warnings,
  };
}

/** How many voxels the header announces, all axes together. */
export function niftiVoxelCount(header: NiftiHeader): number {
  return header.dims.reduce((product, size) => product * size, 1);
}

function recognise(view: DataView, bytes: Uint8Array, file?: string): { version: 1 | 2; littleEndian: boolean } {
  const size = bytes.byteLength;
  for (const littleEndian of [true, false]) {
    const announced = size < 4 ? 0 : view.getInt32(0, littleEndian);
    if (announced !== 348 && announced !== 540) continue;
    if (size < announced) {
      throw new FormatError({
        file,
        found: `${size} bytes, which end inside the header`,
        expected: `a NIfTI header of ${announced} bytes`,
        hint: "the file is cut short: copy or download it again",
      });
    }
    return { version: announced === 348 ? 1 : 2, littleEndian };
  }
  const magic = size >= 348 ? text(bytes.subarray(344, 348)) : "";
  if (magic === "n+1" || magic === "ni1") {
    throw new FormatError({
      file,
      found: `a header size (sizeof_hdr) of ${view.getInt32(0, true)}`,
      expected: "348 (NIfTI-1) or 540 (NIfTI-2)",
      hint: "the header is damaged: write the file again from its source",
    });
  }
  throw notNifti(bytes, file);
}

/** The error for bytes that are no NIfTI file, saying what they look like. */
export function notNifti(bytes: Uint8Array, file?: string): FormatError {
  return new FormatError({
    file,
    found: `not a NIfTI file: it ${describeBytes(bytes)}`,
    expected: "a NIfTI-1 or NIfTI-2 file (.nii, .nii.gz or an .hdr/.img pair)",
    hint: "name the image itself; `rfmedsam convert` makes .nii.gz of other formats",
  });
}

function containerOf(bytes: Uint8Array, version: 1 | 2, file?: string): "single" | "pair" {
  const at = layouts[version].magic;
  const magic = text(bytes.subarray(at, at + 4));
  if (magic === `n+${version}`) return "single";
  if (magic === `ni${version}`) return "pair";
  throw new FormatError({
    file,
    found: magic === "" ? "no NIfTI magic (an ANALYZE 7.5 header?)" : `the magic "${magic}"`,
    expected: `"n+${version}" or "ni${version}"`,
    hint: "convert the file to NIfTI; ANALYZE headers do not say how the patient lies",
  });
}

function dimsOf(dim: (index: number) => number, file?: string): number[] {
  const count = dim(0);
  if (count < 1 || count > 7) {
    throw new FormatError({ file, found: `${count} dimensions (dim[0])`, expected: "1 to 7" });
  }
  const dims = Array.from({ length: count }, (_, index) => dim(index + 1));
  const wrong = dims.findIndex((size) => size < 1);
  if (wrong >= 0) {
    throw new FormatError({ file, found: `dim[${wrong + 1}] = ${dims[wrong]}`, expected: "at least 1 voxel per axis" });
  }
  return dims;
}

function datatypeOf(code: number, bitpix: number, file?: string): NiftiDatatype {
  const datatype = niftiDatatypes.find((type) => type.code === code);
  if (datatype === undefined) {
    throw new FormatError({
      file,
      found: `the datatype code ${code}`,
      expected: `one of ${niftiDatatypes.map((type) => `${type.code} (${type.name})`).join(", ")}`,
    });
  }
  if (bitpix !== datatype.bytes * 8) {
    throw new FormatError({
      file,
      found: `${bitpix} bits per voxel (bitpix) for ${datatype.name} voxels`,
      expected: `${datatype.bytes * 8}`,
      hint: "the header contradicts itself: write the file again from its source",
    });
  }
  return datatype;
}

function offsetOf(offset: number, version: 1 | 2, container: string, warnings: string[], file?: string): number {
  const least = container === "pair" ? 0 : layouts[version].size + 4;
  if (offset === 0 && least > 0) {
    warnings.push(`vox_offset is 0; the voxels are taken to start at byte ${least}`);
    return least;
  }
  if (Number.isFinite(offset) && offset >= least && Number.isSafeInteger(Math.floor(offset))) return Math.floor(offset);
  throw new FormatError({
    file,
    found: `voxels that start at byte ${offset} (vox_offset)`,
    expected: `at least ${least}`,
  });
}

/** Slope 0 or not a number means "no scaling" (nifti1.h); the intercept then does not count either. */
function scalingOf(slope: number, inter: number, file?: string): { slope: number; inter: number } {
  if (slope === 0 || !Number.isFinite(slope)) return { slope: 1, inter: 0 };
  if (!Number.isFinite(inter)) {
    throw new FormatError({
      file,
      found: `an intercept (scl_inter) of ${inter} with slope ${slope}`,
      expected: "a number",
    });
  }
  return { slope, inter };
}

interface PlacementFields {
  readonly dims: readonly number[];
  readonly pixdim: readonly number[];
  readonly qformCode: number;
  readonly sformCode: number;
  readonly quatern: readonly number[];
  readonly qoffset: readonly number[];
  readonly srow: readonly number[];
}

type Placement = Pick<
  NiftiHeader,
  "spacing" | "qformCode" | "sformCode" | "qformAffine" | "sformAffine" | "affine" | "affineSource"
>;

function placementOf(fields: PlacementFields, warnings: string[], file?: string): Placement {
  const { dims, qformCode, sformCode } = fields;
  const raw = fields.pixdim.slice(1).map(Math.abs);
  const usable = (size: number | undefined): size is number => size !== undefined && Number.isFinite(size) && size > 0;
  // Axes the image does not have get a size of 1: writers leave 0 there.
  const sizes = [0, 1, 2].map((axis) => (axis < dims.length || usable(raw[axis]) ? raw[axis]! : 1));

  const sformAffine = sformCode > 0 ? [...fields.srow, 0, 0, 0, 1] : undefined;
  const qformAffine =
    qformCode > 0
      ? affineOfQuaternion(
          {
            b: fields.quatern[0]!,
            c: fields.quatern[1]!,
            d: fields.quatern[2]!,
            offset: [fields.qoffset[0]!, fields.qoffset[1]!, fields.qoffset[2]!],
            qfac: fields.pixdim[0]! < 0 ? -1 : 1,
          },
          sizes,
        )
      : undefined;

  const chosen = choose(sformAffine, qformAffine, fields, sizes, warnings, file);
  const spacing = dims.map((_, axis) => {
    if (axis > 2) return raw[axis]!;
    if (usable(raw[axis])) return raw[axis];
    const length = columnLength(chosen.affine, axis);
    warnings.push(
      `pixdim[${axis + 1}] is ${fields.pixdim[axis + 1]}; the spacing ${length} comes from the ${chosen.affineSource}`,
    );
    return length;
  });
  return { spacing, qformCode, sformCode, qformAffine, sformAffine, ...chosen };
}

function choose(
  sform: Affine | undefined,
  qform: Affine | undefined,
  fields: PlacementFields,
  sizes: readonly number[],
  warnings: string[],
  file?: string,
): Pick<NiftiHeader, "affine" | "affineSource"> {
  const hint = "fix the header in the program that wrote it, or remove the file";
  if (sform !== undefined) {
    const problem = affineProblem(sform);
    if (problem === undefined) return { affine: sform, affineSource: "sform" };
    const finite = sform.every(Number.isFinite);
    if (finite && qform !== undefined && affineProblem(qform) === undefined) {
      warnings.push(`the sform is ${problem}; the qform is used instead`);
      return { affine: qform, affineSource: "qform" };
    }
    throw new GeometryError({
      file,
      found: `${problem} (sform)`,
      expected: "a finite affine that can be inverted",
      hint,
    });
  }
  if (fields.qformCode > 0) {
    if (qform === undefined) {
      const [b, c, d] = fields.quatern;
      throw new GeometryError({
        file,
        found: `a quaternion (${b}, ${c}, ${d}) longer than 1 (qform)`,
        expected: "a rotation: b² + c² + d² at most 1",
        hint,
      });
    }
    const problem = affineProblem(qform);
    if (problem !== undefined)
      throw new GeometryError({ file, found: `${problem} (qform)`, expected: "a finite affine", hint });
    return { affine: qform, affineSource: "qform" };
  }
  const affine = affineOfSizes(sizes, [...fields.dims, 1, 1, 1]);
  const problem = affineProblem(affine);
  if (problem !== undefined) {
    throw new GeometryError({
      file,
      found: `voxel sizes ${sizes.join(", ")} (pixdim)`,
      expected: "positive numbers",
      hint,
    });
  }
  warnings.push(
    "the file does not say how the patient lies (sform and qform code 0): axes taken as LAS, centre at the origin",
  );
  return { affine, affineSource: "pixdim" };
}

function columnLength(affine: Affine, column: number): number {
  return Math.hypot(affine[column]!, affine[4 + column]!, affine[8 + column]!);
}

/** Latin-1 text up to the first zero byte. */
function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return String.fromCharCode(...bytes.subarray(0, end < 0 ? bytes.length : end));
}
