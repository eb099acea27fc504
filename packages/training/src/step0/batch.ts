/** One training batch of step 0: patches drawn and cut on the CPU, from there on augmented on the device, each by itself. */
import type { Random } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
import type { Normalisation } from "@rfmedsam/segmenter";
import { type Device, F, scope, type Tensor, tensor } from "@rfmedsam/torch";
import type { TrainingConfiguration } from "../config.js";
import type { StoredCase } from "../dataset/store.js";
import { changeIntensities } from "./intensity.js";
import { cutPatch, drawCentre, type Region } from "./patches.js";
import { drawTurn, sliceAxis, turnPatch } from "./spatial.js";

type Step0 = TrainingConfiguration["step0"];

/** image float32 `[B, C, (D,) H, W]`, labels int64 `[B, (D,) H, W]`; patches of one slice have no D */
export interface Batch {
  readonly image: Tensor;
  readonly labels: Tensor;
}

export interface BatchOptions extends Pick<Step0, "foreground" | "augmentation"> {
  readonly batch: number;
  /** Of the channels. */
  readonly normalisation?: readonly Normalisation[] | undefined;
}

/** @param random the step's own stream: the same stream and torch seed draw the same batch */
export function drawBatch(
  cases: readonly StoredCase[],
  patch: Triple,
  options: BatchOptions,
  random: Random,
  device: Device,
): Batch {
  const { batch, foreground } = options;
  return scope(() => {
    // At least the last of every batch is centred on a label, as nnU-Net does, unless none is wanted.
    const guided = foreground > 0 ? Math.max(1, Math.round(batch * foreground)) : 0;
    const drawn = Array.from({ length: batch }, (_, index) =>
      drawPatch(cases, patch, index >= batch - guided, options, random, device),
    );
    return {
      image: F.stack(drawn.map(({ image }) => image)),
      labels: F.stack(drawn.map(({ labels }) => labels)).to({ dtype: "int64" }),
    };
  });
}

function drawPatch(
  cases: readonly StoredCase[],
  patch: Triple,
  foreground: boolean,
  { augmentation, normalisation = [] }: BatchOptions,
  random: Random,
  device: Device,
): Region {
  const stored = random.pick(cases);
  const centre = drawCentre(stored, patch, foreground, random);
  const turn = drawTurn(patch, stored.spacing, augmentation, random);
  let { image, labels } = turn ? turnPatch(stored, centre, patch, turn, device) : cutPatch(stored, centre, patch);
  image = image.to({ device });
  labels = labels.to({ device });
  const slices = patch[0] === 1 ? undefined : sliceAxis(patch);
  if (patch[0] === 1) [image, labels] = [image.squeeze(1), labels.squeeze(0)];
  const changed = keptOutside(image, changeIntensities(image, augmentation, random, slices), normalisation);
  return mirror({ image: changed, labels }, augmentation, random);
}

/**
 * Where a channel is normalised inside the nonzero mask alone, everything outside is 0 when predicting, and stays so here (nnU-Net's
 * `MaskImageTransform`). What is 0 in all such channels is outside.
 */
function keptOutside(before: Tensor, after: Tensor, normalisation: readonly Normalisation[]): Tensor {
  const masks = normalisation.map((rule) => (rule.kind === "zscore" && rule.insideNonzero ? 1 : 0));
  if (after === before || !masks.includes(1)) return after;
  const ones = new Array<number>(before.ndim - 1).fill(1);
  const masked = tensor(Float32Array.from(masks), [masks.length, ...ones], { device: before.device });
  const inside = before.mul(masked).ne(0).anyDim(0, { keepdim: true }).float();
  return after.mul(masked.mul(inside.sub(1)).add(1));
}

/** Flips a patch along each of the allowed axes or not, image and labels alike. */
export function mirror(
  { image, labels }: Region,
  { mirrorAxes }: Pick<Step0["augmentation"], "mirrorAxes">,
  random: Random,
): Region {
  const flips = mirrorAxes.map((axis) => axis - (3 - labels.ndim)).filter((axis) => axis >= 0 && random.chance(0.5));
  if (flips.length === 0) return { image, labels };
  return { image: image.flip(flips.map((axis) => axis + 1)), labels: labels.flip(flips) };
}
