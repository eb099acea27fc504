import { describe, expect, test } from "vitest";
import { resolveConfiguration } from "../../config.js";
import { estimateRefiner } from "./refiner.js";

const workload = { classes: 5, precision: "float32", device: "cpu" } as const;
const estimate = (refiner: object = {}, changes: object = {}) =>
  estimateRefiner(resolveConfiguration("cpu", { refiner }).refiner, { ...workload, ...changes });
const part = (name: string, refiner: object = {}, changes: object = {}) =>
  estimate(refiner, changes).parts.find((one) => one.name === name)?.bytes ?? 0;

describe("the refiner's estimate", () => {
  test("is the sum of its parts", () => {
    const { parts, total } = estimate();
    expect(total).toBe(parts.reduce((sum, { bytes }) => sum + bytes, 0));
    expect(parts.every(({ bytes }) => Number.isInteger(bytes) && bytes > 0)).toBe(true);
  });

  test("grows with the image's area, with the batch, with the classes", () => {
    expect(part("losses", { imageSize: 512 })).toBe(4 * part("losses"));
    expect(part("image encoder", { batch: 2 })).toBe(2 * part("image encoder"));
    expect(part("mask decoder", {}, { classes: 9 })).toBe(2 * part("mask decoder"));
    expect(part("mask decoder", {}, { objects: 2 })).toBe(part("mask decoder") / 2);
  });

  test("longer sequences have more slices, and each more memories", () => {
    const [four, eight] = [4, 8].map((sequence) => part("memory attention", { sequence })) as [number, number];
    expect(eight).toBeGreaterThan(2.5 * four);
    // Memories are bounded, whatever the sequence.
    const perSlice = (sequence: number) => part("memory attention", { sequence }) / sequence;
    expect(perSlice(30)).toBeCloseTo(perSlice(20), -2);
  });

  test("checkpointing keeps little more than the blocks' outputs", () => {
    expect(part("image encoder", { checkpointing: true })).toBeLessThan(0.4 * part("image encoder"));
    expect(part("mask decoder", { checkpointing: true })).toBe(part("mask decoder"));
  });

  test("what is frozen has no gradients, no optimiser and keeps less", () => {
    const frozen = { groups: [{ pattern: "^(sam_mask_decoder|memory_attention)\\.", rate: 1 }] };
    expect(part("weights", frozen)).toBe(part("weights"));
    expect(part("gradients", frozen)).toBeLessThan(0.6 * part("gradients"));
    expect(part("optimiser", frozen)).toBe(2 * part("gradients", frozen));
    expect(part("image encoder", frozen)).toBeLessThan(part("image encoder"));
    // Without adapters nothing in the frozen encoder learns, so nothing of it is kept.
    expect(part("image encoder", { ...frozen, adapters: null })).toBe(0);
  });

  test("half precision halves what the networks keep, not the losses", () => {
    const half = { precision: "bfloat16" };
    expect(part("image encoder", {}, half)).toBeCloseTo(part("image encoder") / 2, -1);
    expect(part("losses", {}, half)).toBe(part("losses"));
  });

  test("knows that dropout keeps whole tables of attention on the CPU", () => {
    const official = { backbone: "sam2.1_hiera_t", imageSize: 512 };
    expect(part("memory attention", official)).toBeGreaterThan(
      1.2 * part("memory attention", official, { device: "cuda:0" }),
    );
  });
});
