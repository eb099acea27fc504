/** Images with more noise than they came with. The range of an image is from its percentile 0.5 to 99.5. */
import type { Random } from "@rfmedsam/base";
import { intensityStatistics, toFloat32, type Volume } from "@rfmedsam/imaging";

/** White Gaussian noise. @param share its standard deviation as a part of the image's range */
export function noisy(volume: Volume, share: number, random: Random): Volume<Float32Array> {
  const values = toFloat32(volume.data);
  const { low, high } = rangeOf(values);
  const deviation = share * (high - low);
  return { ...volume, data: values.map((value) => value + random.normal(0, deviation)) };
}

/**
 * Noise like that of few photons: its variance grows with the intensity, its mean is 0. White, as reconstruction's streaks are not
 * modelled.
 *
 * @param counts at the upper end of the image's range
 */
export function lowDose(volume: Volume, counts: number, random: Random): Volume<Float32Array> {
  const values = toFloat32(volume.data);
  const { low, high } = rangeOf(values);
  if (!(high > low)) return { ...volume, data: values.slice() };
  const unit = (high - low) / counts;
  const data = values.map((value) => {
    const expected = Math.min(counts, Math.max(0, (value - low) / unit));
    return value + unit * (poisson(expected, random) - expected);
  });
  return { ...volume, data };
}

/** Up to here Poisson numbers are drawn by Knuth's product of uniform ones; beyond, the normal distribution is close enough. */
const largestExact = 30;

/** @param mean 0 or more */
export function poisson(mean: number, random: Random): number {
  if (mean > largestExact) return Math.max(0, Math.round(random.normal(mean, Math.sqrt(mean))));
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = random.uniform(); product > limit; product *= random.uniform()) count += 1;
  return count;
}

function rangeOf(values: Float32Array): { readonly low: number; readonly high: number } {
  const finite = values.every(Number.isFinite) ? values : values.filter(Number.isFinite);
  if (finite.length === 0) return { low: 0, high: 0 };
  const { percentile005: low, percentile995: high } = intensityStatistics(finite);
  return { low, high };
}
