/**
 * Every chosen score of every label of one case.
 *
 * Counts come from one pass over the voxels; surfaces are looked at only where a score asks for them, each label in the box that holds
 * it. A volume of one slice is a volume: its surface has a front and a back.
 */
import { GeometryError } from "@rfmedsam/base";
import { describeGrid, sameGrid, spacingOf, type Volume } from "@rfmedsam/imaging";
import { type LabelOrRegion, wholeNumbers } from "./classes.js";
import { LabelMasks } from "./label-masks.js";
import { type ChosenMetric, chooseMetrics, defaultTolerances, type MaskPair, type MetricName } from "./metrics.js";
import { type CountOptions, type Counts, countOverlap } from "./overlap.js";
import { type SurfaceDefinition, surfaceScores } from "./surface/distances.js";

/** What is computed, and how. */
export interface MetricOptions extends CountOptions {
  /** All but specificity unless given; Dice is always there. */
  readonly metrics?: readonly MetricName[] | undefined;
  /** Whose surface distances: DeepMind's unless given. */
  readonly definition?: SurfaceDefinition | undefined;
  /** mm, of the surface Dice. */
  readonly tolerances?: readonly number[] | undefined;
}

export interface CompareOptions extends MetricOptions {
  /** Named in the error. */
  readonly predictionFile?: string;
  readonly referenceFile?: string;
}

/** One label of one case. */
export interface LabelScores {
  readonly counts: Counts;
  /** By key (`dice`, `hd95`, `surfaceDice2mm`); NaN where undefined. */
  readonly scores: Readonly<Record<string, number>>;
}

/** Volume of one voxel in ml. */
export function voxelMl(volume: Volume): number {
  const [z, y, x] = spacingOf(volume);
  return (z * y * x) / 1000;
}

/**
 * Scores of every label of a predicted volume, in the order of `labels`.
 *
 * @throws GeometryError when the two volumes do not lie on the same grid; ConfigError when one is no label map, or a tolerance is negative
 */
export function compareLabels(
  prediction: Volume,
  reference: Volume,
  labels: readonly LabelOrRegion[],
  options: CompareOptions = {},
): LabelScores[] {
  assertSameGrid(prediction, reference, options);
  const { metrics, definition = "deepmind", tolerances = defaultTolerances, ignoreLabel } = options;
  const chosen: readonly ChosenMetric[] = chooseMetrics(metrics, tolerances);
  const maps = {
    prediction: wholeNumbers(prediction.data, "prediction"),
    reference: wholeNumbers(reference.data, "reference"),
  };
  const counts = countOverlap(
    maps.prediction,
    maps.reference,
    labels,
    ignoreLabel === undefined ? {} : { ignoreLabel },
  );
  const masks = chosen.some(({ surface }) => surface)
    ? new LabelMasks(maps, reference.shape, labels, ignoreLabel)
    : undefined;
  const [ml, spacing] = [voxelMl(reference), spacingOf(reference)];
  return labels.map((label, at) => {
    const surface = once(() => {
      const pair = masks!.of(label);
      return surfaceScores(pair.reference, pair.prediction, spacing, { definition, tolerances });
    });
    const pair: MaskPair = { counts: counts[at]!, voxelMl: ml, surface };
    return { counts: pair.counts, scores: Object.fromEntries(chosen.map(({ key, compute }) => [key, compute(pair)])) };
  });
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function assertSameGrid(
  prediction: Volume,
  reference: Volume,
  { predictionFile, referenceFile }: Pick<CompareOptions, "predictionFile" | "referenceFile">,
): void {
  if (sameGrid(reference, prediction)) return;
  throw new GeometryError({
    file: predictionFile,
    found: describeGrid(prediction),
    expected: `the reference's ${describeGrid(reference)}${referenceFile === undefined ? "" : ` (${referenceFile})`}, at the same place`,
    hint: "compare the prediction with the reference of the same case",
  });
}
