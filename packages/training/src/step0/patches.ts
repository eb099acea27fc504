/**
 * Training patches of step 0: drawn from prepared cases, some around labelled voxels, some turned and scaled on the way (one
 * resampling of the case, so no corner is empty that need not be).
 */
import type { Random } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
import { F, type Tensor, tensor } from "@rfmedsam/torch";
import type { TrainingConfiguration } from "../config.js";
import type { StoredCase } from "../dataset/store.js";

type Augmentation = TrainingConfiguration["step0"]["augmentation"];

/** image `[1, C, D, H, W]`, labels int64 `[1, D, H, W]` */
export interface Patch {
  readonly image: Tensor;
  readonly labels: Tensor;
}

/** The voxel a patch is centred on: a labelled one of a random class of the case, or anywhere the patch fits. */
export function drawCentre(
  { shape, locations }: StoredCase,
  patch: Triple,
  foreground: boolean,
  random: Random,
): Triple {
  const present = locations.filter((list) => list.length > 0);
  if (foreground && present.length > 0) {
    const list = random.pick(present);
    const flat = list[random.below(list.length)]!;
    const [, height, width] = shape;
    const centre: Triple = [Math.floor(flat / (height * width)), Math.floor(flat / width) % height, flat % width];
    return centre;
  }
  return shape.map((extent, axis) => {
    const room = extent - patch[axis]!;
    const start = room > 0 ? random.below(room + 1) : Math.round(room / 2);
    return start + Math.floor(patch[axis]! / 2);
  }) as unknown as Triple;
}

/** Cuts a patch without changing it; what lies outside the case is 0 (the mean of normalised images) and background. */
export function cutPatch(stored: StoredCase, centre: Triple, patch: Triple): Patch {
  const { shape } = stored;
  const padding: number[] = [];
  let image = stored.image;
  let labels = stored.labels;
  for (const axis of [0, 1, 2]) {
    const start = clampedStart(centre[axis]!, patch[axis]!, shape[axis]!);
    const from = Math.max(0, start);
    const to = Math.min(shape[axis]!, start + patch[axis]!);
    image = image.narrow(axis + 1, from, to - from);
    labels = labels.narrow(axis, from, to - from);
    padding.unshift(from - start, start + patch[axis]! - to);
  }
  return { image: image.pad(padding).unsqueeze(0), labels: labels.to({ dtype: "int64" }).pad(padding).unsqueeze(0) };
}

/** The patch stays inside the case where the case is large enough. */
function clampedStart(centre: number, extent: number, available: number): number {
  const start = centre - Math.floor(extent / 2);
  if (available <= extent) return -Math.floor((extent - available) / 2);
  return Math.min(Math.max(start, 0), available - extent);
}

/** Cuts the same patch turned by random angles and scaled by a random factor; linear in the image, nearest in the labels. */
export function turnPatch(
  stored: StoredCase,
  centre: Triple,
  patch: Triple,
  augmentation: Augmentation,
  random: Random,
): Patch {
  const matrix = patchToCase(stored, centre, patch, augmentation, random);
  const grid = F.affineGridGenerator(tensor(matrix, [1, 3, 4]), [1, 1, ...patch], false);
  const image = F.gridSampler(stored.image.unsqueeze(0), grid, 0, 0, false);
  const labels = F.gridSampler(stored.labels.float().unsqueeze(0).unsqueeze(0), grid, 1, 0, false);
  return { image, labels: labels.squeeze(1).to({ dtype: "int64" }) };
}

/**
 * The affine map that `grid_sample` wants: from the patch's normalised coordinates (−1 … 1, order x y z) to the case's. Turning and
 * scaling happen in mm, so that anisotropic voxels do not shear.
 */
function patchToCase(
  { shape, spacing }: StoredCase,
  centre: Triple,
  patch: Triple,
  { maximumAngle, scale }: Augmentation,
  random: Random,
): number[] {
  const flat = patch[0] === 1;
  const angle = () => (random.uniform(-maximumAngle, maximumAngle) * Math.PI) / 180;
  const factor = random.chance(0.5) ? random.uniform(scale[0], 1) : random.uniform(1, scale[1]);
  const turn = product(
    rotation(0, 1, angle()),
    flat ? identity() : product(rotation(0, 2, angle()), rotation(1, 2, angle())),
  );
  // Columns and rows in the order x, y, z of grid_sample.
  const extent = [patch[2], patch[1], patch[0]];
  const available = [shape[2], shape[1], shape[0]];
  const mm = [spacing[2], spacing[1], spacing[0]];
  // The middle of the patch as it would be cut: between two voxels where its extent is even.
  const middle = [2, 1, 0].map((axis) => clampedStart(centre[axis]!, patch[axis]!, shape[axis]!) + patch[axis]! / 2);
  const rows = [0, 1, 2].map((row) => {
    const linear = [0, 1, 2].map((column) => {
      const scaled = flat && (row === 2 || column === 2) ? (row === column ? 1 : 0) : turn[row]![column]! * factor;
      return (scaled * extent[column]! * mm[column]!) / (mm[row]! * available[row]!);
    });
    return [...linear, (2 * middle[row]!) / available[row]! - 1];
  });
  return rows.flat();
}

type Matrix = readonly (readonly number[])[];

function identity(): Matrix {
  return [0, 1, 2].map((row) => [0, 1, 2].map((column) => (row === column ? 1 : 0)));
}

function rotation(a: number, b: number, angle: number): Matrix {
  const out = identity().map((row) => [...row]);
  [out[a]![a], out[b]![b]] = [Math.cos(angle), Math.cos(angle)];
  [out[a]![b], out[b]![a]] = [-Math.sin(angle), Math.sin(angle)];
  return out;
}

function product(a: Matrix, b: Matrix): Matrix {
  return a.map((row) => [0, 1, 2].map((column) => row.reduce((sum, value, k) => sum + value * b[k]![column]!, 0)));
}

/** One batch: image `[B, C, (D,) H, W]` and labels int64 `[B, (D,) H, W]`, on the device. A patch of one slice loses its D. */
export function drawBatch(
  cases: readonly StoredCase[],
  patch: Triple,
  { batch, foreground, augmentation }: TrainingConfiguration["step0"],
  random: Random,
  device: string,
): Patch {
  const guided = Math.round(batch * foreground);
  const patches = Array.from({ length: batch }, (_, index) => {
    const stored = random.pick(cases);
    // At least the last of every batch is centred on a label, as nnU-Net does, unless none is wanted.
    const centre = drawCentre(stored, patch, foreground > 0 && index >= batch - Math.max(1, guided), random);
    return random.chance(augmentation.rotateScale)
      ? turnPatch(stored, centre, patch, augmentation, random)
      : cutPatch(stored, centre, patch);
  });
  let image = F.cat(patches.map((p) => p.image));
  let labels = F.cat(patches.map((p) => p.labels));
  if (patch[0] === 1) [image, labels] = [image.squeeze(2), labels.squeeze(1)];
  return { image: image.to({ device }), labels: labels.to({ device }) };
}
