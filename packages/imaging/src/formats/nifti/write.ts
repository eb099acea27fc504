/**
 * Volumes → NIfTI-1 files (NIfTI-2 when an axis is longer than 32767 voxels). sform and qform both say where the voxels lie; the
 * sform holds the affine to float32 exactly, so an affine read from a file is written back unchanged.
 */
import { directionOf, originOf, spacingOf } from "../../geometry.js";
import { type Volume, voxelCount } from "../../volume.js";
import { gzip } from "../gzip.js";
import { bytesAs, type ScalarName, scalarNameOf, scalarTypes } from "../scalars.js";
import { assertWritable } from "../writable.js";
import { quaternionOf } from "./affine.js";
import { datatypeByName } from "./datatypes.js";

export interface WriteNiftiOptions {
  /** Element type in the file; by default the volume's own. */
  readonly dtype?: ScalarName;
  /** Up to 79 Latin-1 characters for the header. */
  readonly description?: string;
  /** gzip the result. */
  readonly gzip?: boolean;
}

/**
 * A `.nii` file's bytes, or a `.nii.gz`'s.
 *
 * @throws ConfigError if a voxel does not fit `dtype` (fractions and overflow are never rounded away; float64 to float32 is)
 */
export function writeNifti(volume: Volume, options: WriteNiftiOptions = {}): Uint8Array {
  const { header, voxels } = encodeNifti(volume, options);
  const { bytes } = scalarTypes[options.dtype ?? scalarNameOf(volume.data)];
  const whole = new Uint8Array(header.length + voxelCount(volume.shape) * bytes);
  let at = 0;
  for (const piece of [header, ...voxels]) {
    whole.set(piece, at);
    at += piece.length;
  }
  return options.gzip ? gzip(whole) : whole;
}

/** The parts of a `.nii` file: header with the empty extension flag, then the voxels piece by piece (converted as they are asked for). */
export function encodeNifti(
  volume: Volume,
  options: WriteNiftiOptions = {},
): { header: Uint8Array; voxels: Iterable<Uint8Array> } {
  assertWritable(volume);
  const dtype = options.dtype ?? scalarNameOf(volume.data);
  const description = latin1(options.description ?? "rfmedsam", 79);
  const header = volume.shape.some((size) => size > 32767)
    ? header2(volume, dtype, description)
    : header1(volume, dtype, description);
  return { header, voxels: bytesAs(volume.data, dtype) };
}

function header1(volume: Volume, dtype: ScalarName, description: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(352);
  const view = new DataView(bytes.buffer);
  const { dims, datatype, pixdim, quaternion } = facts(volume, dtype);
  view.setInt32(0, 348, true);
  view.setUint8(38, 0x72); // 'r' in `regular`, which ANALYZE readers look for
  dims.forEach((size, index) => {
    view.setInt16(40 + 2 * index, size, true);
  });
  view.setInt16(70, datatype.code, true);
  view.setInt16(72, datatype.bytes * 8, true);
  pixdim.forEach((size, index) => {
    view.setFloat32(76 + 4 * index, size, true);
  });
  view.setFloat32(108, 352, true);
  view.setFloat32(112, 1, true);
  view.setUint8(123, 2); // mm
  bytes.set(description, 148);
  view.setInt16(252, 1, true);
  view.setInt16(254, 1, true);
  quaternion.forEach((value, index) => {
    view.setFloat32(256 + 4 * index, value, true);
  });
  volume.affine.slice(0, 12).forEach((value, index) => {
    view.setFloat32(280 + 4 * index, value, true);
  });
  bytes.set([0x6e, 0x2b, 0x31], 344); // n+1
  return bytes;
}

function header2(volume: Volume, dtype: ScalarName, description: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(544);
  const view = new DataView(bytes.buffer);
  const { dims, datatype, pixdim, quaternion } = facts(volume, dtype);
  view.setInt32(0, 540, true);
  bytes.set([0x6e, 0x2b, 0x32, 0, 0x0d, 0x0a, 0x1a, 0x0a], 4); // n+2
  view.setInt16(12, datatype.code, true);
  view.setInt16(14, datatype.bytes * 8, true);
  dims.forEach((size, index) => {
    view.setBigInt64(16 + 8 * index, BigInt(size), true);
  });
  pixdim.forEach((size, index) => {
    view.setFloat64(104 + 8 * index, size, true);
  });
  view.setBigInt64(168, 544n, true);
  view.setFloat64(176, 1, true);
  bytes.set(description, 240);
  view.setInt32(344, 1, true);
  view.setInt32(348, 1, true);
  quaternion.forEach((value, index) => {
    view.setFloat64(352 + 8 * index, value, true);
  });
  volume.affine.slice(0, 12).forEach((value, index) => {
    view.setFloat64(400 + 8 * index, value, true);
  });
  view.setInt32(500, 2, true);
  return bytes;
}

function facts(volume: Volume, dtype: ScalarName) {
  const [z, y, x] = spacingOf(volume);
  const { b, c, d, offset, qfac } = quaternionOf(directionOf(volume), originOf(volume));
  return {
    datatype: datatypeByName(dtype),
    dims: [3, volume.shape[2], volume.shape[1], volume.shape[0], 1, 1, 1, 1],
    pixdim: [qfac, x, y, z, 1, 1, 1, 1],
    quaternion: [b, c, d, ...offset],
  };
}

function latin1(text: string, room: number): Uint8Array {
  return Uint8Array.from([...text].slice(0, room), (letter) => {
    const code = letter.charCodeAt(0);
    return code < 256 ? code : 63;
  });
}
