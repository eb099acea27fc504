/** Where a reader's bytes come from: memory, or a file that is mapped (mapped-file.ts). Parsing depends on this alone. */

export interface ByteSource {
  /** What errors call it. */
  readonly file: string;
  readonly size: number;
  /** The bytes from `start`, as a view. The caller has checked that they are there. */
  bytes(start: number, length: number): Uint8Array;
}

/** Bytes in memory. */
export function sourceOf(bytes: Uint8Array, file: string): ByteSource {
  return { file, size: bytes.length, bytes: (start, length) => bytes.subarray(start, start + length) };
}

/** A run of bytes in a file: a record of an archive, or a storage of the older format. */
export interface StoredBytes {
  /** Where it begins in the file. */
  readonly start: number;
  /** What it takes there. */
  readonly storedBytes: number;
  /** What it is long; more than it takes when it is deflated. */
  readonly bytes: number;
  readonly deflated: boolean;
  /** CRC-32 of the `bytes`, where the format keeps one. */
  readonly crc32?: number;
}

/** A DataView over exactly the bytes of an array. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
