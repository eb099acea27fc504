/** Stored voxel bytes → numbers: byte order, then slope and intercept. Assumes a little-endian machine, as JavaScript engines run on. */
import { FormatError } from "@rfmedsam/base";
import { isBigArray, type NumberArray, type VoxelArray } from "../../volume.js";
import { swapBytes } from "../scalars.js";
import type { NiftiHeader } from "./header.js";

/**
 * The stored numbers, before scaling. Swaps big-endian `bytes` in place.
 *
 * @throws FormatError for voxels that are not one number each (RGB, complex)
 */
export function storedVoxels(header: NiftiHeader, bytes: Uint8Array<ArrayBuffer>, file?: string): VoxelArray {
  const { datatype } = header;
  if (datatype.view === undefined) throw notScalar(header, file);
  const whole = bytes.byteOffset % datatype.bytes === 0 ? bytes : bytes.slice();
  if (!header.littleEndian) swapBytes(whole, datatype.bytes);
  return datatype.view(whole.buffer, whole.byteOffset, whole.byteLength / datatype.bytes);
}

/**
 * value = stored · slope + inter, computed in float64. The result is the narrowest of int16 and int32 when both factors are
 * whole numbers and every stored value stays exact in it, else float64; unscaled data is returned as it is.
 *
 * @param overwrite nobody needs the stored numbers any more: their memory becomes the result's where elements have the same size
 */
export function scaledVoxels(
  stored: VoxelArray,
  slope: number,
  inter: number,
  { overwrite = false }: { readonly overwrite?: boolean } = {},
): VoxelArray {
  if (slope === 1 && inter === 0) return stored;
  if (isBigArray(stored)) {
    const out = new Float64Array(stored.length);
    for (let i = 0; i < out.length; i++) out[i] = Number(stored[i]) * slope + inter;
    return out;
  }
  const out = scaledRoom(stored, slope, inter, overwrite);
  for (let i = 0; i < out.length; i++) out[i] = stored[i]! * slope + inter;
  return out;
}

function scaledRoom(stored: NumberArray, slope: number, inter: number, overwrite: boolean): NumberArray {
  if (stored instanceof Float32Array || stored instanceof Float64Array || stored.BYTES_PER_ELEMENT > 2) {
    return new Float64Array(stored.length);
  }
  if (!Number.isInteger(slope) || !Number.isInteger(inter)) return new Float64Array(stored.length);
  let [least, most] = [0, 0];
  for (let i = 0; i < stored.length; i++) {
    if (stored[i]! < least) least = stored[i]!;
    if (stored[i]! > most) most = stored[i]!;
  }
  const ends = [least * slope + inter, most * slope + inter];
  const fits = (room: number) => Math.min(...ends) >= -room && Math.max(...ends) < room;
  if (fits(2 ** 15)) {
    const ownRoom = overwrite && stored.BYTES_PER_ELEMENT === 2;
    return ownRoom ? new Int16Array(stored.buffer, stored.byteOffset, stored.length) : new Int16Array(stored.length);
  }
  return fits(2 ** 31) ? new Int32Array(stored.length) : new Float64Array(stored.length);
}

/** The error for colour or complex voxels. */
export function notScalar({ datatype }: NiftiHeader, file?: string): FormatError {
  const colour = datatype.code === 128 || datatype.code === 2304;
  return new FormatError({
    file,
    found: colour
      ? `colour voxels of ${datatype.channels} channels (${datatype.name})`
      : `${datatype.name} voxels, which are not one number each`,
    expected: "one number per voxel",
    hint: colour
      ? "save one file per channel, named …_0000.nii.gz, …_0001.nii.gz, or a grey image"
      : "save the magnitude (or another single number) as float32",
  });
}
