import { mergeSlice, type SliceResult } from "@rfmedsam/segmenter";
import { noGrad, setNumThreads, tensor } from "@rfmedsam/torch";
import { describe, expect, test } from "vitest";
import type { Batch } from "./batch.js";
import { ClassCalibration, ConvolutionCalibration, calibrations, type StageCalibration } from "./calibration.js";
import { mergedLogits } from "./merged-logits.js";

setNumThreads(1);
const [classes, imageSize, maskSize] = [4, 64, 16];
const pixels = maskSize ** 2;

/** Three objects' answers; an object that is not seen has the logit SAM 2 gives it. */
const answers = (seen: readonly boolean[]) => ({
  highResMasks: tensor(
    Float32Array.from({ length: seen.length * pixels }, (_, i) =>
      seen[Math.floor(i / pixels)] ? 4 * Math.sin(i * (1 + Math.floor(i / pixels))) : -1024,
    ),
    [seen.length, 1, maskSize, maskSize],
  ),
  objectScores: tensor(
    seen.map((own) => (own ? 2 : -2)),
    [seen.length, 1],
  ),
});
// Two slices: what is asked for on them, by image and class.
const samples = [{}, {}] as unknown as Batch["samples"];
const objectsOf = (...asked: readonly (readonly [image: number, label: number])[]) =>
  asked.map(([image, label]) => ({ image, class: label })) as unknown as Batch["objects"];
const plain = objectsOf([0, 1], [0, 3], [1, 2]);
const components = objectsOf([0, 1], [0, 1], [0, 3], [1, 2]);

/** Calibrations away from the identity. */
const trained: { readonly [Kind in keyof typeof calibrations]: () => StageCalibration } = {
  none: () => new calibrations.none(classes - 1),
  class() {
    const made = new ClassCalibration(classes - 1);
    noGrad(() => {
      made.logScale.copy_(tensor([-1.2, 0.4, 0.1]));
      made.bias.copy_(tensor([0.5, -1, 2]));
    });
    return made;
  },
  convolution() {
    const made = new ConvolutionCalibration(classes - 1);
    noGrad(() => {
      made.weight.copy_(tensor([0.8, -0.2, 0.1, 0.05, 1.3, -0.4, 0.3, 0.2, 0.6], [3, 3]));
      made.bias.copy_(tensor([0.5, -1, 2]));
    });
    return made;
  },
};

describe.each(["none", "class", "convolution"] as const)("with calibration %s", (kind) => {
  test("an untrained one changes nothing", () => {
    const untrained = new calibrations[kind](classes - 1);
    const logits = tensor(
      Array.from({ length: 3 * pixels }, (_, i) => 5 * Math.cos(i)),
      [1, 3, maskSize, maskSize],
    );
    expect(untrained.forward(logits).sub(logits).abs().amax().item()).toBeLessThan(1e-6);
    const none = mergedLogits(answers([true, true, true]), { samples, objects: plain }, untrained, classes);
    const wanted = mergedLogits(answers([true, true, true]), { samples, objects: plain }, trained.none(), classes);
    expect(none.sub(wanted).abs().amax().item()).toBeLessThan(1e-6);
  });

  test.each([
    ["all seen", plain, [true, true, true]],
    ["one not seen", plain, [true, false, true]],
    ["none seen on the second slice", plain, [true, true, false]],
    ["components of a class", components, [true, true, true, true]],
    ["a component that is not there", components, [true, false, true, true]],
    ["a class none of whose components is there", components, [false, false, true, true]],
  ])("merged logits are the logarithm of what the segmenter merges: %s", (_, objects, seen) => {
    const calibration = trained[kind]();
    const head = answers(seen);
    const merged = mergedLogits(head, { samples, objects }, calibration, classes).softmax(1);
    expect(merged.shape).toEqual([2, classes, maskSize, maskSize]);
    // A frame in which the mask's pixels are the slice's voxels.
    const frame = {
      axis: 0,
      count: 2,
      height: maskSize,
      width: maskSize,
      imageSize,
      scale: [imageSize / maskSize, imageSize / maskSize],
    } as const;
    const all = head.highResMasks.toFloat32Array();
    const scores = head.objectScores.toFloat32Array();
    for (const slice of [0, 1]) {
      const rows = [...objects.keys()].filter((row) => objects[row]!.image === slice);
      const result: SliceResult = {
        slice,
        classes: rows.map((row) => objects[row]!.class),
        logits: Float32Array.from(rows.flatMap((row) => [...all.subarray(row * pixels, (row + 1) * pixels)])),
        ious: new Float32Array(rows.length),
        objectScores: Float32Array.from(rows, (row) => scores[row]!),
      };
      const expected = mergeSlice(result, maskSize, calibration.export(), frame, classes);
      const own = merged.select(0, slice).toNumbers();
      for (const [i, value] of own.entries()) expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-5);
    }
  });
});

test("the calibration learns nothing from classes that were not asked for or not seen", () => {
  const calibration = new ClassCalibration(classes - 1);
  const merged = mergedLogits(answers([true, false, true]), { samples, objects: plain }, calibration, classes);
  // Everywhere class 3: not seen on the first slice, not asked for on the second.
  const labels = tensor(new Uint8Array(2 * pixels).fill(3), [2, maskSize, maskSize], { dtype: "int64" });
  merged.crossEntropyLoss(labels).backward();
  const gradient = calibration.bias.grad!.toNumbers();
  expect(gradient[2]).toBe(0);
  expect(gradient[0]).not.toBe(0);
});

test("the convolution learns how classes bear on each other", () => {
  const calibration = new ConvolutionCalibration(classes - 1);
  const objects = objectsOf([0, 1], [0, 2], [0, 3]);
  const merged = mergedLogits(answers([true, true, true]), { samples, objects }, calibration, classes);
  const labels = tensor(new Uint8Array(2 * pixels).fill(1), [2, maskSize, maskSize], { dtype: "int64" });
  merged.crossEntropyLoss(labels).backward();
  expect(calibration.weight.grad!.toNumbers().every((value) => value !== 0)).toBe(true);
});
