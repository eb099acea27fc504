/**
 * Memory of segmenting the largest case of a data set with the model that is trained, at the fullest of three moments: step 0's windows,
 * the refiner's slices, the merging of classes. And of what lies around it: cases being prepared, cases mapped from files.
 */
import { type Triple, voxelCount } from "@rfmedsam/imaging";
import type { Sam2Config } from "@rfmedsam/models";
import type { Device } from "@rfmedsam/torch";
import type { Fingerprint } from "../fingerprint.js";
import { shapeAt } from "../spacing.js";
import { estimateOf, type MemoryEstimate, type MemoryPart, machineOf } from "./sheet.js";
import { type Step0Sizes, stageVoxels, unetParameters } from "./step0.js";

export interface PredictionSizes {
  readonly fingerprint: Pick<Fingerprint, "largestExtent" | "largestVoxels" | "largestBytes" | "totalVolume">;
  /** Of prepared cases, mm `[z, y, x]`. */
  readonly spacing: Triple;
  readonly unet: Step0Sizes;
  readonly folds: number;
  readonly refiner?: { readonly config: Sam2Config; readonly parameters: number } | undefined;
  readonly device: Device;
}

/** Slices whose embeddings and memories the segmenter keeps unless it is told otherwise. */
const slicesKept = 64;

export function estimatePrediction(sizes: PredictionSizes): MemoryEstimate {
  const { fingerprint, spacing, unet, folds, refiner, device } = sizes;
  const { classes, inputChannels } = unet.architecture;
  const shape = shapeAt(fingerprint.largestExtent, spacing);
  const voxels = voxelCount(shape);
  const weights = 4 * (folds * unetParameters(unet.architecture) + (refiner?.parameters ?? 0));
  const always: MemoryPart[] = [
    { name: "program and libtorch", bytes: machineOf(device).process },
    { name: "weights", bytes: weights },
    { name: "the case", bytes: fingerprint.largestBytes + 4 * inputChannels * voxels },
    { name: "step 0's logits", bytes: 4 * classes * voxels },
  ];
  const moments: MemoryPart[][] = [[{ name: "a window of step 0", bytes: windowBytes(unet) }]];
  const answers = refiner && {
    name: "the refiner's answers",
    bytes: 2 * 4 * shape[0] * (classes - 1) * (refiner.config.imageSize / 4) ** 2,
  };
  if (refiner && answers)
    moments.push([answers, ...sliceParts(refiner.config, Math.min(shape[0], slicesKept), classes - 1)]);
  // A score and a label a stage and voxel of the input, one class's scores on both grids.
  const stages = refiner ? 4 : 1;
  const merging = stages * 5 * fingerprint.largestVoxels + 8 * fingerprint.largestVoxels + 12 * voxels;
  moments.push([...(answers ? [answers] : []), { name: "merging classes", bytes: merging }]);
  const sum = (parts: readonly MemoryPart[]) => parts.reduce((bytes, part) => bytes + part.bytes, 0);
  const fullest = moments.reduce((most, moment) => (sum(moment) > sum(most) ? moment : most));
  return estimateOf("segmenting the largest case", [...always, ...fullest]);
}

/** One patch through the U-Net without gradients: its maps are freed together, at the end. */
function windowBytes({ architecture, patch }: Step0Sizes): number {
  const { features, convsPerStage, inputChannels, classes } = architecture;
  const voxels = stageVoxels({ architecture, patch, batch: 1 });
  const maps = features.reduce((floats, width, stage) => {
    const stacks = stage === features.length - 1 ? 2 * convsPerStage : 4 * convsPerStage + 3;
    return floats + stacks * width * voxels[stage]!;
  }, 0);
  return 4 * (maps + 2 * (inputChannels + classes) * voxels[0]!);
}

/** What the refiner holds for the slices it works on. */
function sliceParts(config: Sam2Config, slices: number, objects: number): MemoryPart[] {
  const { imageSize, backboneStride, imageEncoder, memoryEncoder, memoryAttention, numMaskmem } = config;
  const width = imageEncoder.neck.dModel;
  const pixels = imageSize ** 2;
  const cells = (imageSize / backboneStride) ** 2;
  const embedding = width * cells + (width / 8) * (pixels / 16) + (width / 4) * (pixels / 64);
  const memory = objects * (memoryEncoder.outDim * cells + width);
  const seen = numMaskmem * (cells + width / memoryEncoder.outDim);
  const encoding = 12 * imageEncoder.trunk.embedDim * (pixels / 16);
  const attending = objects * (cells * (10 * width + memoryAttention.dimFeedforward) + seen * 4 * width);
  const answering = objects * 15 * pixels;
  return [
    { name: "slice embeddings", bytes: 4 * slices * embedding },
    { name: "memories", bytes: 4 * slices * memory },
    { name: "a slice in the refiner", bytes: 4 * Math.max(encoding, attending, answering) },
  ];
}

/** Preparing the largest case for training, and the prepared cases with step 0's predictions of them as they lie in files. */
export function estimateCases({ fingerprint, spacing, unet, device }: PredictionSizes): MemoryEstimate {
  const { classes, inputChannels } = unet.architecture;
  const voxels = voxelCount(shapeAt(fingerprint.largestExtent, spacing));
  const all = fingerprint.totalVolume / (spacing[0] * spacing[1] * spacing[2]);
  return estimateOf("preparing cases", [
    { name: "program and libtorch", bytes: machineOf(device).process },
    // As stored, turned, as numbers, cropped and normalised; labels twice, the mask of what is not zero.
    {
      name: "the largest case",
      bytes: 2 * fingerprint.largestBytes + (8 * inputChannels + 4) * fingerprint.largestVoxels,
    },
    { name: "the largest case, resampled", bytes: (12 * inputChannels + 2) * voxels },
    { name: "prepared cases", bytes: Math.round((4 * inputChannels + 1) * all), mapped: true },
    { name: "predictions of step 0", bytes: Math.round(2 * classes * all), mapped: true },
  ]);
}
