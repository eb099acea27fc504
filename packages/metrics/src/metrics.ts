/**
 * The scores there are, a row each: what it is called, in which unit, which way is better, how it is computed. A new score is its formula
 * (a file of its own) and a row here; tables, CSV, reports and the command line follow.
 */
import { ConfigError } from "@rfmedsam/base";
import { type Counts, dice, jaccard, precision, recall, specificity, volumeSimilarity } from "./overlap.js";
import { assertTolerances, type SurfaceScores } from "./surface/distances.js";

/** What a score may look at: two masks of the same label. */
export interface MaskPair {
  readonly counts: Counts;
  /** Volume of one voxel. */
  readonly voxelMl: number;
  /** Surface scores of the pair, computed when first asked for. */
  readonly surface: () => SurfaceScores;
}

export interface Metric {
  readonly title: string;
  readonly unit?: "mm" | "ml";
  /** Which way is better; a volume by itself is neither. */
  readonly better: "higher" | "lower" | "neither";
  readonly digits: number;
  /** Its value when one of the two masks is empty, whichever; absent if that depends on which. */
  readonly oneEmpty?: number;
  /** Its best value: what a method has beside another's false mask when it rightly sees nothing; absent where nothing is best. */
  readonly best?: number;
  /** Comes first in tables, with spread, interval and plot. */
  readonly headline?: true;
  /** Needs the masks' surfaces, which takes longer than counting. */
  readonly surface?: true;
  /** There is one for each tolerance. */
  readonly perTolerance?: true;
  /** @param tolerance index into the tolerances, for a score that has one for each */
  readonly compute: (pair: MaskPair, tolerance: number) => number;
}

const share = { better: "higher", digits: 3 } as const;
const overlap = { ...share, oneEmpty: 0, best: 1 } as const;
const distance = {
  unit: "mm",
  better: "lower",
  digits: 2,
  oneEmpty: Number.POSITIVE_INFINITY,
  best: 0,
  surface: true,
} as const;

/** In the order of the tables. */
export const metrics = {
  dice: { title: "Dice", ...overlap, headline: true, compute: ({ counts }) => dice(counts) },
  jaccard: { title: "Jaccard", ...overlap, compute: ({ counts }) => jaccard(counts) },
  precision: { title: "precision", ...share, compute: ({ counts }) => precision(counts) },
  recall: { title: "recall", ...share, compute: ({ counts }) => recall(counts) },
  specificity: { title: "specificity", ...share, compute: ({ counts }) => specificity(counts) },
  volumeSimilarity: { title: "volume similarity", ...overlap, compute: ({ counts }) => volumeSimilarity(counts) },
  predictedMl: {
    title: "predicted",
    unit: "ml",
    better: "neither",
    digits: 1,
    compute: ({ counts, voxelMl }) => (counts.tp + counts.fp) * voxelMl,
  },
  referenceMl: {
    title: "reference",
    unit: "ml",
    better: "neither",
    digits: 1,
    compute: ({ counts, voxelMl }) => (counts.tp + counts.fn) * voxelMl,
  },
  hd: { title: "HD", ...distance, compute: ({ surface }) => surface().hausdorff },
  hd95: { title: "HD95", ...distance, headline: true, compute: ({ surface }) => surface().hausdorff95 },
  assd: { title: "ASSD", ...distance, headline: true, compute: ({ surface }) => surface().assd },
  surfaceDice: {
    title: "surface Dice",
    ...overlap,
    headline: true,
    surface: true,
    perTolerance: true,
    compute: ({ surface }, tolerance) => surface().surfaceDice[tolerance]!,
  },
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof metrics;
export const metricNames = Object.keys(metrics) as MetricName[];

/** Computed unless others are asked for. */
export const defaultMetrics: readonly MetricName[] = metricNames.filter((name) => name !== "specificity");

/** mm; about a voxel, and about what two readers of the same CT differ by. */
export const defaultTolerances: readonly number[] = [1, 2];

/** A row that will be computed: the key its values go by, its final title. */
export interface ChosenMetric extends Metric {
  /** `dice`; `surfaceDice2mm` */
  readonly key: string;
  readonly compute: (pair: MaskPair) => number;
}

/**
 * The rows of the given names, in the table's order. Dice is always among them.
 *
 * @param tolerances mm, for scores that have one
 * @throws ConfigError for a tolerance that is none
 */
export function chooseMetrics(
  names: readonly MetricName[] = defaultMetrics,
  tolerances: readonly number[] = defaultTolerances,
): ChosenMetric[] {
  assertTolerances(tolerances);
  return metricNames
    .filter((name) => name === "dice" || names.includes(name))
    .flatMap((name) => {
      const row: Metric = metrics[name];
      if (row.perTolerance === undefined) return { ...row, key: name, compute: (pair) => row.compute(pair, 0) };
      return tolerances.map((tolerance, at) => ({
        ...row,
        key: `${name}${tolerance}mm`,
        title: `${row.title} ${tolerance} mm`,
        compute: (pair) => row.compute(pair, at),
      }));
    });
}

/**
 * Names as people write them: `dice,HD95,surface-dice`.
 *
 * @throws ConfigError for a name that no row has
 */
export function parseMetricNames(text: string): MetricName[] {
  const plain = (name: string) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  return text
    .split(",")
    .filter((name) => name.trim() !== "")
    .map((name) => {
      const found = metricNames.find((each) => plain(each) === plain(name));
      if (found !== undefined) return found;
      throw new ConfigError({ found: `no metric is called "${name.trim()}"`, expected: metricNames.join(", ") });
    });
}
