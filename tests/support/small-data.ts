/** Phantoms and trainings so small that they take seconds. Nothing learned from them is any good. */
import { writePhantomDataset } from "@rfmedsam/training";

export const coarse = { inPlaneSpacing: 14, sliceSpacing: 20 } as const;

export function writeSmallDataset(folder: string, modality: "ct" | "mr" = "ct"): Promise<void> {
  return writePhantomDataset(folder, { ...coarse, modality, cases: 3, test: 1, seed: 5, orientation: "varied" });
}

/** `--set` options of a training of seconds. */
export const smallTraining: readonly string[] = [
  "folds=1",
  "checkpointEvery=5",
  "step0.iterations=60",
  "step0.baseFeatures=4",
  "step0.maximumStages=3",
  "step0.patchVoxels=6000",
  "refiner.iterations=2",
  "refiner.imageSize=64",
  "refiner.sequence=2",
  "refiner.batch=1",
].flatMap((setting) => ["--set", setting]);
