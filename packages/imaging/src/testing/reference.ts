/** The reference cases in the shared folder: a group is a folder of case folders. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sharedPath } from "@rfmedsam/base/testing";
import type { VoxelArray } from "../volume.js";

export interface ReferenceTensor {
  readonly data: VoxelArray;
  readonly shape: readonly number[];
}

export interface ReferenceCase<Facts> {
  readonly name: string;
  readonly facts: Facts;
  path(file: string): string;
  /** The arrays in the case's `.safetensors` file. */
  arrays(): Readonly<Record<string, ReferenceTensor>>;
}

/** All cases of a group of `imgref`, or those whose name starts with `prefix`. */
export function referenceCases<Facts>(group: string, prefix = ""): ReferenceCase<Facts>[] {
  const folder = sharedPath("imgref", group);
  const names = readdirSync(folder).filter((name) => name.startsWith(prefix));
  if (names.length === 0) throw new Error(`${folder} holds no case ${prefix}`);
  return names.sort().map((name) => {
    const path = (file: string) => join(folder, name, file);
    return {
      name,
      path,
      facts: JSON.parse(readFileSync(path("case.json"), "utf8")) as Facts,
      arrays: () => {
        const file = readdirSync(join(folder, name)).find((entry) => entry.endsWith(".safetensors"));
        return file === undefined ? {} : readSafetensors(path(file));
      },
    };
  });
}

const types: Readonly<Record<string, new (buffer: ArrayBuffer) => VoxelArray>> = {
  F64: Float64Array,
  F32: Float32Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U8: Uint8Array,
};

function readSafetensors(file: string): Record<string, ReferenceTensor> {
  const bytes = new Uint8Array(readFileSync(file));
  const headerLength = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerLength))) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const out: Record<string, ReferenceTensor> = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [from, to] = entry.data_offsets;
    const Type = types[entry.dtype];
    if (Type === undefined) throw new Error(`${file}: ${name} has the type ${entry.dtype}`);
    out[name] = {
      data: new Type(bytes.slice(8 + headerLength + from, 8 + headerLength + to).buffer),
      shape: entry.shape,
    };
  }
  return out;
}

/** Numbers in a case: JSON has no NaN or infinity, so those are strings; so are integers beyond 2⁵³. */
export function caseNumber(value: number | string): number {
  if (typeof value === "number") return value;
  return { nan: Number.NaN, inf: Number.POSITIVE_INFINITY, "-inf": Number.NEGATIVE_INFINITY }[value] ?? Number(value);
}

/** The largest difference of two arrays (NaN equals NaN, an infinity itself). */
export function largestDifference(actual: ArrayLike<number | bigint>, expected: ArrayLike<number | bigint>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i]!, expected[i]!];
    if (a === e || (Number.isNaN(a) && Number.isNaN(e))) continue;
    const difference = Math.abs(Number(a) - Number(e));
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return largest;
}
