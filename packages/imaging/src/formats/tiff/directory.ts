/**
 * The directories of a TIFF file, one per page: classic and BigTIFF, either byte order. Every count and offset is checked against the file
 * before anything follows it. Sources: TIFF 6.0 (Adobe, 1992); BigTIFF design (libtiff).
 */
import { FormatError } from "@rfmedsam/base";
import type { ByteSource } from "../byte-source.js";

/** What a page says of itself: numbers by tag. */
export type Tags = ReadonlyMap<number, readonly number[]>;

/** The tags that matter to the pixels. */
export const tag = {
  subfileType: 254,
  width: 256,
  height: 257,
  bits: 258,
  compression: 259,
  photometric: 262,
  fillOrder: 266,
  stripOffsets: 273,
  orientation: 274,
  samples: 277,
  rowsPerStrip: 278,
  stripCounts: 279,
  planar: 284,
  predictor: 317,
  colourMap: 320,
  tileWidth: 322,
  tileHeight: 323,
  tileOffsets: 324,
  tileCounts: 325,
  sampleFormat: 339,
} as const;
const wanted: ReadonlySet<number> = new Set(Object.values(tag));

/** Pages of the longest stack that is read. */
const mostPages = 65_536;

export interface TiffDirectories {
  readonly littleEndian: boolean;
  readonly pages: readonly Tags[];
}

export function isTiff(bytes: Uint8Array): boolean {
  const [a, b, c, d] = bytes;
  const version = a === 0x49 ? c! + 256 * d! : 256 * c! + d!;
  return a === b && (a === 0x49 || a === 0x4d) && (version === 42 || version === 43);
}

/** @throws FormatError */
export async function readDirectories(source: ByteSource): Promise<TiffDirectories> {
  const start = await source.read(0, 16);
  const littleEndian = start[0] === 0x49;
  const big = viewOf(start).getUint16(2, littleEndian) === 43;
  const reader = new DirectoryReader(source, littleEndian, big);
  const pages: Tags[] = [];
  const seen = new Set<number>();
  let at = reader.pointer(start, big ? 8 : 4);
  while (at !== 0) {
    if (seen.has(at) || pages.length >= mostPages) {
      throw damagedTiff(source, seen.has(at) ? "directories that lead in a circle" : `more than ${mostPages} pages`);
    }
    seen.add(at);
    const { tags, next } = await reader.directory(at);
    pages.push(tags);
    at = next;
  }
  return { littleEndian, pages };
}

export function damagedTiff(source: ByteSource, found: string): FormatError {
  return new FormatError({
    file: source.file,
    found: `a TIFF file with ${found}`,
    expected: "a whole TIFF file",
    hint: "the file is damaged or cut short: copy or download it again",
  });
}

/** Bytes and reading of the types that counts and offsets have; others are left out. */
const types: Readonly<Record<number, { bytes: number; read(view: DataView, at: number, little: boolean): number }>> = {
  1: { bytes: 1, read: (view, at) => view.getUint8(at) },
  3: { bytes: 2, read: (view, at, little) => view.getUint16(at, little) },
  4: { bytes: 4, read: (view, at, little) => view.getUint32(at, little) },
  13: { bytes: 4, read: (view, at, little) => view.getUint32(at, little) },
  16: { bytes: 8, read: (view, at, little) => Number(view.getBigUint64(at, little)) },
};

class DirectoryReader {
  /** Bytes of values read so far. Each is in the file once, so all directories together cannot list more than it holds. */
  #listed = 0;

  constructor(
    private readonly source: ByteSource,
    private readonly littleEndian: boolean,
    private readonly big: boolean,
  ) {}

  pointer(bytes: Uint8Array, at: number): number {
    const view = viewOf(bytes);
    if (at + (this.big ? 8 : 4) > bytes.length) throw damagedTiff(this.source, "an end inside a directory");
    return this.big ? Number(view.getBigUint64(at, this.littleEndian)) : view.getUint32(at, this.littleEndian);
  }

  async directory(at: number): Promise<{ tags: Tags; next: number }> {
    const { source, littleEndian, big } = this;
    const [countBytes, entryBytes, valueAt, room] = big ? [8, 20, 12, 8] : [2, 12, 8, 4];
    const head = await source.read(at, countBytes);
    if (head.length < countBytes) throw damagedTiff(source, `a directory at byte ${at} of ${source.size}`);
    const count = big ? Number(viewOf(head).getBigUint64(0, littleEndian)) : viewOf(head).getUint16(0, littleEndian);
    if (count > 65_535) throw damagedTiff(source, `a directory of ${count} entries`);
    const bytes = await source.read(at + countBytes, count * entryBytes + room);
    if (bytes.length < count * entryBytes + room) throw damagedTiff(source, "an end inside a directory");
    const view = viewOf(bytes);
    const tags = new Map<number, readonly number[]>();
    for (let entry = 0; entry < count * entryBytes; entry += entryBytes) {
      const name = view.getUint16(entry, littleEndian);
      const type = types[view.getUint16(entry + 2, littleEndian)];
      if (!wanted.has(name) || type === undefined) continue;
      const length = this.pointer(bytes, entry + 4);
      const size = length * type.bytes;
      this.#listed += size;
      if (size > source.size || this.#listed > source.size) {
        throw damagedTiff(source, `${length} values of tag ${name}, more than it has room for`);
      }
      const from = size <= room ? -1 : this.pointer(bytes, entry + valueAt);
      const values = from < 0 ? bytes.subarray(entry + valueAt) : await source.read(from, size);
      if (values.length < size) throw damagedTiff(source, `values of tag ${name} outside the file`);
      const numbers = viewOf(values);
      tags.set(
        name,
        Array.from({ length }, (_, n) => type.read(numbers, n * type.bytes, littleEndian)),
      );
    }
    return { tags, next: this.pointer(bytes, count * entryBytes) };
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
