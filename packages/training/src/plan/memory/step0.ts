/**
 * Memory of step 0's training, from the plain conv U-Net's shapes:
 *
 *   weights · gradients · optimiser ─ by the number of parameters
 *   batch                            ─ patches, their augmented copies, labels
 *   activations                      ─ what the way back needs: every convolution's and every norm's output, up-sampled maps, joined maps
 *   loss                             ─ at every resolution but the coarsest
 *   way back                         ─ gradients that wait for their skip connection, the widest convolution with its reordered copies
 */
import type { UNetArchitecture } from "@rfmedsam/models";
import type { Device } from "@rfmedsam/torch";
import { type MemoryEstimate, type Precision, Sheet } from "./sheet.js";

export const step0Phase = "training step 0";

/** Floats an optimiser remembers for every parameter. */
const optimizerState = { sgd: 1, adamw: 2 } as const;

/** Bytes an element of a feature map costs; in bfloat16 some are kept in float32 beside it. */
const bytesAMap: Readonly<Record<Precision, number>> = { float32: 4, bfloat16: 3 };

export interface Step0Settings {
  readonly optimizer: keyof typeof optimizerState;
  /** Decay of the averaged weights; 0 for none. */
  readonly averaging: number;
  readonly precision: Precision;
  readonly device: Device;
}

export interface Step0Sizes {
  readonly architecture: UNetArchitecture;
  /** `[z, y, x]` voxels; z is 1 for a 2D network. */
  readonly patch: readonly number[];
  readonly batch: number;
}

/** oneDNN's blocks of channels. */
const block = 16;
const blocked = (channels: number) => Math.ceil(channels / block) * block;

const product = (values: readonly number[]) => values.reduce((all, value) => all * value, 1);

/** Weights and biases of convolutions and norms, transposed convolutions and the logits of every resolution. */
export function unetParameters(architecture: UNetArchitecture): number {
  const { inputChannels, classes, features, kernels, strides, convsPerStage } = architecture;
  /** conv weight and bias, norm gain and shift */
  const stack = (inputs: number, width: number, kernel: readonly number[]) =>
    (inputs + (convsPerStage - 1) * width) * width * product(kernel) + 3 * width * convsPerStage;
  return features.reduce((sum, width, stage) => {
    const encoder = stack(stage === 0 ? inputChannels : features[stage - 1]!, width, kernels[stage]!);
    const below = features[stage + 1];
    if (below === undefined) return sum + encoder;
    const enlarging = below * width * product(strides[stage + 1]!) + width;
    const decoder = stack(2 * width, width, kernels[stage]!);
    return sum + encoder + enlarging + decoder + (width + 1) * classes;
  }, 0);
}

/** Voxels of a whole batch at every stage, largest first. */
export function stageVoxels({ architecture: { strides }, patch, batch }: Step0Sizes): number[] {
  let voxels = batch * product(patch);
  return strides.map((stride) => (voxels /= product(stride)));
}

/** What one training step holds at most. */
export function estimateStep0(sizes: Step0Sizes, settings: Step0Settings): MemoryEstimate {
  const { architecture, batch } = sizes;
  const { inputChannels, classes, features, convsPerStage } = architecture;
  const { optimizer, averaging, precision, device } = settings;
  const sheet = new Sheet(device);
  const weights = 4 * unetParameters(architecture);
  sheet.hold("weights", weights).hold("gradients", weights).hold("optimiser", weights, optimizerState[optimizer]);
  if (averaging > 0) sheet.hold("averaged weights", weights);

  const voxels = stageVoxels(sizes);
  // The image twice (patches, then stacked), labels as bytes and as indices.
  sheet.hold("batch", 4 * inputChannels * voxels[0]!, 2).hold("batch", 9 * voxels[0]!);
  const size = bytesAMap[precision];
  const last = features.length - 1;
  const map = (stage: number) => size * features[stage]! * voxels[stage]!;
  // Of every convolution its own output and, activated in place, its norm's: on the CPU of each image by itself, then of all.
  const perConvolution = sheet.machine.eachByItself && batch > 1 ? 3 : 2;
  features.forEach((_, stage) => {
    sheet.hold("activations, encoder", map(stage), perConvolution * convsPerStage);
    if (stage === last) return;
    sheet
      .hold("activations, decoder", map(stage), perConvolution * convsPerStage + 1)
      .hold("activations, decoder", 2 * map(stage));
  });
  const counted = Math.max(1, last - 1);
  for (let stage = 0; stage < last; stage++) {
    const logits = classes * voxels[stage]!;
    sheet.hold("logits and loss", size * logits);
    // Log-probabilities, probabilities, true masks, their product.
    if (stage < counted) sheet.hold("logits and loss", 4 * logits, 4);
  }
  return wayBack(sheet, sizes, size).estimate(step0Phase);
}

/**
 * The fullest moment of the way back. Gradients of joined maps wait until the encoder's stage is reached; meanwhile one convolution
 * holds the gradients of its output and input, and copies of these and of its input in blocks of channels.
 */
function wayBack(sheet: Sheet, sizes: Step0Sizes, size: number): Sheet {
  const { features } = sizes.architecture;
  const voxels = stageVoxels(sizes);
  const last = features.length - 1;
  const waiting = (stages: number) =>
    features.slice(0, stages).reduce((sum, width, stage) => sum + 2 * size * width * voxels[stage]!, 0);
  const convolution = (inputs: number, width: number, stage: number) => {
    const reordered = sheet.machine.reorders ? blocked(width) + blocked(inputs) : 0;
    return { plain: size * (inputs + width) * voxels[stage]!, reordered: size * reordered * voxels[stage]! };
  };
  const moments = features.flatMap((width, stage) => {
    const own = { waiting: waiting(Math.min(stage + 1, last)), ...convolution(width, width, stage) };
    if (stage === last) return [own];
    return [own, { waiting: waiting(stage), ...convolution(2 * width, width, stage) }];
  });
  const fullest = moments.reduce((most, moment) =>
    moment.waiting + moment.plain + moment.reordered > most.waiting + most.plain + most.reordered ? moment : most,
  );
  return sheet
    .hold("gradients of activations", fullest.waiting)
    .hold("gradients of activations", fullest.plain / 2, 2)
    .hold("copies of convolutions", fullest.reordered / 2, 2);
}
