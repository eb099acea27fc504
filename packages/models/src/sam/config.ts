/**
 * All hyperparameters of SAM (and of SAM-Med2D, which is SAM at 256 × 256 with adapters in its image encoder) as data. Field names are the
 * official constructors' in camelCase; what follows from other values is derived, not repeated. The official models are in
 * `official-configs.ts`.
 */
import { z } from "zod";
import { type ConfigSource, parseConfig } from "../parse-config.js";

const count = z.number().int().positive();
const natural = z.number().int().nonnegative();
const colours = z.tuple([z.number(), z.number(), z.number()]);
const deviations = z.tuple([z.number().positive(), z.number().positive(), z.number().positive()]);

const imageEncoder = z.strictObject({
  patchSize: count.default(16),
  embedDim: count,
  /** Number of blocks. */
  depth: count,
  numHeads: count,
  mlpRatio: z.number().positive().default(4),
  /** Width of the embedding, which prompts and decoder share. */
  outChans: count.default(256),
  qkvBias: z.boolean().default(true),
  /** Side of the attention windows in tokens. */
  windowSize: count.default(14),
  /** Indices of the blocks that attend to the whole map. */
  globalAttnIndexes: z.array(natural),
  normEps: z.number().positive().default(1e-6),
  /** An adapter in every block, as in SAM-Med2D; none when left out. */
  adapter: z
    .strictObject({
      mlpRatio: z.number().positive().default(0.25),
      normEps: z.number().positive().default(1e-5),
    })
    .optional(),
});

const maskDecoder = z.strictObject({
  numMultimaskOutputs: count.default(3),
  iouHeadDepth: count.default(3),
  iouHeadHiddenDim: count.default(256),
  transformer: z
    .strictObject({
      depth: count.default(2),
      mlpDim: count.default(2048),
      numHeads: count.default(8),
      attentionDownsampleRate: count.default(2),
    })
    .prefault({}),
});

export const samConfigSchema = z
  .strictObject({
    /** Side of the square input image in pixels. */
    imageSize: count,
    /** How a picture becomes the input: SAM keeps its proportions and pads, SAM-Med2D resizes it to the square. */
    pictureRule: z.enum(["sam", "sam-med2d"]).default("sam"),
    imageEncoder,
    promptEncoder: z.strictObject({ maskInChans: count.default(16) }).prefault({}),
    maskDecoder: maskDecoder.prefault({}),
    /** Statistics of red, green and blue (0 … 255) that the input is normalised with. */
    pixelMean: colours.default([123.675, 116.28, 103.53]),
    pixelStd: deviations.default([58.395, 57.12, 57.375]),
  })
  .superRefine((config, context) => {
    for (const [path, message] of contradictions(config)) context.addIssue({ code: "custom", path, message });
  });

/** Configuration of a SAM with every value filled in. */
export type SamConfig = z.infer<typeof samConfigSchema>;
/** The same as a person may write it: what has a default can be left out. */
export type SamConfigInput = z.input<typeof samConfigSchema>;
export type ViTConfig = SamConfig["imageEncoder"];

/**
 * Fills in defaults and checks a configuration.
 * @throws ConfigError naming the first wrong field and its value's problem
 */
export function samConfig(value: unknown, source: ConfigSource = {}): SamConfig {
  return parseConfig(samConfigSchema, value, source, "SAM", "packages/models/src/sam/config.ts");
}

/** The same model for another image size. Its weights must be brought to that size too: `fitToImageSize`. */
export function withSamImageSize(config: SamConfig, imageSize: number): SamConfig {
  return samConfig({ ...config, imageSize });
}

/** Whether a parameter belongs to an adapter of the image encoder: what SAM-Med2D's weights have beyond plain SAM's. */
export function isEncoderAdapterName(name: string): boolean {
  return name.split(".").includes("Adapter");
}

/** Rules between fields: what each would break is said in the message. */
function contradictions(config: z.infer<z.ZodObject>): [path: string[], message: string][] {
  const { imageSize, imageEncoder: encoder, maskDecoder: decoder, promptEncoder } = config as unknown as SamConfig;
  const found: [string[], string][] = [];
  const require = (right: boolean, path: string, message: string) => {
    if (!right) found.push([path.split("."), message]);
  };
  const side = imageSize / encoder.patchSize;
  require(Number.isInteger(side), "imageSize", `is ${imageSize} and must be a multiple of ${encoder.patchSize}`);
  require(encoder.embedDim % encoder.numHeads ===
    0, "imageEncoder.numHeads", `is ${encoder.numHeads} and must divide embedDim ${encoder.embedDim}`);
  for (const block of encoder.globalAttnIndexes) {
    require(block < encoder.depth, "imageEncoder.globalAttnIndexes", `names block ${block} of ${encoder.depth}`);
  }
  if (encoder.adapter !== undefined) {
    const { mlpRatio } = encoder.adapter;
    require(!Number.isInteger(side) ||
      side % 2 ===
        0, "imageSize", `is ${imageSize} and must be a multiple of ${2 * encoder.patchSize}: adapters halve the map of tokens`);
    require(encoder.embedDim * mlpRatio >=
      1, "imageEncoder.adapter.mlpRatio", `is ${mlpRatio}: nothing is left of ${encoder.embedDim} channels`);
  }
  const { numHeads, attentionDownsampleRate } = decoder.transformer;
  require(encoder.outChans % 8 === 0, "imageEncoder.outChans", `is ${encoder.outChans} and must be a multiple of 8`);
  require(encoder.outChans % (numHeads * attentionDownsampleRate) ===
    0, "maskDecoder.transformer.numHeads", `times attentionDownsampleRate is ${numHeads * attentionDownsampleRate} and must divide outChans ${encoder.outChans}`);
  require(promptEncoder.maskInChans % 4 ===
    0, "promptEncoder.maskInChans", `is ${promptEncoder.maskInChans} and must be a multiple of 4`);
  return found;
}
