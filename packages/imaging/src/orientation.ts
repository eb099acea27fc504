/**
 * Axis letters and exact reordering. `"RAS"` says that i grows towards the patient's right, j towards the front (anterior), k
 * towards the head (superior); `"LPS"` the opposite of the first two. An oblique grid gets the letters of its nearest axes.
 */
import { ConfigError } from "@rfmedsam/base";
import { directionOf } from "./geometry.js";
import { type Affine, emptyLike, type Triple, type Volume, type VoxelArray } from "./volume.js";

/** One letter per voxel axis i, j, k, each of R/L, A/P, S/I once. */
export type Orientation = string;

const letters = ["RL", "AP", "SI"] as const;
const permutations: readonly Triple[] = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];

/** All 48 orientations. */
export const orientations: readonly Orientation[] = permutations.flatMap((axes) =>
  [0, 1, 2, 3, 4, 5, 6, 7].map((signs) => axes.map((axis, n) => letters[axis]![(signs >> n) & 1]).join("")),
);

/**
 * The nearest axis letters. Each voxel axis gets a different world axis; the assignment is the one whose cosines sum highest.
 */
export function orientationOf({ affine }: Pick<Volume, "affine">): Orientation {
  const directions = directionOf({ affine });
  let best: Triple = [0, 1, 2];
  let bestScore = -1;
  for (const axes of permutations) {
    const score = axes.reduce((sum, world, voxel) => sum + Math.abs(directions[voxel]![world]!), 0);
    if (score > bestScore + 1e-12) [best, bestScore] = [axes, score];
  }
  return best.map((world, voxel) => letters[world]![directions[voxel]![world]! < 0 ? 1 : 0]).join("");
}

/**
 * Flips and permutes the axes so that they point to `orientation` (nearest axes; nothing is interpolated). The affine follows:
 * every voxel keeps its place in the patient. The inverse is `reorient(result, orientationOf(volume))`.
 *
 * @throws ConfigError if `orientation` is not one of the 48
 */
export function reorient<T extends VoxelArray>(volume: Volume<T>, orientation: Orientation): Volume<T> {
  const from = parse(orientationOf(volume));
  const to = parse(orientation);
  // Result axis n (of i, j, k) is voxel axis source[n] of the input, reversed if flip[n].
  const source = to.map(({ world }) => from.findIndex((axis) => axis.world === world));
  const flip = to.map(({ sign }, n) => from[source[n]!]!.sign !== sign);
  if (source.every((axis, n) => axis === n && !flip[n])) return volume;

  const oldSizes = [volume.shape[2], volume.shape[1], volume.shape[0]];
  const oldStrides = [1, oldSizes[0]!, oldSizes[0]! * oldSizes[1]!];
  const sizes = source.map((axis) => oldSizes[axis]!);
  const strides = source.map((axis, n) => (flip[n] ? -oldStrides[axis]! : oldStrides[axis]!));
  const start = source.reduce((sum, axis, n) => sum + (flip[n] ? (sizes[n]! - 1) * oldStrides[axis]! : 0), 0);

  return {
    data: gather(volume.data, start, sizes, strides),
    shape: [sizes[2]!, sizes[1]!, sizes[0]!] as Triple,
    affine: reorientedAffine(volume.affine, source, flip, sizes),
  };
}

function gather<T extends VoxelArray>(data: T, start: number, sizes: readonly number[], strides: readonly number[]): T {
  const [nx, ny, nz] = sizes as [number, number, number];
  const [sx, sy, sz] = strides as [number, number, number];
  const out = emptyLike(data, nx * ny * nz);
  let at = 0;
  for (let z = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      let from = start + z * sz + y * sy;
      if (sx === 1) {
        out.set(data.subarray(from, from + nx) as never, at);
        at += nx;
        continue;
      }
      for (let x = 0; x < nx; x++) {
        out[at++] = data[from]!;
        from += sx;
      }
    }
  }
  return out;
}

function reorientedAffine(
  affine: Affine,
  source: readonly number[],
  flip: readonly boolean[],
  sizes: readonly number[],
): Affine {
  const out = [...affine];
  for (let row = 0; row < 3; row++) {
    let origin = affine[row * 4 + 3]!;
    for (let n = 0; n < 3; n++) {
      const step = affine[row * 4 + source[n]!]!;
      // "+ 0" keeps a flipped zero from becoming -0.
      out[row * 4 + n] = flip[n] ? -step + 0 : step;
      if (flip[n]) origin += step * (sizes[n]! - 1);
    }
    out[row * 4 + 3] = origin;
  }
  return out;
}

function parse(orientation: Orientation): { world: number; sign: number }[] {
  const axes = [...orientation].map((letter) => {
    const world = letters.findIndex((pair) => pair.includes(letter));
    return { world, sign: letters[world]?.indexOf(letter) ?? 0 };
  });
  if (axes.length !== 3 || new Set(axes.map(({ world }) => world)).size !== 3 || axes.some(({ world }) => world < 0)) {
    throw new ConfigError({
      found: `orientation "${orientation}"`,
      expected: "three letters, one each of R/L, A/P and S/I, for example RAS or LPS",
    });
  }
  return axes;
}
