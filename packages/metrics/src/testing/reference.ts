/** Reads the cases of the reference folder's `imgref/metrics`: a description (`case.json`) and arrays (`arrays.safetensors`). */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sharedPath } from "@rfmedsam/base/testing";

/** A JSON value in which "nan", "inf" and "-inf" stand for numbers. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export interface ReferenceCase {
  readonly name: string;
  readonly facts: { readonly [key: string]: Json };
  readonly arrays: ReadonlyMap<string, ReferenceArray>;
}

export interface ReferenceArray {
  readonly data: Uint8Array | Int16Array | Float64Array;
  readonly shape: readonly number[];
}

/** All cases of one kind. Fails when the folder is missing or has none. */
export function referenceCases(kind: string): ReferenceCase[] {
  const folder = sharedPath("imgref/metrics");
  const found = readdirSync(folder)
    .map((name) => readCase(folder, name))
    .filter(({ facts }) => facts.kind === kind);
  if (found.length === 0) throw new Error(`${folder} has no case of the kind ${kind}`);
  return found;
}

function readCase(folder: string, name: string): ReferenceCase {
  const facts = JSON.parse(readFileSync(join(folder, name, "case.json"), "utf8")) as ReferenceCase["facts"];
  const arrays = join(folder, name, "arrays.safetensors");
  return { name, facts, arrays: existsSync(arrays) ? readArrays(arrays) : new Map() };
}

const arrayTypes = { U8: Uint8Array, I16: Int16Array, F64: Float64Array } as const;

interface Entry {
  readonly dtype: keyof typeof arrayTypes;
  readonly shape: number[];
  readonly data_offsets: [number, number];
}

function readArrays(file: string): Map<string, ReferenceArray> {
  const bytes = new Uint8Array(readFileSync(file));
  const headerSize = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerSize))) as Record<string, Entry>;
  return new Map(
    Object.entries(header)
      .filter(([name]) => name !== "__metadata__")
      .map(
        ([
          name,
          {
            dtype,
            shape,
            data_offsets: [from, to],
          },
        ]) => {
          const data = new arrayTypes[dtype](bytes.slice(8 + headerSize + from, 8 + headerSize + to).buffer);
          return [name, { data, shape }];
        },
      ),
  );
}

/** One named array. */
export function arrayOf(reference: ReferenceCase, name: string): ReferenceArray {
  const array = reference.arrays.get(name);
  if (array === undefined) throw new Error(`the reference case ${reference.name} has no array ${name}`);
  return array;
}

/** An object inside the description. */
export function objectAt(value: Json | undefined, ...path: readonly string[]): { readonly [key: string]: Json } {
  let at = value;
  for (const key of path) at = (at as { readonly [key: string]: Json })[key];
  if (typeof at !== "object" || at === null) throw new Error(`no object at ${path.join(".")}`);
  return at as { readonly [key: string]: Json };
}

/** A number of the description, "nan" and "inf" included. */
export function numberAt(object: { readonly [key: string]: Json }, key: string): number {
  const value = object[key];
  if (typeof value === "number") return value;
  if (value === "nan") return Number.NaN;
  if (value === "inf") return Number.POSITIVE_INFINITY;
  if (value === "-inf") return Number.NEGATIVE_INFINITY;
  throw new Error(`${key} is no number`);
}
