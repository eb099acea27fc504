/** `imgref/windowing`: CT windows, DICOM's VOI functions (pydicom), MR percentiles, grey slices as RGB. */
import { compareNumbers } from "@rfmedsam/base/testing";
import { describe, expect, test } from "vitest";
import { type ReferenceTensor, referenceCases } from "../testing/reference.js";
import type { NumberArray } from "../volume.js";
import {
  applyVoi,
  clipAndStretch,
  ctWindows,
  greyToRgb,
  imagenet,
  normaliseColours,
  percentileToGrey,
  percentileWindow,
  type VoiFunction,
  type Window,
  windowShare,
  windowToGrey,
} from "./window.js";

interface NamedWindow extends Window {
  readonly center: number;
  readonly width: number;
}

interface Facts extends Window {
  readonly kind: string;
  readonly windows: Readonly<Record<string, NamedWindow>>;
  readonly tolerance_abs?: number;
  readonly tolerance_abs_float?: number;
}

const cases = referenceCases<Facts>("windowing");
const numbers = (tensor: ReferenceTensor) => tensor.data as NumberArray;

/** What each case computes: output name → values. A case of a new name fails. */
const computed: Readonly<
  Record<string, (all: Readonly<Record<string, ReferenceTensor>>, facts: Facts) => Record<string, ArrayLike<number>>>
> = {
  clip_then_minmax: (all, facts) => ({
    out: clipAndStretch(numbers(all.slice_hu!), facts),
    small_out: clipAndStretch(numbers(all.small_hu!), facts),
  }),

  dicom_voi: (all, { windows }) =>
    Object.fromEntries(
      Object.keys(all).flatMap((output) => {
        const [, inverted, window, name] = /^(mono1_inverted__)?(c.+)__([A-Z_]+)$/.exec(output) ?? [];
        if (window === undefined) return [];
        const { center: centre, width } = windows[window]!;
        const options = { function: name as VoiFunction, inverted: inverted !== undefined };
        return [[output, applyVoi(numbers(all.ramp!), { centre, width }, options)]];
      }),
    ),

  fixed_bounds: (all, { windows }) =>
    Object.fromEntries(
      Object.keys(all).flatMap((output) => {
        const [name, source, way] = output.split("__");
        if (way === undefined) return [];
        const [values, window] = [numbers(all[source!]!), windows[name!]!];
        const rounding = way === "floor" ? "down" : "nearest";
        return [[output, way === "unit" ? windowShare(values, window) : windowToGrey(values, window, rounding)]];
      }),
    ),

  mr_percentile: (all) => ({ out: percentileToGrey(numbers(all.slice!)) }),

  slice_to_rgb(all) {
    const { softTissue, lung, bone } = ctWindows;
    const slice = numbers(all.slice_hu!);
    const grey = windowToGrey(slice, softTissue);
    const [rows, columns, depth] = all.volume_hu!.shape as [number, number, number];
    const volume = windowToGrey(numbers(all.volume_hu!), softTissue);
    const plane = (k: number) => {
      const at = Math.min(Math.max(k, 0), depth - 1);
      return Uint8Array.from({ length: rows * columns }, (_, i) => volume[i * depth + at]!);
    };
    const neighbours = (k: number) => greyToRgb(plane(k - 1), plane(k), plane(k + 1));
    const [height, width] = all.slice_hu!.shape as [number, number];
    const every4th = Array.from({ length: height * width }, (_, i) => i)
      .filter((i) => Math.floor(i / width) % 4 === 0 && (i % width) % 4 === 0)
      .flatMap((i) => [grey[i]!, grey[i]!, grey[i]!]);
    return {
      gray_repeated: greyToRgb(grey),
      three_windows: greyToRgb(windowToGrey(slice, lung), grey, windowToGrey(slice, bone)),
      neighbours_first: neighbours(0),
      neighbours_middle: neighbours(depth >> 1),
      neighbours_last: neighbours(depth - 1),
      gray_normalized_255: normaliseColours(every4th, imagenet.byte),
      gray_normalized_01: normaliseColours(
        every4th.map((value) => value / 255),
        imagenet.unit,
      ),
    };
  },
};

const inputs = new Set(["ramp", "slice", "slice_hu", "small_hu", "volume_hu"]);

describe.each(cases)("$name", ({ name, facts, arrays }) => {
  const all = arrays();
  test("every output", () => {
    const results = computed[name]!(all, facts);
    expect(Object.keys(results).sort()).toEqual(
      Object.keys(all)
        .filter((key) => !inputs.has(key))
        .sort(),
    );
    for (const [output, values] of Object.entries(results)) {
      const isByte = all[output]!.data instanceof Uint8Array;
      const tolerance = isByte ? 0 : (facts.tolerance_abs ?? facts.tolerance_abs_float ?? 1e-12);
      const difference = compareNumbers(`imgref/windowing/${name}`, values, all[output]!.data, tolerance);
      expect(difference, output).toBeLessThanOrEqual(tolerance);
    }
    if (name === "mr_percentile")
      expect(percentileWindow(numbers(all.slice!))).toEqual({ low: facts.low, high: facts.high });
  });
});
