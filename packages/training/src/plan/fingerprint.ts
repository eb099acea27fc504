/** What the data are like, measured once over the training cases: sizes, spacings and intensities under the labels. */
import { Random } from "@rfmedsam/base";
import { reorient, spacingOf, type Triple, toFloat32 } from "@rfmedsam/imaging";
import type { LoadedCase } from "../dataset/load.js";

export interface CaseFingerprint {
  readonly id: string;
  /** Voxels and mm `[z, y, x]` in RAS. */
  readonly shape: Triple;
  readonly spacing: Triple;
  /** A sample of each channel's values under any label. */
  readonly foreground: readonly Float32Array[];
}

export interface ChannelStatistics {
  readonly mean: number;
  readonly std: number;
  /** The percentiles asked for, nnU-Net's 0.5 and 99.5 by default: where CT is clipped. */
  readonly low: number;
  readonly high: number;
  /** 5 and 95 percentile: the bulk of the tissue, without gas and bone. */
  readonly bulk: { readonly low: number; readonly high: number };
}

export interface Fingerprint {
  readonly medianSpacing: Triple;
  /** Median size in mm, `[z, y, x]`. */
  readonly medianExtent: Triple;
  /** Intensities under the labels, a channel each. */
  readonly channels: readonly ChannelStatistics[];
}

/** Foreground voxels remembered a case and channel; nnU-Net takes 10 000. */
const sampleSize = 10_000;

export function fingerprintCase({ id, channels, labels }: LoadedCase, seed: number): CaseFingerprint {
  const oriented = reorient({ ...labels, data: labels.data }, "RAS");
  const inside: number[] = [];
  for (let i = 0; i < labels.data.length; i++) if (labels.data[i] !== 0) inside.push(i);
  const random = new Random(seed, 0xf1, inside.length);
  const chosen = inside.length <= sampleSize ? inside : Array.from({ length: sampleSize }, () => random.pick(inside));
  const foreground = channels.map(({ data }) => {
    const values = toFloat32(data);
    return Float32Array.from(chosen, (index) => values[index]!);
  });
  return { id, shape: oriented.shape, spacing: spacingOf(oriented), foreground };
}

/** @param clip percentiles of the labelled voxels' intensities */
export function fingerprintDataset(
  cases: readonly CaseFingerprint[],
  clip: readonly [low: number, high: number] = [0.5, 99.5],
): Fingerprint {
  const perAxis = (read: (c: CaseFingerprint, axis: number) => number) =>
    [0, 1, 2].map((axis) => median(cases.map((c) => read(c, axis)))) as unknown as Triple;
  const channelCount = cases[0]?.foreground.length ?? 0;
  return {
    medianSpacing: perAxis((c, axis) => c.spacing[axis]!),
    medianExtent: perAxis((c, axis) => c.spacing[axis]! * c.shape[axis]!),
    channels: Array.from({ length: channelCount }, (_, channel) =>
      statistics(
        cases.map((c) => c.foreground[channel]!),
        clip,
      ),
    ),
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function statistics(samples: readonly Float32Array[], clip: readonly [number, number]): ChannelStatistics {
  const total = samples.reduce((count, sample) => count + sample.length, 0);
  const all = new Float32Array(total);
  let offset = 0;
  for (const sample of samples) {
    all.set(sample, offset);
    offset += sample.length;
  }
  all.sort();
  const mean = all.reduce((sum, value) => sum + value, 0) / Math.max(1, total);
  const variance = all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, total);
  const percentile = (percent: number) => all[Math.min(total - 1, Math.floor((percent / 100) * total))] ?? 0;
  return {
    mean,
    std: Math.max(Math.sqrt(variance), 1e-6),
    low: percentile(clip[0]),
    high: percentile(clip[1]),
    bulk: { low: percentile(5), high: percentile(95) },
  };
}
