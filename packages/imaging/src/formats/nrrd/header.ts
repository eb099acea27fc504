/**
 * The text header of an NRRD file (`.nrrd`, or `.nhdr` with the voxels in other files): fields `name: value` and free pairs `key:=value`
 * until an empty line. Here they are taken apart and checked; what they mean for the voxels' place is geometry.ts's.
 * Source: "Definition of NRRD File Format", teem.sourceforge.net/nrrd/format.html.
 */
import { FormatError } from "@rfmedsam/base";
import type { ScalarName } from "../scalars.js";

/** Long segment names and colours of 3D Slicer come to some 100 kB; a header longer than this is none. */
export const longestHeader = 1 << 22;

export interface NrrdHeader {
  readonly version: number;
  /** Fields by name, lower case; the standard's other spellings (`centerings`, `datafile`) under the first. */
  readonly fields: ReadonlyMap<string, string>;
  /** `key:=value` pairs, escapes undone. */
  readonly pairs: ReadonlyMap<string, string>;
  /** Names after `data file: LIST`. */
  readonly list: readonly string[];
  /** Bytes of the header with its empty line: where attached voxels start. */
  readonly length: number;
  readonly type: ScalarName;
  readonly littleEndian: boolean;
  readonly packing: "raw" | "gzip";
  /** Numbers per axis, fastest first. */
  readonly sizes: readonly number[];
}

const spellings: Readonly<Record<string, string>> = {
  datafile: "data file",
  lineskip: "line skip",
  byteskip: "byte skip",
  centerings: "centers",
  axismins: "axis mins",
  axismaxs: "axis maxs",
  sampleunits: "sample units",
  spacedimension: "space dimension",
  spacedirections: "space directions",
  spaceorigin: "space origin",
  spaceunits: "space units",
};

const typeNames: Readonly<Record<ScalarName, string>> = {
  int8: "signed char|int8|int8_t",
  uint8: "uchar|unsigned char|uint8|uint8_t",
  int16: "short|short int|signed short|signed short int|int16|int16_t",
  uint16: "ushort|unsigned short|unsigned short int|uint16|uint16_t",
  int32: "int|signed int|int32|int32_t",
  uint32: "uint|unsigned int|uint32|uint32_t",
  int64: "longlong|long long|long long int|signed long long|signed long long int|int64|int64_t",
  uint64: "ulonglong|unsigned long long|unsigned long long int|uint64|uint64_t",
  float32: "float",
  float64: "double",
};
const types = new Map(
  Object.entries(typeNames).flatMap(([name, words]) => words.split("|").map((word) => [word, name as ScalarName])),
);
const packings: ReadonlyMap<string, "raw" | "gzip"> = new Map([
  ["raw", "raw"],
  ["gzip", "gzip"],
  ["gz", "gzip"],
]);

export function isNrrd(bytes: Uint8Array): boolean {
  return bytes.length >= 8 && /^NRRD\d{4}$/.test(String.fromCharCode(...bytes.subarray(0, 8)));
}

/**
 * @param bytes the start of the file, with the header if it is not longer than `longestHeader`
 * @throws FormatError naming the field and its value
 */
export function parseNrrdHeader(bytes: Uint8Array, file?: string): NrrdHeader {
  const fail = (found: string, expected: string, hint?: string) => new FormatError({ file, found, expected, hint });
  if (!isNrrd(bytes)) throw fail("not an NRRD file", 'a file that starts with "NRRD000" and a digit from 1 to 5');
  const { lines, length } = headerLines(bytes, file);
  const version = Number(lines[0]!.slice(4));
  if (version < 1 || version > 5) {
    throw fail(`NRRD version ${lines[0]}`, "NRRD0001 to NRRD0005", "save the file as NRRD0005 or .nii.gz");
  }
  const fields = new Map<string, string>();
  const pairs = new Map<string, string>();
  let list: readonly string[] = [];
  for (let at = 1; at < lines.length; at++) {
    const line = lines[at]!;
    if (line.startsWith("#") || line.trim() === "") continue;
    const match = /^([^:]*):([= ]?)(.*)$/.exec(line);
    if (match === null) throw fail(`the header line "${line.slice(0, 60)}"`, "`field: value` or `key:=value`");
    const [, name, mark, value] = match as unknown as [string, string, string, string];
    if (mark === "=") {
      pairs.set(name, unescaped(value));
      continue;
    }
    const plain = name.trim().toLowerCase();
    const field = spellings[plain.replaceAll(" ", "")] ?? plain;
    if (fields.has(field)) throw fail(`the field "${field}" twice`, "each field once");
    fields.set(field, value.trim());
    if (field === "data file" && /^LIST\b/.test(value.trim())) {
      list = lines.slice(at + 1).filter((each) => each.trim() !== "");
      break;
    }
  }
  return { version, fields, pairs, list, length, ...layoutOf(fields, fail) };
}

type Fail = (found: string, expected: string, hint?: string) => FormatError;

function layoutOf(fields: ReadonlyMap<string, string>, fail: Fail) {
  const need = (name: string) => {
    const value = fields.get(name);
    if (value === undefined) throw fail(`no field "${name}"`, `"${name}: …" in the header`);
    return value;
  };
  const typeName = need("type").toLowerCase().replace(/\s+/g, " ");
  const type = types.get(typeName);
  if (type === undefined) throw fail(`voxels of type "${typeName}"`, "whole numbers of 1 to 8 bytes, float or double");
  const dimension = Number(need("dimension"));
  if (!Number.isInteger(dimension) || dimension < 1 || dimension > 16) {
    throw fail(`dimension: ${need("dimension")}`, "1 to 16 axes");
  }
  const sizes = need("sizes").split(/\s+/).map(Number);
  if (sizes.length !== dimension || sizes.some((size) => !Number.isSafeInteger(size) || size < 1)) {
    throw fail(`sizes: ${need("sizes").slice(0, 80)}`, `${dimension} whole numbers of at least 1, one per axis`);
  }
  const encoding = need("encoding").toLowerCase();
  const packing = packings.get(encoding);
  if (packing === undefined)
    throw fail(`the encoding "${encoding}"`, "raw or gzip", "save the file with gzip encoding");
  const endian = fields.get("endian")?.toLowerCase();
  const oneByte = type === "uint8" || type === "int8";
  if (!oneByte && endian !== "little" && endian !== "big") {
    throw fail(endian === undefined ? "no byte order" : `endian: ${endian}`, '"endian: little" or "endian: big"');
  }
  return { type, sizes, packing, littleEndian: endian !== "big" };
}

function headerLines(bytes: Uint8Array, file?: string): { lines: string[]; length: number } {
  // The empty line; a header without one names other files for the voxels and ends with its file.
  let end = bytes.length;
  let length = bytes.length;
  for (let at = 8; at < bytes.length; at++) {
    if (bytes[at] !== 10) continue;
    const next = bytes[at + 1] === 13 ? at + 2 : at + 1;
    if (bytes[next] !== 10) continue;
    [end, length] = [bytes[at - 1] === 13 ? at - 1 : at, next + 1];
    break;
  }
  if (end > longestHeader) {
    throw new FormatError({ file, found: "no end of the header (an empty line)", expected: "an NRRD header" });
  }
  return { lines: new TextDecoder().decode(bytes.subarray(0, end)).split(/\r?\n/), length };
}

/** `\n` and `\\` in values stand for a new line and a backslash. */
function unescaped(value: string): string {
  return value.replace(/\\([n\\])/g, (_, letter) => (letter === "n" ? "\n" : "\\"));
}

/** Numbers of a list such as `0.8 0.8 2` or a vector such as `(1,0,0)`; NaN for what is no number. */
export function numbersIn(text: string, separator: RegExp): number[] {
  return text
    .split(separator)
    .filter((word) => word !== "")
    .map((word) => (/^[-+.\deE]+$/.test(word) ? Number(word) : Number.NaN));
}
