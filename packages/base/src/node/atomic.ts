/**
 * Nothing is half-written: bytes go to a temporary name beside the target, are flushed to disk, then renamed over it. Whatever
 * stops the process in between (a full disk, a kill) leaves the old file, or none.
 */
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileErrorOf, outputErrorOf } from "./files.js";
import { makeFolder } from "./folders.js";

let serial = 0;

function temporaryName(target: string): string {
  serial += 1;
  return `${target}.${process.pid}-${serial}.part`;
}

/** What may be written: one piece, or pieces one after the other (so that a large file is never held whole). */
export type Bytes = string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Writes `target` whole or not at all; its folder is made if missing.
 *
 * @throws ResourceError when the disk is full, FileError for every other refusal
 */
export async function writeFileAtomic(target: string, bytes: Bytes): Promise<void> {
  const temporary = temporaryName(target);
  let handle: FileHandle | undefined;
  try {
    await makeFolder(dirname(target));
    handle = await open(temporary, "wx");
    await writeAll(handle, bytes);
    await handle.sync();
    await handle.close();
    handle = undefined;
    await rename(temporary, target);
  } catch (cause) {
    await handle?.close().catch(() => {});
    await rm(temporary, { force: true }).catch(() => {});
    throw outputErrorOf(cause, target);
  }
}

async function writeAll(handle: FileHandle, bytes: Bytes): Promise<void> {
  if (typeof bytes === "string" || bytes instanceof Uint8Array) {
    await handle.writeFile(bytes);
    return;
  }
  for await (const piece of bytes) {
    for (let at = 0; at < piece.byteLength; ) {
      const { bytesWritten } = await handle.write(piece, at, Math.min(piece.byteLength - at, 1 << 30));
      at += bytesWritten;
    }
  }
}

/** `writeFileAtomic` of a value as indented JSON with a final newline. */
export function writeJsonAtomic(target: string, value: unknown): Promise<void> {
  return writeFileAtomic(target, `${JSON.stringify(value, null, 2)}\n`);
}

/**
 * Fills a new folder through `fill(temporaryFolder)` and renames it to `target` when all is there. `target` must not exist.
 *
 * @throws FileError when `target` exists already; whatever `fill` throws, after removing what it wrote
 */
export async function writeFolderAtomic(target: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const temporary = temporaryName(target);
  try {
    await makeFolder(temporary);
    await fill(temporary);
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true });
    throw cause;
  }
  try {
    await makeFolder(dirname(join(target)));
    await rename(temporary, target);
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true });
    throw fileErrorOf(cause, target, "choose another name or remove it first");
  }
}
