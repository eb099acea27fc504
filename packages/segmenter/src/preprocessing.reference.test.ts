/** `imgref/pipeline`: nnU-Net's preprocessing of a case end to end, and its export of logits back to the case's own grid. */
import { compareNumbers } from "@rfmedsam/base/testing";
import { scalingAffine, type Triple, type Volume } from "@rfmedsam/imaging";
import { describe, expect, test } from "vitest";
import { prepareCase, preprocessingSchema } from "./preprocessing.js";
import { restoreScores } from "./restore.js";
import { referenceCases } from "./testing/reference.js";

interface Facts {
  readonly shape_in: readonly [number, number, number, number];
  readonly spacing: Triple;
  readonly transpose_forward: readonly [number, number, number];
  readonly target_spacing_after_transpose: Triple;
  readonly normalization_schemes: readonly string[];
  readonly use_mask_for_norm: readonly boolean[];
  readonly intensity_properties_per_channel: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly bbox_used_for_cropping: readonly (readonly [number, number])[];
  readonly shape_out: readonly number[];
  readonly labels: number;
  readonly tolerance_abs: number;
  readonly allowed_mismatch_fraction: number;
}

/** nnU-Net's transposition of array axes as axis letters of i, j, k, for a case whose array axes point to S, A, R. */
function orientationAfter(transpose: readonly [number, number, number]): string {
  return [...transpose]
    .reverse()
    .map((axis) => "SAR"[axis])
    .join("");
}

function normalisationOf(facts: Facts) {
  return facts.normalization_schemes.map((scheme, n) => {
    const p = facts.intensity_properties_per_channel[String(n)] ?? {};
    return scheme === "CTNormalization"
      ? { kind: "ct", mean: p.mean, std: p.std, low: p.percentile_00_5, high: p.percentile_99_5 }
      : { kind: "zscore", insideNonzero: facts.use_mask_for_norm[n] };
  });
}

describe.each(referenceCases<Facts>("pipeline"))("pipeline $name", ({ name, facts, tensor }) => {
  const close = (actual: ArrayLike<number>, expected: ArrayLike<number>, allowed: number) =>
    expect(compareNumbers(`imgref/pipeline/${name}`, actual, expected, allowed)).toBeLessThanOrEqual(allowed);
  const [channels, ...size] = facts.shape_in;
  const shape = size as unknown as Triple;
  const recipe = preprocessingSchema.parse({
    orientation: orientationAfter(facts.transpose_forward),
    spacing: facts.target_spacing_after_transpose,
    normalisation: normalisationOf(facts),
  });
  const prepare = () => {
    const data = tensor("data_in");
    const count = data.length / channels;
    const volumes = Array.from(
      { length: channels },
      (_, c): Volume => ({
        data: data.slice(c * count, (c + 1) * count),
        shape,
        affine: scalingAffine(facts.spacing),
      }),
    );
    return prepareCase(volumes, recipe);
  };

  test("crop box, shape and values", () => {
    const prepared = prepare();
    const { crop } = prepared.restore;
    expect(crop.start.map((start, axis) => [start, crop.end[axis]])).toEqual(facts.bbox_used_for_cropping);
    expect([prepared.channels, ...prepared.shape]).toEqual(facts.shape_out);
    close(prepared.data, tensor("data_out"), facts.tolerance_abs);
  });

  test("logits back to labels of the input's grid", () => {
    const prepared = prepare();
    const logits = Float32Array.from(tensor("logits"));
    const voxels = prepared.data.length / channels;
    const scores = Array.from({ length: facts.labels }, (_, k) => logits.subarray(k * voxels, (k + 1) * voxels));
    const restored = restoreScores(scores, prepared.restore);
    expect(restored.shape).toEqual(shape);
    close([mismatch(restored.data, tensor("final_segmentation"))], [0], facts.allowed_mismatch_fraction);
  });
});

function mismatch(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return 1;
  let different = 0;
  for (let n = 0; n < expected.length; n++) if (actual[n] !== expected[n]) different++;
  return different / expected.length;
}
