/** Where a file's bytes come from: memory in a browser, disk in Node. Files are read twice: the header to sort, then the pixels. */

export interface DicomSource {
  /** Named in errors and warnings. */
  readonly name: string;
  readonly size: number;
  /** The bytes from `from` up to `to` (clipped to the file). */
  read(from: number, to: number): Promise<Uint8Array>;
}

/** A file in memory. */
export function sourceOfBytes(name: string, bytes: Uint8Array): DicomSource {
  return { name, size: bytes.length, read: async (from, to) => bytes.subarray(from, to) };
}
