/** The bytes of an archive's records, held to what the directory says of them. */
import { crc32, inflateRawSync } from "node:zlib";
import type { ByteSource } from "./byte-source.js";
import { damaged } from "./problems.js";
import type { ZipEntry } from "./zip.js";

/** A record's bytes, checked: a view where it is stored, a new array where it is deflated. @throws CheckpointError */
export function readRecord(source: ByteSource, entry: ZipEntry): Uint8Array {
  const stored = source.bytes(entry.start, entry.storedBytes);
  const bytes = entry.deflated ? inflate(source.file, entry, stored) : stored;
  if (crc32(bytes) !== entry.crc32) throw wrongChecksum(source.file, entry.name);
  return bytes;
}

export function wrongChecksum(file: string, name: string): Error {
  return damaged(
    file,
    "crc_mismatch",
    `the bytes of its record "${name}" are not the ones that were written (CRC-32)`,
    {
      expected: "an undamaged file",
      hint: "copy or download it again",
    },
  );
}

/** The directory's size is the limit: whoever lies about it is stopped there. */
function inflate(file: string, { name, bytes }: ZipEntry, stored: Uint8Array): Uint8Array {
  let inflated: Uint8Array;
  try {
    // One piece with room to spare: nothing is put together from pieces, which would take the memory twice.
    inflated = inflateRawSync(stored, { maxOutputLength: Math.max(1, bytes), chunkSize: Math.max(64, bytes + 1) });
  } catch (cause) {
    throw damaged(file, "malformed_zip", `the record "${name}" of its archive does not inflate to its ${bytes} bytes`, {
      cause,
    });
  }
  if (inflated.length !== bytes) {
    throw damaged(
      file,
      "malformed_zip",
      `the record "${name}" of its archive inflates to ${inflated.length} bytes, not ${bytes}`,
    );
  }
  return inflated;
}
