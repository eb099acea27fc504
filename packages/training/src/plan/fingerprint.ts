/** What the data are like, measured once over the training cases: sizes, spacings and intensities under the labels. */
import { Random } from "@rfmedsam/base";
import {
  boxShape,
  cropToNonzero,
  percentileOfSorted,
  reorient,
  spacingOf,
  type Triple,
  toFloat32,
  voxelCount,
} from "@rfmedsam/imaging";
import type { LoadedCase } from "../dataset/load.js";

export interface CaseFingerprint {
  readonly id: string;
  /** Voxels and mm `[z, y, x]` in RAS, of what is left when the case is cropped. */
  readonly shape: Triple;
  readonly spacing: Triple;
  /** Part of the case's voxels that is left. */
  readonly kept: number;
  /** Bytes of all channels as they are stored. */
  readonly bytes: number;
  /** A sample of each channel's values under any label, the same voxels in each. */
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
  readonly cases: number;
  /** mm `[z, y, x]`. */
  readonly medianSpacing: Triple;
  /** The 10th percentile of each axis' spacings. */
  readonly fineSpacing: Triple;
  /** Median size in voxels as stored, and in mm. */
  readonly medianShape: Triple;
  readonly medianExtent: Triple;
  /** Size in mm of the case that is the largest by volume. */
  readonly largestExtent: Triple;
  /** All cases together, mm³. */
  readonly totalVolume: number;
  /** Most voxels of a case, and most bytes of its channels, as stored. */
  readonly largestVoxels: number;
  readonly largestBytes: number;
  /** Median part of a case that cropping leaves. */
  readonly kept: number;
  /** Intensities under the labels, a channel each. */
  readonly channels: readonly ChannelStatistics[];
}

/** Foreground voxels remembered a case and channel; nnU-Net takes 10⁸ over all cases. */
const sampleSize = 10_000;

/**
 * @param crop measure the box around the voxels that are not zero, as `preprocessing.cropToNonzero` will cut it
 * @param seed of the sample
 */
export function fingerprintCase(
  { id, channels, labels }: LoadedCase,
  seed: number,
  { cropToNonzero: crop }: { readonly cropToNonzero: boolean } = { cropToNonzero: false },
): CaseFingerprint {
  const values = channels.map(({ data }) => toFloat32(data));
  const left = crop ? boxShape(cropToNonzero(values, labels.shape).box) : labels.shape;
  // Only the shape turns: no voxel is looked at.
  const oriented = reorient({ data: new Uint8Array(voxelCount(left)), shape: left, affine: labels.affine }, "RAS");
  const chosen = sampleOfLabelled(labels.data, seed);
  return {
    id,
    shape: oriented.shape,
    spacing: spacingOf(oriented),
    kept: voxelCount(left) / voxelCount(labels.shape),
    bytes: channels.reduce((sum, { data }) => sum + data.byteLength, 0),
    foreground: values.map((channel) => Float32Array.from(chosen, (index) => channel[index]!)),
  };
}

/**
 * At most `sampleSize` labelled voxels, each as likely as the others: a reservoir, so that no list of all of them is made (Li 1994,
 * algorithm L, which draws only where the reservoir changes).
 */
function sampleOfLabelled(labels: ArrayLike<number>, seed: number): Uint32Array {
  const random = new Random(seed, 0xf1);
  const reservoir = new Uint32Array(sampleSize);
  let seen = 0;
  let weight = Math.exp(Math.log(1 - random.uniform()) / sampleSize);
  const skip = () => Math.floor(Math.log(1 - random.uniform()) / Math.log1p(-weight)) + 1;
  let next = sampleSize - 1 + skip();
  for (let index = 0; index < labels.length; index++) {
    if (labels[index] === 0) continue;
    if (seen < sampleSize) reservoir[seen] = index;
    else if (seen === next) {
      reservoir[random.below(sampleSize)] = index;
      weight *= Math.exp(Math.log(1 - random.uniform()) / sampleSize);
      next += skip();
    }
    seen++;
  }
  return reservoir.subarray(0, Math.min(seen, sampleSize));
}

/** @param cases at least one @param clip percentiles of the labelled voxels' intensities */
export function fingerprintDataset(
  cases: readonly CaseFingerprint[],
  clip: readonly [low: number, high: number] = [0.5, 99.5],
): Fingerprint {
  const perAxis = (percent: number, read: (c: CaseFingerprint, axis: number) => number) =>
    [0, 1, 2].map((axis) =>
      percentileOf(
        cases.map((c) => read(c, axis)),
        percent,
      ),
    ) as unknown as Triple;
  const extents = cases.map(
    ({ shape, spacing }) => shape.map((voxels, axis) => voxels * spacing[axis]!) as unknown as Triple,
  );
  const volume = (extent: Triple) => extent[0] * extent[1] * extent[2];
  const channelCount = cases[0]?.foreground.length ?? 0;
  return {
    cases: cases.length,
    medianSpacing: perAxis(50, (c, axis) => c.spacing[axis]!),
    fineSpacing: perAxis(10, (c, axis) => c.spacing[axis]!),
    medianShape: perAxis(50, (c, axis) => c.shape[axis]!),
    medianExtent: perAxis(50, (c, axis) => c.spacing[axis]! * c.shape[axis]!),
    largestExtent: extents.reduce((most, extent) => (volume(extent) > volume(most) ? extent : most)),
    totalVolume: extents.reduce((sum, extent) => sum + volume(extent), 0),
    largestVoxels: cases.reduce((most, { shape, kept }) => Math.max(most, voxelCount(shape) / kept), 0),
    largestBytes: cases.reduce((most, { bytes }) => Math.max(most, bytes), 0),
    kept: percentileOf(
      cases.map(({ kept }) => kept),
      50,
    ),
    channels: Array.from({ length: channelCount }, (_, channel) =>
      statistics(
        cases.map((c) => c.foreground[channel]!),
        clip,
      ),
    ),
  };
}

function percentileOf(values: readonly number[], percent: number): number {
  return percentileOfSorted(Float64Array.from(values).sort(), percent);
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
  const percentile = (percent: number) => (total === 0 ? 0 : percentileOfSorted(all, percent));
  return {
    mean,
    std: Math.max(Math.sqrt(variance), 1e-6),
    low: percentile(clip[0]),
    high: percentile(clip[1]),
    bulk: { low: percentile(5), high: percentile(95) },
  };
}
