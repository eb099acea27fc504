/**
 * From a fingerprint to a plan: preprocessing recipe, patch, batch and U-Net, as data that is written into the run folder and can be
 * read by a person. The rules are nnU-Net's (Isensee et al. 2021, supplementary note 2; v2's planner); its limit on GPU memory is here a
 * budget that the estimate of `memory/step0.ts` is held against, beside a limit on the patch's voxels for machines that are slow rather
 * than full.
 */
import { ConfigError, ResourceError } from "@rfmedsam/base";
import { type Triple, voxelCount } from "@rfmedsam/imaging";
import type { UNetArchitecture } from "@rfmedsam/models";
import type { Normalisation, PreprocessingRecipe } from "@rfmedsam/segmenter";
import type { Device } from "@rfmedsam/torch";
import type { TrainingConfiguration } from "../config.js";
import type { Fingerprint } from "./fingerprint.js";
import { inGibibytes } from "./memory/sheet.js";
import { estimateStep0 } from "./memory/step0.js";
import { fullSpacing, hasLowSpacing, lowSpacing, type SpacingFacts, shapeAt } from "./spacing.js";
import { fitPatch, type PooledPatch, pooledPatch } from "./topology.js";

export interface Plan {
  readonly recipe: PreprocessingRecipe;
  /** Voxels `[z, y, x]` of the median case as prepared. */
  readonly medianShape: Triple;
  /** `[z, y, x]` voxels; where z is 1 the network is 2D. */
  readonly patch: Triple;
  /** Patches of one training step: what the configuration says, or as many as fit. */
  readonly batch: number;
  /** Whether Dice is counted over the batch: what the configuration says, or nnU-Net's choice. */
  readonly batchDice: boolean;
  readonly architecture: UNetArchitecture;
}

/** Array axes along which prediction averages mirrored views. */
export function predictionMirrorAxes({
  mirrorPrediction,
  augmentation,
}: Pick<TrainingConfiguration["step0"], "mirrorPrediction" | "augmentation">): number[] {
  return mirrorPrediction ? [...augmentation.mirrorAxes] : [];
}

/** What planning looks at: the medians and intensities; what else the fingerprint has makes the plan better. */
export type PlanningFacts = SpacingFacts &
  Pick<Fingerprint, "channels"> &
  Partial<Pick<Fingerprint, "kept" | "totalVolume">>;

export interface PlanOptions {
  /** Bytes that training may take, see `memoryBudget`; no limit by default. */
  readonly budget?: number | undefined;
  readonly device?: Device | undefined;
}

type Configuration = Pick<TrainingConfiguration, "preprocessing" | "step0" | "precision">;

/** Fewest patches of a batch that a patch is shrunk for; a larger batch has to fit beside the patch, not instead of it. */
const leastBatch = 2;
/** Part of all voxels of the data set that one batch shows at most, as nnU-Net limits it. */
const mostShown = 0.05;
/** Widest feature maps that `auto` stands for, by dimensions. */
const widest = { 2: 512, 3: 320 } as const;

/** @throws ConfigError for a data set without channels, ResourceError when nothing fits the budget */
export function makePlan(
  fingerprint: PlanningFacts,
  channelNames: readonly string[],
  classes: number,
  configuration: Configuration,
  { budget = Number.POSITIVE_INFINITY, device = "cpu" }: PlanOptions = {},
): Plan {
  const { preprocessing, step0, precision } = configuration;
  const { medianExtent } = fingerprint;
  const flat = step0.dimensions === 2;
  const flattened = ([z, y, x]: Triple): Triple => [flat ? 1 : z, y, x];
  const maximumStages = step0.maximumStages === "auto" ? Number.POSITIVE_INFINITY : step0.maximumStages;
  const build = ({ patch, strides, kernels }: PooledPatch): UNetArchitecture => {
    // Of one slice, whoever wanted it: data of one slice have nothing that a third dimension could see.
    const inPlane = patch[0] === 1;
    const width = step0.maximumFeatures === "auto" ? widest[inPlane ? 2 : 3] : step0.maximumFeatures;
    return {
      inputChannels: channelNames.length,
      classes,
      features: strides.map((_, stage) => Math.min(width, step0.baseFeatures * 2 ** stage)),
      kernels: inPlane ? kernels.map((kernel) => kernel.slice(1)) : kernels,
      strides: inPlane ? strides.map((stride) => stride.slice(1)) : strides,
      convsPerStage: step0.convsPerStage,
    };
  };
  const fitsMemory = (pooled: PooledPatch, batch: number) =>
    estimateStep0({ architecture: build(pooled), patch: pooled.patch, batch }, { ...step0, precision, device }).total <=
    budget;
  const wanted = (patch: Triple) =>
    step0.batch === "auto"
      ? Math.max(leastBatch, Math.floor((leastBatch * step0.patchVoxels) / voxelCount(patch)))
      : step0.batch;
  const least = step0.batch === "auto" ? leastBatch : Math.min(leastBatch, step0.batch);
  const patchAt = (spacing: Triple): PooledPatch => {
    if (step0.patch !== "auto") return pooledPatch(flattened(step0.patch), spacing, maximumStages);
    const median = flattened(shapeAt(medianExtent, spacing));
    for (const batch of new Set([least, 1])) {
      const fits = (pooled: PooledPatch) => voxelCount(pooled.patch) <= step0.patchVoxels && fitsMemory(pooled, batch);
      const fitted = fitPatch(median, spacing, maximumStages, fits);
      if (fitted !== undefined) return fitted;
    }
    throw nothingFits(budget, step0.patchVoxels);
  };
  if (flat && preprocessing.spacing === "low") {
    throw new ConfigError({
      found: 'preprocessing.spacing: "low" with step0.dimensions: 2',
      expected: "low resolution with 3 dimensions: a slice is never a part of a case that is too small",
      hint: "give millimetres instead: preprocessing.spacing=[z,y,x]",
    });
  }
  const extentsAt = (at: Triple) => patchAt(at).patch;
  /** nnU-Net's `batch_dice`. */
  const togetherAt = (at: Triple, patch: Triple) => patch[0] === 1 || hasLowSpacing(at, fingerprint, extentsAt);
  const spacing = spacingOf(fingerprint, preprocessing.spacing, extentsAt);
  const known = spacing ?? fingerprint.medianSpacing;
  const pooled = patchAt(known);
  const most = mostPatches(fingerprint, known, pooled.patch, wanted(pooled.patch));
  let batch = most;
  while (batch > 1 && (step0.patch === "auto" || step0.batch === "auto") && !fitsMemory(pooled, batch)) batch--;
  return {
    recipe: makeRecipe(fingerprint, channelNames, preprocessing, spacing),
    medianShape: shapeAt(medianExtent, known),
    patch: pooled.patch,
    batch,
    batchDice: step0.batchDice === "auto" ? togetherAt(known, pooled.patch) : step0.batchDice,
    architecture: build(pooled),
  };
}

/** @returns null where every case keeps its own */
function spacingOf(
  facts: SpacingFacts,
  wanted: TrainingConfiguration["preprocessing"]["spacing"],
  patchAt: (spacing: Triple) => Triple,
): Triple | null {
  if (wanted === "keep") return null;
  if (wanted === "median") return fullSpacing(facts);
  if (wanted === "low") return lowSpacing(fullSpacing(facts), facts, patchAt);
  return [...wanted];
}

/** A batch never shows more than a twentieth of all voxels, but two patches if two were asked for. */
function mostPatches({ totalVolume }: PlanningFacts, spacing: Triple, patch: Triple, wanted: number): number {
  if (totalVolume === undefined) return wanted;
  const voxels = totalVolume / (spacing[0] * spacing[1] * spacing[2]);
  return Math.min(wanted, Math.max(leastBatch, Math.round((mostShown * voxels) / voxelCount(patch))));
}

function nothingFits(budget: number, patchVoxels: number): ResourceError {
  return new ResourceError({
    found: `not even the smallest patch fits ${inGibibytes(budget)} of memory and ${patchVoxels} voxels`,
    expected: "a network of step 0 that can be trained here",
    hint: "raise memory (or free some) and step0.patchVoxels, or lower step0.baseFeatures and step0.maximumFeatures",
  });
}

/** nnU-Net's names of channels that say how they are normalised; any other name is a z-score. */
const kindByName: Readonly<Record<string, Normalisation["kind"]>> = {
  ct: "ct",
  nonorm: "none",
  rescale_to_0_1: "range",
  rgb_to_0_1: "rgb",
};

/** Cropping that leaves less than this of the median case: what was cut away must not count in mean and deviation. */
const mostlyEmpty = 0.75;

function makeRecipe(
  { channels, kept = 1 }: PlanningFacts,
  names: readonly string[],
  { normalisation, cropToNonzero }: TrainingConfiguration["preprocessing"],
  spacing: Triple | null,
): PreprocessingRecipe {
  const [first] = channels;
  if (first === undefined)
    throw new ConfigError({ found: "a data set without channels", expected: "at least one in channel_names" });
  const insideNonzero = cropToNonzero && kept < mostlyEmpty;
  const rules = names.map((name, index): Normalisation => {
    const kind = normalisation === "auto" ? (kindByName[name.trim().toLowerCase()] ?? "zscore") : normalisation;
    const { mean, std, low, high } = channels[index]!;
    if (kind === "ct") return { kind, mean, std, low, high };
    return kind === "zscore" ? { kind, insideNonzero } : { kind };
  });
  const window =
    rules[0]?.kind === "ct"
      ? ({ kind: "fixed", ...tissueWindow(first) } as const)
      : ({ kind: "percentiles", low: 0.5, high: 99.5 } as const);
  return { orientation: "RAS", spacing, cropToNonzero, normalisation: rules, window } as PreprocessingRecipe;
}

/** Black and white of a CT slice in normalised units: the bulk of the labelled tissue with half its range to either side. */
function tissueWindow({ mean, std, bulk }: Fingerprint["channels"][number]): { low: number; high: number } {
  const margin = Math.max(std / 2, (bulk.high - bulk.low) / 2);
  return { low: (bulk.low - margin - mean) / std, high: (bulk.high + margin - mean) / std };
}
