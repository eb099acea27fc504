/**
 * A volume on another's grid, wherever and however that one lies: every new voxel asks where its centre falls in the old volume. Images
 * are interpolated between the eight voxels around, labels take the nearest voxel's, so that no label appears that was not there.
 *
 * A voxel reaches half its width beyond its centre: at the volume's faces the outermost voxels count up to there (as in ITK), beyond is
 * `fill`.
 */
import { assertAffine, invert, multiply } from "../geometry.js";
import type { Grid } from "../grid.js";
import { emptyLike, isBigArray, type NumberArray, toFloat32, type Volume, voxelCount } from "../volume.js";

export interface ResampleLikeOptions {
  /** The voxels are labels: never mixed. */
  readonly labels?: boolean | undefined;
  /** The value outside the old volume; by default 0 for labels, else the image's smallest value (air in CT). */
  readonly fill?: number | undefined;
}

/** Parts of a voxel that count as rounding: grids that coincide give the same numbers back. */
const rounding = 1e-6;

/**
 * @returns the element type of the input (64-bit integers become float32), whole numbers rounded
 * @throws GeometryError for an affine that cannot be inverted
 */
export function resampleLike(volume: Volume, grid: Grid, { labels = false, fill }: ResampleLikeOptions = {}): Volume {
  assertAffine(volume.affine);
  assertAffine(grid.affine);
  const data = isBigArray(volume.data) ? toFloat32(volume.data) : volume.data;
  const out = emptyLike(data, voxelCount(grid.shape));
  out.fill(fill ?? (labels ? 0 : smallest(data)));
  const toOld = multiply(invert(volume.affine), grid.affine);
  const value = labels ? nearest(data, volume.shape) : linear(data, volume.shape);
  const whole = !(out instanceof Float32Array || out instanceof Float64Array);
  const [depth, height, width] = grid.shape;
  const [ax, bx, cx, ox] = toOld.slice(0, 4) as unknown as Row;
  const [ay, by, cy, oy] = toOld.slice(4, 8) as unknown as Row;
  const [az, bz, cz, oz] = toOld.slice(8, 12) as unknown as Row;
  let at = 0;
  for (let k = 0; k < depth; k++) {
    for (let j = 0; j < height; j++) {
      const x = bx * j + cx * k + ox;
      const y = by * j + cy * k + oy;
      const z = bz * j + cz * k + oz;
      for (let i = 0; i < width; i++, at++) {
        const found = value(z + az * i, y + ay * i, x + ax * i);
        if (found !== undefined) out[at] = whole ? Math.round(found) : found;
      }
    }
  }
  return { data: out, shape: grid.shape, affine: grid.affine };
}

type Row = readonly [number, number, number, number];
type ValueAt = (z: number, y: number, x: number) => number | undefined;

function nearest(data: NumberArray, [depth, height, width]: Volume["shape"]): ValueAt {
  return (z, y, x) => {
    const [k, j, i] = [Math.round(z), Math.round(y), Math.round(x)];
    const inside = k >= 0 && k < depth && j >= 0 && j < height && i >= 0 && i < width;
    return inside ? data[(k * height + j) * width + i] : undefined;
  };
}

function linear(data: NumberArray, [depth, height, width]: Volume["shape"]): ValueAt {
  const area = height * width;
  const between = (low: number, high: number, share: number) => (share === 0 ? low : low + (high - low) * share);
  return (z, y, x) => {
    if (z < -0.5 || z > depth - 0.5 || y < -0.5 || y > height - 0.5 || x < -0.5 || x > width - 0.5) return undefined;
    const [zIn, yIn, xIn] = [inside(z, depth), inside(y, height), inside(x, width)];
    const [k, j, i] = [Math.floor(zIn), Math.floor(yIn), Math.floor(xIn)];
    const [fz, fy, fx] = [zIn - k, yIn - j, xIn - i];
    // A neighbour without weight may lie outside, or be NaN.
    const right = fx === 0 ? 0 : 1;
    const below = fy === 0 ? 0 : width;
    const row = (at: number) => between(data[at]!, data[at + right]!, fx);
    const plane = (at: number) => between(row(at), row(at + below), fy);
    const first = k * area + j * width + i;
    return between(plane(first), fz === 0 ? 0 : plane(first + area), fz);
  };
}

/** Inside the outermost centres, and on a centre when it is only rounding away from one. */
function inside(position: number, count: number): number {
  const near = Math.round(position);
  const place = Math.abs(position - near) < rounding ? near : position;
  return Math.min(Math.max(place, 0), count - 1);
}

function smallest(data: NumberArray): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < data.length; i++) if (data[i]! < least) least = data[i]!;
  return Number.isFinite(least) ? least : 0;
}
