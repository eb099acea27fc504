/**
 * The official models: plain SAM in three sizes (facebookresearch/segment-anything), and SAM-Med2D (OpenGVLab/SAM-Med2D) with and, under
 * its paper's "*", without the adapters of its image encoder.
 */
import { type SamConfig, type SamConfigInput, samConfig } from "./config.js";

type Encoder = SamConfigInput["imageEncoder"];

const encoders = {
  b: { embedDim: 768, depth: 12, numHeads: 12, globalAttnIndexes: [2, 5, 8, 11] },
  l: { embedDim: 1024, depth: 24, numHeads: 16, globalAttnIndexes: [5, 11, 17, 23] },
  h: { embedDim: 1280, depth: 32, numHeads: 16, globalAttnIndexes: [7, 15, 23, 31] },
} satisfies Record<string, Encoder>;

const sam = (imageEncoder: Encoder) => samConfig({ imageSize: 1024, imageEncoder });
const samMed2d = (imageEncoder: Encoder) => samConfig({ imageSize: 256, pictureRule: "sam-med2d", imageEncoder });

/** The official models by the name of their checkpoint files. */
export const officialSamConfigs = {
  sam_vit_b: sam(encoders.b),
  sam_vit_l: sam(encoders.l),
  sam_vit_h: sam(encoders.h),
  "sam-med2d_b": samMed2d({ ...encoders.b, adapter: {} }),
  "sam-med2d_b*": samMed2d(encoders.b),
} as const satisfies Record<string, SamConfig>;

export type OfficialSamName = keyof typeof officialSamConfigs;
