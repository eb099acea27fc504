/** Element types: their names here, their codes in libtorch (c10/core/ScalarType.h), and the typed arrays that carry them. */
import { EngineError } from "@rfmedsam/base";

export type Dtype =
  | "float32"
  | "float64"
  | "float16"
  | "bfloat16"
  | "int64"
  | "int32"
  | "int16"
  | "int8"
  | "uint8"
  | "bool";

export const dtypeCodes: Readonly<Record<Dtype, number>> = {
  uint8: 0,
  int8: 1,
  int16: 2,
  int32: 3,
  int64: 4,
  float16: 5,
  float32: 6,
  float64: 7,
  bool: 11,
  bfloat16: 15,
};

/** Bytes an element takes. */
export const dtypeBytes: Readonly<Record<Dtype, number>> = {
  uint8: 1,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  float16: 2,
  float32: 4,
  float64: 8,
  bool: 1,
  bfloat16: 2,
};

export function isFloating(dtype: Dtype): boolean {
  return dtype.includes("float");
}

const namesByCode = new Map(Object.entries(dtypeCodes).map(([name, code]) => [code, name as Dtype]));

export function dtypeOfCode(code: number): Dtype {
  const name = namesByCode.get(code);
  if (name === undefined) throw new EngineError({ found: `element type ${code} of libtorch, which has no name here` });
  return name;
}

/** Typed arrays a tensor can be made from without naming its element type. */
export type TypedArray = Float32Array | Float64Array | BigInt64Array | Int32Array | Int16Array | Int8Array | Uint8Array;

/** @throws EngineError for an array whose elements no dtype holds (unsigned 16, 32 and 64 bits) */
export function dtypeOfArray(array: TypedArray): Dtype {
  if (array instanceof Float32Array) return "float32";
  if (array instanceof Float64Array) return "float64";
  if (array instanceof BigInt64Array) return "int64";
  if (array instanceof Int32Array) return "int32";
  if (array instanceof Int16Array) return "int16";
  if (array instanceof Int8Array) return "int8";
  if (array instanceof Uint8Array) return "uint8";
  throw new EngineError({
    found: `a ${(array as object).constructor.name}`,
    expected: "a typed array of floats, signed integers or bytes",
  });
}

/** The typed array over `buffer` for elements that JavaScript can hold; half precision is converted before it gets here. */
export function typedArrayOver(buffer: ArrayBuffer, dtype: Exclude<Dtype, "float16" | "bfloat16">): TypedArray {
  switch (dtype) {
    case "float32":
      return new Float32Array(buffer);
    case "float64":
      return new Float64Array(buffer);
    case "int64":
      return new BigInt64Array(buffer);
    case "int32":
      return new Int32Array(buffer);
    case "int16":
      return new Int16Array(buffer);
    case "int8":
      return new Int8Array(buffer);
    case "uint8":
    case "bool":
      return new Uint8Array(buffer);
  }
}
