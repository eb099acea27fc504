/**
 * Element types of voxels, as every volume format has them: name, bytes, and how raw bytes become numbers and back. Assumes a
 * little-endian machine, as JavaScript engines run on.
 */
import { ConfigError } from "@rfmedsam/base";
import { isBigArray, type NumberArray, type VoxelArray } from "../volume.js";

/** Element types a volume file can be written with. */
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

interface ScalarType {
  /** Bytes of one element. */
  readonly bytes: number;
  readonly Array: {
    new (length: number): VoxelArray;
    new (buffer: ArrayBuffer, offset: number, length: number): VoxelArray;
  };
}

export const scalarTypes: { readonly [Name in ScalarName]: ScalarType } = {
  uint8: { bytes: 1, Array: Uint8Array },
  int8: { bytes: 1, Array: Int8Array },
  uint16: { bytes: 2, Array: Uint16Array },
  int16: { bytes: 2, Array: Int16Array },
  uint32: { bytes: 4, Array: Uint32Array },
  int32: { bytes: 4, Array: Int32Array },
  float32: { bytes: 4, Array: Float32Array },
  float64: { bytes: 8, Array: Float64Array },
  int64: { bytes: 8, Array: BigInt64Array },
  uint64: { bytes: 8, Array: BigUint64Array },
};

export const scalarNames = Object.keys(scalarTypes) as readonly ScalarName[];

/** The name of an array's element type, e.g. `"int16"`. */
export function scalarNameOf(data: VoxelArray): ScalarName {
  if (data instanceof BigInt64Array) return "int64";
  if (data instanceof BigUint64Array) return "uint64";
  // "Int16Array" → "int16": holds for subclasses such as Buffer too, since it asks the tag.
  const tag = (data as NumberArray)[Symbol.toStringTag];
  return tag.replace("Array", "").toLowerCase() as ScalarName;
}

/** Bytes as numbers; big-endian bytes are swapped in place. Copied only where they do not lie on the type's boundary. */
export function numbersOf(bytes: Uint8Array<ArrayBuffer>, type: ScalarName, littleEndian: boolean): VoxelArray {
  const { bytes: size, Array: Type } = scalarTypes[type];
  const whole = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  if (!littleEndian) swapBytes(whole, size);
  return new Type(whole.buffer, whole.byteOffset, whole.byteLength / size);
}

/** Reverses the bytes of every element in place. */
export function swapBytes(bytes: Uint8Array, size: number): void {
  if (size === 1) return;
  const half = size >> 1;
  for (let at = 0; at + size <= bytes.length; at += size) {
    for (let low = at, high = at + size - 1; low < at + half; low++, high--) {
      const byte = bytes[low]!;
      bytes[low] = bytes[high]!;
      bytes[high] = byte;
    }
  }
}

/** Elements converted at once: keeps writing a large volume as another type from holding it twice. */
const batch = 1 << 18;

/**
 * The voxels' bytes in another element type, piece by piece; the volume's own memory where the type is kept.
 *
 * @throws ConfigError at the first voxel that does not fit (fractions and overflow are never rounded away; float64 to float32 is)
 */
export function* bytesAs(data: VoxelArray, type: ScalarName): Generator<Uint8Array, void, void> {
  const same = scalarNameOf(data) === type;
  for (let from = 0; from < data.length; from += batch) {
    const part = data.subarray(from, from + batch);
    const out = same ? part : convert(part, type, from);
    yield new Uint8Array(out.buffer, out.byteOffset, out.byteLength);
  }
}

function convert(data: VoxelArray, type: ScalarName, first: number): VoxelArray {
  const out = new scalarTypes[type].Array(data.length);
  for (let i = 0; i < out.length; i++) {
    const value = data[i]!;
    if (isBigArray(out)) {
      if (!Number.isInteger(Number(value))) throw doesNotFit(value, first + i, type);
      out[i] = BigInt(value);
    } else {
      out[i] = Number(value);
    }
    const lost = typeof value === "bigint" ? BigInt(out[i]!) !== value : Number(out[i]) !== value;
    const isRounding = type === "float32" && Number.isFinite(Number(out[i])) === Number.isFinite(Number(value));
    if (lost && !isRounding && !(Number.isNaN(value) && type === "float64")) throw doesNotFit(value, first + i, type);
  }
  return out;
}

function doesNotFit(value: number | bigint, index: number, type: ScalarName): ConfigError {
  return new ConfigError({
    found: `the value ${value} (voxel ${index})`,
    expected: `a value that ${type} holds exactly`,
    hint: "write the volume with a wider type",
  });
}

/** 64-bit integers as int32, or float64, when no value changes; other arrays as they are. */
export function narrowed(data: VoxelArray): VoxelArray {
  if (!isBigArray(data)) return data;
  let [least, most] = [0n, 0n];
  for (const value of data) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  if (least >= -(2n ** 31n) && most < 2n ** 31n) return Int32Array.from(data as BigInt64Array as never, Number);
  if (least >= -(2n ** 53n) && most <= 2n ** 53n) return Float64Array.from(data as BigInt64Array as never, Number);
  return data;
}
