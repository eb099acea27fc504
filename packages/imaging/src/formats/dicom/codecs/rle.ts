/**
 * DICOM's run-length coding: one segment per byte of a sample, the most significant first, each in PackBits.
 * Source: DICOM PS3.5 annex G.
 */
import { FormatError } from "@rfmedsam/base";

/** A byte pair repeats at most 128 times: a bound on what `n` bytes can hold. */
export const largestRleRatio = 64;

/** @returns one sample per pixel: bytes, or 16- or 32-bit numbers for `bytesPerSample` 2 and 4 */
export function decodeRle(
  bytes: Uint8Array,
  pixels: number,
  bytesPerSample: number,
  file: string,
): Uint8Array | Uint16Array | Uint32Array {
  if (bytes.length < 64) throw damaged(`an RLE frame of ${bytes.length} bytes`, file);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const segments = view.getUint32(0, true);
  if (segments !== bytesPerSample) {
    throw damaged(`an RLE frame of ${segments} segments for samples of ${bytesPerSample} bytes`, file);
  }
  const planes = new Uint8Array(pixels * bytesPerSample);
  for (let segment = 0; segment < segments; segment++) {
    const start = view.getUint32(4 + 4 * segment, true);
    const end = segment + 1 < segments ? view.getUint32(8 + 4 * segment, true) : bytes.length;
    if (start < 64 || end > bytes.length || start >= end) throw damaged("an RLE frame with impossible segments", file);
    unpack(bytes.subarray(start, end), planes, bytesPerSample - 1 - segment, bytesPerSample, file);
  }
  if (bytesPerSample === 1) return planes;
  return bytesPerSample === 2 ? new Uint16Array(planes.buffer) : new Uint32Array(planes.buffer);
}

/** Writes one segment to every `stride`-th byte, little endian as the machine is. */
function unpack(packed: Uint8Array, out: Uint8Array, offset: number, stride: number, file: string): void {
  let [at, to] = [0, offset];
  while (to < out.length) {
    if (at + 1 >= packed.length) throw damaged("an RLE segment that ends too early", file);
    const control = packed[at++]!;
    if (control === 128) continue;
    if (control < 128) {
      if (at + control >= packed.length) throw damaged("an RLE segment that ends too early", file);
      for (let i = 0; i <= control && to < out.length; i++, to += stride) out[to] = packed[at + i]!;
      at += control + 1;
    } else {
      const value = packed[at++]!;
      for (let i = 0; i <= 256 - control && to < out.length; i++, to += stride) out[to] = value;
    }
  }
}

function damaged(found: string, file: string): FormatError {
  return new FormatError({
    file,
    found,
    expected: "RLE segments that fill the image",
    hint: "the file is damaged: copy or export it again",
  });
}
