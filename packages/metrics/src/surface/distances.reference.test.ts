/** `imgref/metrics`: surface distances of surface-distance (DeepMind), MedPy and MONAI. */
import { compareNumbers } from "@rfmedsam/base/testing";
import { describe, expect, test } from "vitest";
import { arrayOf, type Json, numberAt, objectAt, type ReferenceCase, referenceCases } from "../testing/reference.js";
import { elementBorders, voxelBorders } from "./borders.js";
import { type SurfaceDefinition, surfaceScores } from "./distances.js";
import type { Mask } from "./mask.js";

type Facts = { readonly [key: string]: Json };

/** MONAI computes in float32: what that can say, beside the case's own tolerance. */
const float32 = 2 ** -22;

describe.each(referenceCases("metrics"))("$name", (reference: ReferenceCase) => {
  const mask = (name: string): Mask => ({
    data: arrayOf(reference, name).data as Uint8Array,
    shape: arrayOf(reference, name).shape,
  });
  const [gt, pred] = [mask("gt"), mask("pred")];
  const spacing = reference.facts.spacing as unknown as number[];
  const tolerance = numberAt(reference.facts, "tolerance_rel");

  const close = (actual: number, expected: number, what: string, relative = tolerance) => {
    if (!Number.isFinite(expected)) return expect(actual, what).toBe(expected);
    const allowed = relative * Math.abs(expected);
    expect(
      compareNumbers(`imgref/metrics/${reference.name}`, [actual], [expected], allowed || 1e-300),
      what,
    ).toBeLessThanOrEqual(allowed);
  };
  const scores = (definition: SurfaceDefinition, tolerances: readonly string[] = []) =>
    surfaceScores(gt, pred, spacing, { definition, tolerances: tolerances.map(Number) });
  const bothEmpty = [...gt.data, ...pred.data].every((value) => value === 0);

  test("DeepMind's", () => {
    const expected = objectAt(reference.facts, "surface_distance_deepmind");
    const { reference: a, prediction: b } = elementBorders(gt, pred, spacing);
    expect([a.distances.length, b.distances.length]).toEqual([
      expected.surface_elements_gt,
      expected.surface_elements_pred,
    ]);
    const area = ({ weights }: typeof a) => weights.reduce((sum, weight) => sum + weight, 0);
    close(area(a), numberAt(expected, "surface_area_gt"), "area of the reference");
    close(area(b), numberAt(expected, "surface_area_pred"), "area of the prediction");
    const dice = objectAt(expected, "surface_dice_at_tolerance_mm");
    const actual = scores("deepmind", Object.keys(dice));
    // nothing against nothing is undefined here, infinite there
    close(actual.hausdorff, bothEmpty ? Number.NaN : numberAt(expected, "hausdorff_100"), "HD");
    close(actual.hausdorff95, bothEmpty ? Number.NaN : numberAt(expected, "hausdorff_95"), "HD95");
    const [fromGt, fromPred] = expected.average_surface_distance_gt_to_pred__pred_to_gt as readonly Json[];
    close(actual.fromReference, numberAt({ value: fromGt! }, "value"), "from the reference");
    close(actual.fromPrediction, numberAt({ value: fromPred! }, "value"), "from the prediction");
    for (const [at, key] of Object.keys(dice).entries()) {
      close(actual.surfaceDice[at]!, numberAt(dice, key), `surface Dice at ${key} mm`);
    }
  });

  test("MedPy's", () => {
    const expected = objectAt(reference.facts, "medpy");
    const actual = scores("medpy");
    const compare = (value: number, name: string) => {
      // MedPy refuses empty masks
      if (typeof expected[name] === "object") expect(Number.isFinite(value), name).toBe(false);
      else close(value, numberAt(expected, name), name);
    };
    compare(actual.hausdorff, "hd");
    compare(actual.hausdorff95, "hd95");
    compare(actual.assd, "assd");
    compare(actual.fromPrediction, "asd_pred_to_gt");
    compare(actual.fromReference, "asd_gt_to_pred");
    if (typeof expected.border_voxels_pred !== "number") return;
    const { reference: a, prediction: b } = voxelBorders(gt, pred, spacing);
    expect([a.distances.length, b.distances.length]).toEqual([expected.border_voxels_gt, expected.border_voxels_pred]);
  });

  test("MONAI's", () => {
    const expected: Facts = objectAt(reference.facts, "monai");
    const counted = objectAt(expected, "surface_dice_at_tolerance_mm_voxel_count");
    const actual = scores("monai", Object.keys(counted));
    const compare = (value: number, of: Facts, name: string) => {
      const tool = numberAt(of, name);
      // one mask empty: MONAI gives NaN for some scores and infinity for others
      if (Number.isFinite(tool)) close(value, tool, name, tolerance + float32);
      else expect(Number.isFinite(value), name).toBe(false);
    };
    compare(actual.hausdorff, expected, "hausdorff_100");
    compare(actual.hausdorff95, expected, "hausdorff_95");
    compare(actual.assd, expected, "average_surface_distance_symmetric");
    compare(actual.fromPrediction, expected, "average_surface_distance_pred_to_gt");
    for (const [at, key] of Object.keys(counted).entries()) compare(actual.surfaceDice[at]!, counted, key);
  });
});
