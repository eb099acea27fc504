/** A segmentation's pixels: single bits as they are in the file, or whole samples per frame. */
import { FormatError } from "@rfmedsam/base";
import type { Samples } from "../dicom/codecs/decode-frame.js";
import type { LoadWasm } from "../dicom/codecs/webassembly.js";
import { inflateStart } from "../dicom/dataset.js";
import type { ImageHeader } from "../dicom/image-header.js";
import { checkPixels, openFrames } from "../dicom/pixels.js";
import { evenBytes, forEachSetBit } from "./bits.js";
import type { Placement } from "./placement.js";

export type StoredFrames = BitFrames | SampleFrames;

interface BitFrames {
  readonly kind: "bits";
  readonly bytes: Uint8Array;
  /** The first bit of each frame. */
  readonly start: (frame: number) => number;
  readonly warnings: readonly string[];
}

interface SampleFrames {
  readonly kind: "samples";
  readonly frames: readonly Samples[];
  readonly warnings: readonly string[];
}

/** More samples than this, unpacked, are taken for an attack, unless the file is as large itself. */
const mostUnpacked = 2 ** 28;

/** @throws FormatError if the pixels are of another kind than segmentations have, or not all there */
export async function openStored(image: ImageHeader, bytes: Uint8Array, loadWasm?: LoadWasm): Promise<StoredFrames> {
  const { layout, frames, source } = image;
  if (layout.bitsAllocated === 1) return bitFrames(image, bytes);
  // Label maps may have a table of colours; the pixels are segment numbers all the same.
  const grey = { ...image, layout: { ...layout, photometric: "MONOCHROME2" } };
  checkPixels(grey);
  if (layout.rows * layout.columns * frames.length > Math.max(mostUnpacked, bytes.length)) {
    throw new FormatError({
      file: source.name,
      found: `${frames.length} packed frames of ${layout.columns}×${layout.rows} pixels in ${bytes.length} bytes`,
      expected: `at most ${mostUnpacked} pixels`,
    });
  }
  const read = await openFrames(grey, loadWasm);
  const samples: Samples[] = [];
  for (let frame = 0; frame < frames.length; frame++) samples.push(await read(frame));
  return { kind: "samples", frames: samples, warnings: [] };
}

function bitFrames({ layout, frames, pixels, syntax, source, start }: ImageHeader, file: Uint8Array): BitFrames {
  const { rows, columns, samplesPerPixel } = layout;
  const refuse = (found: string, expected: string): never => {
    throw new FormatError({ file: source.name, found, expected, hint: "copy or export the segmentation again" });
  };
  const size = rows * columns;
  if (size === 0 || samplesPerPixel !== 1) return refuse(`frames of ${columns}×${rows} pixels`, "at least one pixel");
  if (pixels?.length === undefined || syntax.codec !== "none") {
    return refuse(pixels === undefined ? "no pixels" : "packed single-bit pixels", "plain pixels of one bit each");
  }
  const needed = Math.ceil((size * frames.length) / 8);
  const whole = syntax.deflated ? inflateStart(file.subarray(start), pixels.offset + pixels.length, source.name) : file;
  const bytes = whole.subarray(pixels.offset, pixels.offset + pixels.length);
  if (bytes.length < needed) {
    return refuse(
      `${bytes.length} bytes of pixels`,
      `${needed} bytes for ${frames.length} frames of ${columns}×${rows} pixels`,
    );
  }
  const padded = Math.ceil(size / 8) * 8;
  // Some writers begin each frame with a new byte; the length gives them away.
  const aligned =
    padded > size &&
    bytes.length > evenBytes(size * frames.length) &&
    bytes.length === evenBytes(padded * frames.length);
  const swapped = syntax.bigEndian && pixels.words ? swapWords(bytes) : bytes;
  return {
    kind: "bits",
    bytes: swapped,
    start: aligned ? (frame) => frame * padded : (frame) => frame * size,
    warnings: aligned ? ["Each frame begins with a new byte, against the standard; it was read so."] : [],
  };
}

function swapWords(bytes: Uint8Array): Uint8Array {
  return bytes.map((_, index) => bytes[index ^ 1] ?? 0);
}

/** Calls `visit` with voxel and value of each pixel of a frame: of single bits only those that are set, of samples all. */
export function forEachPixel(
  stored: StoredFrames,
  frame: number,
  [rows, columns]: readonly [rows: number, columns: number],
  placement: Placement,
  visit: (voxel: number, value: number) => void,
): void {
  if (stored.kind === "bits") {
    forEachSetBit(stored.bytes, stored.start(frame), rows, columns, placement, (voxel) => visit(voxel, 1));
    return;
  }
  const samples = stored.frames[frame]!;
  for (let r = 0, pixel = 0; r < rows; r++) {
    let voxel = placement.base + r * placement.row;
    for (let c = 0; c < columns; c++, pixel++, voxel += placement.column) visit(voxel, samples[pixel]!);
  }
}
