/**
 * nnU-Net's spatial augmentation (`SpatialTransform` of batchgeneratorsv2, as `nnUNetTrainer.get_training_transforms` sets it up):
 * a patch turned by one angle an axis and scaled by one factor, each with a probability of its own, in one resampling of the case.
 *
 * Only the region of the case that the turned patch needs is cut, so that no corner is empty that need not be and large volumes
 * cost nothing. Images are sampled linearly; of labels the one with the largest linear share wins (outside counts as background).
 * Unlike nnU-Net's, which turns in voxels, turning happens in mm: anisotropic voxels do not shear.
 */
import type { Random } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
import { type Device, F, type Tensor, tensor, zeros } from "@rfmedsam/torch";
import type { TrainingConfiguration } from "../config.js";
import type { StoredCase } from "../dataset/store.js";
import { cutRegion, patchStart, type Region } from "./patches.js";

type Augmentation = TrainingConfiguration["step0"]["augmentation"];

export interface Turning extends Pick<Augmentation, "rotate" | "scaling" | "scale"> {
  /** Degrees; `auto` as nnU-Net chooses for the patch's shape. */
  readonly maximumAngle: Augmentation["maximumAngle"];
}

/** Rows and columns are `[z, y, x]`. */
export type Matrix = readonly (readonly number[])[];
const axes = [0, 1, 2] as const;

/** A patch whose longest side is more than this many times its shortest is turned within its slices only (nnU-Net's ANISO_THRESHOLD). */
const anisotropy = 3;

/** The axis across which the patch is but slices, or `undefined` where it is a volume; 2D patches are one slice of z. */
export function sliceAxis(patch: Triple): number | undefined {
  const shortest = patch.indexOf(Math.min(...patch));
  return patch[0] === 1 ? 0 : Math.max(...patch) / patch[shortest]! > anisotropy ? shortest : undefined;
}

/** Degrees to either side that nnU-Net turns a patch by: it must not leave the body of an oblong one. */
function usualAngle(patch: Triple): number {
  if (patch[0] === 1) return Math.max(patch[1], patch[2]) / Math.min(patch[1], patch[2]) > 1.5 ? 15 : 180;
  return sliceAxis(patch) === undefined ? 30 : 180;
}

/**
 * Draws how a patch is turned and scaled.
 *
 * @returns from voxel offsets in the patch to voxel offsets in the case, `[z, y, x]`; `undefined` where it stays as it is
 */
export function drawTurn(
  patch: Triple,
  spacing: Triple,
  { rotate, maximumAngle, scaling, scale }: Turning,
  random: Random,
): Matrix | undefined {
  const turned = random.chance(rotate);
  const scaled = random.chance(scaling);
  if (!turned && !scaled) return undefined;
  const flat = sliceAxis(patch);
  const limit = maximumAngle === "auto" ? usualAngle(patch) : maximumAngle;
  const angle = () => (turned ? (random.uniform(-limit, limit) * Math.PI) / 180 : 0);
  const factor = scaled ? random.uniform(...scale) : 1;
  const inPlane = axes.filter((axis) => axis !== flat);
  const turn =
    flat === undefined
      ? product(rotation(0, 1, angle()), product(rotation(0, 2, angle()), rotation(1, 2, angle())))
      : rotation(inPlane[0]!, inPlane[1]!, angle());
  return axes.map((row) =>
    axes.map((column) =>
      row === flat || column === flat
        ? Number(row === column)
        : (turn[row]![column]! * factor * spacing[column]!) / spacing[row]!,
    ),
  );
}

function rotation(a: number, b: number, angle: number): Matrix {
  const out = axes.map((row) => axes.map((column) => Number(row === column)));
  [out[a]![a], out[b]![b]] = [Math.cos(angle), Math.cos(angle)];
  [out[a]![b], out[b]![a]] = [-Math.sin(angle), Math.sin(angle)];
  return out;
}

function product(a: Matrix, b: Matrix): Matrix {
  return a.map((row) => axes.map((column) => row.reduce((sum, value, k) => sum + value * b[k]![column]!, 0)));
}

/** A position may be this far (voxels) beside where float32 puts it; the region is larger by it. */
const slack = 1e-3;

/** The part of the case that the turned patch touches, `to` excluded, inside the case except along the patch's slice axis. */
export function regionOf(shape: Triple, start: Triple, patch: Triple, turn: Matrix): { from: Triple; extent: Triple } {
  const flat = sliceAxis(patch);
  const spans = axes.map((axis) => {
    if (axis === flat) return [start[axis]!, patch[axis]!] as const;
    const middle = start[axis]! + (patch[axis]! - 1) / 2;
    const reach = axes.reduce((sum, c) => sum + (Math.abs(turn[axis]![c]!) * (patch[c]! - 1)) / 2, slack);
    const from = Math.max(0, Math.floor(middle - reach));
    return [from, Math.min(shape[axis]!, Math.ceil(middle + reach) + 1) - from] as const;
  });
  return {
    from: spans.map(([from]) => from) as unknown as Triple,
    extent: spans.map(([, extent]) => extent) as unknown as Triple,
  };
}

/** Cuts the patch around `centre` turned by `turn`, on the device. */
export function turnPatch(
  stored: StoredCase,
  centre: Triple,
  patch: Triple,
  turn: Matrix,
  device: Device = "cpu",
): Region {
  const start = patchStart(stored, centre, patch);
  const { from, extent } = regionOf(stored.shape, start, patch, turn);
  const region = cutRegion(stored, from, extent);
  // Where the patch's middle lies in the region.
  const middle = axes.map((axis) => start[axis]! - from[axis]! + (patch[axis]! - 1) / 2);
  const present = region.labels
    .flatten()
    .bincount()
    .toNumbers()
    .flatMap((count, label) => (label > 0 && count > 0 ? [label] : []));
  const image = region.image.to({ device });
  if (present.length === 0) {
    return { image: sample(image, patch, middle, turn), labels: zeros([...patch], { dtype: "uint8", device }) };
  }
  // One grid for all channels: the image's, then each label's own mask.
  const names = tensor(Uint8Array.from(present), [present.length, 1, 1, 1], { device });
  const masks = region.labels.to({ device }).unsqueeze(0).eq(names).float();
  const sampled = sample(F.cat([image, masks]), patch, middle, turn);
  const shares = sampled.narrow(0, stored.channels, present.length);
  const [largest, winner] = shares.maxDim(0);
  const background = shares.sum([0]).neg().add(1);
  const labels = names
    .flatten()
    .indexSelect(0, winner.flatten())
    .reshape([...patch]);
  return { image: sampled.narrow(0, 0, stored.channels), labels: labels.mul(largest.gt(background)) };
}

/** Linear samples of a region `[C, …]` where the patch's voxels come to lie, 0 outside; `[C, ...patch]`. */
function sample(region: Tensor, patch: Triple, middle: readonly number[], turn: Matrix): Tensor {
  const flat = sliceAxis(patch);
  const turned = axes.filter((axis) => axis !== flat);
  const extent = region.shape.slice(1);
  const size = turned.map((axis) => patch[axis]!);
  // Slices that stay where they are count as channels. Coordinates run from −1 to 1 over a region and over a patch, x first.
  const input =
    flat === undefined
      ? region.unsqueeze(0)
      : region
          .movedim(flat + 1, 1)
          .flatten({ endDim: 1 })
          .unsqueeze(0);
  const rows = turned.map((row) => [
    ...turned.map((column) => (turn[row]![column]! * patch[column]!) / extent[row]!).reverse(),
    (2 * middle[row]! + 1) / extent[row]! - 1,
  ]);
  const theta = tensor(rows.reverse().flat(), [1, size.length, size.length + 1], { device: region.device });
  const grid = F.affineGridGenerator(theta, [1, 1, ...size], false);
  const [linear, zerosOutside] = [0, 0];
  const out = F.gridSampler(input, grid, linear, zerosOutside, false).squeeze(0);
  if (flat === undefined) return out;
  return out.unflatten(0, [region.size(0), patch[flat]!]).movedim(1, flat + 1);
}
