/** A data set's plan and what it will cost, before anything is trained. */
import { type CancelSignal, type Progress, throwIfCancelled } from "@rfmedsam/base";
import { axesOf, sliceAxes } from "@rfmedsam/segmenter";
import { type Device, freeMemory, onDevice } from "@rfmedsam/torch";
import type { TrainingConfiguration } from "../config.js";
import { loadCase } from "../dataset/load.js";
import type { Dataset } from "../dataset/nnunet.js";
import { divide } from "../folds.js";
import { newRefiner } from "../refiner/make.js";
import { type DiskEstimate, estimateDisk } from "./disk.js";
import { type CaseFingerprint, type Fingerprint, fingerprintCase, fingerprintDataset } from "./fingerprint.js";
import { hostBudget, memoryBudget } from "./memory/budget.js";
import { estimateCases, estimatePrediction } from "./memory/prediction.js";
import { estimateRefiner } from "./memory/refiner.js";
import type { MemoryEstimate } from "./memory/sheet.js";
import { estimateStep0 } from "./memory/step0.js";
import { makePlan, type Plan } from "./plan.js";
import { adviseSlicing } from "./slicing.js";

export interface MeasureOptions {
  readonly configuration: TrainingConfiguration;
  readonly seed: number;
  readonly progress: Progress;
  readonly signal?: CancelSignal | undefined;
}

/** Looks at every training case once. @throws as `loadCase`, InterruptedError */
export async function measureDataset(
  { training, labels }: Pick<Dataset, "training" | "labels">,
  { configuration, seed, progress, signal }: MeasureOptions,
): Promise<Fingerprint> {
  const { preprocessing } = configuration;
  const cases: CaseFingerprint[] = [];
  for (const [index, files] of training.entries()) {
    throwIfCancelled(signal);
    cases.push(fingerprintCase(await loadCase(files, labels), seed, preprocessing));
    progress({ stage: "looking at the data set", done: index + 1, total: training.length });
  }
  return fingerprintDataset(cases, preprocessing.clip);
}

export interface EstimateOptions {
  readonly plan: Plan;
  readonly fingerprint: Fingerprint;
  readonly configuration: TrainingConfiguration;
  readonly device: Device;
  /** Bytes of the device that nobody has now. */
  readonly free?: number | undefined;
}

export interface RunEstimate {
  /** What each phase holds at its fullest moment, in the order in which they come. */
  readonly memory: readonly MemoryEstimate[];
  /** What the output folder holds when it is fullest. */
  readonly disk: DiskEstimate;
}

export function estimateRun({ plan, fingerprint, configuration, device, free }: EstimateOptions): RunEstimate {
  const { step0, refiner, precision, folds } = configuration;
  const { architecture, patch, batch, recipe } = plan;
  const { classes } = architecture;
  const unet = { architecture, patch, batch };
  const withUNets = refiner.generator === "unet" || !refiner.enabled;
  const sizes = {
    fingerprint,
    spacing: recipe.spacing ?? fingerprint.medianSpacing,
    unet,
    folds: withUNets ? folds : 0,
    refiner: refiner.enabled ? refinerSizes(refiner, classes) : undefined,
    device,
    free,
  };
  const memory = [
    estimateCases(sizes),
    ...(withUNets ? [estimateStep0(unet, { ...step0, precision, device })] : []),
    ...(refiner.enabled ? [estimateRefiner(refiner, { classes, precision, device })] : []),
    ...estimatePrediction(sizes),
  ];
  return { memory, disk: estimateDisk(sizes, memory) };
}

/** Read off a network without memory for its weights. */
function refinerSizes(refiner: TrainingConfiguration["refiner"], classes: number) {
  const model = onDevice("meta", () => newRefiner(refiner, classes));
  const { config } = model.sam2;
  const parameters = model.parameterCount();
  model.free();
  return { config, parameters, axes: axesOf(refiner).map((axis) => sliceAxes[axis]) };
}

export interface DatasetPlan extends RunEstimate {
  readonly fingerprint: Fingerprint;
  readonly plan: Plan;
  /** Bytes that training may take of its device's memory. */
  readonly budget: number;
  /** And of the computer's; on the CPU the same. */
  readonly hostBudget: number;
  /** Sentences about what would suit these data better. */
  readonly advice: readonly string[];
  /** How many cases each of step 0's U-Nets learns from and leaves out, and how many decide at the end. */
  readonly division: {
    readonly folds: readonly { readonly training: number; readonly leftOut: number }[];
    readonly refiner: number;
    readonly validation: number;
  };
}

/**
 * Plans a data set as `train` would.
 *
 * @throws ResourceError when nothing fits the memory, and as `measureDataset` does
 */
export async function planDataset(
  dataset: Dataset,
  { device, ...options }: MeasureOptions & { readonly device: Device },
): Promise<DatasetPlan> {
  const { configuration, seed } = options;
  const budget = memoryBudget(configuration.memory, device);
  const fingerprint = await measureDataset(dataset, options);
  const classes = Object.keys(dataset.labels).length;
  const plan = makePlan(fingerprint, dataset.channelNames, classes, configuration, { budget, device });
  const ids = dataset.training.map(({ id }) => id);
  const { leftOut, validation } = divide(ids, configuration.folds, configuration.validation, seed);
  return {
    fingerprint,
    plan,
    budget,
    hostBudget: hostBudget(configuration.memory, device),
    ...estimateRun({ plan, fingerprint, configuration, device, free: Math.min(freeMemory(device) ?? budget, budget) }),
    advice: adviseSlicing(plan.recipe.spacing ?? fingerprint.medianSpacing, configuration),
    division: {
      folds: leftOut.map((left) => ({ training: ids.length - left.length, leftOut: left.length })),
      refiner: ids.length - validation.length,
      validation: validation.length,
    },
  };
}
