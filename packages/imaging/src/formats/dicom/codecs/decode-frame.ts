/**
 * One packed frame → its samples as stored, whichever way it is packed. A frame's own header is held against the file's (`Rows`,
 * `Columns`) before a decoder sees it, so that no decoder makes room for what is not there.
 */
/// <reference path="./decoders.d.ts" />
import { FormatError, RfmedsamError } from "@rfmedsam/base";
import { decodeJpeg } from "../../picture/jpeg.js";
import type { CodecName } from "../transfer-syntaxes.js";
import { endsProperly, jpegFrame } from "./jpeg-frame.js";
import { decodeRle, largestRleRatio } from "./rle.js";
import { decodeWithWasm, type LoadWasm } from "./webassembly.js";

/** Samples before masking: the element type says nothing but their size and sign in the packed frame. */
export type Samples = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array;

/** What the file says about a frame. */
export interface FrameClaim {
  readonly rows: number;
  readonly columns: number;
  readonly bitsAllocated: number;
  readonly file: string;
  readonly loadWasm?: LoadWasm | undefined;
}

type Unpack = (bytes: Uint8Array, claim: FrameClaim) => Promise<Samples>;

/** How each codec unpacks one frame of grey values. */
export const unpackers: Readonly<Record<Exclude<CodecName, "none">, Unpack>> = {
  async rle(bytes, { rows, columns, bitsAllocated, file }) {
    checkRatio(bytes, rows * columns, largestRleRatio, file);
    return decodeRle(bytes, rows * columns, bitsAllocated / 8, file);
  },

  async jpeg(bytes, claim) {
    const { precision } = checkJpeg(bytes, claim);
    if (precision !== 8) throw unusable(`a lossy JPEG frame of ${precision} bits`, "8 bits", claim.file);
    const { width, height, data } = await decodeJpeg(bytes, claim.file, await claim.loadWasm?.("jpeg"));
    const grey = new Uint8Array(width * height);
    for (let i = 0; i < grey.length; i++) grey[i] = data[3 * i]!;
    return grey;
  },

  async "jpeg-lossless"(bytes, claim) {
    const { scan } = checkJpeg(bytes, claim);
    // At least a bit per sample; and the decoder goes on past the end of its input without a word.
    checkRatio(bytes, claim.rows * claim.columns, 8, claim.file);
    if (!endsProperly(bytes, scan)) throw unusable("a JPEG frame that ends too early", "its end marker", claim.file);
    const { Decoder } = await import("jpeg-lossless-decoder-js");
    return attempt("JPEG", claim.file, () => new Decoder().decode(bytes.buffer, bytes.byteOffset, bytes.length));
  },

  async "jpeg-ls"(bytes, claim) {
    const { scan } = checkJpeg(bytes, claim);
    // CharLS goes round for ever in a scan that is cut short without its end marker.
    if (!endsProperly(bytes, scan)) throw unusable("a JPEG-LS frame that ends too early", "its end marker", claim.file);
    return samplesOf(
      await attempt("JPEG-LS", claim.file, () => decodeWithWasm("jpeg-ls", bytes, claim.loadWasm)),
      claim,
    );
  },

  async "jpeg-2000"(bytes, claim) {
    checkJpeg2000(bytes, claim);
    return samplesOf(
      await attempt("JPEG 2000", claim.file, () => decodeWithWasm("jpeg-2000", bytes, claim.loadWasm)),
      claim,
    );
  },
};

function samplesOf(
  frame: { width: number; height: number; bitsPerSample: number; signed: boolean; bytes: Uint8Array },
  { rows, columns, file }: FrameClaim,
): Samples {
  const { bytes, signed, bitsPerSample } = frame;
  const pixels = rows * columns;
  if (frame.width * frame.height !== pixels || bytes.length < pixels * (bitsPerSample > 8 ? 2 : 1)) {
    throw unusable(`a frame that unpacks to ${bytes.length} bytes`, `${columns}×${rows} pixels`, file);
  }
  if (bitsPerSample <= 8) return signed ? new Int8Array(bytes.buffer) : bytes;
  return signed ? new Int16Array(bytes.buffer, 0, pixels) : new Uint16Array(bytes.buffer, 0, pixels);
}

function checkJpeg(bytes: Uint8Array, { rows, columns, file }: FrameClaim): { precision: number; scan: number } {
  const frame = jpegFrame(bytes);
  if (frame === undefined) throw unusable("packed pixels that are no JPEG frame", "a JPEG frame header", file);
  checkSize(frame.width, frame.height, frame.components, rows, columns, file);
  checkRatio(bytes, rows * columns, mostPixelsPerByte, file);
  return frame;
}

/** The size segment comes first in a codestream, which may lie in a box of the JP2 file format. Source: ITU-T T.800 annex A.5.1. */
function checkJpeg2000(bytes: Uint8Array, { rows, columns, file }: FrameClaim): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const limit = Math.min(bytes.length - 42, 1 << 12);
  for (let at = 0; at <= limit; at++) {
    // SOC, SIZ
    if (view.getUint32(at) !== 0xff4fff51) continue;
    const [right, bottom, left, top] = [8, 12, 16, 20].map((offset) => view.getUint32(at + offset));
    checkSize(right! - left!, bottom! - top!, view.getUint16(at + 40), rows, columns, file);
    const [width, height, tilesLeft, tilesTop] = [24, 28, 32, 36].map((offset) => view.getUint32(at + offset));
    const tiles = Math.ceil((right! - tilesLeft!) / width!) * Math.ceil((bottom! - tilesTop!) / height!);
    if (!(tiles >= 1 && tiles * leastTile <= bytes.length)) {
      throw unusable(`${bytes.length} bytes of packed pixels`, `enough for ${tiles} tiles`, file);
    }
    checkRatio(bytes, rows * columns, mostPixelsPerByte, file);
    return;
  }
  throw unusable("packed pixels that are no JPEG 2000 codestream", "a size segment at its start", file);
}

/** Bytes that the headers of a JPEG 2000 tile take. Source: ITU-T T.800 A.4.2, A.4.3. */
const leastTile = 14;

/** A blank picture packs well, but no picture packs better than this. */
const mostPixelsPerByte = 1 << 16;

function checkRatio(bytes: Uint8Array, pixels: number, ratio: number, file: string): void {
  if (pixels <= bytes.length * ratio) return;
  throw unusable(`${bytes.length} bytes of packed pixels`, `enough for ${pixels} pixels`, file);
}

function checkSize(
  width: number,
  height: number,
  components: number,
  rows: number,
  columns: number,
  file: string,
): void {
  if (width === columns && height === rows && components === 1) return;
  throw unusable(
    `a packed frame of ${width}×${height} pixels with ${components} values each`,
    `${columns}×${rows} grey values, as the file's header says`,
    file,
  );
}

async function attempt<T>(name: string, file: string, decode: () => T | Promise<T>): Promise<T> {
  try {
    return await decode();
  } catch (cause) {
    if (cause instanceof RfmedsamError) throw cause;
    const words = cause instanceof Error ? cause.message : String(cause);
    throw unusable(`a ${name} frame that cannot be decoded (${words})`, undefined, file, cause);
  }
}

function unusable(found: string, expected: string | undefined, file: string, cause?: unknown): FormatError {
  return new FormatError({
    file,
    found,
    expected,
    hint: "the file is damaged or of a rare kind: export the images again, uncompressed if possible",
    cause,
  });
}
