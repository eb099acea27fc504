/**
 * A strip or tile of a TIFF page, unpacked into exactly the bytes it must hold: what a stream would give beyond them is never made.
 * Source: TIFF 6.0, sections 9 (PackBits) and 13 (LZW).
 */
import { unzlibPieces } from "../gzip.js";

export interface Compression {
  /** The most bytes that one packed byte can become. */
  readonly ratio: number;
  /** @returns how many bytes of `out` were filled */
  unpack(packed: Uint8Array, out: Uint8Array): number;
}

/** By the value of the tag Compression. */
export const compressions: Readonly<Record<number, Compression>> = {
  1: { ratio: 1, unpack: copy },
  5: { ratio: 4096, unpack: unpackLzw },
  8: { ratio: 1032, unpack: inflate },
  32946: { ratio: 1032, unpack: inflate },
  32773: { ratio: 64, unpack: unpackBits },
};

/** Names of the others, for an error. */
export const otherCompressions: Readonly<Record<number, string>> = {
  2: "CCITT (fax)",
  3: "CCITT (fax)",
  4: "CCITT (fax)",
  6: "JPEG",
  7: "JPEG",
  34712: "JPEG 2000",
  50000: "Zstandard",
  50001: "WebP",
};

function copy(packed: Uint8Array, out: Uint8Array): number {
  const part = packed.subarray(0, out.length);
  out.set(part);
  return part.length;
}

function inflate(packed: Uint8Array, out: Uint8Array): number {
  let at = 0;
  for (const piece of unzlibPieces(packed)) {
    at += copy(piece, out.subarray(at));
    if (at === out.length) break;
  }
  return at;
}

function unpackBits(packed: Uint8Array, out: Uint8Array): number {
  let to = 0;
  for (let from = 0; from < packed.length && to < out.length; ) {
    const count = packed[from++]!;
    if (count < 128) {
      const part = packed.subarray(from, from + Math.min(count + 1, out.length - to));
      out.set(part, to);
      to += part.length;
      from += count + 1;
    } else if (count > 128) {
      if (from >= packed.length) break;
      const end = Math.min(to + 257 - count, out.length);
      out.fill(packed[from++]!, to, end);
      to = end;
    }
  }
  return to;
}

const clear = 256;
const endOfData = 257;

/** Each code stands for a run of bytes that was written before: where it began and how long it is. */
function unpackLzw(packed: Uint8Array, out: Uint8Array): number {
  const begin = new Int32Array(4096);
  const lengthOf = new Int32Array(4096);
  let [next, width, to] = [258, 9, 0];
  let [bits, held, from] = [0, 0, 0];
  let [lastBegin, lastLength] = [0, 0];
  while (to < out.length) {
    while (held < width) {
      if (from >= packed.length) return to;
      bits = ((bits << 8) | packed[from++]!) & 0xffffff;
      held += 8;
    }
    held -= width;
    const code = (bits >>> held) & ((1 << width) - 1);
    if (code === endOfData) return to;
    if (code === clear) {
      [next, width, lastLength] = [258, 9, 0];
      continue;
    }
    const start = to;
    if (code < 256) {
      out[to++] = code;
    } else {
      // The code about to be made is the last run and its first byte again.
      const known = code < next;
      if (!known && (code > next || lastLength === 0)) return to;
      const source = known ? begin[code]! : lastBegin;
      const end = Math.min(to + (known ? lengthOf[code]! : lastLength + 1), out.length);
      for (let at = source; to < end; at++) out[to++] = out[at]!;
    }
    if (lastLength > 0 && next < 4096) {
      begin[next] = lastBegin;
      lengthOf[next] = lastLength + 1;
      next++;
    }
    [lastBegin, lastLength] = [start, to - start];
    // TIFF's codes grow one code early.
    width = next >= 2047 ? 12 : next >= 1023 ? 11 : next >= 511 ? 10 : 9;
  }
  return to;
}
