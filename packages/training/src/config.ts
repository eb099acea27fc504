/**
 * What a training run is told: one validated record, from a preset and an optional YAML or JSON file over it. The resolved record is
 * written into the model folder. Every number here is ours unless METHOD names a source.
 */
import { ConfigError } from "@rfmedsam/base";
import { adapterPlacements } from "@rfmedsam/models";
import { parseWithSchema } from "@rfmedsam/segmenter";
import * as z from "zod";
import { defaultPreset, type PresetName, presetNamed, presets } from "./presets.js";
import { readYaml } from "./read-yaml.js";

const count = z.int().positive();
const triple = z.tuple([z.number().positive(), z.number().positive(), z.number().positive()]);
const countTriple = z.tuple([count, count, count]);
const share = z.number().min(0).max(1);
const decay = z.number().min(0).lt(1);

const preprocessing = z.strictObject({
  /**
   * mm in array order `[z, y, x]`; `median` takes each axis' median over the data set, `keep` resamples nothing, `low` coarsens the
   * median until a patch shows a quarter of the median case (nnU-Net's low resolution).
   */
  spacing: z.union([z.literal("median"), z.literal("low"), z.literal("keep"), triple]),
  /** `auto` takes `ct` for channels named CT, `zscore` for all others. */
  normalisation: z.enum(["auto", "ct", "zscore"]),
  cropToNonzero: z.boolean(),
  /** Percentiles of the labelled voxels' intensities that CT is clipped to; nnU-Net's are 0.5 and 99.5. */
  clip: z
    .tuple([z.number().min(0).max(100), z.number().min(0).max(100)])
    .refine(([low, high]) => low < high, "a lower percentile before a higher one"),
});

/** Each number is how often the change is made, unless said otherwise. nnU-Net's values are those of the preset `gpu`. */
const augmentation = z.strictObject({
  rotate: share,
  /** Degrees, about every axis of the patch (2D: in the plane); `auto` is nnU-Net's: 30, in a plane 180, or 15 in an oblong one. */
  maximumAngle: z.union([z.literal("auto"), z.number().min(0).max(180)]),
  scaling: share,
  /** Smallest and largest factor. */
  scale: z.tuple([z.number().positive(), z.number().positive()]),
  noise: share,
  blur: share,
  brightness: share,
  contrast: share,
  lowResolution: share,
  gamma: share,
  /** The gamma curve of the negative image. */
  invertedGamma: share,
  /** Array axes that may be mirrored; leave sides out where left and right are different organs and patches are small. */
  mirrorAxes: z.array(z.int().min(0).max(2)),
});

const step0 = z.strictObject({
  dimensions: z.union([z.literal(2), z.literal(3)]),
  /** Voxels `[z, y, x]`; `auto` fits the median case within `patchVoxels`. */
  patch: z.union([z.literal("auto"), countTriple]),
  patchVoxels: count,
  baseFeatures: count,
  /** Widest feature maps; `auto` is nnU-Net's: 512 in 2D, 320 in 3D. */
  maximumFeatures: z.union([z.literal("auto"), count]),
  /** Resolutions of the network; `auto` as many as the patch can be halved to, as nnU-Net has it. */
  maximumStages: z.union([z.literal("auto"), z.int().min(2)]),
  convsPerStage: count,
  /**
   * Patches of a step; `auto` as many as hold the voxels of two patches of `patchVoxels`. Either way as many as fit the memory (unless patch
   * and batch are both given), and at most a twentieth of all voxels of the data set, but two, as nnU-Net has it.
   */
  batch: z.union([z.literal("auto"), count]),
  iterations: count,
  /** `sgd` as nnU-Net trains, with Nesterov's momentum; `adamw` gets further in a few hundred steps when there are many classes. */
  optimizer: z.enum(["sgd", "adamw"]),
  learningRate: z.number().positive(),
  /** Of `sgd`. */
  momentum: share,
  weightDecay: z.number().min(0),
  gradientClip: z.number().positive(),
  /**
   * Dice over a batch's patches together, for data of which a patch lacks most classes; off: patch by patch. `auto` is nnU-Net's: together
   * in 2D, and in 3D at a full resolution beside which it would train a low one.
   */
  batchDice: z.union([z.literal("auto"), z.boolean()]),
  /** Part of each batch whose patches are centred on a labelled voxel: rounded, and at least one patch unless it is 0. */
  foreground: share,
  /** Sliding window: step as a part of the patch. */
  overlap: z.number().positive().max(1),
  mirrorPrediction: z.boolean(),
  /** Decay of the moving average of the weights, which is what is kept; 0 keeps the last weights. */
  averaging: decay,
  augmentation,
});

const adapters = z.strictObject({
  placements: z.array(z.enum(adapterPlacements)).min(1),
  /** Width of the bottleneck as a part of the channels. */
  ratio: z.number().positive().max(1),
  /** How fast they learn beside `learningRate`; models trained before there was a choice have 1. */
  rate: z.number().positive().default(1),
});

/** Parameters whose official name the pattern finds, and how fast they learn beside `learningRate`; 0 freezes them. */
const parameterGroup = z.strictObject({ pattern: z.string(), rate: z.number().min(0) });

/** Where the prompts of a training sequence come from: how often, as parts of the sum. */
const promptSources = z.strictObject({
  /** Step 0's prediction by a U-Net that has not seen the case. */
  outOfFold: z.number().min(0),
  /** True labels made worse on purpose (refiner/degrade.ts): shifted, scaled, bitten, confused, lost, swapped, with false blobs. */
  degradedTruth: z.number().min(0),
  /** Step 0's prediction made worse in the same ways. */
  degradedPrediction: z.number().min(0),
  /**
   * The true masks as stage 1's answer, and stage 2 without prompts: how a mask that a person gives is followed to other slices. Models
   * trained before this source existed have none of it.
   */
  mask: z.number().min(0).default(0),
  /** The true box, jittered, and nothing else. */
  box: z.number().min(0),
  /** Clicks into the true object (one to three) and nothing else. */
  clicks: z.number().min(0),
});

const refiner = z.strictObject({
  enabled: z.boolean(),
  /** A named SAM 2 configuration (`rfmedsam-small`, `sam2.1_hiera_t`, …). */
  backbone: z.string(),
  /** A file of official weights to start from; without it the network starts from random weights and all of it is trained. */
  weights: z.string().nullable(),
  imageSize: count,
  /** What the three colours of a slice are: it and its neighbours, itself three times, or up to three channels of the case. */
  slices: z.enum(["adjacent", "repeat", "channels"]),
  /** Which channel of the case is shown; with `channels` the first. */
  channel: z.int().min(0),
  /** How slices are cut; `fused` learns from all three and averages their answers when predicting. */
  axis: z.enum(["axial", "coronal", "sagittal", "fused"]),
  /** What makes the prompts; see `promptSources` for those of the U-Net. */
  generator: z.enum(["unet", "light-decoder", "learned-tokens"]),
  /** `null` for none. */
  adapters: adapters.nullable(),
  /**
   * The first group whose pattern finds a parameter decides; what none finds is frozen: with no group, adapters and calibration alone
   * learn, which they always do.
   */
  groups: z.array(parameterGroup),
  /** How the classes of a stage are made comparable before the softmax: nothing, scale and bias a class, a 1×1 convolution. */
  calibration: z.enum(["none", "class", "convolution"]),
  /** Consecutive slices of one training sample. */
  sequence: count,
  batch: count,
  iterations: count,
  learningRate: z.number().positive(),
  warmup: share,
  weightDecay: z.number().min(0),
  gradientClip: z.number().positive(),
  averaging: decay,
  /**
   * Compute the image encoder's blocks anew on the way back instead of keeping what is in them: far less memory for one more forward pass
   * of the encoder in every step.
   */
  checkpointing: z.boolean(),
  /** Weights of the losses: SAM 2's own (focal, Dice, IoU, object presence) and that on the merged labels. */
  losses: z.strictObject({
    focal: z.number().min(0),
    dice: z.number().min(0),
    iou: z.number().min(0),
    presence: z.number().min(0),
    merged: z.number().min(0),
  }),
  promptSources: promptSources.refine(
    (sources) => Object.values(sources).some((weight) => weight > 0),
    "at least one source above 0",
  ),
  /** Boxes of training prompts: each side moves by a normal deviate of `deviation` × the box's length, at most `limit` pixels of the picture. */
  boxJitter: z.strictObject({ deviation: share, limit: z.number().min(0) }),
  /** Noise in the pictures: in which part of the sequences, and its largest standard deviation as a part of the channel's window. */
  noise: z.strictObject({ share, deviation: z.number().min(0) }),
  prompts: z.strictObject({
    kind: z.enum(["maskAndBox", "mask", "box"]),
    minimumArea: z.int().min(1),
    marginSlices: z.int().min(0),
    /** Pixels of the picture: goes with `imageSize`, as `boxJitter.limit`. */
    boxMargin: z.number().min(0),
    /** Ask once for every connected component of a class on a slice instead of once for the class. */
    perComponent: z.boolean(),
  }),
  memory: z.strictObject({ confident: z.int().min(0), neighbours: z.int().min(0) }),
  /**
   * How often an object's stage 2 sees no prompt but its memories while it learns. With stage 1's own mask as prompt at all times,
   * memories are never needed and stage 2 learns to repeat stage 1.
   */
  unprompted: share,
});

/** What is decided on the validation cases once everything is trained. */
const choice = z.strictObject({
  /** Per class the stage that answers; off: always stage 2. */
  stages: z.boolean(),
  /** Per class how far step 0 and the refiner may disagree before the refiner is believed. */
  gate: z.boolean(),
  /** Per class whether only the largest connected component stays. */
  largestComponent: z.boolean(),
});

export const trainingSchema = z.strictObject({
  /** Steps 0's cross-validation: K U-Nets, each trained without one K-th of the cases, which give out-of-fold prompts for the
   * refiner and are averaged when predicting. 1 trains a single U-Net on everything (prompts then come from its own cases). */
  folds: count,
  /** Part of the cases that the refiner never learns from; the choices below are made on them. */
  validation: share,
  /** Prompts from U-Nets that have seen the case, for the ablation; `outOfFold` is what works. */
  prompting: z.enum(["outOfFold", "inFold"]),
  /** Arithmetic of convolutions and matrix products; the rest, and the weights, are float32. */
  precision: z.enum(["float32", "bfloat16"]),
  /** GiB that training may take on its device; `auto` is nine tenths of what is free. */
  memory: z.union([z.literal("auto"), z.number().positive()]),
  preprocessing,
  step0,
  refiner,
  choice,
  /** Steps between two saved states. */
  checkpointEvery: count,
});

export type TrainingConfiguration = z.output<typeof trainingSchema>;

/** A record in which everything may be left out. */
export type Partially<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [K in keyof T]?: Partially<T[K]> }
    : T;

/**
 * The configuration of a preset with some values changed.
 *
 * @param changes nested like the configuration; lists and unions are replaced whole
 * @throws ConfigError that names the wrong keys
 */
export function resolveConfiguration(preset: PresetName, changes: unknown = {}, file?: string): TrainingConfiguration {
  if (!isRecord(changes)) {
    throw new ConfigError({
      file,
      found: `a configuration that is ${changes === null ? "empty" : typeof changes}`,
      expected: "keys and values",
    });
  }
  return parseWithSchema(trainingSchema, overlay(presets[preset], changes), file === undefined ? {} : { file });
}

/**
 * Reads a YAML or JSON file: its `preset` and the values it changes.
 *
 * @param asked the preset where the file names none, `defaultPreset` unless given
 * @throws ConfigError also when the file names another one
 */
export async function readConfiguration(file: string, asked?: PresetName): Promise<TrainingConfiguration> {
  const parsed = (await readYaml(file)) ?? {};
  const { preset = asked ?? defaultPreset, ...changes } = isRecord(parsed) ? parsed : { value: parsed };
  const named = presetNamed(preset, file);
  if (asked !== undefined && asked !== named) {
    throw new ConfigError({
      file,
      found: `preset ${named}, and --preset ${asked}`,
      expected: "one preset",
      hint: "leave --preset out, or the line `preset:` in the file",
    });
  }
  return resolveConfiguration(named, changes, file);
}

/** Values of `changes` over those of `base`, table by table; lists are replaced whole. */
export function overlay(base: unknown, changes: unknown): unknown {
  if (!isRecord(base) || !isRecord(changes)) return changes;
  const out: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(changes))
    out[key] = Object.hasOwn(base, key) ? overlay(base[key], value) : value;
  return out;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
