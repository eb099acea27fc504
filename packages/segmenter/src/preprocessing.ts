/**
 * From volumes to what the networks see, and exactly back. Training and prediction both come through here.
 *
 *   Volume(s) ──► orientation ──► crop to nonzero ──► normalise ──► resample ──► PreparedCase [C, z, y, x]
 *   Volume    ◄── orientation ◄── paste           ◄──────────────── resample ◄── labels or class scores
 *
 * The order and the numbers are nnU-Net's. A `RestorePlan` remembers every step, so the result has the input's shape and affine.
 */
import { ConfigError, GeometryError } from "@rfmedsam/base";
import {
  assertAffine,
  assertSameGrid,
  type Box,
  boxShape,
  computeNewShape,
  cropData,
  cropToNonzero,
  describeGrid,
  normaliseCt,
  normaliseZScore,
  type Orientation,
  orientationOf,
  percentileOfSorted,
  reorient,
  rescaleTo01,
  rgbTo01,
  sameGrid,
  spacingOf,
  type Triple,
  toFloat32,
  toLabels,
  type Volume,
  voxelCount,
  wholeBox,
} from "@rfmedsam/imaging";
import * as z from "zod";
import { type GridChange, resampleLabelMap, resampleScalars } from "./case-resampling.js";

const positive = z.number().positive();

/** How one channel's intensities are normalised. */
export const normalisationSchema = z.discriminatedUnion("kind", [
  /** Clipped to the training set's 0.5 … 99.5 percentiles, then its mean and standard deviation (HU). */
  z.strictObject({ kind: z.literal("ct"), mean: z.number(), std: positive, low: z.number(), high: z.number() }),
  /** The case's own mean and standard deviation; `insideNonzero` looks at, and changes, only voxels inside the nonzero mask. */
  z.strictObject({ kind: z.literal("zscore"), insideNonzero: z.boolean().default(false) }),
  /** The case's least value becomes 0, its largest 1. */
  z.strictObject({ kind: z.literal("range") }),
  /** 8-bit values, 0 … 255, become 0 … 1. */
  z.strictObject({ kind: z.literal("rgb") }),
  /** As they are. */
  z.strictObject({ kind: z.literal("none") }),
]);

/** How normalised values become 0 … 1 in the slices of the refiner. */
export const windowSchema = z.discriminatedUnion("kind", [
  /** In normalised units of the first channel; a channel that is normalised in another way has the default's percentiles. */
  z.strictObject({ kind: z.literal("fixed"), low: z.number(), high: z.number() }),
  /** Of the case's own values. */
  z.strictObject({
    kind: z.literal("percentiles"),
    low: z.number().min(0).max(100).default(0.5),
    high: z.number().min(0).max(100).default(99.5),
  }),
]);

const usualWindow = { kind: "percentiles", low: 0.5, high: 99.5 } as const;

export const preprocessingSchema = z.strictObject({
  /** Axis letters of i, j, k. */
  orientation: z
    .string()
    .regex(/^(?=.*[RL])(?=.*[AP])(?=.*[SI])...$/, "three letters, one each of R/L, A/P and S/I")
    .default("RAS"),
  /** `[z, y, x]` mm; null keeps each case's own. */
  spacing: z.tuple([positive, positive, positive]).nullable().default(null),
  cropToNonzero: z.boolean().default(true),
  /** One entry per channel. */
  normalisation: z.array(normalisationSchema).min(1),
  window: windowSchema.default(usualWindow),
});

export type PreprocessingRecipe = z.output<typeof preprocessingSchema>;
export type Normalisation = z.output<typeof normalisationSchema>;

/** What was done to a case's grid, in order, so that it can be undone. */
export interface RestorePlan {
  /** The input's grid. */
  readonly input: Pick<Volume, "shape" | "affine">;
  /** Axis letters of the input, and of the oriented grid. */
  readonly orientation: { readonly from: Orientation; readonly to: Orientation };
  /** The shape after reorientation. */
  readonly orientedShape: Triple;
  /** In the oriented grid. */
  readonly crop: Box;
  /** From the cropped grid to the prepared one. */
  readonly change: GridChange;
}

/** A case as the networks see it. */
export interface PreparedCase {
  /** `[C, z, y, x]`, normalised. */
  readonly data: Float32Array;
  readonly channels: number;
  readonly shape: Triple;
  /** `[z, y, x]` mm. */
  readonly spacing: Triple;
  /** Per channel, the normalised values that are black and white in slices. */
  readonly windows: readonly IntensityWindow[];
  readonly restore: RestorePlan;
}

export interface IntensityWindow {
  readonly low: number;
  readonly high: number;
}

/**
 * Prepares the channels of one case.
 *
 * @param channels in the recipe's order, all on one grid
 * @throws ConfigError if there are not as many channels as the recipe has, GeometryError if their grids differ or
 *   the affine is singular
 */
export function prepareCase(channels: readonly Volume[], recipe: PreprocessingRecipe): PreparedCase {
  const [first] = channels;
  if (first === undefined || channels.length !== recipe.normalisation.length) {
    throw new ConfigError({
      found: `a case of ${channels.length} channels`,
      expected: `${recipe.normalisation.length}, as the recipe normalises`,
    });
  }
  assertAffine(first.affine);
  channels.forEach((channel, n) => {
    assertSameChannelGrid(first, channel, n);
  });

  // All channels turn as the first does: their affines may differ by roundings, which decide when a grid is very oblique.
  const oriented = channels.map(({ data, shape }) =>
    reorient({ data, shape, affine: first.affine }, recipe.orientation),
  );
  const { shape, affine } = oriented[0]!;
  const values = oriented.map((channel) => finite(toFloat32(channel.data)));
  const nonzero =
    recipe.cropToNonzero || recipe.normalisation.some(usesMask) ? cropToNonzero(values, shape) : undefined;
  const crop = recipe.cropToNonzero && nonzero !== undefined ? nonzero.box : wholeBox(shape);
  const cropped = boxShape(crop);
  const spacing = spacingOf({ affine });
  const newSpacing = recipe.spacing ?? spacing;
  const newShape = recipe.spacing === null ? cropped : atLeastOne(computeNewShape(cropped, spacing, newSpacing));
  const change: GridChange = { shape: cropped, newShape, spacing, newSpacing };
  const mask = nonzero === undefined ? undefined : cropData(nonzero.mask, shape, crop);

  const voxels = voxelCount(newShape);
  const data = new Float32Array(channels.length * voxels);
  values.forEach((channel, n) => {
    const normalised = normalise(cropData(channel, shape, crop), recipe.normalisation[n]!, mask);
    data.set(resampleScalars(normalised, change, 3), n * voxels);
  });
  return {
    data,
    channels: channels.length,
    shape: newShape,
    spacing: newSpacing,
    windows: channels.map((_, n) => windowOf(data.subarray(n * voxels, (n + 1) * voxels), windowRule(recipe, n))),
    restore: {
      input: { shape: first.shape, affine: first.affine },
      orientation: { from: orientationOf(first), to: recipe.orientation },
      orientedShape: shape,
      crop,
      change,
    },
  };
}

/**
 * Brings a case's labels onto its prepared grid.
 *
 * @returns label values `[z, y, x]`
 * @throws GeometryError if the labels lie on another grid than the case
 */
export function prepareLabels(labels: Volume, { restore }: Pick<PreparedCase, "restore">): Uint8Array {
  assertSameGrid(restore.input, labels);
  const { data, shape } = toLabels(labels);
  const turned = turn(data, shape, restore.orientation.from, restore.orientation.to);
  return resampleLabelMap(cropData(turned, restore.orientedShape, restore.crop), restore.change);
}

/** Reorders voxels from one set of axis letters to another, whatever the affine says. */
export function turn<T extends Uint8Array | Float32Array>(
  data: T,
  shape: Triple,
  from: Orientation,
  to: Orientation,
): T {
  const unit: Readonly<Record<string, Triple>> = {
    R: [1, 0, 0],
    L: [-1, 0, 0],
    A: [0, 1, 0],
    P: [0, -1, 0],
    S: [0, 0, 1],
    I: [0, 0, -1],
  };
  const [i, j, k] = [...from].map((letter) => unit[letter]!) as [Triple, Triple, Triple];
  const affine = [0, 1, 2].flatMap((row) => [i[row]!, j[row]!, k[row]!, 0]).concat(0, 0, 0, 1);
  return reorient({ data, shape, affine }, to).data;
}

function assertSameChannelGrid(first: Volume, channel: Volume, index: number): void {
  if (sameGrid(first, channel)) return;
  throw new GeometryError({
    found: `channel ${index} with ${describeGrid(channel)}`,
    expected: `the grid of channel 0: ${describeGrid(first)}`,
    hint: "resample the channels of a case to one grid",
  });
}

/** A slab thinner than half the target spacing keeps one slice; nnU-Net's rule would leave none. */
function atLeastOne([z, y, x]: Triple): Triple {
  return [Math.max(1, z), Math.max(1, y), Math.max(1, x)];
}

const usesMask = (rule: Normalisation) => rule.kind === "zscore" && rule.insideNonzero;

function normalise(data: Float32Array, rule: Normalisation, mask: Uint8Array | undefined): Float32Array {
  switch (rule.kind) {
    case "ct":
      return normaliseCt(data, rule);
    case "zscore":
      return rule.insideNonzero ? normaliseZScore(data, mask) : normaliseZScore(data);
    case "range":
      return rescaleTo01(data);
    case "rgb":
      return rgbTo01(data);
    case "none":
      return data.slice();
  }
}

/** NaN and infinite voxels (outside some scanners' field of view) become the smallest finite value; a copy only if there are any. */
function finite(data: Float32Array): Float32Array {
  if (data.every(Number.isFinite)) return data;
  const smallest = data.reduce((least, v) => (Number.isFinite(v) && v < least ? v : least), Number.POSITIVE_INFINITY);
  return data.map((value) => (Number.isFinite(value) ? value : Number.isFinite(smallest) ? smallest : 0));
}

/** Percentiles look at no more than this many voxels, evenly spread: enough for an intensity window. */
const percentileSamples = 2 ** 20;

function windowRule({ window, normalisation }: PreprocessingRecipe, channel: number): PreprocessingRecipe["window"] {
  const alike = normalisation[channel]!.kind === normalisation[0]!.kind;
  return window.kind === "percentiles" || alike ? window : usualWindow;
}

function windowOf(data: Float32Array, window: PreprocessingRecipe["window"]): IntensityWindow {
  const { low, high } = window.kind === "fixed" ? window : percentilesOf(data, window);
  return { low, high: high > low ? high : low + 1 };
}

function percentilesOf(data: Float32Array, { low, high }: { low: number; high: number }): IntensityWindow {
  // An odd stride does not fall into step with even row lengths.
  const stride = Math.ceil(data.length / percentileSamples) | 1;
  const sample = Float32Array.from({ length: Math.ceil(data.length / stride) }, (_, n) => data[n * stride]!).sort();
  return { low: percentileOfSorted(sample, low), high: percentileOfSorted(sample, high) };
}
