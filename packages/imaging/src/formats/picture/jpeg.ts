/**
 * JPEG pictures, decoded by MozJPEG (a libjpeg-turbo) in WebAssembly: the same pixels, bit for bit, as Pillow and OpenCV read
 * (docs/decisions/007-jpeg-reading.md). The markers are walked first, so that nothing is decoded that claims too much or ends too early.
 *
 * Pixels come as they are stored: an orientation in the camera's EXIF data turns nothing, as in Pillow. Source: ITU-T T.81.
 */
import { FormatError } from "@rfmedsam/base";
import type { RgbPicture } from "../../picture.js";
import { checkSize, damaged } from "./limits.js";

export function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

/**
 * @param wasm the decoder's code, for where it cannot be fetched from beside the script (Node)
 * @throws FormatError
 */
export async function decodeJpeg(bytes: Uint8Array, file?: string, wasm?: Uint8Array): Promise<RgbPicture> {
  const { width, height } = inspectJpeg(bytes, file);
  const { rgba, failure, complaints } = await inTurn(() => runDecoder(bytes, wasm));
  const fault = complaints.find((text) => !harmless.test(text))?.trim();
  if (rgba === undefined || fault !== undefined) {
    throw damaged(`a JPEG picture that cannot be decoded (${fault ?? String(failure)})`, file, failure);
  }
  const rgb = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < rgb.length; from += 4, to += 3) {
    rgb[to] = rgba[from]!;
    rgb[to + 1] = rgba[from + 1]!;
    rgb[to + 2] = rgba[from + 2]!;
  }
  return { width, height, data: rgb };
}

interface Decoded {
  readonly rgba?: ArrayLike<number>;
  readonly failure?: unknown;
  /** What the decoder wrote while it worked. */
  readonly complaints: readonly string[];
}

const written: string[] = [];
let started = false;

/** Loads the decoder with the first picture. */
async function runDecoder(bytes: Uint8Array, wasm: Uint8Array | undefined): Promise<Decoded> {
  const { default: decode, init } = await import("@jsquash/jpeg/decode.js");
  if (!started) {
    const channels = { print: () => {}, printErr: (text: string) => written.push(text) };
    await init(wasm === undefined ? channels : { ...channels, wasmBinary: wasm });
    started = true;
  }
  try {
    // not `slice`: a Buffer's shares memory with others
    const { data } = (await decode(new Uint8Array(bytes).buffer)) as { readonly data: ArrayLike<number> };
    return { rgba: data, complaints: written.splice(0) };
  } catch (failure) {
    // what an exception leaves behind would spoil the next picture
    started = false;
    return { failure, complaints: written.splice(0) };
  }
}

let turn: Promise<unknown> = Promise.resolve();

/** One picture after the other: the decoder has one place to complain. */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const done = turn.then(work);
  turn = done.catch(() => {});
  return done;
}

/** Cameras leave padding between parts; the decoder mentions it, the pixels are whole. */
const harmless = /extraneous bytes before marker/;

/** Frame markers that are read, and in words those that are not. */
const frames: Readonly<Record<number, "read" | string>> = {
  192: "read",
  193: "read",
  194: "read",
  195: "a lossless JPEG picture",
  197: "a hierarchical JPEG picture",
  198: "a hierarchical JPEG picture",
  199: "a hierarchical JPEG picture",
  201: "an arithmetically coded JPEG picture",
  202: "an arithmetically coded JPEG picture",
  203: "an arithmetically coded JPEG picture",
  205: "a hierarchical JPEG picture",
  206: "a hierarchical JPEG picture",
  207: "a hierarchical JPEG picture",
};

/** More scans than any encoder writes would only keep the decoder busy. */
const mostScans = 100;
/** A block of 8×8 pixels takes at least a bit. */
const mostPixelsPerByte = 8 * 64;

/** Walks the markers to the end of the picture. @throws FormatError for what is not read, and for claims that cannot be true */
function inspectJpeg(bytes: Uint8Array, file: string | undefined): { width: number; height: number } {
  let size: { width: number; height: number } | undefined;
  let scans = 0;
  let at = 2;
  for (;;) {
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++; // padding
    if (at + 4 > bytes.length && bytes[at + 1] !== endOfImage) {
      throw damaged("a JPEG picture that ends too early", file);
    }
    if (bytes[at] !== 0xff) throw damaged(`a JPEG picture without a marker at byte ${at}`, file);
    const marker = bytes[at + 1]!;
    if (marker === endOfImage) break;
    const length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    const content = bytes.subarray(at + 4, at + 2 + length);
    if (length < 2 || at + 2 + length > bytes.length) throw damaged("a JPEG picture that ends too early", file);
    const frame = frames[marker];
    if (frame !== undefined) {
      if (size !== undefined) throw damaged("a JPEG picture with two frames", file);
      size = parseFrame(frame, content, file);
      if (size.width * size.height > bytes.length * mostPixelsPerByte) {
        throw damaged(`a JPEG picture that claims ${size.width}×${size.height} pixels in ${bytes.length} bytes`, file);
      }
    }
    at += 2 + length;
    if (marker === startOfScan) {
      scans += 1;
      if (scans > mostScans) throw damaged(`a JPEG picture of more than ${mostScans} scans`, file);
      at = endOfScan(bytes, at);
    }
  }
  if (size === undefined || scans === 0) throw damaged("a JPEG picture without pixels", file);
  return size;
}

const endOfImage = 0xd9;
const startOfScan = 0xda;

/** Where the coded data ends: at the next marker that is neither a stuffed zero nor a restart. */
function endOfScan(bytes: Uint8Array, start: number): number {
  for (let at = bytes.indexOf(0xff, start); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1];
    const inside = next === 0 || next === 0xff || (next !== undefined && next >= 0xd0 && next <= 0xd7);
    if (!inside) return at;
  }
  return bytes.length;
}

function parseFrame(frame: string, content: Uint8Array, file: string | undefined): { width: number; height: number } {
  if (content.length < 6) throw damaged("a JPEG picture with a frame cut short", file);
  const [bits, components] = [content[0]!, content[5]!];
  const [height, width] = [(content[1]! << 8) | content[2]!, (content[3]! << 8) | content[4]!];
  const problem =
    frame !== "read"
      ? frame
      : bits !== 8
        ? `a JPEG picture with ${bits} bits per colour`
        : components !== 1 && components !== 3
          ? `a JPEG picture with ${components} colours per pixel (as for printing)`
          : undefined;
  if (problem !== undefined) {
    throw new FormatError({
      file,
      found: problem,
      expected: "a baseline or progressive JPEG picture, grey or in RGB, 8 bits",
      hint: "save it as PNG",
    });
  }
  checkSize(width, height, file);
  return { width, height };
}
