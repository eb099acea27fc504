/**
 * Settings of the automatic mask generator, named as the references name them (`points_per_side` is `pointsPerSide`), and what differs
 * between the models it was written for.
 *
 * Source: SAM 2 `SAM2AutomaticMaskGenerator`, segment-anything `SamAutomaticMaskGenerator`. SAM-Med2D carries the latter unchanged; here
 * its pictures are prepared as its network was trained on them (picture.ts).
 */
import { ConfigError } from "@rfmedsam/base";
import * as z from "zod";
import { parseWithSchema } from "../../schema.js";
import type { PictureRuleName } from "../picture.js";
import { type PointGrid, pointGrid, pointsPerLayer } from "./grid.js";

const part = z.number().min(0).max(1);
const gridSchema = z.array(z.tuple([part, part])).min(1);

export const everythingSchema = z.strictObject({
  /** Points along one side of the grid; 32 when no `pointGrids` are given. */
  pointsPerSide: z.int().min(1).max(1024).optional(),
  /** Points the network answers at a time. */
  pointsPerBatch: z.int().min(1).default(64),
  /** Masks must be predicted better than this; 0 lets all pass. The default is the model family's. */
  predIouThresh: part.optional(),
  /** Masks must be at least this stable; 0 lets all pass. */
  stabilityScoreThresh: part.default(0.95),
  /** How far the threshold is moved up and down to see whether a mask is stable, in logits. */
  stabilityScoreOffset: z.number().min(0).default(1),
  /** Logits above it belong to the mask. */
  maskThreshold: z.number().default(0),
  /** IoU of boxes above which the worse of two masks of one crop goes. */
  boxNmsThresh: part.default(0.7),
  /** Layers of crops beside the whole picture; layer n has 2ⁿ × 2ⁿ. */
  cropNLayers: z.int().min(0).max(8).default(0),
  /** IoU of boxes above which, of two masks of different crops, that of the larger crop goes. */
  cropNmsThresh: part.default(0.7),
  /** How far the crops of the first layer overlap, as a part of the picture's shorter side. */
  cropOverlapRatio: part.default(512 / 1500),
  /** In layer n the points per side are divided by this factor to the power of n. */
  cropNPointsDownscaleFactor: z.int().min(1).default(1),
  /** Own points instead of `pointsPerSide`: for every layer, the whole picture first, x y as parts of width and height. */
  pointGrids: z.array(gridSchema).min(1).optional(),
  /** Holes and islands below this area go; 0 leaves them. How, and in pixels of what, is the model family's rule. */
  minMaskRegionArea: z.int().min(0).default(0),
  /** Show every mask to the network again and take the single answer it gives then. */
  useM2m: z.boolean().default(false),
  /** The three answers to an ambiguous point instead of the single one. */
  multimaskOutput: z.boolean().default(true),
});

/** What a caller may say; everything has a default. */
export type EverythingSettings = z.input<typeof everythingSchema>;

/** What the models' own generators do differently. */
export interface EverythingFamily {
  readonly predIouThresh: number;
  /**
   * How small regions go. `logits`: before masks are enlarged, areas up to and with the given one, in pixels of the low-resolution mask.
   * `masks`: after everything else, areas below the given one in pixels of the picture, then duplicates are looked for again.
   */
  readonly smallRegions: "logits" | "masks";
  /** The precision points are kept in. */
  readonly round: (coordinate: number) => number;
}

const segmentAnything: EverythingFamily = {
  predIouThresh: 0.88,
  smallRegions: "masks",
  round: (coordinate) => coordinate,
};

export const everythingFamilies: { readonly [Rule in PictureRuleName]: EverythingFamily } = {
  sam2: { predIouThresh: 0.8, smallRegions: "logits", round: Math.fround },
  sam: segmentAnything,
  "sam-med2d": segmentAnything,
};

/** Settings with nothing left open. */
export interface ResolvedEverything extends Omit<z.output<typeof everythingSchema>, "pointsPerSide" | "pointGrids"> {
  readonly predIouThresh: number;
  /** One grid per layer, the whole picture first. */
  readonly grids: readonly PointGrid[];
  readonly family: EverythingFamily;
}

/** @throws ConfigError that names every wrong key, and the nearest known one for an unknown key */
export function resolveEverything(rule: PictureRuleName, settings: EverythingSettings): ResolvedEverything {
  const { pointsPerSide, pointGrids, ...rest } = parseWithSchema(everythingSchema, settings);
  const family = everythingFamilies[rule];
  const { cropNLayers, cropNPointsDownscaleFactor } = rest;
  const grids =
    pointGrids === undefined
      ? evenGrids(pointsPerSide ?? 32, cropNLayers, cropNPointsDownscaleFactor)
      : ownGrids(pointGrids, pointsPerSide, cropNLayers);
  return { ...rest, predIouThresh: rest.predIouThresh ?? family.predIouThresh, grids, family };
}

function evenGrids(perSide: number, layers: number, downscaleFactor: number): PointGrid[] {
  const sides = pointsPerLayer(perSide, layers, downscaleFactor);
  const empty = sides.indexOf(0);
  if (empty >= 0) {
    throw new ConfigError({
      found: `"pointsPerSide" ${perSide} divided by "cropNPointsDownscaleFactor" ${downscaleFactor} leaves no points for the crops of layer ${empty}`,
      expected: "at least one point per side in every layer",
      hint: "raise pointsPerSide, or lower cropNPointsDownscaleFactor or cropNLayers",
    });
  }
  return sides.map(pointGrid);
}

function ownGrids(
  grids: readonly (readonly (readonly [number, number])[])[],
  perSide: number | undefined,
  layers: number,
): PointGrid[] {
  if (perSide !== undefined) {
    throw new ConfigError({
      found: `both "pointsPerSide" and "pointGrids"`,
      expected: "one of them",
      hint: "leave one of the two out",
    });
  }
  if (grids.length !== layers + 1) {
    throw new ConfigError({
      found: `"pointGrids" for ${grids.length} layers`,
      expected: `${layers + 1}: the whole picture and "cropNLayers" ${layers}`,
    });
  }
  return grids.map((points) => Float64Array.from(points.flat()));
}
