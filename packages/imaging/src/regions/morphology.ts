/**
 * Growing and shrinking masks. What lies outside the volume counts as background unless said otherwise, as in scipy.ndimage: a mask that
 * touches the border is eaten there, too.
 */
import { ConfigError, GeometryError } from "@rfmedsam/base";
import { type Triple, voxelCount } from "../volume.js";
import { distanceTransform } from "./distance.js";

export interface MorphologyOptions {
  /** Which neighbours count: 6 share a face, 18 an edge too, 26 a corner too. */
  readonly connectivity?: 6 | 18 | 26;
  readonly iterations?: number;
  /** What lies outside the volume. */
  readonly outside?: 0 | 1;
}

/** The voxels all of whose neighbours are in the mask. @param mask `[z, y, x]`, not 0 inside @returns 0/1 */
export function erode(mask: Uint8Array, shape: Triple, options: MorphologyOptions = {}): Uint8Array {
  return repeat(mask, shape, options, 0);
}

/** The mask and its neighbours. */
export function dilate(mask: Uint8Array, shape: Triple, options: MorphologyOptions = {}): Uint8Array {
  return repeat(mask, shape, options, 1);
}

/** Erosion, then dilation: takes away what is thin. */
export function open(mask: Uint8Array, shape: Triple, options: MorphologyOptions = {}): Uint8Array {
  return dilate(erode(mask, shape, options), shape, options);
}

/** Dilation, then erosion: fills what is narrow. */
export function close(mask: Uint8Array, shape: Triple, options: MorphologyOptions = {}): Uint8Array {
  return erode(dilate(mask, shape, options), shape, options);
}

/** Everything whose centre is at most `radius` from a voxel of the mask. @param spacing `[z, y, x]`, in the unit of the radius */
export function dilateBall(mask: Uint8Array, shape: Triple, radius: number, spacing: Triple = [1, 1, 1]): Uint8Array {
  if (!(radius >= 0)) throw new ConfigError({ found: `a radius of ${radius}`, expected: "a number from 0" });
  const distances = distanceTransform(
    Uint8Array.from(mask, (value) => (value === 0 ? 1 : 0)),
    shape,
    spacing,
  );
  // distances are roots of sums: the last bit must not decide about a voxel at the radius itself
  const reach = radius * (1 + 2 ** -50);
  return Uint8Array.from(distances, (distance) => (distance <= reach ? 1 : 0));
}

/**
 * One voxel further, `iterations` times.
 * @param spreading the value that wins over its neighbours: 1 grows the mask, 0 shrinks it
 */
function repeat(
  mask: Uint8Array,
  shape: Triple,
  { connectivity = 6, iterations = 1, outside = 0 }: MorphologyOptions,
  spreading: 0 | 1,
): Uint8Array {
  if (mask.length !== voxelCount(shape)) {
    throw new GeometryError({ found: `a mask of ${mask.length} voxels`, expected: `${shape.join("×")} voxels` });
  }
  if (!Number.isInteger(iterations) || iterations < 0) {
    throw new ConfigError({ found: `${iterations} iterations`, expected: "a whole number from 0" });
  }
  const [depth, height, width] = shape;
  // A margin of one voxel, so that every voxel has all its neighbours.
  const [row, slice] = [width + 2, (width + 2) * (height + 2)];
  let from = new Uint8Array(slice * (depth + 2)).fill(outside);
  eachRow((at, start) => {
    for (let x = 0; x < width; x++) from[start + x] = mask[at + x] === 0 ? 0 : 1;
  });
  let to = from.slice();
  const offsets = Int32Array.from(neighbours(connectivity, row, slice));
  for (let iteration = 0; iteration < iterations; iteration++) {
    eachRow((_, start) => {
      for (let i = start; i < start + width; i++) {
        let value = from[i]!;
        for (let n = 0; value !== spreading && n < offsets.length; n++) value = from[i + offsets[n]!]!;
        to[i] = value;
      }
    });
    [from, to] = [to, from];
  }
  const out = new Uint8Array(mask.length);
  eachRow((at, start) => out.set(from.subarray(start, start + width), at));
  return out;

  function eachRow(visit: (at: number, start: number) => void): void {
    for (let z = 0; z < depth; z++) {
      for (let y = 0; y < height; y++) visit((z * height + y) * width, (z + 1) * slice + (y + 1) * row + 1);
    }
  }
}

function* neighbours(connectivity: 6 | 18 | 26, row: number, slice: number): Generator<number> {
  const axes = { 6: 1, 18: 2, 26: 3 }[connectivity];
  for (const z of [-1, 0, 1]) {
    for (const y of [-1, 0, 1]) {
      for (const x of [-1, 0, 1]) {
        const differing = Math.abs(z) + Math.abs(y) + Math.abs(x);
        if (differing > 0 && differing <= axes) yield z * slice + y * row + x;
      }
    }
  }
}
