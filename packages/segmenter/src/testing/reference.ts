/** The reference cases this package is held against: `imgref` in the shared folder. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sharedPath } from "@rfmedsam/base/testing";

type Numbers = Float32Array | Float64Array | Int32Array | Int16Array | Int8Array | Uint8Array;

export interface ReferenceCase<Facts> {
  readonly name: string;
  /** The content of `case.json`. */
  readonly facts: Facts;
  /** One array of the case; float16 as float32. */
  tensor(name: string): Numbers;
  /** The names of its arrays. */
  names(): string[];
}

/** All cases of a group; fails, never skips, when the folder is missing. */
export function referenceCases<Facts>(group: string): ReferenceCase<Facts>[] {
  const folder = sharedPath("imgref", group);
  return readdirSync(folder)
    .sort()
    .map((name) => ({
      name,
      facts: JSON.parse(readFileSync(join(folder, name, "case.json"), "utf8")) as Facts,
      tensor: (tensor) => readTensor(join(folder, name, "arrays.safetensors"), tensor),
      names: () => Object.keys(readHeader(join(folder, name, "arrays.safetensors")).header),
    }));
}

const types: Readonly<Record<string, new (buffer: ArrayBuffer) => Numbers>> = {
  F64: Float64Array,
  F32: Float32Array,
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U8: Uint8Array,
};

type Header = Record<string, { readonly dtype: string; readonly data_offsets: readonly [number, number] }>;

function readHeader(file: string): { bytes: Uint8Array; start: number; header: Header } {
  const bytes = new Uint8Array(readFileSync(file));
  const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const { __metadata__: _, ...header } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start))) as Header;
  return { bytes, start, header };
}

function readTensor(file: string, name: string): Numbers {
  const { bytes, start, header } = readHeader(file);
  const entry = header[name];
  const data = entry && bytes.slice(start + entry.data_offsets[0], start + entry.data_offsets[1]).buffer;
  if (data !== undefined && entry?.dtype === "F16") return Float32Array.from(new Uint16Array(data), halfToNumber);
  const Type = types[entry?.dtype ?? ""];
  if (data === undefined || Type === undefined) {
    throw new Error(`${file}: no readable ${name} among ${Object.keys(header).join(", ")}`);
  }
  return new Type(data);
}

function halfToNumber(half: number): number {
  const [sign, exponent, fraction] = [half >> 15 ? -1 : 1, (half >> 10) & 31, half & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** The largest difference of two arrays; infinite if their lengths differ or one holds NaN. */
export function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let n = 0; n < expected.length; n++) {
    const difference = Math.abs(actual[n]! - expected[n]!);
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return largest;
}
