/** Volumes of labels, made worse in stated ways. Every function leaves its input as it is. */
import type { Random } from "@rfmedsam/base";
import { distanceTransform, type Triple } from "@rfmedsam/imaging";
import type { LabelGrid } from "../../choice/altered-step0.js";

/** @param share of all slices, chosen at random: exactly so many, rounded */
export function dropSlices({ labels, shape }: LabelGrid, share: number, random: Random): Uint8Array {
  const plane = shape[1] * shape[2];
  const out = labels.slice();
  for (const slice of someSlices(shape, share, random)) out.fill(0, slice * plane, (slice + 1) * plane);
  return out;
}

/** @param depth mm; a voxel goes when something else than its own label is so near, or beside it along the finest axis */
export function erode({ labels, shape, spacing, classes }: LabelGrid, depth: number): Uint8Array {
  const out = labels.slice();
  // The last bit of a root must not decide about a voxel at the depth itself.
  const reach = Math.max(depth, Math.min(...spacing)) * (1 + 1e-9);
  for (let label = 1; label < classes; label++) {
    if (!labels.includes(label)) continue;
    const distances = distanceTransform(
      labels.map((own) => (own === label ? 1 : 0)),
      shape,
      spacing,
    );
    for (let i = 0; i < labels.length; i++) if (labels[i] === label && distances[i]! <= reach) out[i] = 0;
  }
  return out;
}

/** @param distance mm, in one of the plane's eight directions; what comes in from outside is background */
export function shift({ labels, shape, spacing }: LabelGrid, distance: number, random: Random): Uint8Array {
  const [dy, dx] = random.pick(directions);
  const length = Math.hypot(dy, dx);
  const voxels = (part: number, step: number) =>
    part === 0 ? 0 : Math.sign(part) * Math.max(1, Math.round(Math.abs((distance * part) / length) / step));
  const [down, right] = [voxels(dy, spacing[1]), voxels(dx, spacing[2])];
  const [depth, height, width] = shape;
  const out = new Uint8Array(labels.length);
  for (let z = 0; z < depth; z++) {
    for (let y = Math.max(0, down); y < Math.min(height, height + down); y++) {
      const to = (z * height + y) * width;
      const from = to - down * width;
      const row = labels.subarray(from + Math.max(0, -right), from + Math.min(width, width - right));
      if (Math.abs(right) < width) out.set(row, to + Math.max(0, right));
    }
  }
  return out;
}

const directions = [
  [0, 1],
  [1, 1],
  [1, 0],
  [1, -1],
  [0, -1],
  [-1, -1],
  [-1, 0],
  [-1, 1],
] as const;

/** Two labels that are there change places on some slices; with fewer than two nothing happens. */
export function swapLabels({ labels, shape, classes }: LabelGrid, share: number, random: Random): Uint8Array {
  const present = Array.from({ length: classes - 1 }, (_, i) => i + 1).filter((label) => labels.includes(label));
  const out = labels.slice();
  if (present.length < 2) return out;
  const [a, b] = random.shuffled(present) as [number, number];
  const plane = shape[1] * shape[2];
  // Slices that have neither would make the damage depend on how much of the volume the two fill.
  const filled = Array.from({ length: shape[0] }, (_, slice) => slice).filter((slice) => {
    const own = labels.subarray(slice * plane, (slice + 1) * plane);
    return own.includes(a) || own.includes(b);
  });
  for (const slice of some(filled, share, random)) {
    for (let i = slice * plane; i < (slice + 1) * plane; i++) {
      if (labels[i] === a) out[i] = b;
      else if (labels[i] === b) out[i] = a;
    }
  }
  return out;
}

/** @param radius mm */
export function falseBlobs(
  { labels, shape, spacing, classes }: LabelGrid,
  count: number,
  radius: number,
  random: Random,
): Uint8Array {
  const out = labels.slice();
  const background = labels.reduce((sum, label) => sum + (label === 0 ? 1 : 0), 0);
  if (background === 0) return out;
  for (let n = 0; n < count; n++) {
    const label = 1 + random.below(classes - 1);
    paintBall(labels, out, { shape, spacing, radius, label, centre: nthBackground(labels, random.below(background)) });
  }
  return out;
}

interface Ball extends Pick<LabelGrid, "shape" | "spacing"> {
  readonly radius: number;
  readonly label: number;
  /** Index of a voxel. */
  readonly centre: number;
}

function paintBall(labels: Uint8Array, out: Uint8Array, { shape, spacing, radius, label, centre }: Ball): void {
  const [, height, width] = shape;
  const at = [Math.floor(centre / (height * width)), Math.floor(centre / width) % height, centre % width] as const;
  const [z0, y0, x0] = at.map((v, axis) => Math.max(0, v - Math.ceil(radius / spacing[axis]!)));
  const [z1, y1, x1] = at.map((v, axis) => Math.min(shape[axis]! - 1, v + Math.ceil(radius / spacing[axis]!)));
  for (let z = z0!; z <= z1!; z++) {
    for (let y = y0!; y <= y1!; y++) {
      for (let x = x0!; x <= x1!; x++) {
        const far = Math.hypot((z - at[0]) * spacing[0], (y - at[1]) * spacing[1], (x - at[2]) * spacing[2]);
        const i = (z * height + y) * width + x;
        if (far <= radius && labels[i] === 0) out[i] = label;
      }
    }
  }
}

function nthBackground(labels: Uint8Array, n: number): number {
  let left = n;
  return labels.findIndex((label) => label === 0 && left-- === 0);
}

const someSlices = (shape: Triple, share: number, random: Random): number[] =>
  some(
    Array.from({ length: shape[0] }, (_, slice) => slice),
    share,
    random,
  );

/** A share of a list, one at least unless it is empty. */
const some = <T>(list: readonly T[], share: number, random: Random): T[] =>
  random.shuffled(list).slice(0, Math.max(1, Math.round(share * list.length)));
