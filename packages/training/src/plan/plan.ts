/**
 * From a fingerprint to a plan: preprocessing recipe, patch and U-Net, as data that is written into the run folder and can be read
 * by a person. The rules are nnU-Net's (Isensee et al. 2021, supplementary note 2) with a budget in voxels in place of GPU memory.
 */
import { ConfigError } from "@rfmedsam/base";
import { type Triple, voxelCount } from "@rfmedsam/imaging";
import type { UNetArchitecture } from "@rfmedsam/models";
import type { PreprocessingRecipe } from "@rfmedsam/segmenter";
import type { TrainingConfiguration } from "../config.js";
import type { Fingerprint } from "./fingerprint.js";

export interface Plan {
  readonly recipe: PreprocessingRecipe;
  /** `[z, y, x]` voxels; z is 1 for a 2D network. */
  readonly patch: Triple;
  readonly architecture: UNetArchitecture;
}

/** Smallest extent of the coarsest feature map; nnU-Net stops pooling an axis below it. */
const smallestMap = 4;

export function makePlan(
  fingerprint: Fingerprint,
  channelNames: readonly string[],
  classes: number,
  { preprocessing, step0 }: Pick<TrainingConfiguration, "preprocessing" | "step0">,
): Plan {
  const recipe = makeRecipe(fingerprint, channelNames, preprocessing);
  const spacing = recipe.spacing ?? fingerprint.medianSpacing;
  const median = spacing.map((mm, axis) =>
    Math.max(1, Math.round(fingerprint.medianExtent[axis]! / mm)),
  ) as unknown as Triple;
  const flat = ([z, y, x]: Triple): Triple => [step0.dimensions === 2 ? 1 : z, y, x];
  const { patch, strides, kernels } =
    step0.patch === "auto"
      ? fitPatch(flat(median), spacing, step0)
      : pooledPatch(flat(step0.patch), spacing, step0.maximumStages);
  const dims = (list: readonly Triple[]) => (step0.dimensions === 2 ? list.map((t) => t.slice(1)) : list);
  return {
    recipe,
    patch,
    architecture: {
      inputChannels: channelNames.length,
      classes,
      features: strides.map((_, stage) => Math.min(step0.maximumFeatures, step0.baseFeatures * 2 ** stage)),
      kernels: dims(kernels),
      strides: dims(strides),
      convsPerStage: step0.convsPerStage,
    },
  };
}

function makeRecipe(
  { medianSpacing, channels }: Fingerprint,
  names: readonly string[],
  { spacing, normalisation, cropToNonzero }: TrainingConfiguration["preprocessing"],
): PreprocessingRecipe {
  const isCt = (name: string) => normalisation === "ct" || (normalisation === "auto" && name.toLowerCase() === "ct");
  const rules = names.map((name, index) => {
    const { mean, std, low, high } = channels[index]!;
    return isCt(name)
      ? ({ kind: "ct", mean, std, low, high } as const)
      : ({ kind: "zscore", insideNonzero: false } as const);
  });
  const [first] = channels;
  if (first === undefined)
    throw new ConfigError({ found: "a data set without channels", expected: "at least one in channel_names" });
  const window = isCt(names[0]!)
    ? ({ kind: "fixed", ...tissueWindow(first) } as const)
    : ({ kind: "percentiles", low: 0.5, high: 99.5 } as const);
  return {
    orientation: "RAS",
    spacing: spacing === "keep" ? null : spacing === "median" ? medianSpacing : [...spacing],
    cropToNonzero,
    normalisation: rules,
    window,
  } as PreprocessingRecipe;
}

/** Black and white of a CT slice in normalised units: the bulk of the labelled tissue with half its range to either side. */
function tissueWindow({ mean, std, bulk }: Fingerprint["channels"][number]): { low: number; high: number } {
  const margin = Math.max(std / 2, (bulk.high - bulk.low) / 2);
  return { low: (bulk.low - margin - mean) / std, high: (bulk.high + margin - mean) / std };
}

/** A patch and how its network pools it. */
interface PooledPatch {
  readonly patch: Triple;
  readonly strides: readonly Triple[];
  readonly kernels: readonly Triple[];
}

/** The median case, shrunk along its longest axes (in mm) until what comes of it fits the budget. */
function fitPatch(
  median: Triple,
  spacing: Triple,
  { patchVoxels, maximumStages }: Pick<TrainingConfiguration["step0"], "patchVoxels" | "maximumStages">,
): PooledPatch {
  const wanted: [number, number, number] = [...median];
  let fitted = pooledPatch(wanted, spacing, maximumStages);
  while (voxelCount(fitted.patch) > patchVoxels) {
    const longest = [0, 1, 2].reduce((best, axis) =>
      wanted[axis]! > 1 && (wanted[best] === 1 || wanted[axis]! * spacing[axis]! > wanted[best]! * spacing[best]!)
        ? axis
        : best,
    );
    wanted[longest]! = Math.max(1, Math.floor(wanted[longest]! * 0.95));
    fitted = pooledPatch(wanted, spacing, maximumStages);
  }
  return fitted;
}

/** A patch of at least the wanted extents that its network's strides divide. */
function pooledPatch(wanted: Triple, spacing: Triple, maximumStages: number): PooledPatch {
  const { strides, kernels } = pooling(wanted, spacing, maximumStages);
  const total = (axis: number) => strides.reduce((product, stride) => product * stride[axis]!, 1);
  const patch = wanted.map((extent, axis) => Math.ceil(extent / total(axis)) * total(axis)) as unknown as Triple;
  return { patch, strides, kernels };
}

/**
 * Which axes are halved at which stage: those at most twice as coarse as the finest and still long enough. Kernels span an axis
 * once it is at a comparable resolution, and from then on: an axis too short to be halved further must not stop the others.
 */
function pooling(patch: Triple, spacing: Triple, maximumStages: number): { strides: Triple[]; kernels: Triple[] } {
  const size = [...patch];
  const mm = [...spacing];
  const strides: Triple[] = [[1, 1, 1]];
  const kernels: Triple[] = [];
  const kernelNow = (pooled: readonly number[]): Triple => {
    const finest = Math.min(...mm.filter((_, axis) => size[axis]! > 1));
    const spans = (s: number, axis: number) =>
      kernels.at(-1)?.[axis] === 3 || pooled.includes(axis) || (size[axis]! > 1 && s < 2 * finest);
    return mm.map((s, axis) => (spans(s, axis) ? 3 : 1)) as unknown as Triple;
  };
  kernels.push(kernelNow([]));
  while (strides.length < maximumStages) {
    const poolable = [0, 1, 2].filter((axis) => size[axis]! >= 2 * smallestMap);
    const finest = Math.min(...poolable.map((axis) => mm[axis]!));
    const pooled = poolable.filter((axis) => mm[axis]! < 2 * finest);
    if (pooled.length === 0) break;
    strides.push([0, 1, 2].map((axis) => (pooled.includes(axis) ? 2 : 1)) as unknown as Triple);
    for (const axis of pooled) {
      size[axis] = Math.ceil(size[axis]! / 2);
      mm[axis] = mm[axis]! * 2;
    }
    kernels.push(kernelNow(pooled));
  }
  return { strides, kernels };
}
