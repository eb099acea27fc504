/** NRRD files → volumes: `.nrrd` with its voxels, `.nhdr` with voxels in other files; raw or gzip; either byte order. */
import { FormatError } from "@rfmedsam/base";
import { formatShape } from "../../grid.js";
import type { Triple, VoxelArray } from "../../volume.js";
import { type ByteSource, collectVoxels, dataFileBeside, type VoxelPart } from "../byte-source.js";
import type { ImageFile } from "../image-file.js";
import { mostFiles, numberedFiles } from "../numbered-files.js";
import { narrowed, numbersOf, scalarTypes } from "../scalars.js";
import { nrrdGeometry } from "./geometry.js";
import { longestHeader, type NrrdHeader, parseNrrdHeader } from "./header.js";
import { mergeLayers, type NrrdSegment, segmentsOf } from "./segments.js";

/** @throws FormatError, GeometryError naming the field and its value */
export async function readNrrd(source: ByteSource): Promise<Omit<ImageFile, "format">> {
  const { file } = source;
  const header = parseNrrdHeader(await source.read(0, longestHeader + 1024), file);
  const geometry = nrrdGeometry(header, file);
  const { sizes, type } = header;
  const values = sizes
    .filter((_, axis) => !geometry.spatial.includes(axis))
    .reduce((product, size) => product * size, 1);
  const segments = segmentsOf(header.pairs);
  const layered = values > 1 && segments.length > 0 && geometry.spatial[0] === 1;
  if (values > 1 && !layered) throw severalValues(header, values, file);

  const count = sizes.reduce((product, size) => product * size, 1);
  const what = `${formatShape(sizes)} ${type} voxels`;
  const bytes = await collectVoxels(await partsOf(source, header), count * scalarTypes[type].bytes, what);
  const stored = numbersOf(bytes, type, header.littleEndian);
  const [x, y, z = 1] = geometry.spatial.map((axis) => sizes[axis]!) as [number, number, number?];
  const warnings = [...geometry.warnings];
  const data = layered ? merged(stored, values, segments, warnings, file) : narrowed(stored);
  const shape: Triple = [z, y, x];
  return { volume: { data, shape, affine: geometry.affine }, warnings, description: describe(header, segments) };
}

function merged(
  stored: VoxelArray,
  layers: number,
  segments: readonly NrrdSegment[],
  warnings: string[],
  file?: string,
): VoxelArray {
  const { labels, numbers } = mergeLayers(stored, layers, segments, file);
  const list = segments.map(({ name }, n) => `${numbers[n]} ${name}`).join(", ");
  warnings.push(`${segments.length} segments in ${layers} layers are one label map: ${list}`);
  return labels;
}

/** Where the voxels are. */
async function partsOf(source: ByteSource, header: NrrdHeader): Promise<VoxelPart[]> {
  const { fields, packing, length } = header;
  const names = dataFileNames(header, source.file);
  const sources = names === undefined ? [source] : [];
  for (const name of names ?? []) sources.push(await dataFileBeside(source, name));
  const lines = wholeNumber(fields, "line skip", 0, source.file);
  const skip = wholeNumber(fields, "byte skip", -1, source.file);
  const parts: VoxelPart[] = [];
  for (const each of sources) {
    const from = await afterLines(each, names === undefined ? length : 0, lines);
    parts.push({ source: each, packing, from, skip: Math.max(0, skip) });
  }
  if (skip >= 0) return parts;
  // −1: the voxels are what the file ends with.
  if (packing !== "raw") {
    throw new FormatError({ file: source.file, found: "byte skip: -1 with packed voxels", expected: "raw voxels" });
  }
  const each =
    (header.sizes.reduce((product, size) => product * size, 1) * scalarTypes[header.type].bytes) / parts.length;
  return parts.map((part) => ({ ...part, from: Math.max(part.from, part.source.size - each) }));
}

function dataFileNames({ fields, list, sizes }: NrrdHeader, file?: string): string[] | undefined {
  const text = fields.get("data file");
  if (text === undefined) return undefined;
  if (/^LIST\b/.test(text)) {
    const dimension = text.slice(4).trim();
    const whole = dimension === "" || Number(dimension) <= sizes.length;
    if (whole && list.length > 0 && list.length <= mostFiles && new Set(list).size === list.length) return [...list];
    throw new FormatError({
      file,
      found: `data file: ${text.slice(0, 40)} and ${list.length} names`,
      expected: `names of different files, one per line, at most ${mostFiles}`,
    });
  }
  return numberedFiles(text, file) ?? [text];
}

function wholeNumber(fields: ReadonlyMap<string, string>, name: string, least: number, file?: string): number {
  const value = Number(fields.get(name) ?? 0);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new FormatError({ file, found: `${name}: ${fields.get(name)!.slice(0, 40)}`, expected: "a whole number" });
}

/** The byte behind `lines` further lines. */
async function afterLines(source: ByteSource, from: number, lines: number): Promise<number> {
  if (lines === 0) return from;
  const text = await source.read(from, longestHeader);
  let at = 0;
  for (let line = 0; line < lines; line++) {
    const end = text.indexOf(10, at);
    if (end < 0) {
      throw new FormatError({ file: source.file, found: `fewer lines than "line skip: ${lines}" leaves out` });
    }
    at = end + 1;
  }
  return from + at;
}

function describe(header: NrrdHeader, segments: readonly NrrdSegment[]): Record<string, string | number> {
  const content = header.fields.get("content");
  return {
    version: `NRRD000${header.version}`,
    stored: `${header.type}, ${header.packing}`,
    ...(content !== undefined && { text: content }),
    ...(segments.length > 0 && { segments: segments.map(({ name, value }) => `${value} ${name}`).join(", ") }),
  };
}

function severalValues({ sizes, fields }: NrrdHeader, values: number, file?: string): FormatError {
  const kinds = fields.get("kinds");
  return new FormatError({
    file,
    found: `${values} values per voxel (sizes ${sizes.join(" ")}${kinds === undefined ? "" : `, kinds ${kinds}`})`,
    expected: "one number per voxel",
    hint: "save one file per channel or time point, named …_0000.nrrd, …_0001.nrrd, …",
  });
}
