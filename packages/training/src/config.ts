/**
 * What a training run is told: one validated record, from a preset and an optional YAML or JSON file over it. The resolved record is
 * written into the model folder. Every number here is ours unless METHOD names a source.
 */
import { ConfigError } from "@rfmedsam/base";
import { readFileOrExplain } from "@rfmedsam/base/node";
import { parseWithSchema } from "@rfmedsam/segmenter";
import { parse as parseYaml } from "yaml";
import * as z from "zod";
import { type PresetName, presetNamed, presets } from "./presets.js";

const count = z.int().positive();
const triple = z.tuple([z.number().positive(), z.number().positive(), z.number().positive()]);
const countTriple = z.tuple([count, count, count]);
const share = z.number().min(0).max(1);

const preprocessing = z.strictObject({
  /** mm in array order `[z, y, x]`; `median` takes each axis' median over the data set, `keep` resamples nothing. */
  spacing: z.union([z.literal("median"), z.literal("keep"), triple]),
  /** `auto` takes `ct` for channels named CT, `zscore` for all others. */
  normalisation: z.enum(["auto", "ct", "zscore"]),
  cropToNonzero: z.boolean(),
  /** Percentiles of the labelled voxels' intensities that CT is clipped to; nnU-Net's are 0.5 and 99.5. */
  clip: z
    .tuple([z.number().min(0).max(100), z.number().min(0).max(100)])
    .refine(([low, high]) => low < high, "a lower percentile before a higher one"),
});

const augmentation = z.strictObject({
  rotateScale: share,
  maximumAngle: z.number().min(0).max(180),
  scale: z.tuple([z.number().positive(), z.number().positive()]),
  noise: share,
  blur: share,
  brightness: share,
  contrast: share,
  lowResolution: share,
  gamma: share,
  /** Array axes that may be mirrored; leave sides out where left and right are different organs and patches are small. */
  mirrorAxes: z.array(z.int().min(0).max(2)),
});

const step0 = z.strictObject({
  dimensions: z.union([z.literal(2), z.literal(3)]),
  /** Voxels `[z, y, x]`; `auto` fits the median case within `patchVoxels`. */
  patch: z.union([z.literal("auto"), countTriple]),
  patchVoxels: count,
  baseFeatures: count,
  maximumFeatures: count,
  maximumStages: count,
  convsPerStage: count,
  batch: count,
  iterations: count,
  /** `sgd` as nnU-Net trains, with Nesterov's momentum; `adamw` gets further in a few hundred steps when there are many classes. */
  optimizer: z.enum(["sgd", "adamw"]),
  learningRate: z.number().positive(),
  /** Of `sgd`. */
  momentum: share,
  weightDecay: z.number().min(0),
  gradientClip: z.number().positive(),
  /** Part of each batch whose patch is centred on a labelled voxel. */
  foreground: share,
  /** Sliding window: step as a part of the patch. */
  overlap: z.number().positive().max(1),
  mirrorPrediction: z.boolean(),
  augmentation,
});

const refiner = z.strictObject({
  enabled: z.boolean(),
  /** A named SAM 2 configuration (`rfmedsam-small`, `sam2.1_hiera_t`, …). */
  backbone: z.string(),
  /** A file of official weights to start from; without it the network starts from random weights and all of it is trained. */
  weights: z.string().nullable(),
  imageSize: count,
  slices: z.enum(["adjacent", "repeat"]),
  axis: z.enum(["axial", "coronal", "sagittal"]),
  adapters: z.boolean(),
  /** Which parameters learn, by a regular expression over their official names; `null` for all. */
  trainable: z.string().nullable(),
  /** Consecutive slices of one training sample. */
  sequence: count,
  batch: count,
  iterations: count,
  learningRate: z.number().positive(),
  warmup: share,
  weightDecay: z.number().min(0),
  gradientClip: z.number().positive(),
  /** Weights of the losses: SAM 2's own (focal, Dice, IoU, object presence) and that on the merged labels. */
  losses: z.strictObject({
    focal: z.number().min(0),
    dice: z.number().min(0),
    iou: z.number().min(0),
    presence: z.number().min(0),
    merged: z.number().min(0),
  }),
  /** How often a prompt is made from degraded ground truth instead of step 0's own prediction. */
  degradedTruth: share,
  prompts: z.strictObject({
    kind: z.enum(["maskAndBox", "mask", "box"]),
    minimumArea: z.int().min(1),
    marginSlices: z.int().min(0),
    boxMargin: z.number().min(0),
  }),
  memory: z.strictObject({ confident: z.int().min(0) }),
});

export const trainingSchema = z.strictObject({
  /** Steps 0's cross-validation: K U-Nets, each trained without one K-th of the cases, which give out-of-fold prompts for the
   * refiner and are averaged when predicting. 1 trains a single U-Net on everything (prompts then come from its own cases). */
  folds: count,
  /** Part of the cases that the refiner never learns from; the stage each label comes from is chosen on them. */
  validation: share,
  preprocessing,
  step0,
  refiner,
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

/** Reads a YAML or JSON file: its `preset` (or the given one) and the values it changes. */
export async function readConfiguration(file: string, fallback: PresetName): Promise<TrainingConfiguration> {
  const text = new TextDecoder().decode(await readFileOrExplain(file));
  let parsed: unknown;
  try {
    parsed = parseYaml(text) ?? {};
  } catch (cause) {
    throw new ConfigError({ file, found: "this is neither YAML nor JSON", cause });
  }
  const { preset = fallback, ...changes } = isRecord(parsed) ? parsed : { value: parsed };
  return resolveConfiguration(presetNamed(preset, file), changes, file);
}

function overlay(base: unknown, changes: unknown): unknown {
  if (!isRecord(base) || !isRecord(changes)) return changes;
  const out: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(changes))
    out[key] = Object.hasOwn(base, key) ? overlay(base[key], value) : value;
  return out;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
