/** What the parts of one training run share. */
import type { CancelSignal, Progress } from "@rfmedsam/base";
import type { Device } from "@rfmedsam/torch";
import type { TrainingConfiguration } from "../config.js";
import type { Dataset } from "../dataset/nnunet.js";
import type { Division } from "../folds.js";
import type { RecordStep } from "../loop/loop.js";
import type { Plan } from "../plan/plan.js";
import type { WorkFolder } from "./work-folder.js";

export interface Run {
  readonly dataset: Dataset;
  /** Names in the order of the network's classes, background first. */
  readonly classes: readonly string[];
  readonly configuration: TrainingConfiguration;
  readonly seed: number;
  readonly device: Device;
  /** The model folder that is made. */
  readonly output: string;
  readonly work: WorkFolder;
  readonly plan: Plan;
  readonly division: Division;
  readonly record: RecordStep;
  readonly progress: Progress;
  readonly signal: CancelSignal | undefined;
}

/** Whether U-Nets make the prompts; if not, the refiner's own generator does. */
export function usesUNets({ refiner }: TrainingConfiguration): boolean {
  return !refiner.enabled || refiner.generator === "unet";
}

/** What the networks are called while they train. */
export const networkOfFold = (fold: number) => `step0-fold${fold}`;
export const refinerNetwork = "refiner";

export const refinerFile = `${refinerNetwork}.safetensors`;
export const generatorFile = "generator.safetensors";
export const foldFile = (fold: number) => `${networkOfFold(fold)}.safetensors`;
/** Of any fold. */
export const weightsOfFold = /^step0-fold\d+\.safetensors$/;
/** What a finished training says of itself: plan, curves, every measured case. */
export const recordFile = "training.json";
