/** `imgref/normalization` and `imgref/crop_nonzero`: nnU-Net's own functions. */
import { compareNumbers } from "@rfmedsam/base/testing";
import { describe, expect, test } from "vitest";
import { boundingBox, cropData } from "../regions/box.js";
import { referenceCases } from "../testing/reference.js";
import type { NumberArray, Triple } from "../volume.js";
import { cropToNonzero } from "./nonzero.js";
import { normaliseCt, normaliseZScore, rescaleTo01, rgbTo01 } from "./normalise.js";

interface NormalizationFacts {
  readonly scheme: string;
  readonly use_mask_for_norm?: boolean;
  readonly intensity_properties?: Readonly<Record<string, number>>;
  readonly tolerance_abs?: number;
  readonly tolerance_rel?: number;
}

const schemes: Readonly<
  Record<string, (input: NumberArray, facts: NormalizationFacts, seg: Int8Array | undefined) => Float32Array>
> = {
  CTNormalization: (input, { intensity_properties: p }) =>
    normaliseCt(input, { mean: p!.mean!, std: p!.std!, low: p!.percentile_00_5!, high: p!.percentile_99_5! }),
  ZScoreNormalization: (input, { use_mask_for_norm }, seg) =>
    // The reference's mask is "label not negative".
    normaliseZScore(input, use_mask_for_norm ? Uint8Array.from(seg!, (label) => (label >= 0 ? 1 : 0)) : undefined),
  RescaleTo01Normalization: (input) => rescaleTo01(input),
  RGBTo01Normalization: (input) => rgbTo01(input as Uint8Array),
};

describe.each(referenceCases<NormalizationFacts>("normalization"))("normalization $name", ({ name, facts, arrays }) => {
  test("values", () => {
    const { input, output, seg } = arrays();
    const expected = output!.data as Float32Array;
    const actual = schemes[facts.scheme]!(input!.data as NumberArray, facts, seg?.data as Int8Array | undefined);
    const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const tolerance = facts.tolerance_abs ?? facts.tolerance_rel! * largest;
    expect(compareNumbers(`imgref/normalization/${name}`, actual, expected, tolerance)).toBeLessThanOrEqual(tolerance);
  });
});

interface CropFacts {
  readonly shape_in: readonly number[];
  readonly bbox_half_open: readonly (readonly [number, number])[];
}

describe.each(referenceCases<CropFacts>("crop_nonzero"))("crop_nonzero $name", ({ name, facts, arrays }) => {
  test("box, cropped channels, and where the mask is", () => {
    const { data_in, data_out, seg_in, seg_out } = arrays();
    const [channels, ...shape] = facts.shape_in as [number, number, number, number];
    const count = data_in!.data.length / channels;
    const inputs = Array.from(
      { length: channels },
      (_, c) => data_in!.data.slice(c * count, (c + 1) * count) as Float32Array,
    );
    const { box, mask } = cropToNonzero(inputs, shape as Triple);
    expect(box.start.map((start, axis) => [start, box.end[axis]])).toEqual(facts.bbox_half_open);
    const cropped = inputs.flatMap((input) => [...cropData(input, shape as Triple, box)]);
    expect(compareNumbers(`imgref/crop_nonzero/${name}`, cropped, data_out!.data, 0)).toBe(0);
    // nnU-Net marks background outside the mask as -1 in the segmentation (0 where none is given).
    const labels = (seg_in?.data as Int8Array | undefined) ?? new Int8Array(count);
    const marked = labels.map((label, at) => (label === 0 && mask[at] === 0 ? -1 : label));
    expect(cropData(marked, shape as Triple, box)).toEqual(seg_out!.data);
    expect(boundingBox(mask, shape as Triple) ?? box).toEqual(box);
  });
});
