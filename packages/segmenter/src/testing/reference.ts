/** The reference cases this package is held against: `imgref` in the shared folder (`RFMEDSAM_SHARED`, by default `../shared`). */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const repository = resolve(fileURLToPath(import.meta.url), "../../../../..");

type Numbers = Float32Array | Float64Array | Int32Array | Int16Array | Int8Array | Uint8Array;

export interface ReferenceCase<Facts> {
  readonly name: string;
  /** The content of `case.json`. */
  readonly facts: Facts;
  /** One array of the case. */
  tensor(name: string): Numbers;
}

/** All cases of a group; fails, never skips, when the folder is missing. */
export function referenceCases<Facts>(group: string): ReferenceCase<Facts>[] {
  const folder = join(process.env.RFMEDSAM_SHARED ?? join(repository, "../shared"), "imgref", group);
  if (!existsSync(folder))
    throw new Error(`${folder} is missing: set RFMEDSAM_SHARED to the folder of reference results`);
  return readdirSync(folder)
    .sort()
    .map((name) => ({
      name,
      facts: JSON.parse(readFileSync(join(folder, name, "case.json"), "utf8")) as Facts,
      tensor: (tensor) => readTensor(join(folder, name, "arrays.safetensors"), tensor),
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

function readTensor(file: string, name: string): Numbers {
  const bytes = new Uint8Array(readFileSync(file));
  const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start))) as Record<
    string,
    { readonly dtype: string; readonly data_offsets: readonly [number, number] }
  >;
  const entry = header[name];
  const Type = types[entry?.dtype ?? ""];
  if (entry === undefined || Type === undefined) {
    throw new Error(`${file}: no readable ${name} among ${Object.keys(header).join(", ")}`);
  }
  return new Type(bytes.slice(start + entry.data_offsets[0], start + entry.data_offsets[1]).buffer);
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
