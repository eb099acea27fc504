/**
 * The text header of a MetaImage (`.mha`, or `.mhd` with the voxels in other files): lines `Key = value`, the last of them
 * `ElementDataFile`. Places are LPS mm, as ITK reads them, whatever `AnatomicalOrientation` says.
 * Source: MetaIO's documentation, itk.org/Wiki/ITK/MetaIO/Documentation, and what ITK makes of its fields.
 */
import { FormatError, GeometryError } from "@rfmedsam/base";
import { affineProblem } from "../../geometry.js";
import type { Affine } from "../../volume.js";
import type { ScalarName } from "../scalars.js";

/** Longer than any header's lines, the names of many data files included. */
export const longestMetaHeader = 1 << 20;

export interface MetaImageHeader {
  readonly type: ScalarName;
  readonly littleEndian: boolean;
  readonly packing: "raw" | "zlib";
  /** Voxels per axis, x first, two or three of them. */
  readonly sizes: readonly number[];
  readonly affine: Affine;
  /** `LOCAL`, a name, a pattern or `LIST`. */
  readonly dataFile: string;
  /** Lines behind `ElementDataFile = LIST`. */
  readonly list: readonly string[];
  /** Bytes of the packed voxels, if told. */
  readonly packedSize: number | undefined;
  /** Bytes before the voxels in their own file; −1: the voxels are what it ends with. */
  readonly skip: number;
  /** Bytes of the header: where local voxels start. */
  readonly length: number;
  readonly warnings: readonly string[];
}

const types: Readonly<Record<string, ScalarName>> = {
  MET_CHAR: "int8",
  MET_UCHAR: "uint8",
  MET_SHORT: "int16",
  MET_USHORT: "uint16",
  MET_INT: "int32",
  MET_UINT: "uint32",
  MET_LONG: "int32",
  MET_ULONG: "uint32",
  MET_LONG_LONG: "int64",
  MET_ULONG_LONG: "uint64",
  MET_FLOAT: "float32",
  MET_DOUBLE: "float64",
};

const millimetres: Readonly<Record<string, number>> = { "": 1, "?": 1, mm: 1, um: 0.001, cm: 10 };

const dataFileLine = /(?:^|\n)[ \t]*ElementDataFile[ \t]*=/;

export function isMetaImage(bytes: Uint8Array): boolean {
  const text = String.fromCharCode(...bytes.subarray(0, 2048));
  return /^\s*[A-Za-z]+[ \t]*=/.test(text) && /(^|\n)[ \t]*(ObjectType|NDims)[ \t]*=/.test(text);
}

/**
 * @param bytes the start of the file
 * @throws FormatError, GeometryError naming the key and its value
 */
export function parseMetaHeader(bytes: Uint8Array, file?: string): MetaImageHeader {
  const { keys, list, length } = linesOf(bytes, file);
  const fail = (found: string, expected: string, hint?: string) => new FormatError({ file, found, expected, hint });
  const kind = keys.get("ObjectType") ?? "Image";
  if (kind !== "Image") throw fail(`ObjectType = ${kind}`, "Image");
  if (isTrue(keys.get("BinaryData") ?? "True") === false) {
    throw fail("voxels as text (BinaryData = False)", "binary voxels", "save the image with binary data");
  }
  const channels = keys.get("ElementNumberOfChannels") ?? "1";
  if (channels !== "1") {
    throw fail(`${channels} channels (ElementNumberOfChannels)`, "one number per voxel", "save one file per channel");
  }
  const type = types[keys.get("ElementType") ?? ""];
  if (type === undefined) {
    throw fail(`ElementType = ${keys.get("ElementType")}`, Object.keys(types).join(", "));
  }
  const dimension = Number(keys.get("NDims"));
  if (!Number.isInteger(dimension) || dimension < 2 || dimension > 10) {
    throw fail(`NDims = ${keys.get("NDims")}`, "2 or 3 axes");
  }
  const sizes = numbers(keys.get("DimSize"), dimension);
  if (sizes === undefined || sizes.some((size) => !Number.isSafeInteger(size) || size < 1)) {
    throw fail(`DimSize = ${keys.get("DimSize")}`, `${dimension} whole numbers of at least 1`);
  }
  if (sizes.slice(3).some((size) => size > 1)) {
    throw fail(`${dimension} axes (DimSize = ${sizes.join(" ")})`, "a 3D image", "save one file per time point");
  }
  const warnings: string[] = [];
  const affine = affineOf(keys, dimension, warnings, file);
  const msb = keys.get("BinaryDataByteOrderMSB") ?? keys.get("ElementByteOrderMSB") ?? "False";
  const packed = isTrue(keys.get("CompressedData") ?? "False");
  for (const [key, usual] of [
    ["ElementToIntensityFunctionSlope", 1] as const,
    ["ElementToIntensityFunctionOffset", 0] as const,
  ]) {
    const value = keys.get(key);
    if (value !== undefined && Number(value) !== usual) warnings.push(`${key} = ${value} is not applied, as in ITK`);
  }
  return {
    type,
    littleEndian: !isTrue(msb),
    packing: packed ? "zlib" : "raw",
    sizes: sizes.slice(0, 3),
    affine,
    dataFile: keys.get("ElementDataFile")!,
    list,
    packedSize: countOf(keys, "CompressedDataSize", 0, fail),
    skip: countOf(keys, "HeaderSize", -1, fail) ?? 0,
    length,
    warnings,
  };
}

type Fail = (found: string, expected: string, hint?: string) => FormatError;

function linesOf(bytes: Uint8Array, file?: string) {
  // Bytes as characters one to one: positions in the text are positions in the file.
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, longestMetaHeader));
  const last = dataFileLine.exec(text);
  if (last === null) {
    throw new FormatError({
      file,
      found: "a MetaImage header without ElementDataFile",
      expected: "`ElementDataFile = …` as its last line",
    });
  }
  const end = text.indexOf("\n", last.index + last[0].length);
  const length = end < 0 ? bytes.length : end + 1;
  const keys = new Map<string, string>();
  for (const line of text.slice(0, length).split(/\r?\n/)) {
    const at = line.indexOf("=");
    if (at > 0) keys.set(line.slice(0, at).trim(), line.slice(at + 1).trim());
  }
  const isList = keys.get("ElementDataFile")?.startsWith("LIST") === true;
  const rest = isList ? text.slice(length).split(/\r?\n/) : [];
  return { keys, list: rest.map((line) => line.trim()).filter((line) => line !== ""), length };
}

/** `[x, y, z]` vectors of the axes times their spacing, in RAS; of a 2D image the third is at right angles, 1 mm. */
function affineOf(keys: ReadonlyMap<string, string>, dimension: number, warnings: string[], file?: string): Affine {
  const first = (names: readonly string[]) => names.find((name) => keys.has(name));
  const read = (names: readonly string[], count: number, otherwise: readonly number[]) => {
    const name = first(names);
    const found = name === undefined ? otherwise : numbers(keys.get(name), count);
    if (found !== undefined) return found;
    throw new FormatError({ file, found: `${name} = ${keys.get(name!)?.slice(0, 80)}`, expected: `${count} numbers` });
  };
  const identity = Array.from({ length: dimension ** 2 }, (_, at) => (at % (dimension + 1) === 0 ? 1 : 0));
  const matrix = read(["TransformMatrix", "Rotation", "Orientation"], dimension ** 2, identity);
  const offset = read(["Offset", "Position", "Origin"], dimension, Array(dimension).fill(0));
  const spacing = read(["ElementSpacing", "ElementSize"], dimension, Array(dimension).fill(1));
  if (first(["ElementSpacing", "ElementSize"]) === undefined)
    warnings.push("no ElementSpacing: voxels are taken as 1 mm wide");
  const unitName = (keys.get("DistanceUnits") ?? "").toLowerCase();
  const unit = millimetres[unitName];
  if (unit === undefined) warnings.push(`the length unit "${unitName}" is taken as mm`);
  if (dimension === 2) warnings.push("a single slice without a thickness: taken as 1 mm thick");
  // The matrix lists the axes one after the other; here each is a column.
  const entry = (row: number, axis: number) => {
    if (row >= dimension || axis >= dimension) return row === axis ? 1 : 0;
    return matrix[axis * dimension + row]! * spacing[axis]! * (unit ?? 1);
  };
  const affine = [0, 1, 2].flatMap((row) => {
    const sign = row < 2 ? -1 : 1;
    return [entry(row, 0), entry(row, 1), entry(row, 2), (offset[row] ?? 0) * (unit ?? 1)].map((v) => sign * v + 0);
  });
  affine.push(0, 0, 0, 1);
  const problem = affineProblem(affine);
  if (problem === undefined) return affine;
  throw new GeometryError({
    file,
    found: problem,
    expected: "finite Offset, ElementSpacing and TransformMatrix with three independent axes",
  });
}

function countOf(keys: ReadonlyMap<string, string>, name: string, least: number, fail: Fail): number | undefined {
  const text = keys.get(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw fail(`${name} = ${text.slice(0, 40)}`, "a number of bytes");
}

function isTrue(text: string): boolean {
  return /^(true|t|1|yes)$/i.test(text);
}

/** `count` numbers, which may be NaN; undefined for another count. */
function numbers(text: string | undefined, count: number): readonly number[] | undefined {
  const words = (text ?? "").split(/\s+/).filter((word) => word !== "");
  if (words.length !== count) return undefined;
  return words.map((word) => (/^[-+.\deE]+$/.test(word) ? Number(word) : Number.NaN));
}
