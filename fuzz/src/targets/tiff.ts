/** TIFF as a volume: pages are slices. */
import { deflateSync } from "node:zlib";
import { readImageSource, sourceOfBytes } from "@rfmedsam/imaging";
import { inflatedMemory, type Target } from "../target.js";
import { checkVolume } from "./checks.js";

interface TiffStyle {
  readonly littleEndian?: boolean;
  readonly big?: boolean;
  readonly pages?: number;
  /** Bits, sample format, photometric, samples per pixel. */
  readonly kind?: readonly [number, number, number, number];
  readonly compression?: number;
  readonly pack?: (bytes: Uint8Array) => Uint8Array;
  /** Further entries: tag and value, both 16 bits. */
  readonly entries?: readonly (readonly [number, number])[];
  readonly tiled?: boolean;
}

/** 4×6 pixels, in two strips or tiles of 16×16. */
function tiff({
  littleEndian = true,
  big = false,
  pages = 1,
  kind = [8, 1, 1, 1],
  compression = 1,
  pack = (bytes) => bytes,
  entries = [],
  tiled = false,
}: TiffStyle): Uint8Array {
  const [bits, format, photometric, samples] = kind;
  const [width, height] = [4, 6];
  const out = Buffer.alloc(1 << 14);
  const u16 = (at: number, value: number) =>
    littleEndian ? out.writeUInt16LE(value, at) : out.writeUInt16BE(value, at);
  const u32 = (at: number, value: number) =>
    littleEndian ? out.writeUInt32LE(value, at) : out.writeUInt32BE(value, at);
  const wide = (at: number, value: number) => {
    if (!big) return u32(at, value);
    return littleEndian ? out.writeBigUInt64LE(BigInt(value), at) : out.writeBigUInt64BE(BigInt(value), at);
  };
  const room = big ? 8 : 4;
  out.write(littleEndian ? "II" : "MM", 0, "latin1");
  u16(2, big ? 43 : 42);
  if (big) u16(4, 8);
  let link = big ? 8 : 4;
  let end = link + room;
  const append = (bytes: Uint8Array) => {
    const at = end + (end % 2);
    out.set(bytes, at);
    end = at + bytes.length;
    return at;
  };
  for (let page = 0; page < pages; page++) {
    const row = Math.ceil(((tiled ? 16 : width) * bits * samples) / 8);
    const raw = Uint8Array.from({ length: row * (tiled ? 16 : height / 2) }, (_, at) => (at * 3 + page) % 4);
    const blocks = Array.from({ length: tiled ? 1 : 2 }, () => pack(raw)).map((bytes) => ({
      at: append(bytes),
      length: bytes.length,
    }));
    const list = (values: readonly number[]) => {
      const at = end + (end % 2);
      for (const [index, value] of values.entries()) u32(at + 4 * index, value);
      end = at + 4 * values.length;
      return at;
    };
    const pair = (values: readonly number[]): [number, number, number] =>
      values.length === 1 ? [4, 1, values[0]!] : big ? [4, 2, -1] : [4, values.length, list(values)];
    const all: (readonly [number, number, number, number])[] = [
      [256, 3, 1, width],
      [257, 3, 1, height],
      [258, 3, 1, bits],
      [259, 3, 1, compression],
      [262, 3, 1, photometric],
      [tiled ? 324 : 273, ...pair(blocks.map(({ at }) => at))],
      [277, 3, 1, samples],
      ...(tiled
        ? ([
            [322, 3, 1, 16],
            [323, 3, 1, 16],
          ] as const)
        : ([[278, 3, 1, height / 2]] as const)),
      [tiled ? 325 : 279, ...pair(blocks.map(({ length }) => length))],
      [339, 3, 1, format],
      ...entries.map(([tag, value]): [number, number, number, number] => [tag, 3, 1, value]),
    ];
    const start = end + (end % 2);
    wide(link, start);
    const width2 = big ? 20 : 12;
    if (big) wide(start, all.length);
    else u16(start, all.length);
    let at = start + (big ? 8 : 2);
    for (const [tag, type, count, value] of all.sort(([a], [b]) => a - b)) {
      u16(at, tag);
      u16(at + 2, type);
      wide(at + 4, count);
      const place = at + 4 + room;
      if (value === -1)
        for (const [index, { at: from, length }] of blocks.entries())
          u32(place + 4 * index, tag === 273 || tag === 324 ? from : length);
      else if (type === 3) u16(place, value);
      else u32(place, value);
      at += width2;
    }
    link = at;
    end = at + room;
  }
  return Uint8Array.from(out.subarray(0, end));
}

/** PackBits: literal runs. */
const literal = (bytes: Uint8Array) => Buffer.concat([Buffer.of(bytes.length - 1), bytes]);
/** LZW of nine-bit codes alone: clear, one code for each byte, end. */
function lzw(bytes: Uint8Array): Uint8Array {
  const codes = [256, ...bytes, 257];
  const bits = codes.map((code) => code.toString(2).padStart(9, "0")).join("");
  return Uint8Array.from({ length: Math.ceil(bits.length / 8) }, (_, at) =>
    Number.parseInt(bits.slice(8 * at, 8 * at + 8).padEnd(8, "0"), 2),
  );
}

export const tiffSeeds = (): Uint8Array[] => [
  tiff({}),
  tiff({ littleEndian: false, kind: [16, 2, 1, 1], pages: 3 }),
  tiff({ big: true, kind: [32, 3, 1, 1], pages: 2 }),
  tiff({ kind: [8, 1, 2, 3], compression: 8, pack: (bytes) => deflateSync(bytes, { level: 0 }), entries: [[317, 2]] }),
  tiff({ kind: [16, 1, 0, 1], compression: 32773, pack: literal }),
  tiff({ compression: 5, pack: lzw, entries: [[317, 2]] }),
  tiff({ kind: [1, 1, 1, 1], entries: [[274, 3]] }),
  tiff({ tiled: true, littleEndian: false }),
  tiff({ tiled: true, compression: 32946, pack: (bytes) => deflateSync(bytes), pages: 2 }),
];

/** Tags with their types, both byte orders. */
const tokens = [256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 339].flatMap(
  (tag) =>
    [1, 3, 4, 16].flatMap((type) => [
      Uint8Array.of(tag & 255, tag >> 8, type, 0),
      Uint8Array.of(tag >> 8, tag & 255, 0, type),
    ]),
);

export const tiffTarget: Target = {
  name: "tiff",
  seeds: tiffSeeds,
  tokens: ["II*\0", "MM\0*", "II+\0\u0008\0\0\0", ...tokens],
  // LZW as the reader allows it expands 4096 times, each page up to the size of a picture.
  memory: (bytes) => Math.max(500e6, inflatedMemory(bytes)),
  async parse(bytes) {
    checkVolume((await readImageSource(sourceOfBytes(bytes, { file: "input.tif" }))).volume);
  },
};
