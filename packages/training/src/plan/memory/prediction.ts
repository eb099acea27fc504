/**
 * Memory of segmenting the largest case of a data set with the model that is trained, at the fullest of three moments: step 0's windows,
 * the refiner's slices, the merging of classes. And of what lies around it: cases being prepared, cases mapped from files.
 *
 * A graphics card holds the networks and what they work on; volumes, and all that is computed of them, stay in the computer's memory.
 */
import { type Triple, voxelCount } from "@rfmedsam/imaging";
import { embeddingBytes, memoryBytes, roomIn, type Sam2Config } from "@rfmedsam/models";
import type { Device } from "@rfmedsam/torch";
import type { Fingerprint } from "../fingerprint.js";
import { shapeAt } from "../spacing.js";
import { estimateOf, type MemoryEstimate, machines, mebibyte, placeOf, Sheet } from "./sheet.js";
import { type Step0Sizes, stageVoxels, unetParameters } from "./step0.js";

export interface PredictionSizes {
  readonly fingerprint: Pick<Fingerprint, "largestExtent" | "largestVoxels" | "largestBytes" | "totalVolume">;
  /** Of prepared cases, mm `[z, y, x]`. */
  readonly spacing: Triple;
  readonly unet: Step0Sizes;
  /** U-Nets; 0 where the refiner makes its own prompts. */
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
  /** Bytes of the device that nobody has: they bound how many slices' embeddings and memories are kept. No limit by default. */
  readonly free?: number | undefined;
}

export const predictionOnDevicePhase = "networks segmenting the largest case";

/** JavaScript lets go of arrays late: about so many bytes of windows, slices and class volumes wait to be collected. */
const uncollected = 96 * mebibyte;

/** The sheets of one moment; on the CPU both are the same. */
interface Moment {
  readonly host: Sheet;
  readonly networks: Sheet;
}

/** @returns on a GPU first what the computer's memory holds, then what the card does */
export function estimatePrediction(sizes: PredictionSizes): MemoryEstimate[] {
  const { fingerprint, spacing, unet, folds, refiner, device, free = Number.POSITIVE_INFINITY } = sizes;
  const { classes, inputChannels } = unet.architecture;
  const apart = placeOf(device) === "device";
  const shape = shapeAt(fingerprint.largestExtent, spacing);
  const voxels = voxelCount(shape);
  /** A moment begins with what is held all the time. */
  const moment = (): Moment => {
    const host = new Sheet("cpu");
    const networks = apart ? new Sheet(device) : host;
    networks.hold("weights", 4 * (folds * unetParameters(unet.architecture) + (refiner?.parameters ?? 0)));
    host
      .hold("the case", fingerprint.largestBytes)
      .hold("the case", 4 * inputChannels * voxels)
      .hold("step 0's logits", 4 * classes * voxels)
      .hold("arrays to be collected", uncollected / 32, 32);
    return { host, networks };
  };
  const windows = moment();
  if (folds > 0) holdWindow(windows.networks, unet);
  const moments = [windows];
  const objects = classes - 1;
  // One axis after the other; the answers of all stay.
  const counts = refiner?.axes.map((axis) => shape[axis]) ?? [];
  const answers = counts.reduce((sum, count) => sum + count, 0);
  if (refiner) {
    const refining = moment();
    holdAnswers(refining.host, refiner.config, answers, objects);
    holdSlices(refining.networks, refiner.config, Math.max(...counts), objects, free);
    moments.push(refining);
  }
  const merging = moment();
  if (refiner) holdAnswers(merging.host, refiner.config, answers, objects);
  // A score and a label a stage and voxel of the input, one class's scores on both grids.
  merging.host
    .hold("merging classes", 5 * fingerprint.largestVoxels, refiner ? 4 : 1)
    .hold("merging classes", 4 * fingerprint.largestVoxels, 2)
    .hold("merging classes", 4 * voxels, 3);
  moments.push(merging);
  const fullest = (phase: string, sheetOf: (moment: Moment) => Sheet) =>
    moments
      .map((one) => sheetOf(one).estimate(phase))
      .reduce((most, estimate) => (estimate.total > most.total ? estimate : most));
  return [
    fullest("segmenting the largest case", ({ host }) => host),
    ...(apart ? [fullest(predictionOnDevicePhase, ({ networks }) => networks)] : []),
  ];
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

/** What the refiner holds for the slices it works on. @param free bytes, of which kept embeddings and memories take their part */
function holdSlices(sheet: Sheet, config: Sam2Config, slices: number, objects: number, free: number): Sheet {
  const { imageSize, backboneStride, imageEncoder, memoryEncoder, memoryAttention, numMaskmem } = config;
  const width = imageEncoder.neck.dModel;
  const pixels = imageSize ** 2;
  const cells = (imageSize / backboneStride) ** 2;
  const room = roomIn(free, config);
  const kept = (most: number) => Math.max(1, Math.min(slices, Math.floor(most)));
  const seen = numMaskmem * (cells + width / memoryEncoder.outDim);
  const encoding = 12 * imageEncoder.trunk.embedDim * (pixels / 16);
  const attending = objects * (cells * (10 * width + memoryAttention.dimFeedforward) + seen * 4 * width);
  const answering = objects * 15 * pixels;
  return sheet
    .hold("slice embeddings", embeddingBytes(config), kept(room.embeddings))
    .hold("memories", objects * memoryBytes(config), kept(room.memories / objects))
    .hold("a slice in the refiner", Math.max(encoding, attending, answering) / 4, 16);
}

/** Bytes of all prepared cases, and of step 0's predictions of them, as they lie in files. */
export function filesOfCases({ fingerprint, spacing, unet, folds }: Omit<PredictionSizes, "device">) {
  const { classes, inputChannels } = unet.architecture;
  const voxels = fingerprint.totalVolume / (spacing[0] * spacing[1] * spacing[2]);
  return {
    // Images as floats, labels as bytes; half floats a class.
    cases: Math.round((4 * inputChannels + 1) * voxels),
    predictions: folds > 0 ? Math.round(2 * classes * voxels) : 0,
  };
}

/** Preparing the largest case for training, and what of the files above is mapped. */
export function estimateCases(sizes: PredictionSizes): MemoryEstimate {
  const { fingerprint, spacing, unet } = sizes;
  const { inputChannels } = unet.architecture;
  const voxels = voxelCount(shapeAt(fingerprint.largestExtent, spacing));
  const files = filesOfCases(sizes);
  return estimateOf("preparing cases", "host", [
    { name: "program and libtorch", bytes: machines.cpu.process },
    // As stored, turned, as numbers, cropped and normalised; labels twice, the mask of what is not zero.
    {
      name: "the largest case",
      bytes: 2 * fingerprint.largestBytes + (7 * inputChannels + 3) * fingerprint.largestVoxels,
    },
    { name: "the largest case, resampled", bytes: (8 * inputChannels + 2) * voxels },
    { name: "prepared cases", bytes: files.cases, mapped: true },
    { name: "predictions of step 0", bytes: files.predictions, mapped: true },
  ]);
}
