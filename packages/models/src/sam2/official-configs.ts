/**
 * The eight official models (facebookresearch/sam2, `configs/sam2*` and `configs/sam2.1*`) and a small one for tests and for
 * machines without a GPU. SAM 2.1 differs from 2.0 in four flags; the four sizes differ in the trunk alone.
 */
import { type Sam2Config, type Sam2ConfigInput, sam2Config } from "./config.js";

type Trunk = Sam2ConfigInput["imageEncoder"]["trunk"];

const trunks = {
  t: {
    embedDim: 96,
    numHeads: 1,
    stages: [1, 2, 7, 2],
    globalAttBlocks: [5, 7, 9],
    windowPosEmbedBkgSpatialSize: [7, 7],
    windowSpec: [8, 4, 14, 7],
  },
  s: {
    embedDim: 96,
    numHeads: 1,
    stages: [1, 2, 11, 2],
    globalAttBlocks: [7, 10, 13],
    windowPosEmbedBkgSpatialSize: [7, 7],
    windowSpec: [8, 4, 14, 7],
  },
  "b+": {
    embedDim: 112,
    numHeads: 2,
    stages: [2, 3, 16, 3],
    globalAttBlocks: [12, 16, 20],
    windowPosEmbedBkgSpatialSize: [14, 14],
    windowSpec: [8, 4, 14, 7],
  },
  l: {
    embedDim: 144,
    numHeads: 2,
    stages: [2, 6, 36, 4],
    globalAttBlocks: [23, 33, 43],
    windowPosEmbedBkgSpatialSize: [7, 7],
    windowSpec: [8, 4, 16, 8],
  },
} satisfies Record<string, Trunk>;

/** What SAM 2.0 lacks: object pointers know no time, absent objects leave no mark in the spatial memory. */
const version20 = {
  noObjEmbedSpatial: false,
  addTposEncToObjPtrs: false,
  projTposEncInObjPtrs: false,
  useSignedTposEncToObjPtrs: false,
} satisfies Partial<Sam2ConfigInput>;

function official(trunk: Trunk, flags: Partial<Sam2ConfigInput> = {}): Sam2Config {
  return sam2Config({ imageSize: 1024, imageEncoder: { trunk }, ...flags });
}

/** The official models by the name of their configuration and checkpoint files. */
export const officialSam2Configs = {
  sam2_hiera_t: official(trunks.t, version20),
  sam2_hiera_s: official(trunks.s, version20),
  "sam2_hiera_b+": official(trunks["b+"], version20),
  sam2_hiera_l: official(trunks.l, version20),
  "sam2.1_hiera_t": official(trunks.t),
  "sam2.1_hiera_s": official(trunks.s),
  "sam2.1_hiera_b+": official(trunks["b+"]),
  "sam2.1_hiera_l": official(trunks.l),
} as const satisfies Record<string, Sam2Config>;

export type OfficialSam2Name = keyof typeof officialSam2Configs;

/**
 * A small SAM 2.1 that trains in minutes on two cores: a quarter of the tiny model's width, half its depth, short transformers.
 * Not official; its weights come from training.
 */
export function smallSam2Config(imageSize: number, overrides: Partial<Sam2ConfigInput> = {}): Sam2Config {
  return sam2Config({
    imageSize,
    imageEncoder: {
      trunk: {
        embedDim: 24,
        numHeads: 1,
        stages: [1, 2, 3, 1],
        globalAttBlocks: [4],
        windowPosEmbedBkgSpatialSize: [7, 7],
        windowSpec: [8, 4, 8, 4],
      },
      neck: { dModel: 64 },
    },
    memoryAttention: { numLayers: 2, dimFeedforward: 128, dropout: 0 },
    memoryEncoder: { outDim: 16 },
    maskDecoder: { iouHeadHiddenDim: 64, transformer: { mlpDim: 256, numHeads: 4 } },
    ...overrides,
  });
}
