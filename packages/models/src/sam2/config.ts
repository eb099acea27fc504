/**
 * All hyperparameters of SAM 2 as data. Field names are the official configuration's in camelCase, so that a value can be looked
 * up there; what follows from other values (channel lists, key widths) is derived, not repeated. Defaults are the official
 * constructors'. The eight official models are in `official-configs.ts`.
 */
import { z } from "zod";
import { adapterConfigSchema } from "../adapters/options.js";
import { type ConfigSource, parseConfig } from "../parse-config.js";

const count = z.number().int().positive();
const natural = z.number().int().nonnegative();
const pair = z.tuple([count, count]);
const probability = z.number().min(0).max(1);

const sinePosition = z.strictObject({
  temperature: z.number().positive().default(10000),
  normalize: z.boolean().default(true),
  /** Angle of a whole axis; null means 2π. */
  scale: z.number().positive().nullable().default(null),
});

const trunk = z.strictObject({
  embedDim: count,
  numHeads: count,
  /** Blocks per stage. */
  stages: z.array(count).min(1),
  /** Indices of the blocks that attend globally instead of within windows. */
  globalAttBlocks: z.array(natural).default([]),
  windowPosEmbedBkgSpatialSize: pair,
  /** Window side per stage, in tokens of that stage. */
  windowSpec: z.array(count),
  /** How many stage changes pool the queries. */
  qPool: natural.default(3),
  qStride: pair.default([2, 2]),
  dimMul: z.number().positive().default(2),
  headMul: z.number().positive().default(2),
  mlpRatio: z.number().positive().default(4),
  /** Stochastic depth of the last block; earlier ones less, linearly. Training only. */
  dropPathRate: probability.default(0),
  normEps: z.number().positive().default(1e-6),
  patchEmbed: z
    .strictObject({ kernel: count, stride: count, padding: natural })
    .default({ kernel: 7, stride: 4, padding: 3 }),
});

const neck = z.strictObject({
  dModel: count.default(256),
  /** Levels (0 = highest resolution) that receive the level below, enlarged. */
  fpnTopDownLevels: z.array(natural).default([2, 3]),
  fpnInterpModel: z.enum(["nearest", "bilinear"]).default("nearest"),
  fuseType: z.enum(["sum", "avg"]).default("sum"),
  kernelSize: count.default(1),
  positionEncoding: sinePosition.prefault({}),
});

const memoryAttention = z.strictObject({
  numLayers: count.default(4),
  dimFeedforward: count.default(2048),
  dropout: probability.default(0.1),
  posEncAtAttn: z.boolean().default(false),
  posEncAtCrossAttnKeys: z.boolean().default(true),
  posEncAtCrossAttnQueries: z.boolean().default(false),
  posEncAtInput: z.boolean().default(true),
  ropeTheta: z.number().positive().default(10000),
  numHeads: count.default(1),
  downsampleRate: count.default(1),
  activation: z.enum(["relu", "gelu"]).default("relu"),
  normEps: z.number().positive().default(1e-5),
});

const memoryEncoder = z.strictObject({
  outDim: count.default(64),
  maskDownsampler: z
    .strictObject({
      kernelSize: count.default(3),
      stride: count.default(2),
      padding: natural.default(1),
      totalStride: count.default(16),
    })
    .prefault({}),
  fuser: z
    .strictObject({
      numLayers: count.default(2),
      kernelSize: count.default(7),
      padding: natural.default(3),
      useDwconv: z.boolean().default(true),
      layerScaleInitValue: z.number().nonnegative().default(1e-6),
    })
    .prefault({}),
  positionEncoding: sinePosition.prefault({}),
});

const maskDecoder = z.strictObject({
  numMultimaskOutputs: count.default(3),
  iouHeadDepth: count.default(3),
  iouHeadHiddenDim: count.default(256),
  /** At prediction, replace an unstable single mask by the best of the three; the official builder switches it on. */
  dynamicMultimaskViaStability: z.boolean().default(true),
  dynamicMultimaskStabilityDelta: z.number().nonnegative().default(0.05),
  dynamicMultimaskStabilityThresh: probability.default(0.98),
  transformer: z
    .strictObject({
      depth: count.default(2),
      mlpDim: count.default(2048),
      numHeads: count.default(8),
      attentionDownsampleRate: count.default(2),
    })
    .prefault({}),
});

export const sam2ConfigSchema = z
  .strictObject({
    /** Side of the square input image in pixels. */
    imageSize: count,
    /** Pixels per token of the lowest level that is kept. */
    backboneStride: count.default(16),
    imageEncoder: z.strictObject({ scalp: natural.default(1), trunk, neck: neck.prefault({}) }),
    memoryAttention: memoryAttention.prefault({}),
    memoryEncoder: memoryEncoder.prefault({}),
    promptEncoder: z.strictObject({ maskInChans: count.default(16) }).prefault({}),
    maskDecoder: maskDecoder.prefault({}),

    /** The mask goes into memory as `sigmoid(logits) · scale + bias`. */
    sigmoidScaleForMemEnc: z.number().default(20),
    sigmoidBiasForMemEnc: z.number().default(-10),
    binarizeMaskFromPtsForMemEnc: z.boolean().default(false),
    nonOverlapMasksForMemEnc: z.boolean().default(false),
    useMaskInputAsOutputWithoutSam: z.boolean().default(true),
    directlyAddNoMemEmbed: z.boolean().default(true),
    noObjEmbedSpatial: z.boolean().default(true),
    useHighResFeaturesInSam: z.boolean().default(true),
    multimaskOutputInSam: z.boolean().default(true),
    multimaskMinPtNum: natural.default(0),
    multimaskMaxPtNum: natural.default(1),
    multimaskOutputForTracking: z.boolean().default(true),
    useMultimaskTokenForObjPtr: z.boolean().default(true),
    iouPredictionUseSigmoid: z.boolean().default(true),
    useObjPtrsInEncoder: z.boolean().default(true),
    maxObjPtrsInEncoder: count.default(16),
    addTposEncToObjPtrs: z.boolean().default(true),
    projTposEncInObjPtrs: z.boolean().default(true),
    useSignedTposEncToObjPtrs: z.boolean().default(true),
    onlyObjPtrsInThePastForEval: z.boolean().default(true),
    predObjScores: z.boolean().default(true),
    predObjScoresMlp: z.boolean().default(true),
    fixedNoObjPtr: z.boolean().default(true),
    softNoObjPtr: z.boolean().default(false),
    useMlpForObjPtrProj: z.boolean().default(true),
    /** Memories a frame can see: the conditioning ones and `numMaskmem - 1` tracked ones; 0 switches memory off. */
    numMaskmem: natural.default(7),
    /** At most this many conditioning frames, the nearest; -1 means all. */
    maxCondFramesInAttn: z.union([z.literal(-1), z.number().int().min(2)]).default(-1),
    memoryTemporalStrideForEval: count.default(1),

    /** Adapters of RFMedSAM 2; none when left out. */
    adapters: adapterConfigSchema.optional(),
  })
  .superRefine((config, context) => {
    for (const [path, message] of contradictions(config)) context.addIssue({ code: "custom", path, message });
  });

/** Configuration of a SAM 2 model with every value filled in. */
export type Sam2Config = z.infer<typeof sam2ConfigSchema>;
/** The same as a person may write it: what has a default can be left out. */
export type Sam2ConfigInput = z.input<typeof sam2ConfigSchema>;
export type HieraConfig = Sam2Config["imageEncoder"]["trunk"];
export type NeckConfig = Sam2Config["imageEncoder"]["neck"];
export type MemoryAttentionConfig = Sam2Config["memoryAttention"];
export type MemoryEncoderConfig = Sam2Config["memoryEncoder"];
export type MaskDecoderConfig = Sam2Config["maskDecoder"];
export type SinePositionConfig = NeckConfig["positionEncoding"];

/**
 * Fills in defaults and checks a configuration.
 * @throws ConfigError naming the first wrong field and its value's problem
 */
export function sam2Config(value: unknown, source: ConfigSource = {}): Sam2Config {
  return parseConfig(sam2ConfigSchema, value, source, "SAM 2", "packages/models/src/sam2/config.ts");
}

/** The same model for another image size: no weight has a shape that depends on it, so the same checkpoint loads. */
export function withImageSize(config: Sam2Config, imageSize: number): Sam2Config {
  return sam2Config({ ...config, imageSize });
}

/** Rules between fields: what each would break is said in the message. */
function contradictions(config: z.infer<z.ZodObject>): [path: string[], message: string][] {
  const { imageSize, imageEncoder, ...flags } = config as unknown as Sam2Config;
  const { stages, windowSpec, qPool, qStride, patchEmbed, globalAttBlocks } = imageEncoder.trunk;
  const found: [string[], string][] = [];
  const trunkPath = ["imageEncoder", "trunk"];
  if (windowSpec.length !== stages.length) {
    found.push([[...trunkPath, "windowSpec"], `has ${windowSpec.length} entries for ${stages.length} stages`]);
  }
  if (qPool >= stages.length)
    found.push([[...trunkPath, "qPool"], `is ${qPool} but there are ${stages.length} stages`]);
  const depth = stages.reduce((sum, blocks) => sum + blocks, 0);
  for (const block of globalAttBlocks.filter((index) => index >= depth)) {
    found.push([[...trunkPath, "globalAttBlocks"], `names block ${block} of ${depth}`]);
  }
  for (let stage = 0; stage < Math.min(qPool, windowSpec.length); stage++) {
    if (windowSpec[stage]! % qStride[0] !== 0 || windowSpec[stage]! % qStride[1] !== 0) {
      found.push([
        [...trunkPath, "windowSpec"],
        `window ${windowSpec[stage]} is pooled by ${qStride.join("×")} and must be a multiple of it`,
      ]);
    }
  }
  const coarsest = patchEmbed.stride * qStride[0] ** qPool;
  if (imageSize % coarsest !== 0) found.push([["imageSize"], `is ${imageSize} and must be a multiple of ${coarsest}`]);
  const kept = coarsest / qStride[0] ** Math.max(0, imageEncoder.scalp - (stages.length - 1 - qPool));
  if (kept !== flags.backboneStride) {
    found.push([["backboneStride"], `is ${flags.backboneStride} but the lowest level kept has stride ${kept}`]);
  }
  if (imageEncoder.scalp >= stages.length) found.push([["imageEncoder", "scalp"], `drops all ${stages.length} levels`]);
  if (flags.useHighResFeaturesInSam && stages.length - imageEncoder.scalp < 3) {
    found.push([
      ["useHighResFeaturesInSam"],
      `needs three levels after scalp; there are ${stages.length - imageEncoder.scalp}`,
    ]);
  }
  if (flags.projTposEncInObjPtrs && !flags.addTposEncToObjPtrs) {
    found.push([["projTposEncInObjPtrs"], "projects an encoding that addTposEncToObjPtrs switches off"]);
  }
  if (flags.fixedNoObjPtr && !(flags.predObjScores && flags.useObjPtrsInEncoder)) {
    found.push([["fixedNoObjPtr"], "needs predObjScores and useObjPtrsInEncoder"]);
  }
  if (imageEncoder.neck.dModel % flags.memoryEncoder.outDim !== 0) {
    found.push([
      ["memoryEncoder", "outDim"],
      `is ${flags.memoryEncoder.outDim} and must divide dModel ${imageEncoder.neck.dModel}`,
    ]);
  }
  if (!flags.directlyAddNoMemEmbed && imageEncoder.neck.dModel !== flags.memoryEncoder.outDim) {
    found.push([["directlyAddNoMemEmbed"], "can be off only when memories are as wide as the model"]);
  }
  return found;
}
