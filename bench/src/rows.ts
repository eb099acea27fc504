/** The rows of the table. */
import type { WorkRequest } from "./works/index.js";

export type Row = WorkRequest & {
  readonly name: string;
  /** A run does the thing that the row names this many times. */
  readonly perRun: number;
};

const calls = 20_000;
const once = [1, 1, 1];
const three = [3, 3, 3];
const two = [2, 2, 2];

export const rows: readonly Row[] = [
  { name: "add 2×2", work: "add", parameters: { calls, graph: "none" }, perRun: calls },
  { name: "add 2×2, recorded by autograd", work: "add", parameters: { calls, graph: "recorded" }, perRun: calls },
  {
    name: "add 2×2, sum, backward",
    work: "add",
    parameters: { calls: calls / 10, graph: "backward" },
    perRun: calls / 10,
  },
  {
    name: "U-Net 3D training step, 2 × 40×56×40",
    work: "unet-training-step",
    parameters: {
      batch: 2,
      patch: [40, 56, 40],
      inputChannels: 1,
      classes: 3,
      features: [32, 64, 128, 256],
      kernels: [three, three, three, three],
      strides: [once, two, two, two],
      convsPerStage: 2,
    },
    perRun: 1,
  },
  { name: "SAM 2 tiny, image encoder, 256", work: "sam2-image-encoder", parameters: { imageSize: 256 }, perRun: 1 },
  { name: "SAM 2 tiny, image encoder, 512", work: "sam2-image-encoder", parameters: { imageSize: 512 }, perRun: 1 },
  {
    name: "SAM 2 tiny, tracked slice, 256, 6 objects",
    work: "sam2-tracked-slice",
    parameters: { imageSize: 256, objects: 6, memories: 7, pointers: 16 },
    perRun: 1,
  },
  {
    name: "SAM 2 tiny, tracked slice, 512, 1 object",
    work: "sam2-tracked-slice",
    parameters: { imageSize: 512, objects: 1, memories: 7, pointers: 16 },
    perRun: 1,
  },
];
