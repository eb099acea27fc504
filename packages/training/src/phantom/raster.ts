/**
 * From bodies to voxels: a patient's structures painted one over the other on a grid, with partial volumes at their borders.
 *
 * A border voxel gets a mixture by how far its centre lies inside; its label is the body that holds its centre.
 */
import type { Triple } from "@rfmedsam/imaging";
import type { Palette } from "./intensity.js";
import type { Organ } from "./organs.js";
import { type Box, type Field, grown } from "./shapes.js";
import type { Structure } from "./structure.js";

/** A grid whose axes are the patient's, possibly backwards. Coordinates of voxel centres in mm along x, y, z. */
export interface Grid {
  readonly shape: Triple;
  /** `[z, y, x]` in mm. */
  readonly spacing: Triple;
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly z: Float64Array;
}

/** How one patient differs from the atlas as a whole: `atlas = patient × scale`, then x shifted by `bend(0, y, z)`. */
export interface Warp {
  readonly scale: readonly [x: number, y: number, z: number];
  /** A slight sideways curve of the whole body, in mm. */
  readonly bend: Field;
  readonly amplitude: number;
}

export interface Painting {
  /** Intensities `[z, y, x]` without noise. */
  readonly image: Float32Array;
  readonly labels: Uint8Array;
}

/**
 * Paints the structures in order.
 *
 * @param air the intensity where there is nothing
 * @param numbers label number per organ; organs without one are painted but not labelled
 */
export function paint(
  grid: Grid,
  structures: readonly Structure[],
  palette: Palette,
  { air, warp, numbers }: { air: number; warp: Warp; numbers: ReadonlyMap<Organ, number> },
): Painting {
  const size = grid.x.length * grid.y.length * grid.z.length;
  const painting: Painting = { image: new Float32Array(size).fill(air), labels: new Uint8Array(size) };
  // The organ a voxel belongs to, labelled or not: vessels and lesions need it.
  const owners = new Uint8Array(size);
  const organs: Organ[] = [];
  const ownerOf = (organ: Organ | undefined) => {
    if (organ === undefined) return 0;
    if (!organs.includes(organ)) organs.push(organ);
    return organs.indexOf(organ) + 1;
  };
  for (const structure of structures) {
    const owner = ownerOf(structure.inside ?? structure.organ);
    const label = structure.organ === undefined ? 0 : (numbers.get(structure.organ) ?? 0);
    paintOne(grid, structure, palette, warp, { ...painting, owners, owner, label });
  }
  return painting;
}

interface Target extends Painting {
  readonly owners: Uint8Array;
  readonly owner: number;
  readonly label: number;
}

function paintOne(grid: Grid, structure: Structure, palette: Palette, warp: Warp, target: Target): void {
  const { image, labels, owners, owner, label } = target;
  const { field, material, tint, inside } = structure;
  const colour = palette[material];
  const [sx, sy, sz] = warp.scale;
  // A border is about as soft as a voxel is wide.
  const [dz, dy, dx] = grid.spacing;
  const softness = (dz + dy + dx) / 3;
  const { x: xs, y: ys, z: zs } = grid;
  const [width, height] = [xs.length, ys.length];
  const range = ranges(grid, grown(structure.box, softness + warp.amplitude), warp);
  for (let k = range.z[0]; k < range.z[1]; k++) {
    const z0 = (zs[k] as number) * sz;
    for (let j = range.y[0]; j < range.y[1]; j++) {
      const y0 = (ys[j] as number) * sy;
      const shift = warp.bend(0, y0, z0);
      for (let i = range.x[0]; i < range.x[1]; i++) {
        const at = (k * height + j) * width + i;
        if (inside !== undefined && owners[at] !== owner) continue;
        const x = (xs[i] as number) * sx + shift;
        const distance = field(x, y0, z0);
        const coverage = 0.5 - distance / softness;
        if (coverage <= 0) continue;
        const value = colour(-distance, x, y0, z0, tint);
        const before = image[at] as number;
        image[at] = coverage >= 1 ? value : before + coverage * (value - before);
        if (distance < 0 && inside === undefined) {
          labels[at] = label;
          owners[at] = owner;
        }
      }
    }
  }
}

function ranges(grid: Grid, { min, max }: Box, { scale }: Warp) {
  return {
    x: indexRange(grid.x, min[0] / scale[0], max[0] / scale[0]),
    y: indexRange(grid.y, min[1] / scale[1], max[1] / scale[1]),
    z: indexRange(grid.z, min[2] / scale[2], max[2] / scale[2]),
  };
}

/** First and last + 1 index of the coordinates (ascending or descending) within [low, high]. */
function indexRange(coordinates: Float64Array, low: number, high: number): readonly [number, number] {
  const first = coordinates.findIndex((value) => value >= low && value <= high);
  if (first < 0) return [0, 0];
  let last = first;
  while (last + 1 < coordinates.length && inRange(coordinates[last + 1] as number, low, high)) last++;
  return [first, last + 1];
}

const inRange = (value: number, low: number, high: number): boolean => value >= low && value <= high;
