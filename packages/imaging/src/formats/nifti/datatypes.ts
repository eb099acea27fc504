/** The NIfTI datatype codes (nifti1.h): name, bytes per voxel, and how one voxel becomes a number. */
import type { VoxelArray } from "../../volume.js";
import { type ScalarName, scalarTypes } from "../scalars.js";

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

function scalar(code: number, name: ScalarName): NiftiDatatype {
  const { bytes, Array: Type } = scalarTypes[name];
  return { code, name, bytes, channels: 1, view: (buffer, offset, length) => new Type(buffer, offset, length) };
}

export const niftiDatatypes: readonly NiftiDatatype[] = [
  scalar(2, "uint8"),
  scalar(4, "int16"),
  scalar(8, "int32"),
  scalar(16, "float32"),
  scalar(64, "float64"),
  scalar(256, "int8"),
  scalar(512, "uint16"),
  scalar(768, "uint32"),
  scalar(1024, "int64"),
  scalar(1280, "uint64"),
  { code: 32, name: "complex64", bytes: 8, channels: 2 },
  { code: 1792, name: "complex128", bytes: 16, channels: 2 },
  { code: 2048, name: "complex256", bytes: 32, channels: 2 },
  { code: 1536, name: "float128", bytes: 16, channels: 1 },
  { code: 128, name: "rgb24", bytes: 3, channels: 3 },
  { code: 2304, name: "rgba32", bytes: 4, channels: 4 },
];

export function datatypeByName(name: ScalarName): NiftiDatatype {
  return niftiDatatypes.find((type) => type.name === name)!;
}
