/** NIfTI from wherever its bytes are, streamed: neither a compressed nor an uncompressed copy of the whole file is held beside the voxels. */
import type { ByteSource } from "../byte-source.js";
import { announcedLength, largestGzipRatio } from "../gzip.js";
import type { ImageFile } from "../image-file.js";
import { isGzip } from "../sniff.js";
import { type AssembledNifti, NiftiAssembler } from "./assemble.js";
import type { NiftiHeader } from "./header.js";
import { imageOf, missingVoxelFile, type NiftiImage, scaledImageOf, volumeOfNifti } from "./read.js";

/** Everything a NIfTI file says. For an `.hdr/.img` pair, either of the two files. @throws FormatError, GeometryError */
export async function readNiftiImage(source: ByteSource): Promise<NiftiImage> {
  return imageOf(await assembleWhole(source), source.file);
}

async function assembleWhole(source: ByteSource): Promise<AssembledNifti> {
  const header = (await headerOfPair(source)) ?? source;
  const assembled = await assemble(header);
  if (assembled.header.container !== "pair") return assembled;
  const voxels = await sibling(header, "img");
  if (voxels === undefined) throw missingVoxelFile(header.file);
  return assemble(voxels, assembled.header);
}

export async function readNiftiSource(source: ByteSource): Promise<Omit<ImageFile, "format">> {
  const image = scaledImageOf(await assembleWhole(source), source.file);
  const { header, warnings } = image;
  const pair = header.container === "pair" ? " (.hdr/.img)" : "";
  const description = {
    version: `NIfTI-${header.version}${pair}`,
    stored: header.datatype.name,
    affineFrom: header.affineSource,
    ...(header.description !== "" && { text: header.description }),
  };
  return {
    volume: volumeOfNifti(image, source.file === undefined ? {} : { file: source.file }),
    warnings,
    description,
  };
}

/** An `.img` stands for the header beside it; every other file for itself. */
export async function headerOfPair(source: ByteSource): Promise<ByteSource | undefined> {
  return /\.img(\.gz)?$/i.test(source.file ?? "") ? sibling(source, "hdr") : undefined;
}

async function sibling(source: ByteSource, extension: string): Promise<ByteSource | undefined> {
  const name = (source.file ?? "").split(/[/\\]/).at(-1)!;
  const stem = name.replace(/\.[^.]+(\.gz)?$/i, "");
  for (const suffix of [extension, `${extension}.gz`, extension.toUpperCase()]) {
    const found = await source.beside(`${stem}.${suffix}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function assemble(source: ByteSource, pairHeader?: NiftiHeader): Promise<AssembledNifti> {
  const { file, size } = source;
  const packed = isGzip(await source.read(0, 3));
  const available = packed ? size * largestGzipRatio : size;
  const announced = packed ? announcedLength(await source.read(Math.max(0, size - 4), 4)) : size;
  const assembler = new NiftiAssembler({ file, available, announced, pairHeader });
  for await (const part of source.pieces(packed ? "gzip" : "raw")) {
    assembler.push(part);
    // The rest of a packed stream is looked at for its checksum.
    if (assembler.complete && !packed) break;
  }
  return assembler.finish();
}
