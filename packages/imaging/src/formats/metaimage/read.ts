/** MetaImage files → volumes: `.mha` with its voxels, `.mhd` with voxels in other files; raw or zlib; either byte order. */
import { FormatError } from "@rfmedsam/base";
import { formatShape } from "../../grid.js";
import type { Triple } from "../../volume.js";
import { type ByteSource, collectVoxels, dataFileBeside, type VoxelPart } from "../byte-source.js";
import type { ImageFile } from "../image-file.js";
import { mostFiles, numberedFiles } from "../numbered-files.js";
import { narrowed, numbersOf, scalarTypes } from "../scalars.js";
import { longestMetaHeader, type MetaImageHeader, parseMetaHeader } from "./header.js";

/** @throws FormatError, GeometryError naming the key and its value */
export async function readMetaImage(source: ByteSource): Promise<Omit<ImageFile, "format">> {
  const header = parseMetaHeader(await source.read(0, longestMetaHeader), source.file);
  const { sizes, type, packing } = header;
  const wanted = sizes.reduce((product, size) => product * size, scalarTypes[type].bytes);
  const parts = await partsOf(source, header, wanted);
  const bytes = await collectVoxels(parts, wanted, `${formatShape(sizes)} ${type} voxels`);
  const [x, y, z = 1] = sizes as [number, number, number?];
  const shape: Triple = [z, y, x];
  const data = narrowed(numbersOf(bytes, type, header.littleEndian));
  return {
    volume: { data, shape, affine: header.affine },
    warnings: header.warnings,
    description: { version: "MetaImage", stored: `${type}, ${packing}` },
  };
}

async function partsOf(source: ByteSource, header: MetaImageHeader, wanted: number): Promise<VoxelPart[]> {
  const { dataFile, packing, packedSize, length, skip } = header;
  if (/^local$/i.test(dataFile)) {
    const to = packing === "raw" || packedSize === undefined ? undefined : Math.min(length + packedSize, source.size);
    return [{ source, packing, from: length, to, skip: 0 }];
  }
  const parts: VoxelPart[] = [];
  const names = dataFileNames(header, source.file);
  for (const name of names) {
    const other = await dataFileBeside(source, name);
    const from = skip < 0 ? Math.max(0, other.size - wanted / names.length) : skip;
    parts.push({ source: other, packing, from, skip: 0 });
  }
  return parts;
}

function dataFileNames({ dataFile, list, sizes }: MetaImageHeader, file?: string): readonly string[] {
  if (!/^LIST\b/.test(dataFile)) return numberedFiles(dataFile, file) ?? [dataFile];
  // `LIST 2`: the files hold slices, as they do without a number.
  const dimension = dataFile.slice(4).trim();
  const whole = dimension === "" || Number(dimension) === sizes.length - 1;
  const names = list.slice(0, sizes.at(-1));
  if (whole && names.length === sizes.at(-1) && names.length <= mostFiles && new Set(names).size === names.length) {
    return names;
  }
  throw new FormatError({
    file,
    found: `ElementDataFile = ${dataFile} and ${list.length} names`,
    expected: `${sizes.at(-1)} names of different files, one per slice`,
  });
}
