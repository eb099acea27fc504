/**
 * NIfTI files on disk: content decides what a file is, not its name. Compressed files stream through zlib (off this thread,
 * checksums verified); neither a compressed nor an uncompressed copy of the whole file is held beside the voxels.
 */
import type { Stats } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { pipeline } from "node:stream";
import { constants, createGunzip, createGzip } from "node:zlib";
import { FileError, RfmedsamError } from "@rfmedsam/base";
import { fileErrorOf, writeFileAtomic } from "@rfmedsam/base/node";
import { announcedLength, damagedGzip, gunzipStart, largestGzipRatio } from "../formats/gzip.js";
import { type AssembledNifti, NiftiAssembler } from "../formats/nifti/assemble.js";
import { type NiftiHeader, niftiHeaderBytes, parseNiftiHeader } from "../formats/nifti/header.js";
import { imageOf, missingVoxelFile, type NiftiImage, volumeOfNifti } from "../formats/nifti/read.js";
import { encodeNifti, type WriteNiftiOptions } from "../formats/nifti/write.js";
import { isGzip } from "../formats/sniff.js";
import type { Volume } from "../volume.js";

const piece = 1 << 20;

/**
 * The volume in a `.nii`, `.nii.gz` or `.hdr/.img` file.
 *
 * @throws FileError if the file is missing, a folder or not readable; FormatError, GeometryError for its content
 */
export async function readVolume(path: string): Promise<Volume> {
  return volumeOfNifti(await readNiftiFile(path), { file: path });
}

/** Everything a NIfTI file says (see `readNifti`). */
export async function readNiftiFile(path: string): Promise<NiftiImage> {
  const headerPath = await headerOfPair(path);
  let assembled = await assembleFile(headerPath);
  if (assembled.header.container === "pair") {
    const voxelPath = await voxelsOfPair(headerPath);
    if (voxelPath === undefined) throw missingVoxelFile(headerPath);
    assembled = await assembleFile(voxelPath, assembled.header);
  }
  return imageOf(assembled, path);
}

/** The header alone, without reading the voxels (nor checking that they are all there). */
export async function readImageHeader(path: string): Promise<NiftiHeader> {
  const headerPath = await headerOfPair(path);
  return withFile(headerPath, async (handle) => {
    const start = await readBytes(handle, 1 << 16);
    return parseNiftiHeader(isGzip(start) ? gunzipStart(start, niftiHeaderBytes) : start, headerPath);
  });
}

/**
 * Writes a volume as NIfTI, whole or not at all; gzip if the name ends in `.gz` (or `gzip` says so).
 *
 * @throws ConfigError if a voxel does not fit `dtype`; ResourceError on a full disk; FileError
 */
export async function writeVolume(path: string, volume: Volume, options: WriteNiftiOptions = {}): Promise<void> {
  const { header, voxels } = encodeNifti(volume, options);
  if (!(options.gzip ?? /\.gz$/i.test(path))) {
    await writeFileAtomic(path, [header, voxels]);
    return;
  }
  const gzip = createGzip({ level: constants.Z_DEFAULT_COMPRESSION, chunkSize: piece });
  const source = function* () {
    yield header;
    for (let at = 0; at < voxels.length; at += piece) yield voxels.subarray(at, at + piece);
  };
  const packed = pipeline(source, gzip, () => {}) as AsyncIterable<Uint8Array>;
  await writeFileAtomic(path, packed);
}

async function assembleFile(path: string, pairHeader?: NiftiHeader): Promise<AssembledNifti> {
  return withFile(path, async (handle, { size }) => {
    const packed = isGzip(await readBytes(handle, 3));
    const available = packed ? size * largestGzipRatio : size;
    const announced = packed ? announcedLength(await readBytes(handle, 4, Math.max(0, size - 4))) : size;
    const assembler = new NiftiAssembler({ file: path, available, announced, pairHeader });
    const bytes = handle.createReadStream({ start: 0, highWaterMark: piece, autoClose: false });
    if (!packed) {
      for await (const part of bytes) {
        assembler.push(part as Uint8Array);
        if (assembler.complete) break;
      }
      return assembler.finish();
    }
    const inflated = pipeline(bytes, createGunzip({ chunkSize: piece }), () => {});
    try {
      for await (const part of inflated) assembler.push(part as Uint8Array);
    } catch (cause) {
      throw inflateError(cause, path);
    }
    return assembler.finish();
  });
}

function inflateError(cause: unknown, file: string): unknown {
  if (cause instanceof RfmedsamError) return cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === "Z_BUF_ERROR") return damagedGzip("a gzip stream that ends too early", file, cause);
  if (code?.startsWith("Z_")) return damagedGzip(`a damaged gzip stream (${message})`, file, cause);
  return cause;
}

async function withFile<T>(path: string, use: (handle: FileHandle, stats: Stats) => Promise<T>): Promise<T> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, "r");
    const stats = await handle.stat();
    if (stats.isDirectory()) {
      throw new FileError({
        file: path,
        found: "is a folder",
        expected: "a NIfTI file (.nii or .nii.gz)",
        hint: "name a file in it; convert a DICOM folder to .nii.gz first (dcm2niix)",
      });
    }
    return await use(handle, stats);
  } catch (cause) {
    if (cause instanceof RfmedsamError) throw cause;
    throw fileErrorOf(cause, path, "check the path");
  } finally {
    await handle?.close();
  }
}

async function readBytes(handle: FileHandle, length: number, position = 0): Promise<Uint8Array> {
  const room = new Uint8Array(length);
  const { bytesRead } = await handle.read(room, 0, length, position);
  return room.subarray(0, bytesRead);
}

/** An `.img` stands for the header beside it; every other path for itself. */
async function headerOfPair(path: string): Promise<string> {
  if (!/\.img(\.gz)?$/i.test(path)) return path;
  return (await sibling(path, "hdr")) ?? path;
}

function voxelsOfPair(headerPath: string): Promise<string | undefined> {
  return sibling(headerPath, "img");
}

async function sibling(path: string, extension: string): Promise<string | undefined> {
  const stem = path.replace(/\.[^./\\]+(\.gz)?$/i, "");
  for (const suffix of [extension, `${extension}.gz`, extension.toUpperCase()]) {
    const candidate = `${stem}.${suffix}`;
    if ((await stat(candidate).catch(() => undefined))?.isFile()) return candidate;
  }
  return undefined;
}
