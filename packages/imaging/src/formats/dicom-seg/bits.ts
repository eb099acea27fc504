/**
 * One bit per pixel: frames follow one another without gaps, so a frame may begin inside a byte; the first pixel is a byte's lowest bit.
 * Source: DICOM PS3.5 section 8.1.1 and annex D.
 */
import type { Placement } from "./placement.js";

/** Calls `visit` with the voxel of each pixel that is set in the frame whose first pixel is bit `start`. */
export function forEachSetBit(
  bits: Uint8Array,
  start: number,
  rows: number,
  columns: number,
  { base, column, row }: Placement,
  visit: (voxel: number) => void,
): void {
  // Counted from the frame's first byte: bits of a whole file may be more than 32-bit operators can count.
  const frame = bits.subarray(Math.floor(start / 8));
  const first = start % 8;
  const end = first + rows * columns;
  for (let bit = first; bit < end; ) {
    const next = Math.min(end, (bit | 7) + 1);
    let rest = frame[bit >> 3]! >> (bit & 7);
    // Most of a mask is empty: whole bytes of zeros are passed over.
    for (; rest !== 0 && bit < next; bit++, rest >>= 1) {
      if ((rest & 1) === 0) continue;
      const pixel = bit - first;
      const r = Math.floor(pixel / columns);
      visit(base + r * row + (pixel - r * columns) * column);
    }
    bit = next;
  }
}

/** Bytes for so many bits, made even as DICOM demands. */
export function evenBytes(bits: number): number {
  return Math.ceil(bits / 16) * 2;
}
