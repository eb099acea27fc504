/**
 * Connected components and holes of masks, in one scan and one relabelling (union–find with path halving, practically linear).
 * Component numbers follow the first voxel in array order, as in scipy.ndimage.label.
 */
import type { Triple } from "../volume.js";

/** Neighbours of a voxel: 6, 18 or 26 in the volume; 4 or 8 inside each slice along z, slices apart from each other. */
export type Connectivity = 4 | 6 | 8 | 18 | 26;

export interface Components {
  /** 0 outside the mask, components from 1. */
  readonly labels: Int32Array;
  readonly count: number;
  /** Voxels of component `n` at index `n`; index 0 counts the background. */
  readonly sizes: readonly number[];
}

/** Components of the voxels that are not 0. @param mask `[z, y, x]` */
export function connectedComponents(mask: Uint8Array, shape: Triple, connectivity: Connectivity): Components {
  const labels = new Int32Array(mask.length);
  const parent = link(mask, shape, connectivity, labels);
  // Roots are the smallest label of their set, and first labels ascend in array order: numbering roots in order suffices.
  const final = new Int32Array(parent.length);
  let count = 0;
  for (let label = 1; label < parent.length; label++) {
    const root = find(parent, label);
    final[label] = root === label ? ++count : final[root]!;
  }
  const sizes = new Array<number>(count + 1).fill(0);
  for (let i = 0; i < labels.length; i++) {
    const label = final[labels[i]!]!;
    labels[i] = label;
    sizes[label]! += 1;
  }
  return { labels, count, sizes };
}

/** The largest component as a mask; the first of equals. An empty mask stays empty. */
export function largestComponent(mask: Uint8Array, shape: Triple, connectivity: Connectivity): Uint8Array {
  const { labels, count, sizes } = connectedComponents(mask, shape, connectivity);
  let largest = 1;
  for (let label = 2; label <= count; label++) if (sizes[label]! > sizes[largest]!) largest = label;
  const result = new Uint8Array(mask.length);
  for (let i = 0; i < result.length; i++) if (labels[i] === largest) result[i] = 1;
  return result;
}

/**
 * The mask (as 0/1) with its holes filled: background that has no way to the border of the volume, or of its slice for 4 and 8.
 *
 * @param connectivity how background voxels hang together; 6 is scipy.ndimage.binary_fill_holes
 */
export function fillHoles(mask: Uint8Array, shape: Triple, connectivity: Connectivity = 6): Uint8Array {
  const background = new Uint8Array(mask.length);
  for (let i = 0; i < mask.length; i++) background[i] = mask[i] === 0 ? 1 : 0;
  const { labels, count } = connectedComponents(background, shape, connectivity);
  const outside = new Uint8Array(count + 1);
  const [depth, height, width] = shape;
  const endsInZ = connectivity === 6 || connectivity === 18 || connectivity === 26;
  for (let z = 0, at = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      const rim = y === 0 || y === height - 1 || (endsInZ && (z === 0 || z === depth - 1));
      for (let x = 0; x < width; x++, at++) if (rim || x === 0 || x === width - 1) outside[labels[at]!] = 1;
    }
  }
  const result = new Uint8Array(mask.length);
  for (let i = 0; i < result.length; i++) result[i] = mask[i] !== 0 || outside[labels[i]!] === 0 ? 1 : 0;
  return result;
}

/** Steps to the neighbours that come earlier in array order: `[dz, dy, dx]`. */
function earlierNeighbours(connectivity: Connectivity): Triple[] {
  const steps: Triple[] = [];
  for (let dz = -1; dz <= 0; dz++) {
    for (let dy = -1; dy <= 1; dy++) {
      for (let dx = -1; dx <= 1; dx++) {
        const earlier = dz < 0 || dy < 0 || (dy === 0 && dx < 0);
        if (!earlier || (dz === 0 && dy > 0)) continue;
        const moved = Math.abs(dz) + Math.abs(dy) + Math.abs(dx);
        if (reaches(connectivity, dz, moved)) steps.push([dz, dy, dx]);
      }
    }
  }
  return steps;
}

function reaches(connectivity: Connectivity, dz: number, moved: number): boolean {
  switch (connectivity) {
    case 4:
      return dz === 0 && moved === 1;
    case 8:
      return dz === 0;
    case 6:
      return moved === 1;
    case 18:
      return moved <= 2;
    case 26:
      return true;
  }
}

/** First scan: provisional labels, and the union–find forest over them. */
function link(
  mask: Uint8Array,
  [depth, height, width]: Triple,
  connectivity: Connectivity,
  labels: Int32Array,
): Int32Array {
  const steps = earlierNeighbours(connectivity);
  let parent = new Int32Array(1024);
  let used = 1;
  for (let z = 0, at = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      // Rows the neighbours lie in, left out at the border; only x remains to be checked per voxel.
      const inside = steps.filter(([dz, dy]) => z + dz >= 0 && y + dy >= 0 && y + dy < height);
      const offsets = inside.map(([dz, dy, dx]) => (dz * height + dy) * width + dx);
      const sideways = inside.map(([, , dx]) => dx);
      for (let x = 0; x < width; x++, at++) {
        if (mask[at] === 0) continue;
        let own = 0;
        for (let n = 0; n < offsets.length; n++) {
          const column = x + sideways[n]!;
          if (column < 0 || column >= width) continue;
          const other = labels[at + offsets[n]!]!;
          if (other === 0 || other === own) continue;
          own = own === 0 ? find(parent, other) : unite(parent, own, other);
        }
        if (own === 0) {
          if (used === parent.length) {
            const larger = new Int32Array(2 * used);
            larger.set(parent);
            parent = larger;
          }
          own = used++;
          parent[own] = own;
        }
        labels[at] = own;
      }
    }
  }
  return parent.subarray(0, used);
}

function find(parent: Int32Array, label: number): number {
  let at = label;
  while (parent[at] !== at) {
    const grandparent = parent[parent[at]!]!;
    parent[at] = grandparent;
    at = grandparent;
  }
  return at;
}

/** Joins two sets under their smaller root. */
function unite(parent: Int32Array, a: number, b: number): number {
  const [rootA, rootB] = [find(parent, a), find(parent, b)];
  const root = Math.min(rootA, rootB);
  parent[rootA] = root;
  parent[rootB] = root;
  return root;
}
