/** Labels → the packed bits of a segmentation's frames, in two passes over the volume: what occurs where, then the bits. */
import { evenBytes } from "./bits.js";
import type { Placement } from "./placement.js";

/** A frame to write: segment and slice, both from 0. */
export interface FrameToWrite {
  readonly segment: number;
  readonly slice: number;
}

export interface PackedFrames {
  /** Segment by segment, slices ascending, empty ones left out; never none at all. */
  readonly frames: readonly FrameToWrite[];
  readonly pixels: Uint8Array;
  /** A value above 0 that no segment has. */
  readonly unnamed: number | undefined;
}

/** @param values of each segment */
export function packFrames(
  labels: Uint8Array,
  slices: readonly Placement[],
  rows: number,
  columns: number,
  values: readonly (readonly number[])[],
): PackedFrames {
  const present = slices.map((slice) => presentIn(labels, slice, rows, columns));
  const named = new Set(values.flat());
  const unnamed = [...Array(256).keys()].find(
    (value) => value > 0 && !named.has(value) && present.some((has) => has[value] === 1),
  );
  const frames = values.flatMap((of, segment) =>
    slices.flatMap((_, slice) => (of.some((value) => present[slice]![value] === 1) ? [{ segment, slice }] : [])),
  );
  // A file has to have a frame, even if nothing was found.
  if (frames.length === 0) frames.push({ segment: 0, slice: 0 });
  const size = rows * columns;
  const pixels = new Uint8Array(evenBytes(size * frames.length));
  const bySlice = new Map<number, { segment: number; start: number }[]>();
  for (const [index, { segment, slice }] of frames.entries()) {
    const list = bySlice.get(slice) ?? [];
    list.push({ segment, start: index * size });
    bySlice.set(slice, list);
  }
  for (const [slice, list] of bySlice) {
    // For each value, the frames that hold its voxels: first byte and bits before the frame in it.
    const targets: (readonly [bytes: Uint8Array, first: number])[][] = Array.from({ length: 256 }, () => []);
    for (const { segment, start } of list) {
      const target = [pixels.subarray(Math.floor(start / 8)), start % 8] as const;
      for (const value of new Set(values[segment])) targets[value]!.push(target);
    }
    setBits(labels, slices[slice]!, rows, columns, targets);
  }
  return { frames, pixels, unnamed };
}

/** Which of the 256 values occur in a slice. */
function presentIn(labels: Uint8Array, { base, column, row }: Placement, rows: number, columns: number): Uint8Array {
  const present = new Uint8Array(256);
  for (let r = 0; r < rows; r++) {
    let voxel = base + r * row;
    for (let c = 0; c < columns; c++, voxel += column) present[labels[voxel]!] = 1;
  }
  return present;
}

function setBits(
  labels: Uint8Array,
  { base, column, row }: Placement,
  rows: number,
  columns: number,
  targets: readonly (readonly (readonly [bytes: Uint8Array, first: number])[])[],
): void {
  for (let r = 0, pixel = 0; r < rows; r++) {
    let voxel = base + r * row;
    for (let c = 0; c < columns; c++, pixel++, voxel += column) {
      const value = labels[voxel]!;
      if (value === 0) continue;
      for (const [bytes, first] of targets[value]!) {
        const bit = first + pixel;
        bytes[bit >> 3]! |= 1 << (bit & 7);
      }
    }
  }
}
