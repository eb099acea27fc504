/** Axis-aligned boxes of voxels, half-open: `start` is inside, `end` is not; both `[z, y, x]`. */
import { shiftedAffine } from "../geometry.js";
import { emptyLike, type Triple, type Volume, type VoxelArray, voxelCount } from "../volume.js";

export interface Box {
  readonly start: Triple;
  readonly end: Triple;
}

/** A box in a slice, as prompts have it: pixels `(x, y)`, first and last pixel both inside. */
export interface SliceBox {
  readonly slice: number;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export function wholeBox(shape: Triple): Box {
  return { start: [0, 0, 0], end: shape };
}

export function boxShape({ start, end }: Box): Triple {
  return [end[0] - start[0], end[1] - start[1], end[2] - start[2]];
}

/** The smallest box around all voxels that are not 0; `undefined` if there are none. */
export function boundingBox(mask: Uint8Array, shape: Triple): Box | undefined {
  const bounds = new Bounds();
  scanRows(mask, shape, (z, y, x) => bounds.add(z, y, x));
  return bounds.box();
}

/** The smallest box of every label that occurs (0 is background). */
export function labelBoxes(labels: Uint8Array, shape: Triple): ReadonlyMap<number, Box> {
  const bounds = new Map<number, Bounds>();
  scanRows(labels, shape, (z, y, x, label) => {
    const own = bounds.get(label) ?? new Bounds();
    bounds.set(label, own);
    own.add(z, y, x);
  });
  return new Map([...bounds].sort(([a], [b]) => a - b).map(([label, own]) => [label, own.box()!]));
}

/** The smallest box of one label in every slice (along z) where it occurs, ascending. */
export function sliceBoxes(labels: Uint8Array, shape: Triple, label: number): SliceBox[] {
  const boxes: SliceBox[] = [];
  const [, height, width] = shape;
  for (let slice = 0; slice < shape[0]; slice++) {
    let [left, top, right, bottom] = [width, height, -1, -1];
    for (let y = 0; y < height; y++) {
      const row = (slice * height + y) * width;
      for (let x = 0; x < width; x++) {
        if (labels[row + x] !== label) continue;
        if (x < left) left = x;
        if (x > right) right = x;
        if (y < top) top = y;
        bottom = y;
      }
    }
    if (right >= 0) boxes.push({ slice, left, top, right, bottom });
  }
  return boxes;
}

/** The voxels inside a box. */
export function cropData<T extends VoxelArray>(data: T, shape: Triple, box: Box): T {
  const size = boxShape(box);
  const result = emptyLike(data, voxelCount(size));
  forRows(shape, box, (from, at) => {
    result.set(data.subarray(from, from + size[2]) as never, at);
  });
  return result;
}

/** Writes the voxels of a box back into the whole array (`target`, changed). */
export function pasteData<T extends VoxelArray>(target: T, shape: Triple, box: Box, data: T): void {
  const width = box.end[2] - box.start[2];
  forRows(shape, box, (to, from) => {
    target.set(data.subarray(from, from + width) as never, to);
  });
}

/** The part of a volume inside a box; every voxel keeps its place in the patient. */
export function cropVolume<T extends VoxelArray>(volume: Volume<T>, box: Box): Volume<T> {
  return {
    data: cropData(volume.data, volume.shape, box),
    shape: boxShape(box),
    affine: shiftedAffine(volume.affine, box.start),
  };
}

class Bounds {
  readonly #low = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  readonly #high = [-1, -1, -1];

  add(z: number, y: number, x: number): void {
    this.#widen(0, z);
    this.#widen(1, y);
    this.#widen(2, x);
  }

  box(): Box | undefined {
    if (this.#high[0]! < 0) return undefined;
    const end = this.#high.map((last) => last + 1);
    return { start: [...this.#low] as unknown as Triple, end: end as unknown as Triple };
  }

  #widen(axis: number, at: number): void {
    if (at < this.#low[axis]!) this.#low[axis] = at;
    if (at > this.#high[axis]!) this.#high[axis] = at;
  }
}

/** Visits the first and last voxel of every run of equal labels in a row: enough for boxes. */
function scanRows(
  labels: Uint8Array,
  [depth, height, width]: Triple,
  visit: (z: number, y: number, x: number, label: number) => void,
): void {
  let at = 0;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, at++) {
        const label = labels[at]!;
        if (label === 0) continue;
        const starts = x === 0 || labels[at - 1] !== label;
        const ends = x === width - 1 || labels[at + 1] !== label;
        if (starts || ends) visit(z, y, x, label);
      }
    }
  }
}

/** For every row of a box: where it starts in the whole array and in the box's own. */
function forRows(shape: Triple, { start, end }: Box, visit: (whole: number, own: number) => void): void {
  const width = end[2] - start[2];
  let own = 0;
  for (let z = start[0]; z < end[0]; z++) {
    for (let y = start[1]; y < end[1]; y++, own += width) visit((z * shape[1] + y) * shape[2] + start[2], own);
  }
}
