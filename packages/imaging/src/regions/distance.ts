/**
 * Exact Euclidean distance transform with spacing, one axis after the other, in linear time.
 *
 *   x: two scans of every row                          d²(x)         = (steps to the nearest background · spacing)²
 *   y: lower envelope of a plane's parabolas           d²(x, y)      = min over y' of d²(x, y') + (spacing · (y − y'))²
 *   z: the same                                        d²(x, y, z)
 *
 * Along y and z, background parts a line into pieces that know nothing of each other.
 *
 * Source: Felzenszwalb and Huttenlocher, "Distance transforms of sampled functions" (2012); same values as
 * scipy.ndimage.distance_transform_edt.
 */
import { GeometryError } from "@rfmedsam/base";
import { formatShape } from "../grid.js";
import { type Triple, voxelCount } from "../volume.js";

/**
 * Distance in mm of every foreground voxel's centre to the nearest background voxel's.
 *
 * @param mask `[z, y, x]`; foreground is what is not 0
 * @param spacing `[z, y, x]` mm
 * @returns 0 on background; infinite everywhere when there is no background (what lies outside the volume counts as nothing)
 * @throws GeometryError when mask and shape disagree, or a spacing is not a positive number
 */
export function distanceTransform(mask: Uint8Array, shape: Triple, spacing: Triple = [1, 1, 1]): Float64Array {
  assertFits(mask, shape, spacing);
  const distances = new Float64Array(mask.length);
  const [depth, height, width] = shape;
  const area = height * width;
  const envelope = new Envelope(Math.max(depth, height));
  // Planes of lines: along y for every z, along z for every y. A line starts at `start + x` and has `step` from element to element.
  // A slice is done in x and y while it is in the cache; roots are taken on the way out of the last plane.
  for (let z = 0; z < depth; z++) {
    alongRows(mask, distances, z * area, (z + 1) * area, width, spacing[2]);
    if (height > 1) envelope.plane(distances, z * area, width, height, width, spacing[1], "squares");
  }
  for (let y = 0; y < height; y++) envelope.plane(distances, y * width, area, depth, width, spacing[0], "roots");
  return distances;
}

function assertFits(mask: Uint8Array, shape: Triple, spacing: Triple): void {
  if (mask.length !== voxelCount(shape)) {
    throw new GeometryError({ found: `a mask of ${mask.length} voxels`, expected: `${formatShape(shape)} voxels` });
  }
  if (!spacing.every((step) => step > 0 && Number.isFinite(step))) {
    throw new GeometryError({ found: `a spacing of ${spacing.join(" × ")} mm`, expected: "positive numbers" });
  }
}

/** Rows of a slice, whose elements lie from `first` up to `last`. */
function alongRows(
  mask: Uint8Array,
  squared: Float64Array,
  first: number,
  last: number,
  width: number,
  spacing: number,
): void {
  const unit = spacing * spacing;
  for (let start = first; start < last; start += width) {
    const end = start + width;
    let steps = Number.POSITIVE_INFINITY;
    for (let i = start; i < end; i++) {
      steps = mask[i] === 0 ? 0 : steps + 1;
      squared[i] = steps;
    }
    steps = Number.POSITIVE_INFINITY;
    for (let i = end - 1; i >= start; i--) {
      steps = mask[i] === 0 ? 0 : steps + 1;
      const nearest = Math.min(steps, squared[i]!);
      squared[i] = nearest * nearest * unit;
    }
  }
}

/** Lower envelopes of parabolas, with room for one plane of lines. */
class Envelope {
  /** A line's values, and the same plus `spacing² · q²`: two parabolas cross where these differ by `2 · spacing² · q`. */
  readonly #values: Float64Array;
  readonly #raised: Float64Array;
  /** Which parabolas make up the envelope, and from where on each is the lowest. */
  readonly #apex: Int32Array;
  readonly #from: Float64Array;
  /** `1 / (2 · spacing² · steps)` by steps. */
  readonly #slopes: Float64Array;
  #plane = new Float64Array(0);

  constructor(longest: number) {
    this.#values = new Float64Array(longest);
    this.#raised = new Float64Array(longest);
    this.#apex = new Int32Array(longest);
    this.#from = new Float64Array(longest + 1);
    this.#slopes = new Float64Array(longest);
  }

  /**
   * Squared distances before this axis become those after it, or their roots.
   *
   * @param count lines side by side @param length elements of a line, `step` apart in memory
   */
  plane(
    values: Float64Array,
    start: number,
    step: number,
    length: number,
    count: number,
    spacing: number,
    result: "squares" | "roots",
  ): void {
    // Turned so that a line is contiguous and memory is read and written in runs; lines start an odd number of elements apart, because
    // those a power of two apart would push each other out of the cache.
    const stride = length | 1;
    if (this.#plane.length < count * stride) this.#plane = new Float64Array(count * stride);
    const turned = this.#plane;
    for (let q = 0; q < length; q++) {
      const row = start + q * step;
      for (let x = 0; x < count; x++) turned[x * stride + q] = values[row + x]!;
    }
    const unit = spacing * spacing;
    for (let steps = 1; steps < length; steps++) this.#slopes[steps] = 1 / (2 * unit * steps);
    for (let x = 0; x < count; x++) this.#line(turned, x * stride, length, unit);
    const roots = result === "roots";
    for (let q = 0; q < length; q++) {
      const row = start + q * step;
      for (let x = 0; x < count; x++) {
        const value = turned[x * stride + q]!;
        values[row + x] = roots ? Math.sqrt(value) : value;
      }
    }
  }

  /** Background (0) parts a line: no parabola beyond it is lower than its own. */
  #line(values: Float64Array, start: number, length: number, unit: number): void {
    const end = start + length;
    for (let first = start; first < end; first++) {
      if (values[first] === 0) continue;
      let last = first;
      while (last < end && values[last] !== 0) last++;
      const from = Math.max(start, first - 1);
      this.#lower(values, from, Math.min(end, last + 1) - from, unit);
      first = last;
    }
  }

  #lower(values: Float64Array, start: number, length: number, unit: number): void {
    const [line, raised, apex, from, slopes] = [this.#values, this.#raised, this.#apex, this.#from, this.#slopes];
    let top = -1;
    for (let q = 0; q < length; q++) {
      const value = values[start + q]!;
      if (value === Number.POSITIVE_INFINITY) continue;
      line[q] = value;
      const own = value + unit * q * q;
      raised[q] = own;
      let crossing = Number.NEGATIVE_INFINITY;
      while (top >= 0) {
        const p = apex[top]!;
        crossing = (own - raised[p]!) * slopes[q - p]!;
        if (crossing > from[top]!) break;
        top--;
      }
      if (top < 0) crossing = Number.NEGATIVE_INFINITY;
      top++;
      apex[top] = q;
      from[top] = crossing;
    }
    // what has seen no background yet stays infinite
    if (top < 0) return;
    from[top + 1] = Number.POSITIVE_INFINITY;
    for (let q = 0, part = 0; q < length; q++) {
      while (from[part + 1]! < q) part++;
      const p = apex[part]!;
      values[start + q] = line[p]! + unit * (q - p) * (q - p);
    }
  }
}
