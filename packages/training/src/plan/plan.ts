/**
 * From a fingerprint to a plan: preprocessing recipe, patch and U-Net, as data that is written into the run folder and can be read
 * by a person. The rules are nnU-Net's (Isensee et al. 2021, supplementary note 2) with a budget in voxels in place of GPU memory.
 */
import { ConfigError } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
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
  const wanted = step0.patch === "auto" ? fitPatch(median, spacing, step0.patchVoxels, step0.dimensions) : step0.patch;
  const { strides, kernels } = pooling(
    step0.dimensions === 2 ? [1, wanted[1], wanted[2]] : wanted,
    spacing,
    step0.maximumStages,
  );
  const total = strides.reduce((product, stride) => product.map((p, axis) => p * stride[axis]!) as unknown as Triple, [
    1, 1, 1,
  ] as Triple);
  const patch = wanted.map((extent, axis) => Math.ceil(extent / total[axis]!) * total[axis]!) as unknown as Triple;
  const dims = (list: readonly Triple[]) => (step0.dimensions === 2 ? list.map((t) => t.slice(1)) : list);
  return {
    recipe,
    patch: step0.dimensions === 2 ? [1, patch[1], patch[2]] : patch,
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
    ? ({
        kind: "fixed",
        low: (first.low - first.mean) / first.std,
        high: (first.high - first.mean) / first.std,
      } as const)
    : ({ kind: "percentiles", low: 0.5, high: 99.5 } as const);
  return {
    orientation: "RAS",
    spacing: spacing === "keep" ? null : spacing === "median" ? medianSpacing : [...spacing],
    cropToNonzero,
    normalisation: rules,
    window,
  } as PreprocessingRecipe;
}

/** The median case, shrunk along its longest axes (in mm) until it fits the budget. */
function fitPatch(median: Triple, spacing: Triple, voxels: number, dimensions: 2 | 3): Triple {
  const patch: [number, number, number] = [dimensions === 2 ? 1 : median[0], median[1], median[2]];
  while (patch[0] * patch[1] * patch[2] > voxels) {
    const longest = [0, 1, 2].reduce(
      (best, axis) => (patch[axis]! * spacing[axis]! > patch[best]! * spacing[best]! && patch[axis]! > 1 ? axis : best),
      dimensions === 2 ? 1 : 0,
    );
    patch[longest]! = Math.max(1, Math.floor(patch[longest]! * 0.95));
  }
  return patch;
}

/**
 * Which axes are halved at which stage: those at most twice as coarse as the finest and still long enough. Kernels span an axis
 * only once it is at a comparable resolution.
 */
function pooling(patch: Triple, spacing: Triple, maximumStages: number): { strides: Triple[]; kernels: Triple[] } {
  const size = [...patch];
  const mm = [...spacing];
  const strides: Triple[] = [[1, 1, 1]];
  const kernels: Triple[] = [];
  const kernelNow = (): Triple => {
    const finest = Math.min(...mm.filter((_, axis) => size[axis]! > 1));
    return mm.map((s, axis) => (size[axis]! > 1 && s < 2 * finest ? 3 : 1)) as unknown as Triple;
  };
  kernels.push(kernelNow());
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
    kernels.push(kernelNow());
  }
  return { strides, kernels };
}
