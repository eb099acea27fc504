/**
 * Stored samples of single frames: where each frame lies in a file, unpacked if need be. What a header claims is held against the file's
 * size before anything is made room for. Source: DICOM PS3.5 sections 8 and A.4.
 */
import { FormatError, joinBytes } from "@rfmedsam/base";
import { type Samples, unpackers } from "./codecs/decode-frame.js";
import type { LoadWasm } from "./codecs/webassembly.js";
import { inflateStart } from "./dataset.js";
import type { ImageHeader } from "./image-header.js";
import { tags } from "./tags.js";

/** Deflate cannot shrink data further than this. */
const largestDeflateRatio = 1032;

interface Refusal {
  readonly found: string;
  readonly expected: string;
  readonly hint?: string;
}

/** Refuses what is not read, and pixels that cannot all be there, from the header alone. @throws FormatError */
export function checkPixels(image: ImageHeader): void {
  const refusal = refusalOf(image);
  if (refusal !== undefined) {
    throw new FormatError({ file: image.source.name, hint: "export the images again", ...refusal });
  }
  const { pixels, syntax, source, start, frames } = image;
  if (syntax.codec !== "none") return;
  const needed = frameBytes(image) * frames.length;
  const room = syntax.deflated
    ? (source.size - start) * largestDeflateRatio
    : Math.max(0, source.size - pixels!.offset);
  const present = Math.min(pixels!.length!, room);
  if (present < needed) throw tooShort(image, present, needed);
}

function refusalOf({ layout, pixels, syntax, frames, hasModalityLut }: ImageHeader): Refusal | undefined {
  const { rows, columns, samplesPerPixel, photometric, bitsAllocated, bitsStored, highBit } = layout;
  if (pixels === undefined) return { found: "no pixels", expected: "an image", hint: "leave this file out" };
  if (syntax.codec === undefined) {
    return {
      found: `the transfer syntax ${syntax.uid} (${syntax.name})`,
      expected: "uncompressed, deflated, RLE, JPEG, JPEG-LS or JPEG 2000",
      hint: "export the images uncompressed (explicit VR little endian)",
    };
  }
  if (pixels.tag !== tags.pixelData) {
    return { found: "pixels as floating-point numbers", expected: "pixels as whole numbers" };
  }
  if (samplesPerPixel !== 1 || !photometric.startsWith("MONOCHROME")) {
    return {
      found: `"${photometric}" pixels of ${samplesPerPixel} values`,
      expected: "grey values",
      hint: "the images are in colour; save the wanted one as PNG or JPEG and read that",
    };
  }
  if (rows === 0 || columns === 0) {
    return { found: `an image of ${columns}×${rows} pixels`, expected: "at least one pixel" };
  }
  if (frames.length === 0) return { found: "an impossible number of frames", expected: "at least one frame" };
  if (![8, 16, 32].includes(bitsAllocated)) {
    return { found: `pixels of ${bitsAllocated} bits`, expected: "8, 16 or 32 bits" };
  }
  if (bitsStored < 1 || highBit >= bitsAllocated || highBit + 1 < bitsStored) {
    return { found: `${bitsStored} bits up to bit ${highBit}`, expected: `bits within ${bitsAllocated}` };
  }
  if (hasModalityLut) return { found: "values given by a lookup table", expected: "slope and intercept" };
  if ((syntax.codec === "none") !== (pixels.length !== undefined)) {
    const kind = syntax.codec === "none" ? "packed" : "plain";
    return { found: `${kind} pixels in the transfer syntax "${syntax.name}"`, expected: "the other kind" };
  }
  return undefined;
}

function tooShort(image: ImageHeader, present: number, needed: number): FormatError {
  const { rows, columns } = image.layout;
  const frames = image.frames.length > 1 ? `${image.frames.length} frames of ` : "";
  return new FormatError({
    file: image.source.name,
    found: `${present} bytes of pixels`,
    expected: `${needed} bytes for ${frames}${columns}×${rows} pixels`,
    hint: "the file is damaged or cut short: copy or export it again",
  });
}

function frameBytes({ layout }: ImageHeader): number {
  return (layout.rows * layout.columns * layout.bitsAllocated) / 8;
}

/** The samples of a file's frames, on demand. */
export type FrameReader = (index: number) => Promise<Samples>;

/**
 * Reads a checked file (`checkPixels`) and finds its frames.
 *
 * @throws FormatError if frames are missing; asking for a frame throws if it is damaged
 */
export async function openFrames(image: ImageHeader, loadWasm?: LoadWasm): Promise<FrameReader> {
  const { syntax, pixels, source, layout } = image;
  const { codec } = syntax;
  if (codec === "none" || codec === undefined) {
    const length = frameBytes(image);
    const needed = length * image.frames.length;
    const { bytes, base } = await plainBytes(image, pixels!.offset, needed);
    if (bytes.length < base + needed) throw tooShort(image, Math.max(0, bytes.length - base), needed);
    const swap = syntax.bigEndian && (layout.bitsAllocated > 8 || pixels!.words);
    return async (index) => plainSamples(bytes, base + index * length, length, layout.bitsAllocated, swap);
  }
  const bytes = await source.read(0, source.size);
  const frames = packedFrames(image, bytes);
  return async (index) => {
    const { rows, columns, bitsAllocated } = layout;
    const packed = frames[index]!;
    if (packed.length === 0) throw tooShort(image, 0, 1);
    return unpackers[codec](packed, { rows, columns, bitsAllocated, file: source.name, loadWasm });
  };
}

/** The pixels' bytes with those in front of them (`base`), as they are in the file or after inflating. */
async function plainBytes(
  { syntax, source, start }: ImageHeader,
  offset: number,
  length: number,
): Promise<{ bytes: Uint8Array; base: number }> {
  if (!syntax.deflated) return { bytes: await source.read(offset, offset + length), base: 0 };
  const packed = await source.read(start, source.size);
  return { bytes: inflateStart(packed, offset + length, source.name), base: offset };
}

function plainSamples(bytes: Uint8Array, from: number, length: number, bits: number, swap: boolean): Samples {
  if (bits === 8 && !swap) return bytes.subarray(from, from + length);
  // A copy is aligned, and may be turned around.
  const copy = new Uint8Array(Math.ceil(length / 4) * 4);
  copy.set(bytes.subarray(from, from + length));
  if (swap) swapBytes(copy, Math.max(2, bits / 8));
  if (bits === 8) return copy.subarray(0, length);
  return bits === 16 ? new Uint16Array(copy.buffer, 0, length / 2) : new Uint32Array(copy.buffer, 0, length / 4);
}

function swapBytes(bytes: Uint8Array, size: number): void {
  for (let at = 0; at + size <= bytes.length; at += size) {
    for (let low = at, high = at + size - 1; low < high; low++, high--) {
      const kept = bytes[low]!;
      bytes[low] = bytes[high]!;
      bytes[high] = kept;
    }
  }
}

/** The packed bytes of every frame. @throws FormatError if they cannot be told apart */
function packedFrames(image: ImageHeader, bytes: Uint8Array): Uint8Array[] {
  const { source, frames, pixels } = image;
  const damaged = (found: string, cause?: unknown) =>
    new FormatError({
      file: source.name,
      found,
      expected: `${frames.length} packed ${frames.length === 1 ? "frame" : "frames"}`,
      hint: "the file is damaged or cut short: copy or export it again",
      cause,
    });
  const { fragments, offsets, complete } = packedItems(bytes, pixels!.offset);
  if (!complete) throw damaged("packed pixels that end too early");
  const starts = frameStarts(fragments, offsets, bytes, frames.length);
  if (starts === undefined) throw damaged(`${fragments.length} pieces of packed pixels`);
  return starts.map((start, index) => joined(bytes, fragments.slice(start, starts[index + 1] ?? fragments.length)));
}

interface Fragment {
  readonly position: number;
  readonly length: number;
  /** From the first fragment's item on, as the offset table counts. */
  readonly offset: number;
}

/** The items after the pixels' element: the offset table, then the fragments up to the delimiter. */
function packedItems(
  bytes: Uint8Array,
  start: number,
): { fragments: Fragment[]; offsets: number[]; complete: boolean } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fragments: Fragment[] = [];
  const offsets: number[] = [];
  let base: number | undefined;
  for (let at = start; at + 8 <= bytes.length; ) {
    const [group, element, length] = [
      view.getUint16(at, true),
      view.getUint16(at + 2, true),
      view.getUint32(at + 4, true),
    ];
    if (group === 0xfffe && element === 0xe0dd) return { fragments, offsets, complete: true };
    if (group !== 0xfffe || element !== 0xe000 || at + 8 + length > bytes.length) break;
    if (base === undefined) {
      for (let i = 0; i + 4 <= length; i += 4) offsets.push(view.getUint32(at + 8 + i, true));
      base = at + 8 + length;
    } else fragments.push({ position: at + 8, length, offset: at - base });
    at += 8 + length;
  }
  return { fragments, offsets, complete: false };
}

/** Index of each frame's first fragment: by the offset table, one by one, or by the marker that starts a picture. */
function frameStarts(
  fragments: readonly Fragment[],
  offsets: readonly number[],
  bytes: Uint8Array,
  frames: number,
): number[] | undefined {
  if (frames === 1) return fragments.length > 0 ? [0] : undefined;
  if (offsets.length === frames) {
    const byOffset = new Map(fragments.map(({ offset }, index) => [offset, index]));
    const starts = offsets.map((offset) => byOffset.get(offset) ?? -1);
    if (starts.every((start, index) => start > (starts[index - 1] ?? -1))) return starts;
  }
  if (fragments.length === frames) return fragments.map((_, index) => index);
  const starts = fragments.flatMap(({ position, length }, index) =>
    length >= 2 && bytes[position] === 0xff && (bytes[position + 1] === 0xd8 || bytes[position + 1] === 0x4f)
      ? [index]
      : [],
  );
  return starts.length === frames && starts[0] === 0 ? starts : undefined;
}

function joined(bytes: Uint8Array, fragments: readonly Fragment[]): Uint8Array {
  const [first] = fragments;
  if (fragments.length === 1) return bytes.subarray(first!.position, first!.position + first!.length);
  return joinBytes(fragments.map(({ position, length }) => bytes.subarray(position, position + length)));
}
