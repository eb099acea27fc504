/** The NIfTI datatype codes (nifti1.h): name, bytes per voxel, and how one voxel becomes a number. */
import type { NumberArray, VoxelArray } from "../../volume.js";

export interface NiftiDatatype {
  readonly code: number;
  readonly name: string;
  /** Bytes of one voxel, all channels together. */
  readonly bytes: number;
  /** Views bytes (aligned, this machine's byte order) as numbers; missing for types that are not one number per voxel. */
  readonly view?: (buffer: ArrayBuffer, offset: number, length: number) => VoxelArray;
  /** Numbers per voxel; above 1 the voxel is not a scalar. */
  readonly channels: number;
}

type Constructor = new (buffer: ArrayBuffer, offset: number, length: number) => VoxelArray;

function scalar(code: number, name: string, bytes: number, Type: Constructor): NiftiDatatype {
  return { code, name, bytes, channels: 1, view: (buffer, offset, length) => new Type(buffer, offset, length) };
}

export const niftiDatatypes: readonly NiftiDatatype[] = [
  scalar(2, "uint8", 1, Uint8Array),
  scalar(4, "int16", 2, Int16Array),
  scalar(8, "int32", 4, Int32Array),
  scalar(16, "float32", 4, Float32Array),
  scalar(64, "float64", 8, Float64Array),
  scalar(256, "int8", 1, Int8Array),
  scalar(512, "uint16", 2, Uint16Array),
  scalar(768, "uint32", 4, Uint32Array),
  scalar(1024, "int64", 8, BigInt64Array),
  scalar(1280, "uint64", 8, BigUint64Array),
  { code: 32, name: "complex64", bytes: 8, channels: 2 },
  { code: 1792, name: "complex128", bytes: 16, channels: 2 },
  { code: 2048, name: "complex256", bytes: 32, channels: 2 },
  { code: 1536, name: "float128", bytes: 16, channels: 1 },
  { code: 128, name: "rgb24", bytes: 3, channels: 3 },
  { code: 2304, name: "rgba32", bytes: 4, channels: 4 },
];

/** Element types a NIfTI file can be written with. */
export type ScalarName =
  | "uint8"
  | "int8"
  | "uint16"
  | "int16"
  | "uint32"
  | "int32"
  | "float32"
  | "float64"
  | "int64"
  | "uint64";

export function datatypeByName(name: ScalarName): NiftiDatatype {
  return niftiDatatypes.find((type) => type.name === name)!;
}

/** The name of an array's element type, e.g. `"int16"`. */
export function scalarNameOf(data: VoxelArray): ScalarName {
  if (data instanceof BigInt64Array) return "int64";
  if (data instanceof BigUint64Array) return "uint64";
  // "Int16Array" → "int16": holds for subclasses such as Buffer too, since it asks the tag.
  const tag = (data as NumberArray)[Symbol.toStringTag];
  return tag.replace("Array", "").toLowerCase() as ScalarName;
}
