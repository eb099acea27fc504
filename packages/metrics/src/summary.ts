/**
 * From scores per case and label to what a table shows: mean, spread and how sure the mean is.
 *
 * Means are nnU-Net's: per label the mean over the cases that have a value (NaN = label in neither mask, left out); over the
 * foreground the plain mean of the labels' means. The interval is the percentile bootstrap over cases (Efron 1979), seeded.
 * A distance to an empty mask is infinite and has no place in a mean: such values are counted by themselves. A single value says nothing
 * about how far others lie: it has neither deviation nor interval.
 */
import { ConfigError, Random } from "@rfmedsam/base";

/** One score per case and label, e.g. Dice. */
export interface Scores {
  readonly cases: readonly string[];
  readonly labels: readonly string[];
  /** `[case][label]`; NaN where the score is undefined. */
  readonly values: readonly (readonly number[])[];
}

/** Where a sample lies. All NaN when there is no finite value. */
export interface Statistics {
  /** How many finite values went in. */
  readonly count: number;
  /** How many infinite ones did not. */
  readonly infinite: number;
  readonly mean: number;
  /** Sample standard deviation (n − 1); NaN for a single value. */
  readonly deviation: number;
  readonly min: number;
  readonly median: number;
  readonly max: number;
  /** Bootstrap interval of the mean; NaN for a single value. */
  readonly low: number;
  readonly high: number;
}

/** How sure a mean is, as a note beside it. */
export const intervalInWords = ({ low, high }: Pick<Statistics, "low" | "high">): string =>
  Number.isNaN(low) ? "no interval: too few cases" : `95 % interval ${low.toFixed(3)} to ${high.toFixed(3)}`;

export interface Summary {
  readonly perLabel: readonly (Statistics & { readonly label: string })[];
  /** `mean` is the mean of the labels' means; spread and extremes are those of the cases' own means over their labels. */
  readonly foreground: Statistics;
}

export interface SummaryOptions {
  /** Coverage of the bootstrap interval. */
  readonly level?: number;
  readonly resamples?: number;
  readonly seed?: number;
  /** What a label without any value does to the foreground mean: makes it NaN (nnU-Net), or is skipped. */
  readonly absentLabels?: "nan" | "skip";
}

/** Mean of the finite values; NaN when there is none. */
export function finiteMean(values: ArrayLike<number>): number {
  let [sum, count] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!Number.isFinite(value)) continue;
    sum += value;
    count++;
  }
  return sum / count;
}

/**
 * Summarises a table of scores.
 *
 * @throws ConfigError when the values are not one row per case with one number per label
 */
export function summarise(scores: Scores, options: SummaryOptions = {}): Summary {
  const { level = 0.95, resamples = 2000, seed = 0, absentLabels = "nan" } = options;
  checkShape(scores);
  const { cases, labels, values } = scores;
  const columns = labels.map((_, label) => Float64Array.from(values, (row) => row[label] as number));
  const bootstrap = labels.map(() => new Float64Array(resamples));
  const bootstrapForeground = new Float64Array(cases.length > 0 ? resamples : 0);
  const random = new Random(seed);
  const drawn = new Uint32Array(cases.length);
  for (let sample = 0; sample < bootstrapForeground.length; sample++) {
    for (let i = 0; i < drawn.length; i++) drawn[i] = random.below(cases.length);
    let [sum, count] = [0, 0];
    for (let label = 0; label < columns.length; label++) {
      const mean = meanOfDrawn(columns[label] as Float64Array, drawn);
      (bootstrap[label] as Float64Array)[sample] = mean;
      // A label that a resample happens to miss tells nothing about the others.
      if (Number.isNaN(mean)) continue;
      sum += mean;
      count++;
    }
    bootstrapForeground[sample] = sum / count;
  }
  const means = columns.map(finiteMean);
  const overall =
    absentLabels === "skip" ? finiteMean(means) : means.reduce((sum, mean) => sum + mean, 0) / means.length;
  const infinite = columns.map(
    (column) => column.filter((value) => Math.abs(value) === Number.POSITIVE_INFINITY).length,
  );
  return {
    perLabel: labels.map((label, index) => ({
      label,
      ...statistics(columns[index] as Float64Array, means[index] as number, bootstrap[index] as Float64Array, level),
      infinite: infinite[index] as number,
    })),
    foreground: {
      ...statistics(Float64Array.from(values, finiteMean), overall, bootstrapForeground, level),
      infinite: infinite.reduce((sum, count) => sum + count, 0),
    },
  };
}

function meanOfDrawn(values: Float64Array, drawn: Uint32Array): number {
  let [sum, count] = [0, 0];
  for (let i = 0; i < drawn.length; i++) {
    const value = values[drawn[i] as number] as number;
    if (!Number.isFinite(value)) continue;
    sum += value;
    count++;
  }
  return sum / count;
}

function checkShape({ cases, labels, values }: Scores): void {
  const wrong = values.findIndex((row) => row.length !== labels.length);
  if (values.length === cases.length && wrong < 0) return;
  const found =
    wrong < 0 ? `${values.length} rows` : `${values[wrong]?.length} scores for the case ${cases[wrong] ?? wrong}`;
  throw new ConfigError({ found, expected: `${cases.length} rows of ${labels.length} scores` });
}

function statistics(
  values: Float64Array,
  mean: number,
  bootstrap: Float64Array,
  level: number,
): Omit<Statistics, "infinite"> {
  const present = values.filter((value) => Number.isFinite(value)).sort();
  const resampled = present.length < 2 ? [] : bootstrap.filter((value) => !Number.isNaN(value)).sort();
  const tail = (1 - level) / 2;
  return {
    count: present.length,
    mean,
    deviation: deviation(present),
    min: present[0] ?? Number.NaN,
    median: quantile(present, 0.5),
    max: present.at(-1) ?? Number.NaN,
    low: quantile(resampled, tail),
    high: quantile(resampled, 1 - tail),
  };
}

function deviation(values: Float64Array): number {
  if (values.length < 2) return Number.NaN;
  const mean = finiteMean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}

/** Linear interpolation between order statistics (numpy's default). @param sorted ascending, without NaN */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const last = sorted.length - 1;
  if (last < 0) return Number.NaN;
  const at = Math.min(1, Math.max(0, share)) * last;
  const below = Math.floor(at);
  const low = sorted[below] as number;
  const high = sorted[Math.min(last, below + 1)] as number;
  return low + (high - low) * (at - below);
}
