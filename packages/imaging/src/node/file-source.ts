/**
 * Files on disk as byte sources. Packed bytes are inflated by zlib, off this thread, checksums verified; a file is open only while it is
 * read, so that a volume in many files needs no more than one at a time.
 */
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream";
import { createGunzip, createInflate } from "node:zlib";
import { FileError } from "@rfmedsam/base";
import { fileErrorOf } from "@rfmedsam/base/node";
import type { ByteSource, Packing } from "../formats/byte-source.js";
import { damagedGzip } from "../formats/gzip.js";

const piece = 1 << 20;

/** @throws FileError if the file is missing, a folder, no file at all (a device, a pipe), or not readable */
export async function fileSource(path: string): Promise<ByteSource> {
  const facts = await explained(path, () => stat(path));
  if (facts.isFile()) return new FileSource(path, facts.size);
  throw new FileError({
    file: path,
    found: facts.isDirectory() ? "is a folder" : "is no regular file",
    expected: "the file of an image",
    hint: "name a file in it",
  });
}

class FileSource implements ByteSource {
  constructor(
    readonly file: string,
    readonly size: number,
  ) {}

  read(from: number, length: number): Promise<Uint8Array> {
    return readRange(this.file, from, Math.max(0, Math.min(length, this.size - from)));
  }

  async *pieces(packing: Packing, from = 0, to = this.size): AsyncGenerator<Uint8Array, void, void> {
    if (to <= from && packing === "raw") return;
    const stored = createReadStream(this.file, { start: from, end: Math.max(from, to - 1), highWaterMark: piece });
    const inflate = { raw: undefined, gzip: createGunzip, zlib: createInflate }[packing];
    const bytes = inflate === undefined ? stored : pipeline(stored, inflate({ chunkSize: piece }), () => {});
    try {
      for await (const part of bytes) yield part as Uint8Array;
    } catch (cause) {
      throw readError(cause, this.file, packing);
    }
  }

  async beside(name: string): Promise<ByteSource | undefined> {
    const path = join(dirname(this.file), basename(name));
    const facts = await stat(path).catch(() => undefined);
    return facts?.isFile() ? new FileSource(path, facts.size) : undefined;
  }
}

/**
 * The `length` bytes of a file from byte `from`.
 * @throws FileError if the file ends before them (somebody cut it short after its size was asked for), is missing or not readable
 */
export function readRange(file: string, from: number, length: number): Promise<Uint8Array> {
  return explained(file, async () => {
    const handle = await open(file, "r");
    try {
      const room = new Uint8Array(length);
      for (let filled = 0; filled < length; ) {
        const { bytesRead } = await handle.read(room, filled, length - filled, from + filled);
        if (bytesRead === 0) {
          throw new FileError({
            file,
            found: `an end after ${filled} of the ${length} bytes from byte ${from}`,
            expected: "all of them",
            hint: "the file was cut short while it was read: wait until it is written whole, then try again",
          });
        }
        filled += bytesRead;
      }
      return room;
    } finally {
      await handle.close();
    }
  });
}

function readError(cause: unknown, file: string, packing: Packing): unknown {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === "Z_BUF_ERROR") return damagedGzip(`a ${packing} stream that ends too early`, file, cause);
  if (code?.startsWith("Z_")) return damagedGzip(`a damaged ${packing} stream (${message})`, file, cause);
  return fileErrorOf(cause, file, "check the path");
}

async function explained<T>(path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    throw fileErrorOf(cause, path, "check the path");
  }
}
