/**
 * nnU-Net's intensity augmentations, on whichever device the batch lies. A table: a new one is a row here and a probability in the
 * configuration. Each takes one image `[1, C, …]` and returns another.
 */
import type { Random } from "@rfmedsam/base";
import { F, randn, type Tensor, tensor } from "@rfmedsam/torch";
import type { TrainingConfiguration } from "../config.js";
import type { Patch } from "./patches.js";

type Augmentation = TrainingConfiguration["step0"]["augmentation"];
type Change = (x: Tensor, random: Random) => Tensor;

const changes: Readonly<Record<"noise" | "blur" | "brightness" | "contrast" | "lowResolution" | "gamma", Change>> = {
  noise: (x, random) => x.add(randn(x.shape, { device: x.device }).mul(Math.sqrt(random.uniform(0, 0.1)))),
  blur: (x, random) => blur(x, random.uniform(0.5, 1)),
  brightness: (x, random) => x.mul(random.uniform(0.75, 1.25)),
  contrast: (x, random) => {
    const mean = x.mean();
    return x.sub(mean).mul(random.uniform(0.75, 1.25)).add(mean).clampTensor({ min: x.amin(), max: x.amax() });
  },
  lowResolution: (x, random) => lowResolution(x, random.uniform(0.5, 1)),
  gamma: (x, random) => {
    const power = random.uniform(0.7, 1.5);
    return random.chance(0.1) ? gamma(x.neg(), power).neg() : gamma(x, power);
  },
};

export function changeIntensities({ image, labels }: Patch, augmentation: Augmentation, random: Random): Patch {
  const images = image.split(1).map((x) => {
    let changed = x;
    for (const [name, change] of Object.entries(changes) as [keyof typeof changes, Change][]) {
      if (random.chance(augmentation[name])) changed = change(changed, random);
    }
    return changed;
  });
  return { image: F.cat(images), labels };
}

/** Flips whole batches' members along the allowed axes, image and labels alike. */
export function mirror({ image, labels }: Patch, { mirrorAxes }: Augmentation, random: Random): Patch {
  const spatial = image.ndim - 2;
  const flips = mirrorAxes.map((axis) => axis - (3 - spatial)).filter((axis) => axis >= 0 && random.chance(0.5));
  if (flips.length === 0) return { image, labels };
  return { image: image.flip(flips.map((axis) => axis + 2)), labels: labels.flip(flips.map((axis) => axis + 1)) };
}

/** Separable Gaussian of three standard deviations' reach; borders repeat. */
function blur(x: Tensor, sigma: number): Tensor {
  const reach = Math.max(1, Math.ceil(3 * sigma));
  const weights = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / (2 * sigma ** 2)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const spatial = x.ndim - 2;
  const channels = x.size(1);
  let out = x;
  for (let axis = 0; axis < spatial; axis++) {
    const shape = Array.from({ length: spatial }, (_, i) => (i === axis ? weights.length : 1));
    const kernel = tensor(
      weights.map((weight) => weight / total),
      [1, 1, ...shape],
      { device: x.device },
    ).repeat([channels, 1, ...shape.map(() => 1)]);
    const padding = Array.from({ length: spatial }, (_, i) => (i === axis ? [reach, reach] : [0, 0]))
      .reverse()
      .flat();
    const padded = out.pad(padding, { mode: "replicate" });
    out =
      spatial === 2 ? F.conv2d(padded, kernel, { groups: channels }) : F.conv3d(padded, kernel, { groups: channels });
  }
  return out;
}

/** Shrunk (nearest) and enlarged again (linear), as a coarser scanner would have seen it. */
function lowResolution(x: Tensor, factor: number): Tensor {
  const size = x.shape.slice(2);
  const small = F.interpolate(x, {
    size: size.map((extent) => Math.max(1, Math.round(extent * factor))),
    mode: "nearest",
  });
  return F.interpolate(small, { size, mode: size.length === 2 ? "bilinear" : "trilinear" });
}

/** A power law between the image's own minimum and maximum, mean and deviation kept. */
function gamma(x: Tensor, power: number): Tensor {
  const low = x.amin();
  const range = x.amax().sub(low).add(1e-7);
  const curved = x.sub(low).div(range).pow(power).mul(range).add(low);
  const scale = x.std().div(curved.std().add(1e-7));
  return curved.sub(curved.mean()).mul(scale).add(x.mean());
}
