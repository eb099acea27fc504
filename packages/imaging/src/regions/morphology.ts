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
 * @param spreading the value that wins over its neighbours: 1 grows the mask, 0 shrinks it (which is growing the background)
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
  const grid = new Margined(shape);
  const beyond = outside === spreading ? 1 : 0;
  let current = grid.with(beyond);
  grid.eachRow((at, start) => {
    for (let x = 0; x < shape[2]; x++) current[start + x] = (mask[at + x] === 0 ? 0 : 1) === spreading ? 1 : 0;
  });
  const edge = grid.with(beyond);
  for (let iteration = 0; iteration < iterations; iteration++) {
    const grown = spreads[connectivity](current, grid);
    // the margin stays what it was told to be
    grid.eachRow((_, start) => edge.set(grown.subarray(start, start + shape[2]), start));
    current = edge.slice();
  }
  const out = new Uint8Array(mask.length);
  grid.eachRow((at, start) => {
    for (let x = 0; x < shape[2]; x++) out[at + x] = current[start + x] === spreading ? 1 : 0;
  });
  return out;
}

/** A volume with a margin of at least one voxel. Rows are a multiple of four bytes long, so that four voxels are one word. */
class Margined {
  readonly row: number;
  readonly slice: number;
  readonly length: number;

  constructor(readonly shape: Triple) {
    this.row = 4 * Math.ceil((shape[2] + 2) / 4);
    this.slice = this.row * (shape[1] + 2);
    this.length = this.slice * (shape[0] + 2);
  }

  with(value: number): Uint8Array {
    return new Uint8Array(this.length).fill(value);
  }

  /** @param visit index of the row's first voxel without and with the margin */
  eachRow(visit: (at: number, start: number) => void): void {
    const [depth, height, width] = this.shape;
    for (let z = 0; z < depth; z++) {
      for (let y = 0; y < height; y++) {
        visit((z * height + y) * width, (z + 1) * this.slice + (y + 1) * this.row + 1);
      }
    }
  }
}

/** A mask of 0 and 1 and its neighbours along one axis: along x byte by byte, along y and z (`stride` bytes apart) word by word. */
function alongX(mask: Uint8Array): Uint8Array {
  const out = new Uint8Array(mask.length);
  for (let i = 1; i < mask.length - 1; i++) out[i] = mask[i - 1]! | mask[i]! | mask[i + 1]!;
  return out;
}

function along(mask: Uint8Array, stride: number): Uint8Array {
  const [words, step] = [wordsOf(mask), stride / 4];
  const out = new Uint8Array(mask.length);
  const target = wordsOf(out);
  for (let i = step; i < words.length - step; i++) target[i] = words[i - step]! | words[i]! | words[i + step]!;
  return out;
}

/** `a` with everything that `b` has. */
function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const [target, source] = [wordsOf(a), wordsOf(b)];
  for (let i = 0; i < target.length; i++) target[i]! |= source[i]!;
  return a;
}

const wordsOf = (mask: Uint8Array) => new Uint32Array(mask.buffer, mask.byteOffset, mask.length / 4);

/** A mask and its neighbours: those over faces lie along one axis, over edges along two, over corners along all three. */
const spreads: { readonly [Neighbours in 6 | 18 | 26]: (mask: Uint8Array, grid: Margined) => Uint8Array } = {
  6: (mask, { row, slice }) => join(join(alongX(mask), along(mask, row)), along(mask, slice)),
  18(mask, { row, slice }) {
    const [x, y] = [alongX(mask), along(mask, row)];
    return join(join(along(x, row), along(x, slice)), along(y, slice));
  },
  26: (mask, { row, slice }) => along(along(alongX(mask), row), slice),
};
