/**
 * `model.json`: everything prediction needs to know about a model, beside its weights. The schema is the format's description;
 * the types follow from it.
 */
import { ConfigError } from "@rfmedsam/base";
import * as z from "zod";
import type { Calibration, OutputStage } from "./merge.js";
import { preprocessingSchema } from "./preprocessing.js";
import { type PromptKind, promptGenerators } from "./prompts.js";
import { parseWithSchema } from "./schema.js";
import { type SliceAxis, type SliceColours, sliceAxes, sliceColours } from "./slices.js";

/** The version of `model.json` this code writes and reads. */
export const formatVersion = 1;

const keysOf = <Key extends string>(table: Readonly<Record<Key, unknown>>) => Object.keys(table) as [Key, ...Key[]];
const fileName = z.string().regex(/^[^/\\]+$/, "a plain file name inside the model folder");
/** What the network's constructor takes; `packages/models` knows the keys and checks them. */
const architecture = z.record(z.string(), z.unknown());

export const promptSchema = z.strictObject({
  kind: z.enum(keysOf<PromptKind>(promptGenerators)).default("maskAndBox"),
  minimumArea: z.int().min(1).default(4),
  marginSlices: z.int().min(0).default(1),
  boxMargin: z.number().min(0).default(2),
});

export const memorySchema = z.strictObject({
  confident: z.int().min(0).default(1),
  neighbours: z.int().min(0).default(6),
});

export const calibrationSchema: z.ZodType<Calibration> = z.strictObject({
  scale: z.array(z.number().positive()),
  bias: z.array(z.number()),
});

export const outputStageSchema: z.ZodType<OutputStage> = z.enum(["step0", "stage1", "stage2", "mean"]);

export const step0Schema = z.strictObject({
  kind: z.literal("unet"),
  architecture,
  /** `[D, H, W]` in array order. */
  patch: z.tuple([z.int().positive(), z.int().positive(), z.int().positive()]),
  /** Weight files, one per fold. */
  folds: z.array(fileName).min(1),
  mirrorAxes: z.array(z.int().min(0).max(2)).default([]),
  /** Step between patches as a part of the patch. */
  overlap: z.number().positive().max(1).default(0.5),
});

export const refinerSchema = z.strictObject({
  architecture,
  weights: fileName,
  /** What the three colours of a slice are. */
  slices: z.enum(keysOf<SliceColours>(sliceColours)).default("adjacent"),
  axis: z.enum(keysOf<SliceAxis>(sliceAxes)).default("axial"),
  /** Which channel of the case is shown. */
  channel: z.int().min(0).default(0),
  prompt: promptSchema.prefault({}),
  memory: memorySchema.prefault({}),
  calibration: z.strictObject({ stage1: calibrationSchema, stage2: calibrationSchema }),
});

export const provenanceSchema = z.strictObject({
  dataset: z.string(),
  seed: z.int(),
  revision: z.string(),
  versions: z.record(z.string(), z.string()),
  /** The full resolved training configuration. */
  configuration: z.unknown(),
  /** Validation results, a row per class or case. */
  validation: z.array(z.record(z.string(), z.union([z.string(), z.number(), z.null()]))).default([]),
});

export const manifestSchema = z
  .strictObject({
    formatVersion: z.literal(formatVersion),
    /** The version of this project that wrote the model. */
    rfmedsam: z.string(),
    /** Name of every class and its value in label volumes; background is 0. */
    labels: z.record(z.string(), z.int().min(0).max(255)),
    channelNames: z.array(z.string()).min(1),
    preprocessing: preprocessingSchema,
    step0: step0Schema,
    refiner: refinerSchema.optional(),
    /** Per class name, background apart, the stage its final mask comes from. */
    outputStages: z.record(z.string(), outputStageSchema).default({}),
    training: provenanceSchema,
  })
  .check((context) => {
    for (const [path, message] of contradictions(context.value)) {
      context.issues.push({ code: "custom", path, message, input: context.value });
    }
  });

export type ModelManifest = z.output<typeof manifestSchema>;
export type Step0Manifest = z.output<typeof step0Schema>;
export type RefinerManifest = z.output<typeof refinerSchema>;
export type TrainingProvenance = z.output<typeof provenanceSchema>;

/**
 * @param json the parsed content of `model.json`
 * @throws ConfigError for another format version, unknown keys and wrong or contradicting values
 */
export function parseManifest(json: unknown, { file }: { readonly file: string }): ModelManifest {
  const version =
    typeof json === "object" && json !== null ? (json as { formatVersion?: unknown }).formatVersion : undefined;
  if (version !== formatVersion) {
    const writer = typeof version === "number" && version > formatVersion ? "a newer" : "another";
    throw new ConfigError({
      file,
      found:
        version === undefined
          ? "no formatVersion, so this is not a model of rfmedsam"
          : `this model was written by ${writer} version of rfmedsam (format ${JSON.stringify(version)})`,
      expected: `format ${formatVersion}`,
      hint:
        writer === "a newer" ? "update rfmedsam, or train the model again" : "train the model again with this version",
    });
  }
  return parseWithSchema(manifestSchema, json, { file });
}

/** Class names and values in the order of the network's classes: ascending values, background first. */
export function classTable({ labels }: Pick<ModelManifest, "labels">): readonly { name: string; value: number }[] {
  return Object.entries(labels)
    .map(([name, value]) => ({ name, value }))
    .sort((a, b) => a.value - b.value);
}

type Contradiction = readonly [path: PropertyKey[], message: string];

function contradictions(manifest: Omit<ModelManifest, "formatVersion">): Contradiction[] {
  const { labels, channelNames, preprocessing, refiner, outputStages } = manifest;
  const values = Object.values(labels);
  const found: Contradiction[] = [];
  if (!values.includes(0)) found.push([["labels"], "one label with value 0, the background"]);
  if (new Set(values).size < values.length) found.push([["labels"], "a different value for every label"]);
  if (values.length < 2) found.push([["labels"], "at least one label beside the background"]);
  if (preprocessing.normalisation.length !== channelNames.length) {
    found.push([["preprocessing", "normalisation"], `one entry per channel (${channelNames.join(", ")})`]);
  }
  if (refiner !== undefined) {
    if (refiner.channel >= channelNames.length) {
      found.push([["refiner", "channel"], `a channel below ${channelNames.length}`]);
    }
    for (const stage of ["stage1", "stage2"] as const) {
      for (const part of ["scale", "bias"] as const) {
        if (refiner.calibration[stage][part].length !== values.length - 1) {
          found.push([
            ["refiner", "calibration", stage, part],
            `${values.length - 1} numbers, one per class without background`,
          ]);
        }
      }
    }
  }
  for (const [name, stage] of Object.entries(outputStages)) {
    if (labels[name] === undefined || labels[name] === 0) {
      const names = Object.keys(labels).filter((label) => labels[label] !== 0);
      found.push([["outputStages", name], `a class of the model (${names.join(", ")})`]);
    } else if (refiner === undefined && stage !== "step0") {
      found.push([["outputStages", name], "step0, because the model has no refiner"]);
    }
  }
  return found;
}
