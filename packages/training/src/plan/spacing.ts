/**
 * Onto which voxels cases are resampled: nnU-Net's rules (v2, `default_experiment_planner.py`) for full and for low resolution.
 */
import { type Triple, voxelCount } from "@rfmedsam/imaging";
import type { Fingerprint } from "./fingerprint.js";

/** What the rules look at. Without `fineSpacing` and `medianShape` no coarse axis is refined. */
export type SpacingFacts = Pick<Fingerprint, "medianSpacing" | "medianExtent"> &
  Partial<Pick<Fingerprint, "fineSpacing" | "medianShape">>;

/** An axis is coarse when its voxels are more than this many times longer, and fewer, than those of the others. */
const anisotropy = 3;

/**
 * Full resolution: the median of each axis; of an axis that is coarse and has few voxels the 10th percentile, but no finer than the
 * others: at the median half of such cases would be interpolated over the gaps between their slices.
 */
export function fullSpacing({ medianSpacing, fineSpacing, medianShape }: SpacingFacts): Triple {
  if (fineSpacing === undefined || medianShape === undefined) return medianSpacing;
  const coarsest = medianSpacing.indexOf(Math.max(...medianSpacing));
  const others = [0, 1, 2].filter((axis) => axis !== coarsest);
  const coarsestOther = Math.max(...others.map((axis) => medianSpacing[axis]!));
  const longer = medianSpacing[coarsest]! > anisotropy * coarsestOther;
  const fewer = medianShape[coarsest]! * anisotropy < Math.min(...others.map((axis) => medianShape[axis]!));
  if (!longer || !fewer) return medianSpacing;
  const refined = Math.max(fineSpacing[coarsest]!, coarsestOther);
  return medianSpacing.map((mm, axis) => (axis === coarsest ? refined : mm)) as unknown as Triple;
}

/** Voxels of the median case at a spacing; at least one each way. */
export function shapeAt(extent: Triple, spacing: Triple): Triple {
  return extent.map((mm, axis) => Math.max(1, Math.round(mm / spacing[axis]!))) as unknown as Triple;
}

/** Part of the median case that a patch shows at least at low resolution. */
const shown = 0.25;
/** One step coarser. */
const step = 1.03;

/**
 * Low resolution: coarser and coarser until a patch shows a quarter of the median case. First the axes that are more than twice as
 * fine as the coarsest, then all alike. The full spacing itself where that is coarse enough.
 *
 * @param patchAt the patch that is planned for a spacing
 */
export function lowSpacing(full: Triple, { medianExtent }: SpacingFacts, patchAt: (spacing: Triple) => Triple): Triple {
  let spacing = full;
  while (voxelCount(patchAt(spacing)) < shown * voxelCount(shapeAt(medianExtent, spacing))) {
    const coarsest = Math.max(...spacing);
    const fine = spacing.map((mm) => coarsest / mm > 2);
    const all = !fine.includes(true);
    spacing = spacing.map((mm, axis) => (all || fine[axis] ? mm * step : mm)) as unknown as Triple;
  }
  return spacing;
}

/** How many times fewer voxels a case must have at low resolution for nnU-Net to train it at all. */
const worthLowering = 2;

/** Whether nnU-Net would train a low resolution beside this full one. @param patchAt as for `lowSpacing` */
export function hasLowSpacing(full: Triple, facts: SpacingFacts, patchAt: (spacing: Triple) => Triple): boolean {
  const volume = ([z, y, x]: Triple) => z * y * x;
  return volume(lowSpacing(full, facts, patchAt)) >= worthLowering * volume(full);
}
