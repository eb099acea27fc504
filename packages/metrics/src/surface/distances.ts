/**
 * Surface scores in the three definitions people report. They give different numbers for the same masks, so a table says which it uses.
 *
 *   deepmind   pieces of surface weighted by their area; HD95 is the larger of the two directions' weighted percentiles
 *   medpy      border voxels; HD95 is the interpolated percentile of both directions pooled; ASSD the mean of both pooled
 *   monai      border voxels; HD95 is the larger of the two directions' interpolated percentiles; ASSD as MedPy's
 *
 * Empty masks: nothing on either side is undefined (NaN: left out of means); a mask on one side alone is infinitely far away, and its
 * surface Dice is 0.
 *
 * Sources: google-deepmind/surface-distance 0.1, MedPy 0.5.2, MONAI 1.5.
 */
import { ConfigError } from "@rfmedsam/base";
import { quantile } from "../summary.js";
import { type Border, type Borders, elementBorders, voxelBorders } from "./borders.js";
import type { Mask } from "./mask.js";

export interface SurfaceScores {
  /** Largest distance, mm. */
  readonly hausdorff: number;
  /** 95th percentile of the distances, mm. */
  readonly hausdorff95: number;
  /** Mean distance from the reference's surface to the prediction's, and back, mm. */
  readonly fromReference: number;
  readonly fromPrediction: number;
  /** Average symmetric surface distance: the mean over both surfaces, mm. */
  readonly assd: number;
  /** Share of both surfaces that is no farther than the tolerance from the other, in the order of the tolerances. */
  readonly surfaceDice: readonly number[];
}

interface Definition {
  readonly borders: (reference: Mask, prediction: Mask, spacing: readonly number[]) => Borders;
  readonly percentile: (borders: Borders, share: number) => number;
}

/** What the definitions differ in. A new one is a row. */
export const surfaceDefinitions = {
  deepmind: {
    borders: elementBorders,
    percentile: ({ reference, prediction }, share) =>
      Math.max(weightedPercentile(reference, share), weightedPercentile(prediction, share)),
  },
  medpy: {
    borders: voxelBorders,
    percentile: ({ reference, prediction }, share) =>
      quantile(sorted([...reference.distances, ...prediction.distances]), share),
  },
  monai: {
    borders: voxelBorders,
    percentile: ({ reference, prediction }, share) =>
      Math.max(quantile(sorted(reference.distances), share), quantile(sorted(prediction.distances), share)),
  },
} as const satisfies Record<string, Definition>;
export type SurfaceDefinition = keyof typeof surfaceDefinitions;

/**
 * @param spacing mm, in the order of the masks' shape
 * @param tolerances mm, for the surface Dice
 * @throws GeometryError when the masks or the spacing do not fit together; ConfigError for a mask that is none, a negative tolerance
 */
export function surfaceScores(
  reference: Mask,
  prediction: Mask,
  spacing: readonly number[],
  {
    definition = "deepmind",
    tolerances = [],
  }: { readonly definition?: SurfaceDefinition; readonly tolerances?: readonly number[] } = {},
): SurfaceScores {
  assertTolerances(tolerances);
  const { borders: bordersOf, percentile } = surfaceDefinitions[definition];
  const borders = bordersOf(reference, prediction, spacing);
  const sides = [borders.reference, borders.prediction];
  const present = sides.filter(({ distances }) => distances.length > 0).length;
  const known = <T>(none: T, one: T, both: () => T): T => (present === 0 ? none : present === 1 ? one : both());
  const far = Number.POSITIVE_INFINITY;
  const undefinedValue = Number.NaN;
  return {
    hausdorff: known(undefinedValue, far, () => percentile(borders, 1)),
    hausdorff95: known(undefinedValue, far, () => percentile(borders, 0.95)),
    fromReference: weightedMean([borders.reference]),
    fromPrediction: weightedMean([borders.prediction]),
    assd: known(undefinedValue, far, () => weightedMean(sides)),
    surfaceDice: tolerances.map((tolerance) => known(undefinedValue, 0, () => shareWithin(sides, tolerance))),
  };
}

/** @throws ConfigError unless all are millimetres, 0 or more */
export function assertTolerances(tolerances: readonly number[]): void {
  const odd = tolerances.find((tolerance) => !(tolerance >= 0 && Number.isFinite(tolerance)));
  if (odd === undefined) return;
  throw new ConfigError({ found: `a tolerance of ${odd} mm`, expected: "a distance of 0 mm or more" });
}

/** NaN when there is no border, infinite when there is nothing to measure to. */
function weightedMean(sides: readonly Border[]): number {
  let [sum, total] = [0, 0];
  for (const { distances, weights } of sides) {
    for (let i = 0; i < distances.length; i++) {
      sum += distances[i]! * weights[i]!;
      total += weights[i]!;
    }
  }
  return sum / total;
}

function shareWithin(sides: readonly Border[], tolerance: number): number {
  let [within, total] = [0, 0];
  for (const { distances, weights } of sides) {
    for (let i = 0; i < distances.length; i++) {
      if (distances[i]! <= tolerance) within += weights[i]!;
      total += weights[i]!;
    }
  }
  return within / total;
}

/** The distance below which `share` of the surface lies: the first, by distance and then by area, at which the running area reaches it. */
function weightedPercentile({ distances, weights }: Border, share: number): number {
  const order = Uint32Array.from(distances, (_, i) => i);
  order.sort((a, b) => distances[a]! - distances[b]! || weights[a]! - weights[b]!);
  let total = 0;
  for (const i of order) total += weights[i]!;
  let running = 0;
  for (const i of order) {
    running += weights[i]!;
    if (running / total >= share) return distances[i]!;
  }
  return distances[order.at(-1)!]!;
}

function sorted(values: ArrayLike<number>): Float64Array {
  return Float64Array.from(values).sort();
}
