/** `imgref/metrics`: whole label maps, compared label by label, with the numbers of surface-distance (DeepMind), MedPy and MONAI. */
import { RfmedsamError } from "@rfmedsam/base";
import { compareNumbers } from "@rfmedsam/base/testing";
import { scalingAffine, type Triple, type Volume, type VoxelArray } from "@rfmedsam/imaging";
import { describe, expect, test } from "vitest";
import type { LabelOrRegion } from "./classes.js";
import { compareLabels } from "./compare.js";
import { type SurfaceDefinition, surfaceScores } from "./surface/distances.js";
import type { Mask } from "./surface/mask.js";
import { arrayOf, type Json, numberAt, objectAt, type ReferenceCase, referenceCases } from "./testing/reference.js";

type Facts = { readonly [key: string]: Json };

const tolerances = [0.5, 1, 2, 3];
/** MONAI computes in float32. */
const float32 = 2 ** -22;

/** Which of our scores is which of theirs, and where their surface Dice is. */
const tools: Readonly<Record<SurfaceDefinition, { facts: string; scores: Record<string, string>; dice?: string }>> = {
  deepmind: {
    facts: "surface_distance_deepmind",
    scores: { dice: "dice", hd: "hausdorff_100", hd95: "hausdorff_95" },
    dice: "surface_dice_at_tolerance_mm",
  },
  medpy: { facts: "medpy", scores: { dice: "dc", hd: "hd", hd95: "hd95", assd: "assd" } },
  monai: {
    facts: "monai",
    scores: { hd: "hausdorff_100", hd95: "hausdorff_95", assd: "average_surface_distance_symmetric" },
    dice: "surface_dice_at_tolerance_mm_voxel_count",
  },
};

const volumeOf = (reference: ReferenceCase, name: string): Volume => {
  const { data, shape } = arrayOf(reference, name);
  const affine = scalingAffine(reference.facts.spacing as unknown as Triple);
  return { data: data as VoxelArray, shape: shape as unknown as Triple, affine };
};

/** Every score of one label in one definition. */
function check(
  reference: ReferenceCase,
  label: LabelOrRegion,
  definition: SurfaceDefinition,
  facts: Facts,
  relative: number,
) {
  const [prediction, truth] = [volumeOf(reference, "pred"), volumeOf(reference, "gt")];
  const [{ counts, scores }] = compareLabels(prediction, truth, [label], { definition, tolerances }) as [
    ReturnType<typeof compareLabels>[number],
  ];
  const { facts: group, scores: names, dice } = tools[definition];
  const expected = objectAt(facts, group);
  const { tp, fp, fn } = counts;
  const close = (key: string, value: Json | undefined) => {
    const actual = scores[key]!;
    // nothing against something is refused or NaN there, far away here; nothing against nothing is undefined here
    if (tp + fp + fn === 0) return expect(actual, key).toBeNaN();
    const tool = typeof value === "object" ? Number.NaN : numberAt({ value: value! }, "value");
    if (tp + fp === 0 || tp + fn === 0) {
      return expect(actual, key).toBe(/dice/i.test(key) ? 0 : Number.POSITIVE_INFINITY);
    }
    const allowed = relative * Math.abs(tool);
    expect(
      compareNumbers(`imgref/metrics/${reference.name}`, [actual], [tool], allowed || 1e-300),
      key,
    ).toBeLessThanOrEqual(allowed);
  };
  for (const [ours, theirs] of Object.entries(names)) close(ours, expected[theirs]);
  if (dice === undefined) return;
  const shares = objectAt(expected, dice);
  for (const tolerance of tolerances) close(`surfaceDice${tolerance}mm`, shares[tolerance.toFixed(1)]);
}

const definitions = Object.keys(tools) as SurfaceDefinition[];
const precisionOf = (definition: SurfaceDefinition) => (definition === "monai" ? float32 : 0);
const single = referenceCases("metrics").filter(({ facts }) => (facts.shape as readonly number[]).length === 3);
/** The cases of several labels state none; it is the one of the others. */
const groupTolerance = Math.min(...single.map(({ facts }) => numberAt(facts, "tolerance_rel")));

describe.each(single)("one label: $name", (reference) => {
  test.each(definitions)("%s", (definition) => {
    const relative = numberAt(reference.facts, "tolerance_rel") + precisionOf(definition);
    check(reference, 1, definition, reference.facts, relative);
  });
});

describe.each(referenceCases("metrics_multilabel"))("label after label: $name", (reference) => {
  const groups = objectAt(reference.facts, "per_label_other_tools");
  test.each(definitions)("%s", (definition) => {
    for (const [label, facts] of Object.entries(groups)) {
      check(reference, Number(label), definition, facts as Facts, groupTolerance + precisionOf(definition));
      // a region of one label, and one with a label that is nowhere, are that label
      check(reference, [Number(label), 250], definition, facts as Facts, groupTolerance + precisionOf(definition));
    }
  });
});

describe.each(referenceCases("metrics_errors"))("bad arguments: $name", (reference) => {
  const mask = (shape: number[], value = 1): Mask => ({
    data: new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(value) as unknown as Uint8Array,
    shape,
  });
  const cube = [5, 5, 5];
  /** What each key of the case describes. */
  const wrong: Readonly<Record<string, () => unknown>> = {
    shape_mismatch_5x5x5_vs_5x5x6: () => surfaceScores(mask(cube), mask([5, 5, 6]), [1, 1, 1]),
    spacing_of_length_2_for_3d: () => surfaceScores(mask(cube), mask(cube), [1, 1]),
    non_boolean_masks: () => surfaceScores(mask(cube, 3), mask(cube, 3), [1, 1, 1]),
  };
  const keys = Object.keys(reference.facts).filter((key) => key !== "kind" && key !== "words");

  test.each(keys)("%s", (key) => {
    const refused = () => {
      try {
        wrong[key]!();
        return 0;
      } catch (error) {
        return error instanceof RfmedsamError ? 1 : Number.NaN;
      }
    };
    expect(compareNumbers(`imgref/metrics/${reference.name}`, [refused()], [1], 0)).toBe(0);
  });

  test("NaN in a mask, and in a label map", () => {
    expect(() => surfaceScores(mask(cube, Number.NaN), mask(cube), [1, 1, 1])).toThrow(RfmedsamError);
    const map = {
      data: new Float32Array(125).fill(Number.NaN),
      shape: [5, 5, 5],
      affine: scalingAffine([1, 1, 1]),
    } as const;
    expect(() => compareLabels(map, map, [1])).toThrow(RfmedsamError);
  });
});
