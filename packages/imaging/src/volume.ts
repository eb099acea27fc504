/**
 * `Volume`: voxels with their place in the patient. Voxels lie in memory as `[z, y, x]` (x fastest); every per-axis triple of
 * the project (shape, spacing, patch, box) is in that order. The affine alone speaks of voxel indices `ijk` (i = x index) and
 * maps them to millimetres in RAS+ (x to the patient's right, y to the front, z to the head).
 */

/** 4×4, row-major, 16 numbers; the last row is `0 0 0 1`. Voxel `ijk` (i = x index) → RAS+ mm. */
export type Affine = readonly number[];

/** One number per array axis: `[z, y, x]`. */
export type Triple = readonly [number, number, number];

export type VoxelArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

/** Voxel arrays whose elements are plain numbers. */
export type NumberArray = Exclude<VoxelArray, BigInt64Array | BigUint64Array>;

export interface Volume<T extends VoxelArray = VoxelArray> {
  /** `[z, y, x]`, length = product of `shape`. */
  readonly data: T;
  readonly shape: Triple;
  /** Voxel `ijk` → RAS+ mm. */
  readonly affine: Affine;
}

/** A volume of label numbers; 0 is background. */
export type LabelVolume = Volume<Uint8Array>;

/** How many voxels a shape holds. */
export function voxelCount(shape: Triple): number {
  return shape[0] * shape[1] * shape[2];
}

/** A zeroed array of the same element type. */
export function emptyLike<T extends VoxelArray>(data: T, length: number): T {
  const Constructor = data.constructor as new (length: number) => T;
  return new Constructor(length);
}

/** The voxels as float32, rounding what is wider; the same array when it is float32 already. */
export function toFloat32(data: VoxelArray): Float32Array {
  if (data instanceof Float32Array) return data;
  if (isBigArray(data)) return Float32Array.from(data as ArrayLike<unknown> as ArrayLike<bigint>, Number);
  return new Float32Array(data);
}

export function isBigArray(data: VoxelArray): data is BigInt64Array | BigUint64Array {
  return data instanceof BigInt64Array || data instanceof BigUint64Array;
}
