/** One page of a TIFF file: what its tags claim, checked, and its samples put together from strips or tiles. */
import { FormatError } from "@rfmedsam/base";
import type { ByteSource } from "../byte-source.js";
import { swapBytes } from "../scalars.js";
import { damagedTiff, type Tags, tag } from "./directory.js";
import { type Compression, compressions, otherCompressions } from "./unpack.js";

export interface PageLayout {
  readonly width: number;
  readonly height: number;
  /** Samples per pixel. */
  readonly samples: number;
  /** Bits of a sample: 1, 8, 16, 32 or 64. */
  readonly bits: number;
  readonly format: "uint" | "int" | "float";
  readonly photometric: "white is zero" | "black is zero" | "rgb" | "palette";
  /** Red, then green, then blue of all indices, 16 bits. */
  readonly colourMap: readonly number[];
  readonly orientation: number;
  readonly compression: Compression;
  /** Whether each sample lies in blocks of its own. */
  readonly planar: boolean;
  /** Differences from the pixel to the left are stored. */
  readonly differences: boolean;
  /** Strips are blocks as wide as the page. */
  readonly blockWidth: number;
  readonly blockHeight: number;
  readonly tiled: boolean;
  readonly offsets: readonly number[];
  readonly counts: readonly number[];
}

const formats = { 1: "uint", 2: "int", 3: "float" } as const;
const photometrics = { 0: "white is zero", 1: "black is zero", 2: "rgb", 3: "palette" } as const;

/** Combinations of sample type and meaning that are read. */
const readable = (bits: number, format: string, photometric: string) =>
  photometric === "rgb"
    ? format === "uint" && (bits === 8 || bits === 16)
    : photometric === "palette"
      ? format === "uint" && bits === 8
      : photometric === "white is zero"
        ? format === "uint" && bits <= 16
        : format === "float"
          ? bits === 32 || bits === 64
          : bits <= 32 && (bits > 1 || format === "uint");

/** @throws FormatError for what is missing, contradicts itself, or is not read */
export function pageLayout(page: Tags, source: ByteSource): PageLayout {
  const one = (name: number, otherwise?: number) => {
    const value = page.get(name)?.[0] ?? otherwise;
    if (value !== undefined) return value;
    throw damagedTiff(source, `no tag ${name}`);
  };
  const notRead = (found: string, expected: string) =>
    new FormatError({
      file: source.file,
      found: `a TIFF page with ${found}`,
      expected,
      hint: "save it uncompressed, as grey or RGB",
    });
  const [width, height, samples] = [one(tag.width), one(tag.height), one(tag.samples, 1)];
  const allBits = page.get(tag.bits) ?? [1];
  const bits = allBits[0] ?? 1;
  const format = formats[one(tag.sampleFormat, 1) as 1 | 2 | 3];
  const photometric = photometrics[one(tag.photometric) as 0 | 1 | 2 | 3];
  if (format === undefined || photometric === undefined || allBits.some((each) => each !== bits)) {
    throw notRead(
      `samples of another kind (photometric ${one(tag.photometric)}, ${allBits.join(" ")} bits)`,
      "grey, palette or RGB",
    );
  }
  const sizes = [1, 8, 16, 32, 64].includes(bits) && samples >= 1 && samples <= 16;
  if (!sizes || !readable(bits, format, photometric) || (photometric === "rgb" && samples < 3)) {
    throw notRead(
      `${samples} ${format} samples of ${bits} bits (${photometric})`,
      "grey of 8, 16, 32 bits, or RGB of 8, 16",
    );
  }
  if (bits === 1 && samples > 1) throw notRead(`${samples} samples of one bit`, "one sample of one bit");
  const packing = one(tag.compression, 1);
  const compression = compressions[packing];
  if (compression === undefined) {
    throw notRead(
      `${otherCompressions[packing] ?? `unknown (${packing})`} compression`,
      "no compression, LZW, Deflate or PackBits",
    );
  }
  const predictor = one(tag.predictor, 1);
  if (predictor > 2 || (predictor === 2 && (format === "float" || bits === 1))) {
    throw notRead(`predictor ${predictor} of ${format} samples`, "no predictor, or differences of whole numbers");
  }
  if (one(tag.fillOrder, 1) !== 1) throw notRead("bits in reverse order (FillOrder 2)", "FillOrder 1");
  const tiled = page.has(tag.tileOffsets);
  const layout: PageLayout = {
    width,
    height,
    samples,
    bits,
    format,
    photometric,
    colourMap: page.get(tag.colourMap) ?? [],
    orientation: one(tag.orientation, 1),
    compression,
    planar: one(tag.planar, 1) === 2 && samples > 1,
    differences: predictor === 2,
    blockWidth: tiled ? one(tag.tileWidth) : width,
    blockHeight: tiled ? one(tag.tileHeight) : Math.min(one(tag.rowsPerStrip, height), height),
    tiled,
    offsets: page.get(tiled ? tag.tileOffsets : tag.stripOffsets) ?? [],
    counts: page.get(tiled ? tag.tileCounts : tag.stripCounts) ?? [],
  };
  assertBlocks(layout, source);
  return layout;
}

function assertBlocks(layout: PageLayout, source: ByteSource): void {
  const { width, height, blockWidth, blockHeight, planar, samples, offsets, counts, compression } = layout;
  if (!(blockWidth >= 1 && blockHeight >= 1)) {
    if (width > 0 && height > 0) throw damagedTiff(source, `blocks of ${blockWidth}×${blockHeight} pixels`);
    return; // `checkSize` says what is wrong
  }
  const wanted = Math.ceil(width / blockWidth) * Math.ceil(height / blockHeight) * (planar ? samples : 1);
  if (offsets.length < wanted || counts.length < wanted) {
    throw damagedTiff(source, `${Math.min(offsets.length, counts.length)} of ${wanted} blocks`);
  }
  for (let block = 0; block < wanted; block++) {
    const [offset, count] = [offsets[block]!, counts[block]!];
    const bytes = blockBytes(layout, block);
    if (offset + count > source.size || count * compression.ratio < bytes) {
      throw damagedTiff(source, `block ${block} of ${count} bytes at ${offset}, where ${bytes} must come from`);
    }
  }
}

/** Rows of a block: the last strip may be shorter, tiles are always whole. */
function blockRows({ tiled, blockHeight, height }: PageLayout, block: number): number {
  if (tiled) return blockHeight;
  const perPlane = Math.ceil(height / blockHeight);
  return Math.min(blockHeight, height - (block % perPlane) * blockHeight);
}

function blockBytes(layout: PageLayout, block: number): number {
  const { blockWidth, planar, samples, bits } = layout;
  return Math.ceil((blockWidth * (planar ? 1 : samples) * bits) / 8) * blockRows(layout, block);
}

/** The page's samples, `[height, width, samples]`, in this machine's byte order; single bits become bytes. @throws FormatError */
export async function readPage(
  source: ByteSource,
  layout: PageLayout,
  littleEndian: boolean,
): Promise<Uint8Array<ArrayBuffer>> {
  const { width, height, samples, planar, bits, blockWidth, blockHeight } = layout;
  const size = Math.max(1, bits / 8);
  const page = new Uint8Array(width * height * samples * size);
  const [across, down] = [Math.ceil(width / blockWidth), Math.ceil(height / blockHeight)];
  for (let block = 0; block < across * down * (planar ? samples : 1); block++) {
    const pixels = await readBlock(source, layout, block, littleEndian);
    const plane = Math.floor(block / (across * down));
    const [x, y] = [(block % across) * blockWidth, (Math.floor(block / across) % down) * blockHeight];
    const [columns, rows] = [Math.min(blockWidth, width - x), Math.min(blockRows(layout, block), height - y)];
    for (let row = 0; row < rows; row++) {
      const to = ((y + row) * width + x) * samples * size;
      if (planar) {
        for (let column = 0; column < columns; column++) {
          const from = (row * blockWidth + column) * size;
          page.set(pixels.subarray(from, from + size), to + (column * samples + plane) * size);
        }
      } else {
        const from = row * blockWidth * samples * size;
        page.set(pixels.subarray(from, from + columns * samples * size), to);
      }
    }
  }
  return page;
}

async function readBlock(
  source: ByteSource,
  layout: PageLayout,
  block: number,
  littleEndian: boolean,
): Promise<Uint8Array> {
  const { compression, bits, differences, planar, samples, blockWidth } = layout;
  const packed = await source.read(layout.offsets[block]!, layout.counts[block]!);
  const bytes = new Uint8Array(blockBytes(layout, block));
  let filled: number;
  try {
    filled = compression.unpack(packed, bytes);
  } catch (cause) {
    throw cause instanceof FormatError ? damagedTiff(source, `damaged pixels (${cause.found})`) : cause;
  }
  if (filled < bytes.length) throw damagedTiff(source, `${filled} of ${bytes.length} bytes in block ${block}`);
  if (bits === 1) return bitsToBytes(bytes, blockWidth);
  if (!littleEndian) swapBytes(bytes, bits / 8);
  if (differences) addUp(bytes, bits, blockWidth, planar ? 1 : samples);
  return bytes;
}

function bitsToBytes(bits: Uint8Array, width: number): Uint8Array {
  const perRow = Math.ceil(width / 8);
  const out = new Uint8Array((bits.length / perRow) * width);
  for (let at = 0; at < out.length; at++) {
    const column = at % width;
    out[at] = (bits[((at - column) / width) * perRow + (column >> 3)]! >> (7 - (column & 7))) & 1;
  }
  return out;
}

/** Undoes the differences along each row; the element type wraps as the writer's did. */
function addUp(bytes: Uint8Array<ArrayBuffer>, bits: number, width: number, samples: number): void {
  const Type = bits === 8 ? Uint8Array : bits === 16 ? Uint16Array : Uint32Array;
  const values = new Type(bytes.buffer, bytes.byteOffset, bytes.length / Type.BYTES_PER_ELEMENT);
  const row = width * samples;
  for (let start = 0; start < values.length; start += row) {
    for (let at = start + samples; at < start + row; at++) values[at] = values[at]! + values[at - samples]!;
  }
}
