/** Volumes into files. */
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream";
import { constants, createDeflate, createGzip } from "node:zlib";
import { writeFileAtomic } from "@rfmedsam/base/node";
import type { Packing } from "../formats/byte-source.js";
import { type EncodedFile, encodeVolume, type WriteVolumeOptions } from "../formats/volume-files.js";
import type { Volume } from "../volume.js";

const piece = 1 << 20;

/**
 * Writes a volume, whole or not at all, in the format of the name's ending: `.nii`, `.nii.gz`, `.nrrd`, `.mha`, or `.mhd` with its voxels
 * in a `.zraw` or `.raw` beside it.
 *
 * @throws ConfigError for another ending, or if a voxel does not fit `dtype`; ResourceError on a full disk; FileError
 */
export async function writeVolume(path: string, volume: Volume, options: WriteVolumeOptions = {}): Promise<void> {
  for (const file of encodeVolume(volume, basename(path), options)) {
    await writeFileAtomic(join(dirname(path), file.name), bytesOf(file));
  }
}

async function* bytesOf({ parts }: EncodedFile): AsyncGenerator<Uint8Array, void, void> {
  for (const { packing, bytes } of parts) yield* packed(packing, bytes);
}

function packed(packing: Packing, bytes: Iterable<Uint8Array>): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
  if (packing === "raw") return bytes;
  const pack = packing === "gzip" ? createGzip : createDeflate;
  const stream = pack({ level: constants.Z_DEFAULT_COMPRESSION, chunkSize: piece });
  return pipeline(inPieces(bytes), stream, () => {}) as AsyncIterable<Uint8Array>;
}

/** A stream copies nothing it is given whole, but zlib holds on to what it is given until it is through with it. */
function* inPieces(bytes: Iterable<Uint8Array>): Generator<Uint8Array, void, void> {
  for (const part of bytes) for (let at = 0; at < part.length; at += piece) yield part.subarray(at, at + piece);
}
