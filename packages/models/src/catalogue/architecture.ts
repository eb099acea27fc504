/**
 * What a promptable network is built from, as data: its family and that family's configuration. One row per family says how it is read,
 * built and brought to another image size.
 */
import { ConfigError } from "@rfmedsam/base";
import { onDevice } from "@rfmedsam/torch";
import { type SamConfig, samConfig, samConfigSchema, withSamImageSize } from "../sam/config.js";
import { Sam } from "../sam/sam.js";
import { type MaskDecoderConfig, type Sam2Config, sam2Config, withImageSize } from "../sam2/config.js";
import { Sam2 } from "../sam2/sam2.js";

interface Families {
  readonly sam2: { readonly config: Sam2Config; readonly network: Sam2 };
  readonly sam: { readonly config: SamConfig; readonly network: Sam };
  readonly "sam-med2d": { readonly config: SamConfig; readonly network: Sam };
}

export type ModelFamily = keyof Families;
export type PromptableModel = Sam2 | Sam;

/** Family and configuration: what `rfmedsam.architecture` says in a file of weights. */
export type ModelArchitecture<F extends ModelFamily = ModelFamily> = {
  [K in F]: { readonly family: K; readonly config: Families[K]["config"] };
}[F];

/** Names, and for each its shape. */
export type TensorShapes = ReadonlyMap<string, { readonly shape: readonly number[] }>;

interface Family<F extends ModelFamily> {
  readonly title: string;
  /** Where official files keep the weights. */
  readonly wrapper: string | undefined;
  /** @throws ConfigError */
  readonly parse: (config: unknown, options: { readonly file?: string }) => Families[F]["config"];
  readonly build: (config: Families[F]["config"]) => Families[F]["network"];
  /** How many layers and tokens the configuration asks for: each has tensors of its own, or rows of one. */
  readonly layers: (config: Families[F]["config"]) => number;
  readonly withImageSize: (config: Families[F]["config"], imageSize: number) => Families[F]["config"];
  /** The image size that tensors were made for, where it shows in a shape. */
  readonly imageSizeIn: (tensors: TensorShapes, config: Families[F]["config"]) => number | undefined;
}

const decoderLayers = ({
  transformer,
  iouHeadDepth,
  numMultimaskOutputs,
}: Pick<MaskDecoderConfig, "transformer" | "iouHeadDepth" | "numMultimaskOutputs">) =>
  transformer.depth + iouHeadDepth + numMultimaskOutputs;

/** Nobody is believed who claims more: tables and pictures would not fit into memory. */
const largestImageSize = 8192;

const samFamily = (rule: SamConfig["pictureRule"]): Omit<Family<"sam">, "title" | "wrapper"> => ({
  parse: (config, { file }) => {
    const named = typeof config === "object" && config !== null ? { pictureRule: rule, ...config } : config;
    const parsed = samConfig(named, file === undefined ? {} : { file });
    if (parsed.pictureRule === rule) return parsed;
    throw new ConfigError({ file, found: `pictureRule ${parsed.pictureRule}`, expected: `${rule}, the family's` });
  },
  build: (config) => new Sam(config),
  layers: ({ imageEncoder, maskDecoder }) => imageEncoder.depth + decoderLayers(maskDecoder),
  withImageSize: withSamImageSize,
  imageSizeIn(tensors, config) {
    const [, rows, columns] = tensors.get("image_encoder.pos_embed")?.shape ?? [];
    if (rows === undefined || rows !== columns) return undefined;
    const imageSize = rows * config.imageEncoder.patchSize;
    const possible = imageSize <= largestImageSize && samConfigSchema.safeParse({ ...config, imageSize }).success;
    return possible ? imageSize : undefined;
  },
});

export const modelFamilies: { readonly [F in ModelFamily]: Family<F> } = {
  sam2: {
    title: "SAM 2",
    wrapper: "model",
    parse: sam2Config,
    build: (config) => new Sam2(config),
    layers: ({ imageEncoder, memoryAttention, memoryEncoder, maskDecoder }) =>
      imageEncoder.trunk.stages.reduce((sum, blocks) => sum + blocks, 0) +
      memoryAttention.numLayers +
      memoryEncoder.fuser.numLayers +
      decoderLayers(maskDecoder),
    withImageSize,
    // None of its tensors depends on it.
    imageSizeIn: () => undefined,
  },
  sam: { title: "SAM", wrapper: undefined, ...samFamily("sam") },
  "sam-med2d": { title: "SAM-Med2D", wrapper: "model", ...samFamily("sam-med2d") },
};

/** The network, with random weights, where new tensors are made (`onDevice`). */
export function buildModel<F extends ModelFamily>({ family, config }: ModelArchitecture<F>): Families[F]["network"] {
  return modelFamilies[family].build(config);
}

/** The same model for another image size. @throws ConfigError for a size it cannot have */
export function atImageSize<F extends ModelFamily>(
  { family, config }: ModelArchitecture<F>,
  imageSize: number,
): ModelArchitecture<F> {
  if (imageSize > largestImageSize) {
    throw new ConfigError({ found: `imageSize: is ${imageSize} and must be at most ${largestImageSize}` });
  }
  return { family, config: modelFamilies[family].withImageSize(config, imageSize) } as ModelArchitecture<F>;
}

/** The image size that tensors of this architecture were made for, where it shows in their shapes. */
export function imageSizeIn<F extends ModelFamily>(
  tensors: TensorShapes,
  { family, config }: ModelArchitecture<F>,
): number | undefined {
  return modelFamilies[family].imageSizeIn(tensors, config);
}

/** Names and shapes of a model's tensors and the number of its parameters, from the network itself; no weights are made. */
export function tensorsOf(architecture: ModelArchitecture): { shapes: TensorShapes; parameters: number } {
  const model = onDevice("meta", () => buildModel(architecture));
  const shapes = new Map([...model.stateDict()].map(([name, { shape }]) => [name, { shape: [...shape] }]));
  const parameters = model.parameterCount();
  model.free();
  return { shapes, parameters };
}

/** No extent of a network is larger; half of it squared still counts as a number of elements. */
const largestExtent = 2 ** 16;

/**
 * Whether a network of this architecture can have these tensors: asked before it is built, for architectures that a file states.
 *
 * @returns what cannot be, in words
 */
export function contradictionIn(architecture: ModelArchitecture, tensors: TensorShapes): string | undefined {
  const { imageSize } = architecture.config;
  if (imageSize > largestImageSize) return `an image size of ${imageSize}`;
  const large = numbersIn(architecture.config).find((value) => Math.abs(value) > largestExtent);
  if (large !== undefined) return `a size of ${large}`;
  const layers = layersOf(architecture);
  return layers > tensors.size ? `${layers} layers with ${tensors.size} tensors` : undefined;
}

function layersOf<F extends ModelFamily>({ family, config }: ModelArchitecture<F>): number {
  return modelFamilies[family].layers(config);
}

function numbersIn(value: unknown): readonly number[] {
  if (typeof value === "number") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(numbersIn) : [];
}

/**
 * An architecture from JSON.
 *
 * @throws ConfigError naming what is wrong
 */
export function parseArchitecture(value: unknown, { file }: { readonly file?: string } = {}): ModelArchitecture {
  const { family, config } = (value ?? {}) as { readonly family?: unknown; readonly config?: unknown };
  if (typeof family !== "string" || !Object.hasOwn(modelFamilies, family)) {
    throw new ConfigError({
      file,
      found: `an architecture of the family ${JSON.stringify(family)}`,
      expected: `one of ${Object.keys(modelFamilies).join(", ")}`,
    });
  }
  return parseConfig(family as ModelFamily, config, file);
}

function parseConfig<F extends ModelFamily>(
  family: F,
  config: unknown,
  file: string | undefined,
): ModelArchitecture<F> {
  const parsed = modelFamilies[family].parse(config, file === undefined ? {} : { file });
  return { family, config: parsed } as ModelArchitecture<F>;
}
