/**
 * From scores per case and label to what a table shows: mean, spread and how sure the mean is.
 *
 * Means are nnU-Net's: per label the mean over the cases that have a value (NaN = label in neither mask, left out); over the
 * foreground the plain mean of the labels' means. The interval is the percentile bootstrap over cases (Efron 1979), seeded.
 */
import { ConfigError, Random } from "@rfmedsam/base";

/** One score per case and label, e.g. Dice. */
export interface Scores {
  readonly cases: readonly string[];
  readonly labels: readonly string[];
  /** `[case][label]`; NaN where the score is undefined. */
  readonly values: readonly (readonly number[])[];
}

/** Where a sample lies. All NaN when there is no value. */
export interface Statistics {
  /** How many values went in. */
  readonly count: number;
  readonly mean: number;
  /** Sample standard deviation (n − 1); 0 for a single value. */
  readonly deviation: number;
  readonly min: number;
  readonly median: number;
  readonly max: number;
  /** Bootstrap interval of the mean. */
  readonly low: number;
  readonly high: number;
}

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

/** Mean of the values that are not NaN; NaN when there is none. */
export function nanMean(values: readonly number[]): number {
  let [sum, count] = [0, 0];
  for (const value of values) {
    if (Number.isNaN(value)) continue;
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
  const everyCase = cases.map((_, index) => index);
  const bootstrap = labels.map(() => [] as number[]);
  const bootstrapForeground: number[] = [];
  const random = new Random(seed);
  for (let sample = 0; sample < resamples && cases.length > 0; sample++) {
    const means = labelMeans(
      values,
      labels.length,
      everyCase.map(() => random.below(cases.length)),
    );
    for (const [label, mean] of means.entries()) bootstrap[label]?.push(mean);
    // A label that a resample happens to miss tells nothing about the others.
    bootstrapForeground.push(nanMean(means));
  }
  const means = labelMeans(values, labels.length, everyCase);
  const overall = absentLabels === "skip" ? nanMean(means) : means.reduce((sum, mean) => sum + mean, 0) / means.length;
  return {
    perLabel: labels.map((label, index) => ({
      label,
      ...statistics(column(values, index), means[index] as number, bootstrap[index] as number[], level),
    })),
    foreground: statistics(values.map(nanMean), overall, bootstrapForeground, level),
  };
}

function checkShape({ cases, labels, values }: Scores): void {
  const wrong = values.findIndex((row) => row.length !== labels.length);
  if (values.length === cases.length && wrong < 0) return;
  const found =
    wrong < 0 ? `${values.length} rows` : `${values[wrong]?.length} scores for the case ${cases[wrong] ?? wrong}`;
  throw new ConfigError({ found, expected: `${cases.length} rows of ${labels.length} scores` });
}

const column = (values: Scores["values"], label: number): number[] => values.map((row) => row[label] as number);

function labelMeans(values: Scores["values"], labels: number, cases: readonly number[]): number[] {
  return Array.from({ length: labels }, (_, label) => nanMean(cases.map((index) => values[index]?.[label] as number)));
}

function statistics(values: readonly number[], mean: number, bootstrap: readonly number[], level: number): Statistics {
  const present = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  const resampled = bootstrap.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
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

function deviation(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  if (values.length === 1) return 0;
  const mean = nanMean(values);
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
