/**
 * Along which axis slices should be cut: across the coarsest, so that their pixels are the finest there are. nnU-Net turns every case for
 * its 2D network; here cases stay in RAS, the refiner's axis is a setting, and a person is told.
 */
import type { Triple } from "@rfmedsam/imaging";
import { sliceAxes } from "@rfmedsam/segmenter";
import type { TrainingConfiguration } from "../config.js";

/** Voxels so many times longer along one axis than along both others make slices through that axis poor. */
const poor = 2;

const axisNames = Object.keys(sliceAxes) as (keyof typeof sliceAxes)[];

/** @param spacing `[z, y, x]` mm @returns sentences, none where slices are cut as well as they can be */
export function adviseSlicing(
  spacing: Triple,
  { step0, refiner }: Pick<TrainingConfiguration, "step0" | "refiner">,
): string[] {
  const coarsest = spacing.indexOf(Math.max(...spacing));
  const others = spacing.filter((_, axis) => axis !== coarsest);
  if (spacing[coarsest]! < poor * Math.max(...others)) return [];
  const best = axisNames.find((name) => sliceAxes[name] === coarsest)!;
  const why = `voxels are coarsest along ${"zyx"[coarsest]} (${spacing.map((mm) => mm.toPrecision(3)).join(" × ")} mm, z, y, x)`;
  const advice: string[] = [];
  if (step0.dimensions === 2 && coarsest !== 0) {
    advice.push(`Step 0 sees axial slices, but ${why}: step0.dimensions=3 suits these cases better.`);
  }
  if (refiner.enabled && refiner.axis !== "fused" && refiner.axis !== best) {
    advice.push(`The refiner sees ${refiner.axis} slices, but ${why}: refiner.axis=${best} would show it finer ones.`);
  }
  return advice;
}
