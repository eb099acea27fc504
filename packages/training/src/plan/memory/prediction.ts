/**
 * Memory of segmenting the largest case of a data set with the model that is trained, at the fullest of three moments: step 0's windows,
 * the refiner's slices, the merging of classes. And of what lies around it: cases being prepared, cases mapped from files.
 */
import { type Triple, voxelCount } from "@rfmedsam/imaging";
import type { Sam2Config } from "@rfmedsam/models";
import type { Device } from "@rfmedsam/torch";
import type { Fingerprint } from "../fingerprint.js";
import { shapeAt } from "../spacing.js";
import { estimateOf, type MemoryEstimate, machineOf, mebibyte, Sheet } from "./sheet.js";
import { type Step0Sizes, stageVoxels, unetParameters } from "./step0.js";

export interface PredictionSizes {
  readonly fingerprint: Pick<Fingerprint, "largestExtent" | "largestVoxels" | "largestBytes" | "totalVolume">;
  /** Of prepared cases, mm `[z, y, x]`. */
  readonly spacing: Triple;
  readonly unet: Step0Sizes;
  readonly folds: number;
  readonly refiner?:
    | {
        readonly config: Sam2Config;
        readonly parameters: number;
        /** Axes across which slices are cut, from z. */
        readonly axes: readonly (0 | 1 | 2)[];
      }
    | undefined;
  readonly device: Device;
}

/** Slices whose embeddings and memories the segmenter keeps unless it is told otherwise. */
const slicesKept = 64;

/** JavaScript lets go of arrays late: about so many bytes of windows, slices and class volumes wait to be collected. */
const uncollected = 96 * mebibyte;

export function estimatePrediction(sizes: PredictionSizes): MemoryEstimate {
  const { fingerprint, spacing, unet, folds, refiner, device } = sizes;
  const { classes, inputChannels } = unet.architecture;
  const shape = shapeAt(fingerprint.largestExtent, spacing);
  const voxels = voxelCount(shape);
  /** A moment begins with what is held all the time. */
  const moment = () =>
    new Sheet(device)
      .hold("weights", 4 * (folds * unetParameters(unet.architecture) + (refiner?.parameters ?? 0)))
      .hold("the case", fingerprint.largestBytes)
      .hold("the case", 4 * inputChannels * voxels)
      .hold("step 0's logits", 4 * classes * voxels)
      .hold("arrays to be collected", uncollected / 32, 32);
  const moments = [holdWindow(moment(), unet)];
  const objects = classes - 1;
  // One axis after the other; the answers of all stay.
  const counts = refiner?.axes.map((axis) => shape[axis]) ?? [];
  const answers = counts.reduce((sum, count) => sum + count, 0);
  if (refiner) {
    const slices = Math.min(Math.max(...counts), slicesKept);
    moments.push(holdSlices(holdAnswers(moment(), refiner.config, answers, objects), refiner.config, slices, objects));
  }
  // A score and a label a stage and voxel of the input, one class's scores on both grids.
  const merging = refiner ? holdAnswers(moment(), refiner.config, answers, objects) : moment();
  merging.hold("merging classes", 5 * fingerprint.largestVoxels, refiner ? 4 : 1);
  merging.hold("merging classes", 4 * fingerprint.largestVoxels, 2).hold("merging classes", 4 * voxels, 3);
  moments.push(merging);
  return moments
    .map((sheet) => sheet.estimate("segmenting the largest case"))
    .reduce((most, estimate) => (estimate.total > most.total ? estimate : most));
}

/** One patch through the U-Net without gradients: its maps are freed together, at the end. */
function holdWindow(sheet: Sheet, { architecture, patch }: Step0Sizes): Sheet {
  const { features, convsPerStage, inputChannels, classes } = architecture;
  const voxels = stageVoxels({ architecture, patch, batch: 1 });
  features.forEach((width, stage) => {
    // Of every convolution its own output and its norm's; on the way up the enlarged map, and twice as much joined.
    const maps = stage === features.length - 1 ? 2 * convsPerStage : 4 * convsPerStage + 3;
    sheet.hold("a window of step 0", 4 * width * voxels[stage]!, maps);
  });
  return sheet.hold("a window of step 0", 4 * (inputChannels + classes) * voxels[0]!, 2);
}

/** Both stages' masks of all slices. */
function holdAnswers(sheet: Sheet, { imageSize }: Sam2Config, slices: number, objects: number): Sheet {
  return sheet.hold("the refiner's answers", 4 * objects * (imageSize / 4) ** 2, 2 * slices);
}

/** What the refiner holds for the slices it works on. */
function holdSlices(sheet: Sheet, config: Sam2Config, slices: number, objects: number): Sheet {
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
  return sheet
    .hold("slice embeddings", 4 * embedding, slices)
    .hold("memories", 4 * memory, slices)
    .hold("a slice in the refiner", Math.max(encoding, attending, answering) / 4, 16);
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
      bytes: 2 * fingerprint.largestBytes + (7 * inputChannels + 3) * fingerprint.largestVoxels,
    },
    { name: "the largest case, resampled", bytes: (8 * inputChannels + 2) * voxels },
    { name: "prepared cases", bytes: Math.round((4 * inputChannels + 1) * all), mapped: true },
    { name: "predictions of step 0", bytes: Math.round(2 * classes * all), mapped: true },
  ]);
}
