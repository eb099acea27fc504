/**
 * PNG pictures. fast-png undoes the filters; in front of it stands a check that believes no claim: chunks must lie inside the file, and
 * the compressed pixels are inflated once piece by piece to see that they are as many as the header says. Chunks that do not matter to
 * the pixels (texts, colour profiles, times) never reach the decoder.
 *
 * Colours come out as Pillow's `convert("RGB")` gives them, which is what SAM's own examples read: grey becomes three equal colours,
 * palettes are looked up, transparency is dropped (the colours stored under it count). 16-bit samples are rounded to 8 (v / 257).
 * Of an animation the first picture is read. Source: PNG (Third Edition), W3C.
 */
import { FormatError, joinBytes } from "@rfmedsam/base";
import { type DecodedPng, decode, encode } from "fast-png";
import { Unzlib } from "fflate";
import { checkPicture, type RgbPicture } from "../../picture.js";
import { largestGzipRatio } from "../gzip.js";
import { checkSize, damaged } from "./limits.js";

export const pngSignature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] as const;

export function isPng(bytes: Uint8Array): boolean {
  return pngSignature.every((byte, at) => bytes[at] === byte);
}

/** Samples as the file holds them, one element each. */
export interface PngSamples {
  readonly height: number;
  readonly width: number;
  /** 1 grey or palette index, 2 grey and alpha, 3 RGB, 4 RGB and alpha. */
  readonly channels: number;
  /** Bits of a sample: 1, 2, 4, 8 or 16. */
  readonly depth: number;
  /** `[height, width, channels]` */
  readonly data: Uint8Array | Uint16Array;
  /** Colours (with or without alpha) of the indices. */
  readonly palette: readonly (readonly number[])[] | undefined;
}

/** @throws FormatError */
export function decodePngSamples(bytes: Uint8Array, file?: string): PngSamples {
  const { header, essential } = inspectPng(bytes, file);
  let png: DecodedPng;
  try {
    png = decode(essential, { checkCrc: true });
  } catch (cause) {
    throw damaged(`a damaged PNG picture (${(cause as Error).message})`, file, cause);
  }
  const { width, height, channels, depth } = header;
  const data = depth < 8 ? unpack(png.data as Uint8Array, header) : (png.data as Uint8Array | Uint16Array);
  return { width, height, channels, depth, data, palette: png.palette };
}

/** @throws FormatError */
export function decodePng(bytes: Uint8Array, file?: string): RgbPicture {
  const { width, height, channels, depth, data, palette } = decodePngSamples(bytes, file);
  const rgb = new Uint8Array(width * height * 3);
  if (palette !== undefined) {
    const colours = new Uint8Array(3 * 256);
    for (const [index, colour] of palette.entries()) colours.set(colour.slice(0, 3), 3 * index);
    for (let at = 0; at < data.length; at++) {
      const index = data[at]!;
      if (index >= palette.length) throw damaged(`colour ${index} of a palette of ${palette.length}`, file);
      rgb[3 * at] = colours[3 * index]!;
      rgb[3 * at + 1] = colours[3 * index + 1]!;
      rgb[3 * at + 2] = colours[3 * index + 2]!;
    }
    return { width, height, data: rgb };
  }
  // The largest sample becomes 255: factors 255, 85, 17 and 1; 1/257 for 16 bits.
  const scale = 255 / (2 ** depth - 1);
  const [green, blue] = channels >= 3 ? [1, 2] : [0, 0];
  for (let from = 0, to = 0; to < rgb.length; from += channels, to += 3) {
    rgb[to] = Math.round(data[from]! * scale);
    rgb[to + 1] = Math.round(data[from + green]! * scale);
    rgb[to + 2] = Math.round(data[from + blue]! * scale);
  }
  return { width, height, data: rgb };
}

/** Grey values, 8 or 16 bits each: masks and labels. */
export interface GreyPicture {
  readonly height: number;
  readonly width: number;
  /** `[height, width]`, row by row. */
  readonly data: Uint8Array | Uint16Array;
}

/** The bytes of a PNG file. @throws GeometryError when the data has another length than the sizes say */
export function encodePng({ width, height, data }: RgbPicture): Uint8Array {
  checkPicture({ width, height, data });
  return encode({ width, height, data, channels: 3, depth: 8 });
}

/** The same for grey values. */
export function encodeGreyPng({ width, height, data }: GreyPicture): Uint8Array {
  return encode({ width, height, data, channels: 1, depth: data instanceof Uint16Array ? 16 : 8 });
}

interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly channels: number;
  readonly interlaced: boolean;
}

/** Samples per pixel and allowed bits of each colour type. */
const colourTypes: Readonly<Record<number, { channels: number; depths: readonly number[] }>> = {
  0: { channels: 1, depths: [1, 2, 4, 8, 16] },
  2: { channels: 3, depths: [8, 16] },
  3: { channels: 1, depths: [1, 2, 4, 8] },
  4: { channels: 2, depths: [8, 16] },
  6: { channels: 4, depths: [8, 16] },
};

/** What the pixels depend on; everything else is left out. */
const essentialChunks = new Set(["IHDR", "PLTE", "tRNS", "IDAT", "IEND"]);

/** Checks the file's structure and claims. @returns its header, and the file without the chunks that do not matter */
function inspectPng(bytes: Uint8Array, file: string | undefined): { header: PngHeader; essential: Uint8Array } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kept: Uint8Array[] = [bytes.subarray(0, 8)];
  const pixels: Uint8Array[] = [];
  let header: PngHeader | undefined;
  let ended = false;
  for (let at = 8; !ended; ) {
    if (at + 12 > bytes.length) throw damaged("a PNG picture that ends too early", file);
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const end = at + 12 + length;
    if (end > bytes.length) throw damaged(`a PNG picture whose part ${JSON.stringify(type)} ends after the file`, file);
    const content = bytes.subarray(at + 8, end - 4);
    if ((header === undefined) !== (type === "IHDR")) throw damaged("a PNG picture with a misplaced header", file);
    if (type === "IHDR") header = parseHeader(content, file);
    if (type === "IDAT") pixels.push(content);
    if (essentialChunks.has(type)) kept.push(bytes.subarray(at, end));
    ended = type === "IEND";
    at = end;
  }
  if (header === undefined) throw damaged("a PNG picture without a header", file);
  checkPixels(header, pixels, file);
  return { header, essential: joinBytes(kept) };
}

function parseHeader(content: Uint8Array, file: string | undefined): PngHeader {
  if (content.length !== 13) throw damaged(`a PNG header of ${content.length} bytes`, file);
  const view = new DataView(content.buffer, content.byteOffset, 13);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const [depth, colourType, interlace] = [view.getUint8(8), view.getUint8(9), view.getUint8(12)];
  const kind = colourTypes[colourType];
  if (kind === undefined || !kind.depths.includes(depth) || interlace > 1) {
    throw damaged(`a PNG picture of colour type ${colourType} with ${depth} bits, interlacing ${interlace}`, file);
  }
  checkSize(width, height, file);
  if (interlace === 1 && depth < 8) {
    throw new FormatError({
      file,
      found: `an interlaced PNG picture with ${depth} bit${depth === 1 ? "" : "s"} per sample`,
      expected: "at least 8 bits, or no interlacing",
      hint: "save the picture again without interlacing",
    });
  }
  return { width, height, depth, channels: kind.channels, interlaced: interlace === 1 };
}

/** The seven passes of an interlaced picture: first column and row, and the steps. */
const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** Bytes of all filtered lines, each with one byte that names its filter. */
function filteredBytes({ width, height, channels, depth, interlaced }: PngHeader): number {
  const lines = (columns: number, rows: number) =>
    columns > 0 && rows > 0 ? rows * (1 + Math.ceil((columns * channels * depth) / 8)) : 0;
  if (!interlaced) return lines(width, height);
  return adam7.reduce(
    (sum, [x, y, dx, dy]) => sum + lines(Math.ceil((width - x) / dx), Math.ceil((height - y) / dy)),
    0,
  );
}

function checkPixels(header: PngHeader, pixels: readonly Uint8Array[], file: string | undefined): void {
  const wanted = filteredBytes(header);
  const packed = pixels.reduce((sum, { length }) => sum + length, 0);
  const claim = `${header.width}×${header.height} pixels`;
  if (wanted > packed * largestGzipRatio) {
    throw damaged(`a PNG picture that claims ${claim} in ${packed} compressed bytes`, file);
  }
  let found = 0;
  const inflator = new Unzlib((piece) => {
    found += piece.length;
    if (found > wanted) throw damaged(`a PNG picture with more data than its ${claim} need`, file);
  });
  try {
    for (const part of pixels) {
      for (let at = 0; at < part.length; at += step) inflator.push(part.subarray(at, at + step), false);
    }
    inflator.push(new Uint8Array(0), true);
  } catch (cause) {
    throw cause instanceof FormatError
      ? cause
      : damaged(`damaged pixels of a PNG picture (${(cause as Error).message})`, file, cause);
  }
  if (found < wanted) throw damaged(`a PNG picture with ${found} of the ${wanted} bytes that its ${claim} need`, file);
}

/** One push of this size inflates to some tens of MB at most. */
const step = 1 << 15;

/** Lines of 1, 2 or 4-bit samples, each starting at a byte, to one sample per element. */
function unpack(packed: Uint8Array, { width, height, depth }: PngHeader): Uint8Array {
  const out = new Uint8Array(width * height);
  const line = Math.ceil((width * depth) / 8);
  const mask = 2 ** depth - 1;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const bit = column * depth;
      out[row * width + column] = (packed[row * line + (bit >> 3)]! >> (8 - depth - (bit & 7))) & mask;
    }
  }
  return out;
}
