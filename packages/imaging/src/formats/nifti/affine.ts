/**
 * The three ways a NIfTI header places its voxels: `sform` (an affine), `qform` (quaternion, voxel sizes, offset), or neither.
 * Source: nifti1.h, "3D image (volume) orientation and location in space"; the choice between them is nibabel's (sform first).
 */
import type { Affine } from "../../volume.js";

export interface Quaternion {
  readonly b: number;
  readonly c: number;
  readonly d: number;
  /** RAS+ position of the first voxel. */
  readonly offset: readonly [number, number, number];
  /** −1 if the third axis is mirrored. */
  readonly qfac: number;
}

/** Rounding left by float32 headers in b² + c² + d² before the quaternion counts as "longer than a rotation". */
const slack = 3 * 2 ** -23;

/**
 * The qform's affine for voxels of `sizes` (x, y, z).
 *
 * @returns `undefined` if b² + c² + d² > 1: not a rotation
 */
export function affineOfQuaternion(
  { b, c, d, offset, qfac }: Quaternion,
  sizes: readonly number[],
): Affine | undefined {
  const a2 = 1 - (b * b + c * c + d * d);
  if (a2 < -slack) return undefined;
  const a = Math.sqrt(Math.max(0, a2));
  const s = 2 / (a * a + b * b + c * c + d * d);
  const [x, y, z] = [sizes[0]!, sizes[1]!, sizes[2]! * qfac];
  return [
    (1 - s * (c * c + d * d)) * x,
    s * (b * c - a * d) * y,
    s * (b * d + a * c) * z,
    offset[0],
    s * (b * c + a * d) * x,
    (1 - s * (b * b + d * d)) * y,
    s * (c * d - a * b) * z,
    offset[1],
    s * (b * d - a * c) * x,
    s * (c * d + a * b) * y,
    (1 - s * (b * b + c * c)) * z,
    offset[2],
    0,
    0,
    0,
    1,
  ];
}

/**
 * The quaternion of an affine's directions. A sheared affine has none that fits; it gets the rotation of its orthogonalised
 * axes (the sform beside it stays exact).
 *
 * @param directions unit vectors of i, j, k
 */
export function quaternionOf(
  directions: readonly (readonly [number, number, number])[],
  offset: readonly [number, number, number],
): Quaternion {
  let [u, v, w] = orthonormal(directions);
  const right = cross(u, v);
  const qfac = dot(right, w) < 0 ? -1 : 1;
  if (qfac < 0) w = [-w[0], -w[1], -w[2]];
  const [m00, m10, m20] = u;
  const [m01, m11, m21] = v;
  const [m02, m12, m22] = w;
  // Shepperd's method: divide by the largest component, so nothing is lost near 180°.
  const candidates = [1 + m00 + m11 + m22, 1 + m00 - m11 - m22, 1 - m00 + m11 - m22, 1 - m00 - m11 + m22];
  const largest = candidates.indexOf(Math.max(...candidates));
  const r = 0.5 * Math.sqrt(Math.max(0, candidates[largest]!));
  const f = 0.25 / r;
  let a: number;
  let b: number;
  let c: number;
  let d: number;
  if (largest === 0) [a, b, c, d] = [r, (m21 - m12) * f, (m02 - m20) * f, (m10 - m01) * f];
  else if (largest === 1) [a, b, c, d] = [(m21 - m12) * f, r, (m01 + m10) * f, (m02 + m20) * f];
  else if (largest === 2) [a, b, c, d] = [(m02 - m20) * f, (m01 + m10) * f, r, (m12 + m21) * f];
  else [a, b, c, d] = [(m10 - m01) * f, (m02 + m20) * f, (m12 + m21) * f, r];
  const sign = a < 0 ? -1 : 1; // the header keeps a ≥ 0 and leaves it out
  return { b: sign * b + 0, c: sign * c + 0, d: sign * d + 0, offset, qfac };
}

/** nibabel's placement of a file that has neither form: x mirrored, the volume's centre at the origin. */
export function affineOfSizes(sizes: readonly number[], dims: readonly number[]): Affine {
  const [x, y, z] = [-sizes[0]!, sizes[1]!, sizes[2]!];
  const centre = (size: number, count: number) => (-size * (count - 1)) / 2 + 0;
  return [x, 0, 0, centre(x, dims[0]!), 0, y, 0, centre(y, dims[1]!), 0, 0, z, centre(z, dims[2]!), 0, 0, 0, 1];
}

type Vector = readonly [number, number, number];

/** Nearest orthonormal axes in the sense that no axis is preferred: Newton's iteration for the polar decomposition. */
function orthonormal(directions: readonly Vector[]): [Vector, Vector, Vector] {
  let [u, v, w] = directions as readonly [Vector, Vector, Vector];
  for (let i = 0; i < 50; i++) {
    const det = dot(cross(u, v), w);
    // The inverse transpose has the cross products over the determinant as columns.
    const next = [cross(v, w), cross(w, u), cross(u, v)].map((n, axis) => {
      const old = [u, v, w][axis]!;
      return [(old[0] + n[0] / det) / 2, (old[1] + n[1] / det) / 2, (old[2] + n[2] / det) / 2] as const;
    }) as [Vector, Vector, Vector];
    const change = Math.max(...next.flatMap((n, axis) => n.map((value, k) => Math.abs(value - [u, v, w][axis]![k]!))));
    [u, v, w] = next;
    if (change < 1e-15) break;
  }
  return [u, v, w];
}

function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
