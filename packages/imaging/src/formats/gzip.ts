/**
 * gzip and zlib in any JavaScript engine, piece by piece so that nothing has to trust a size in the file: several members one after the
 * other, every checksum verified. Inflating is fflate's; the checksum is ours because fflate leaves it out.
 * Sources: RFC 1950 (zlib), RFC 1952 (gzip).
 */
import { FormatError } from "@rfmedsam/base";
import { Gunzip, gzipSync, Unzlib } from "fflate";

/** Deflate cannot shrink data further than this: a bound on what `n` compressed bytes can hold. */
export const largestGzipRatio = 1032;

/** Small enough that one step of a "zip bomb" stays at a few tens of MB. */
const step = 1 << 15;
const unexpectedEnd = 0; // fflate's error code

/** Inflates `bytes` into `sink`, which may throw to stop. @throws FormatError if the stream is damaged or cut short */
export function gunzipInto(bytes: Uint8Array, sink: (piece: Uint8Array) => void, file?: string): void {
  for (const piece of gunzipPieces(bytes, file)) sink(piece);
}

/** The inflated bytes of a gzip stream, piece by piece. @throws FormatError if the stream is damaged or cut short */
export function* gunzipPieces(bytes: Uint8Array, file?: string): Generator<Uint8Array, void, void> {
  let crc = 0;
  let length = 0;
  const ready: Uint8Array[] = [];
  const stream = new Gunzip((piece) => {
    crc = crc32(piece, crc);
    length = (length + piece.length) >>> 0;
    ready.push(piece);
  });
  const endMember = (end: number) => {
    checkTrailer(bytes, end - 8, crc, length, file);
    crc = 0;
    length = 0;
  };
  stream.onmember = endMember;
  yield* pushed(stream, bytes, ready, file);
  endMember(bytes.length);
}

/** The inflated bytes of a zlib stream (RFC 1950), piece by piece. @throws FormatError if the stream is damaged or cut short */
export function* unzlibPieces(bytes: Uint8Array, file?: string): Generator<Uint8Array, void, void> {
  const ready: Uint8Array[] = [];
  const sum = new Adler32();
  const stream = new Unzlib((piece) => {
    sum.add(piece);
    ready.push(piece);
  });
  yield* pushed(stream, bytes, ready, file);
  const trailer = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 4, 4);
  if (trailer.getUint32(0) !== sum.value) throw damagedGzip("a zlib stream with a wrong checksum", file);
}

function* pushed(
  stream: Gunzip | Unzlib,
  bytes: Uint8Array,
  ready: Uint8Array[],
  file?: string,
): Generator<Uint8Array, void, void> {
  const push = (part: Uint8Array, last: boolean) => {
    try {
      stream.push(part, last);
    } catch (cause) {
      throw inflateError(cause, file);
    }
    return ready.splice(0);
  };
  for (let at = 0; at < bytes.length; at += step) yield* push(bytes.subarray(at, at + step), false);
  yield* push(new Uint8Array(0), true);
}

/** The first `wanted` bytes of a gzip stream, fewer if `bytes` (the start of the file) do not give more. */
export function gunzipStart(bytes: Uint8Array, wanted: number): Uint8Array {
  const out = new Uint8Array(wanted);
  let filled = 0;
  const stream = new Gunzip((piece) => {
    const part = piece.subarray(0, wanted - filled);
    out.set(part, filled);
    filled += part.length;
  });
  try {
    for (let at = 0; at < bytes.length && filled < wanted; at += 512) stream.push(bytes.subarray(at, at + 512), false);
  } catch {
    // Whoever reads the whole stream reports the damage; here only the start is asked for.
  }
  return out.subarray(0, filled);
}

/** The uncompressed length (modulo 2³²) that the last member's trailer announces; a hint, not a promise. */
export function announcedLength(end: Uint8Array): number {
  if (end.length < 4) return 0;
  return new DataView(end.buffer, end.byteOffset + end.length - 4, 4).getUint32(0, true);
}

/** @param level 0 (stored) to 9 (smallest) */
export function gzip(bytes: Uint8Array, level: 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 = 6): Uint8Array {
  // A fixed time stamp: the same volume gives the same bytes.
  return gzipSync(bytes, { level, mtime: 0 });
}

export function damagedGzip(found: string, file: string | undefined, cause?: unknown): FormatError {
  return new FormatError({
    file,
    found,
    expected: "a whole gzip stream",
    hint: "the file is damaged or cut short: copy or download it again",
    cause,
  });
}

function inflateError(cause: unknown, file?: string): unknown {
  const code = (cause as { code?: unknown }).code;
  if (typeof code !== "number") return cause;
  return code === unexpectedEnd
    ? damagedGzip("a gzip stream that ends too early", file, cause)
    : damagedGzip(`a damaged gzip stream (${(cause as Error).message})`, file, cause);
}

function checkTrailer(bytes: Uint8Array, at: number, crc: number, length: number, file?: string): void {
  if (at < 18 - 8) throw damagedGzip("a gzip stream that ends too early", file);
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 8);
  if (view.getUint32(4, true) !== length)
    throw damagedGzip("a gzip stream whose length does not fit its trailer", file);
  if (view.getUint32(0, true) !== crc) throw damagedGzip("a gzip stream with a wrong checksum", file);
}

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function crc32(bytes: Uint8Array, start: number): number {
  let crc = ~start;
  for (let i = 0; i < bytes.length; i++) crc = crcTable[(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** zlib's checksum. */
class Adler32 {
  #a = 1;
  #b = 0;

  get value(): number {
    return ((this.#b << 16) | this.#a) >>> 0;
  }

  add(bytes: Uint8Array): void {
    // 3800 bytes at a time: neither sum leaves what a double holds exactly by far.
    for (let from = 0; from < bytes.length; from += 3800) {
      const end = Math.min(from + 3800, bytes.length);
      for (let i = from; i < end; i++) {
        this.#a += bytes[i]!;
        this.#b += this.#a;
      }
      this.#a %= 65521;
      this.#b %= 65521;
    }
  }
}
