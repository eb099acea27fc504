/** Writes archives like torch.save does, or as another tool might, for tests of the reader. */
import { crc32, deflateRawSync } from "node:zlib";

export interface ZipRecord {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly deflated?: boolean;
}

export interface ZipStyle {
  /** Where data begin, by padding in the record's header: a multiple of this. */
  readonly alignment?: number;
  /** Sizes and offsets in 64 bits, as archives beyond 4 GB have them. */
  readonly zip64?: boolean;
}

/** The archive in pieces, so that large ones need not be held twice. */
export function zipPieces(
  records: readonly ZipRecord[],
  { alignment = 1, zip64 = false }: ZipStyle = {},
): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  const put = (piece: Uint8Array) => {
    pieces.push(piece);
    at += piece.length;
  };
  for (const { name, bytes, deflated = false } of records) {
    const stored = deflated ? deflateRawSync(bytes) : bytes;
    const label = Buffer.from(name);
    const start = at;
    const padding = alignment === 1 ? 0 : 4 + (alignment - ((start + 30 + label.length + 4) % alignment));
    const extra = Buffer.alloc(padding);
    if (padding > 0) extra.writeUInt32LE(0x4246 | ((padding - 4) << 16));
    // What both headers share: flags, method, time and date, checksum, sizes, length of the name.
    const common = (wide: boolean) => {
      const fields = Buffer.alloc(22);
      fields.writeUInt16LE(0x0800, 0);
      fields.writeUInt16LE(deflated ? 8 : 0, 2);
      fields.writeUInt32LE(crc32(bytes), 8);
      fields.writeUInt32LE(wide ? 0xffffffff : stored.length, 12);
      fields.writeUInt32LE(wide ? 0xffffffff : bytes.length, 16);
      fields.writeUInt16LE(label.length, 20);
      return fields;
    };
    put(Buffer.concat([numbers([0x04034b50, 4], [45, 2]), common(false), numbers([padding, 2]), label, extra]));
    put(stored);
    const wide = zip64 ? numbers([1, 2], [24, 2], [bytes.length, 8], [stored.length, 8], [start, 8]) : Buffer.alloc(0);
    const place = numbers([wide.length, 2], [0, 2], [0, 2], [0, 2], [0, 4], [zip64 ? 0xffffffff : start, 4]);
    directory.push(Buffer.concat([numbers([0x02014b50, 4], [45, 2], [45, 2]), common(zip64), place, label, wide]));
  }
  const start = at;
  for (const entry of directory) put(entry);
  const [count, size, end] = [records.length, at - start, at];
  if (zip64) {
    put(
      numbers(
        [0x06064b50, 4],
        [44, 8],
        [45, 2],
        [45, 2],
        [0, 4],
        [0, 4],
        [count, 8],
        [count, 8],
        [size, 8],
        [start, 8],
      ),
    );
    put(numbers([0x07064b50, 4], [0, 4], [end, 8], [1, 4]));
  }
  const counts = zip64 ? 0xffff : count;
  put(
    numbers(
      [0x06054b50, 4],
      [0, 2],
      [0, 2],
      [counts, 2],
      [counts, 2],
      [size, 4],
      [zip64 ? 0xffffffff : start, 4],
      [0, 2],
    ),
  );
  return pieces;
}

export function zipFile(records: readonly ZipRecord[], style: ZipStyle = {}): Buffer {
  return Buffer.concat(zipPieces(records, style));
}

/** Little-endian numbers: value and bytes. */
function numbers(...fields: (readonly [value: number, bytes: number])[]): Buffer {
  return Buffer.concat(
    fields.map(([value, bytes]) => {
      const buffer = Buffer.alloc(8);
      buffer.writeBigUInt64LE(BigInt(value));
      return buffer.subarray(0, bytes);
    }),
  );
}
