/**
 * nnU-Net's intensity augmentations (batchgeneratorsv2, as `nnUNetTrainer.get_training_transforms` sets them up), on whichever device
 * the patch lies. A table in nnU-Net's order: a new one is a row here and a probability in the configuration.
 */
import type { Random } from "@rfmedsam/base";
import { F, randn, type Tensor, tensor } from "@rfmedsam/torch";
import type { TrainingConfiguration } from "../config.js";

type Augmentation = TrainingConfiguration["step0"]["augmentation"];

/** Changes one channel `[1, 1, …]`; `slices` is the dimension across which the patch is but slices, if there is one. */
type Change = (x: Tensor, random: Random, slices: number | undefined) => Tensor;

interface Row {
  /** Part of the channels that are changed when the patch is. */
  readonly channels: number;
  /** Draws what a patch's channels have in common. */
  readonly draw: (random: Random) => Change;
}

const changes = {
  /** nnU-Net calls its range 0 … 0.1 a variance and uses it as the standard deviation; so do we. */
  noise: {
    channels: 1,
    draw: (random) => {
      const deviation = random.uniform(0, 0.1);
      return (x) => x.add(randn(x.shape, { device: x.device }), { alpha: deviation });
    },
  },
  blur: { channels: 0.5, draw: () => blur },
  brightness: { channels: 1, draw: () => (x, random) => x.mul(drawFactor(random, 0.75, 1.25)) },
  contrast: {
    channels: 1,
    draw: () => (x, random) => {
      const mean = x.mean();
      const factor = drawFactor(random, 0.75, 1.25);
      return x.sub(mean).mul(factor).add(mean).clampTensor({ min: x.amin(), max: x.amax() });
    },
  },
  lowResolution: {
    channels: 0.5,
    draw: () => (x, random, slices) => lowResolution(x, random.uniform(0.5, 1), slices),
  },
  invertedGamma: {
    channels: 1,
    draw: () => (x, random) => gamma(x.neg(), drawFactor(random, 0.7, 1.5)).neg(),
  },
  gamma: { channels: 1, draw: () => (x, random) => gamma(x, drawFactor(random, 0.7, 1.5)) },
} satisfies Partial<Record<keyof Augmentation, Row>>;

/** Below 1 as often as above (nnU-Net's `BGContrast`). */
function drawFactor(random: Random, low: number, high: number): number {
  return random.chance(0.5) ? random.uniform(low, 1) : random.uniform(1, high);
}

/**
 * @param image one patch `[C, (D,) H, W]`
 * @param sliceAxis the spatial axis across which it is but slices, along which low resolution is not simulated
 * @returns the same shape; the image itself when nothing was drawn
 */
export function changeIntensities(
  image: Tensor,
  augmentation: Augmentation,
  random: Random,
  sliceAxis?: number,
): Tensor {
  const slices = sliceAxis === undefined ? undefined : sliceAxis + 2;
  let changed = image;
  for (const [name, row] of Object.entries(changes) as [keyof typeof changes, Row][]) {
    if (!random.chance(augmentation[name])) continue;
    const change = row.draw(random);
    const channels = changed
      .unsqueeze(0)
      .split(1, { dim: 1 })
      .map((x) => (random.chance(row.channels) ? change(x, random, slices) : x));
    changed = (channels.length === 1 ? channels[0]! : F.cat(channels, { dim: 1 })).squeeze(0);
  }
  return changed;
}

/** Separable Gaussian with a width (voxels) of its own along each axis; borders reflect. */
function blur(x: Tensor, random: Random): Tensor {
  let out = x;
  for (let dim = 2; dim < x.ndim; dim++) {
    const sigma = random.uniform(0.5, 1);
    // Three deviations to each side, as an odd number of weights.
    const reach = Math.floor((6 * sigma + 0.5) / 2);
    out = blurAlong(
      out,
      dim,
      Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-0.5 * ((i - reach) / sigma) ** 2)),
    );
  }
  return out;
}

function blurAlong(x: Tensor, dim: number, weights: readonly number[]): Tensor {
  const extent = x.size(dim);
  const reach = (weights.length - 1) / 2;
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  // Reflection needs more voxels than it adds; of fewer the last is repeated.
  const last = extent - 1;
  const reflect = (at: number) => (at < 0 ? -at : at > last ? 2 * last - at : at);
  const repeat = (at: number) => Math.min(Math.max(at, 0), last);
  const inside = extent > reach ? reflect : repeat;
  const order = Float64Array.from({ length: extent + 2 * reach }, (_, i) => inside(i - reach));
  const padded = x.indexSelect(dim, tensor(order, [order.length], { dtype: "int64", device: x.device }));
  const out = padded.narrow(dim, 0, extent).mul(weights[0]! / total);
  for (const [i, weight] of weights.entries())
    if (i > 0) out.add_(padded.narrow(dim, i, extent), { alpha: weight / total });
  return out;
}

/** Shrunk (nearest voxel) and enlarged again (linear), as a coarser scanner would have seen it. */
function lowResolution(x: Tensor, factor: number, slices: number | undefined): Tensor {
  const size = x.shape.slice(2);
  let small = x;
  for (const [axis, extent] of size.entries()) {
    const coarse = axis + 2 === slices ? extent : Math.max(1, Math.round(extent * factor));
    if (coarse === extent) continue;
    const nearest = Float64Array.from({ length: coarse }, (_, i) => Math.floor(((i + 0.5) * extent) / coarse));
    small = small.indexSelect(axis + 2, tensor(nearest, [coarse], { dtype: "int64", device: x.device }));
  }
  return F.interpolate(small, { size, mode: size.length === 2 ? "bilinear" : "trilinear" });
}

/** A power law between the channel's own minimum and maximum, mean and deviation kept. */
function gamma(x: Tensor, power: number): Tensor {
  const low = x.amin();
  const range = x.amax().sub(low);
  const curved = x
    .sub(low)
    .div(range.clamp({ min: epsilon }))
    .pow(power)
    .mul(range)
    .add(low);
  const scale = x.std().div(curved.std().clamp({ min: epsilon }));
  return curved.sub(curved.mean()).mul(scale).add(x.mean());
}

/** Keeps quotients of constant channels finite. */
const epsilon = 1e-7;
