/**
 * `model.json`: everything prediction needs to know about a model, beside its weights. The schema is the format's description;
 * the types follow from it.
 */
import { ConfigError } from "@rfmedsam/base";
import * as z from "zod";
import type { OutputStage } from "./answers.js";
import type { Calibration } from "./calibration.js";
import type { GateRule } from "./gate.js";
import { preprocessingSchema } from "./preprocessing.js";
import { type PromptKind, promptGenerators } from "./prompts.js";
import { parseWithSchema } from "./schema.js";
import { type SliceRendering, sliceAxes, sliceRenderings } from "./slices.js";

/** The version of `model.json` this code writes and reads. */
export const formatVersion = 2;

const keysOf = <Key extends string>(table: Readonly<Record<Key, unknown>>) => Object.keys(table) as [Key, ...Key[]];
const fileName = z.string().regex(/^[^/\\]+$/, "a plain file name inside the model folder");
/** What the network's constructor takes; `packages/models` knows the keys and checks them. */
const architecture = z.record(z.string(), z.unknown());

export const promptSchema = z.strictObject({
  kind: z.enum(keysOf<PromptKind>(promptGenerators)).default("maskAndBox"),
  minimumArea: z.int().min(1).default(4),
  marginSlices: z.int().min(0).default(1),
  bridgeSlices: z.int().min(0).default(0),
  boxMargin: z.number().min(0).default(2),
  perComponent: z.boolean().default(false),
});

export const memorySchema = z.strictObject({
  confident: z.int().min(0).default(1),
  neighbours: z.int().min(0).default(6),
});

/** Numbers of every class without the background. */
export const calibrationSchema: z.ZodType<Calibration> = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("none") }),
  z.strictObject({ kind: z.literal("class"), scale: z.array(z.number().positive()), bias: z.array(z.number()) }),
  z.strictObject({ kind: z.literal("matrix"), weight: z.array(z.array(z.number())), bias: z.array(z.number()) }),
]);

export const outputStageSchema: z.ZodType<OutputStage> = z.enum(["step0", "stage1", "stage2", "mean"]);

const share = z.number().min(0).max(1);
const scope = z.enum(["case", "slices"]);

export const gateRuleSchema: z.ZodType<GateRule> = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("rescue"),
    stage: z.enum(["stage1", "stage2"]),
    scope,
    agreement: share,
    confidence: share,
  }),
  z.strictObject({ kind: z.literal("fallback"), stage: z.enum(["stage1", "stage2"]), scope, confidence: share }),
]);

export const step0Schema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("unet"),
    architecture,
    /** `[D, H, W]` in array order. */
    patch: z.tuple([z.int().positive(), z.int().positive(), z.int().positive()]),
    /** Weight files, one per fold. */
    folds: z.array(fileName).min(1),
    mirrorAxes: z.array(z.int().min(0).max(2)).default([]),
    /** Step between patches as a part of the patch. */
    overlap: z.number().positive().max(1).default(0.5),
  }),
  /** The refiner proposes what is there by itself (`RefinerNetwork.propose`); `packages/models` knows the generators by name. */
  z.strictObject({ kind: z.literal("proposal"), generator: z.string(), weights: fileName }),
]);

/** Slicing: along one axis, or along all three with the answers averaged. */
export const refinerAxes = [...keysOf(sliceAxes), "fused"] as const;
export type RefinerAxis = (typeof refinerAxes)[number];

export const refinerSchema = z.strictObject({
  architecture,
  weights: fileName,
  /** What the three colours of a slice are. */
  slices: z.enum(keysOf<SliceRendering>(sliceRenderings)).default("adjacent"),
  axis: z.enum(refinerAxes).default("axial"),
  /** Which channel of the case is shown; with `slices: channels` the first of up to three. */
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
    /** Per class name, when a case's class comes from elsewhere after all. */
    gate: z.record(z.string(), gateRuleSchema).default({}),
    /** Class names of which only the largest connected component stays. */
    largestComponent: z.array(z.string()).default([]),
    training: provenanceSchema,
  })
  .check((context) => {
    for (const [path, message] of contradictions(context.value)) {
      context.issues.push({ code: "custom", path, message, input: context.value });
    }
  });

export type ModelManifest = z.output<typeof manifestSchema>;
export type Step0Manifest = z.output<typeof step0Schema>;
/** A step 0 with networks of its own. */
export type UNetManifest = Extract<Step0Manifest, { kind: "unet" }>;
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
  const { labels, channelNames, preprocessing, step0, refiner } = manifest;
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
      for (const [part, message] of wrongSizes(refiner.calibration[stage], values.length - 1)) {
        found.push([["refiner", "calibration", stage, part], message]);
      }
    }
  } else if (step0.kind === "proposal") {
    found.push([["step0", "kind"], "unet, because the model has no refiner that could propose"]);
  }
  return [...found, ...wrongChoices(manifest)];
}

function wrongSizes(calibration: Calibration, classes: number): [part: string, message: string][] {
  const numbers = `${classes} numbers, one per class without background`;
  switch (calibration.kind) {
    case "none":
      return [];
    case "class":
      return (["scale", "bias"] as const).flatMap((part) =>
        calibration[part].length === classes ? [] : [[part, numbers]],
      );
    case "matrix": {
      const { weight, bias } = calibration;
      const square = weight.length === classes && weight.every((row) => row.length === classes);
      return [
        ...(square ? [] : ([["weight", `${classes} rows of ${numbers}`]] as [string, string][])),
        ...(bias.length === classes ? [] : ([["bias", numbers]] as [string, string][])),
      ];
    }
  }
}

/** Choices for classes, or of stages, that the model does not have. */
function wrongChoices({
  labels,
  refiner,
  outputStages,
  gate,
  largestComponent,
}: Omit<ModelManifest, "formatVersion">): Contradiction[] {
  const found: Contradiction[] = [];
  const names = Object.keys(labels).filter((label) => labels[label] !== 0);
  const named = (path: PropertyKey[], name: string) => {
    if (names.includes(name)) return true;
    found.push([path, `a class of the model (${names.join(", ")})`]);
    return false;
  };
  for (const [name, stage] of Object.entries(outputStages)) {
    if (named(["outputStages", name], name) && refiner === undefined && stage !== "step0") {
      found.push([["outputStages", name], "step0, because the model has no refiner"]);
    }
  }
  for (const [name, { kind }] of Object.entries(gate)) {
    if (!named(["gate", name], name)) continue;
    if (refiner === undefined) found.push([["gate", name], "no gate, because the model has no refiner"]);
    else if (outputStages[name] === undefined) found.push([["gate", name], "a class whose output stage is chosen"]);
    else if ((outputStages[name] === "step0") !== (kind === "rescue")) {
      found.push([["gate", name, "kind"], "rescue for a class that comes from step0, fallback for one that does not"]);
    }
  }
  largestComponent.forEach((name, n) => {
    named(["largestComponent", n], name);
  });
  return found;
}
