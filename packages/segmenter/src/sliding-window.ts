/**
 * Step 0 over a whole volume: overlapping patches, each weighted by a Gaussian that trusts its centre, averaged.
 *
 * The rules (steps, Gaussian, padding, mirroring) are nnU-Net's; sums are float32 where nnU-Net's are float16. Because both the
 * Gaussian and the grid of patches are products over the axes, so is the sum of weights: three short vectors replace nnU-Net's
 * volume of weights.
 */
import { type CancelSignal, ConfigError, EngineError, type Progress, ResourceError, silent } from "@rfmedsam/base";
import { formatShape, type Triple, voxelCount } from "@rfmedsam/imaging";
import { breathe } from "./breathe.js";
import type { PatchNetwork } from "./networks.js";
import type { PreparedCase } from "./preprocessing.js";
import { extractPatch, flipped, subsetsOf, type WindowPlan, windowPlan } from "./windows.js";

export interface SlidingWindowOptions {
  /** Step between patches as a part of the patch size; 0.5 = half a patch. */
  readonly overlap?: number;
  /** Array axes (0 = z) along which predictions of mirrored patches are averaged in. */
  readonly mirrorAxes?: readonly number[];
  /** Patches per call of the network. */
  readonly batch?: number;
  /** Gaussian weights (default), or plain averaging. */
  readonly gaussian?: boolean;
  readonly progress?: Progress;
  readonly signal?: CancelSignal;
}

/**
 * Logits of a prepared case.
 *
 * @param networks one network, or several (folds) whose logits are averaged
 * @param prepared channels `[C, z, y, x]` as `prepareCase` makes them
 * @returns logits `[K, z, y, x]`
 * @throws ConfigError if the networks do not fit the case or each other, InterruptedError when stopped
 */
export async function predictVolume(
  networks: PatchNetwork | readonly PatchNetwork[],
  prepared: Pick<PreparedCase, "data" | "channels" | "shape">,
  options: SlidingWindowOptions = {},
): Promise<Float32Array> {
  const { overlap = 0.5, mirrorAxes = [], batch = 1, gaussian = true, progress = silent, signal } = options;
  const folds = "predict" in networks ? [networks] : networks;
  const classes = commonClasses(folds, prepared.channels);
  const sum = allocate(classes, prepared.shape);
  const plan = windowPlan(prepared.shape, folds[0]!.patch, overlap, gaussian);
  // A patch of one slice is its own mirror image across it.
  const flips = subsetsOf(mirrorAxes.filter((axis) => plan.patch[axis]! > 1));
  const total = folds.length * plan.starts.length;
  let done = 0;

  for (const network of folds) {
    for (let first = 0; first < plan.starts.length; first += batch) {
      await breathe(signal);
      const starts = plan.starts.slice(first, first + batch);
      const patches = new Float32Array(starts.length * prepared.channels * voxelCount(plan.patch));
      starts.forEach((start, n) => {
        extractPatch(prepared, start, plan.patch, patches, n * prepared.channels * voxelCount(plan.patch));
      });
      const logits = await predictFlipped(network, patches, starts.length, plan.patch, flips);
      starts.forEach((start, n) => {
        addPatch(sum, prepared.shape, classes, plan, start, logits, n * classes * voxelCount(plan.patch));
      });
      done += starts.length;
      progress({ stage: "step 0: predicting patches", done, total });
    }
  }
  divideByWeights(sum, prepared.shape, classes, plan, flips.length * folds.length);
  return sum;
}

/** The sum of a batch's logits over all mirrored views; each is turned back first, so that a patch is weighted and added once. */
async function predictFlipped(
  network: PatchNetwork,
  patches: Float32Array,
  count: number,
  patch: Triple,
  flips: readonly (readonly number[])[],
): Promise<Float32Array> {
  const expected = count * network.classes * voxelCount(patch);
  if (network.predictMirrored !== undefined) {
    const logits = await network.predictMirrored(patches, count, flips);
    checkAnswer(logits, expected, patch);
    return logits;
  }
  let sum: Float32Array | undefined;
  for (const axes of flips) {
    const input = axes.length === 0 ? patches : flipped(patches, patch, axes);
    const answer = await network.predict(input, count);
    checkAnswer(answer, expected, patch);
    const logits = axes.length === 0 ? answer : flipped(answer, patch, axes);
    // A copy to add to: an answer belongs to the network.
    if (sum === undefined) sum = flips.length > 1 ? logits.slice() : logits;
    else for (let n = 0; n < sum.length; n++) sum[n]! += logits[n]!;
  }
  return sum!;
}

function commonClasses(folds: readonly PatchNetwork[], channels: number): number {
  const [first] = folds;
  if (first === undefined)
    throw new ConfigError({ found: "no step-0 network", expected: "at least one (one per fold)" });
  for (const network of folds) {
    if (network.inputChannels !== channels) {
      throw new ConfigError({
        found: `a case of ${channels} channels`,
        expected: `the network's ${network.inputChannels}`,
      });
    }
    if (network.classes !== first.classes) {
      throw new ConfigError({
        found: `folds of ${first.classes} and of ${network.classes} classes`,
        expected: "folds of one model, which have the same classes",
      });
    }
    if (network.patch.some((size, axis) => size !== first.patch[axis])) {
      throw new ConfigError({
        found: `folds with patches of ${formatShape(first.patch)} and of ${formatShape(network.patch)}`,
        expected: "folds of one model, which have the same patch",
      });
    }
  }
  return first.classes;
}

function allocate(classes: number, shape: Triple): Float32Array {
  try {
    return new Float32Array(classes * voxelCount(shape));
  } catch (cause) {
    const gigabytes = (classes * voxelCount(shape) * 4) / 1e9;
    throw new ResourceError({
      found: `no memory for the scores of ${classes} classes on ${formatShape(shape)} voxels (${gigabytes.toFixed(1)} GB)`,
      expected: "a volume whose scores fit in memory",
      hint: "cut the volume into parts, or train the model at a coarser spacing",
      cause,
    });
  }
}

function checkAnswer(answer: Float32Array, expected: number, patch: Triple): void {
  if (answer.length === expected) return;
  throw new EngineError({
    found: `${answer.length} logits for patches of ${formatShape(patch)}`,
    expected: `${expected} (batch × classes × patch)`,
  });
}

function addPatch(
  sum: Float32Array,
  shape: Triple,
  classes: number,
  { patch, profiles: [gz, gy, gx] }: WindowPlan,
  start: Triple,
  logits: Float32Array,
  offset: number,
): void {
  const xFrom = Math.max(0, -start[2]);
  const xTo = Math.min(patch[2], shape[2] - start[2]);
  for (let k = 0; k < classes; k++) {
    for (let z = Math.max(0, -start[0]); z < Math.min(patch[0], shape[0] - start[0]); z++) {
      for (let y = Math.max(0, -start[1]); y < Math.min(patch[1], shape[1] - start[1]); y++) {
        const weight = gz[z]! * gy[y]!;
        const source = offset + ((k * patch[0] + z) * patch[1] + y) * patch[2];
        const target = ((k * shape[0] + start[0] + z) * shape[1] + start[1] + y) * shape[2] + start[2];
        for (let x = xFrom; x < xTo; x++) sum[target + x]! += weight * gx[x]! * logits[source + x]!;
      }
    }
  }
}

/** Turns the weighted sum over windows and passes into their mean. */
function divideByWeights(
  sum: Float32Array,
  shape: Triple,
  classes: number,
  { totals: [tz, ty, tx] }: WindowPlan,
  passes: number,
): void {
  let at = 0;
  for (let k = 0; k < classes; k++) {
    for (let z = 0; z < shape[0]; z++) {
      for (let y = 0; y < shape[1]; y++) {
        const outer = passes * tz[z]! * ty[y]!;
        for (let x = 0; x < shape[2]; x++) sum[at++]! /= outer * tx[x]!;
      }
    }
  }
}
