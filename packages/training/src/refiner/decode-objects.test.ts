import { backboneConfig, Sam2 } from "@rfmedsam/models";
import { liveTensors, manualSeed, noGrad, randn, scope, setNumThreads, type Tensor } from "@rfmedsam/torch";
import { afterAll, expect, test } from "vitest";
import { decodeObjects, type ObjectPrompt, promptOf } from "./decode-objects.js";

setNumThreads(1);
manualSeed(5);
const model = new Sam2(backboneConfig("rfmedsam-small", 64, null)).eval();
noGrad(() =>
  scope(() => {
    for (const parameter of model.parameters()) parameter.add_(randn(parameter.shape).mul(0.1));
  }),
);
afterAll(() => model.free());

const mask = (phase: number) => Float32Array.from({ length: 16 * 16 }, (_, i) => 8 * Math.sin(0.1 * i + phase));
const box = (at: number) => Float32Array.of(at, at + 2, at + 30, at + 22);
const points = (...coords: number[]) => ({
  coords: Float32Array.from(coords),
  labels: Int32Array.from({ length: coords.length / 2 }, (_, n) => (n === 2 ? 0 : 1)),
});
/** Every way to ask, in no order, some twice. */
const prompts: readonly ObjectPrompt[] = [
  { mask: mask(0), box: box(5) },
  { box: box(8) },
  { points: points(20, 30) },
  { mask: mask(1), box: box(12) },
  {},
  { mask: mask(2) },
  { points: points(10, 12, 40, 30, 5, 60) },
  { box: box(20) },
  { points: points(33, 8) },
];

const parts = ["lowResMasks", "highResMasks", "lowResMultimasks", "ious", "pointer", "objectScores"] as const;

test("objects asked for in different ways get the answers they get one by one", () => {
  noGrad(() =>
    scope(() => {
      const embedding = model.encodeImage(randn([prompts.length, 3, 64, 64]));
      const features = model.condition(embedding, { spatial: [] });
      const together = decodeObjects(model, features, embedding.highRes, prompts);
      prompts.forEach((prompt, n) => {
        const one = (x: Tensor) => x.narrow(0, n, 1);
        const alone = decodeObjects(
          model,
          one(features),
          embedding.highRes && [one(embedding.highRes[0]), one(embedding.highRes[1])],
          [prompt],
        );
        for (const part of parts) {
          expect(one(together[part]).shape).toEqual(alone[part].shape);
          expect(one(together[part]).sub(alone[part]).abs().amax().item()).toBeLessThan(2e-4);
        }
      });
    }),
  );
});

test("every way to ask gives another answer", () => {
  noGrad(() =>
    scope(() => {
      const embedding = model.encodeImage(randn([1, 3, 64, 64]));
      const features = model.condition(embedding, { spatial: [] });
      const ious = prompts.map((prompt) =>
        decodeObjects(model, features, embedding.highRes, [prompt]).ious.item().toFixed(6),
      );
      expect(new Set(ious).size).toBe(prompts.length);
    }),
  );
});

test("gradients reach every object, and nothing is left behind", () => {
  const before = liveTensors();
  scope(() => {
    const features = randn([prompts.length, 64, 4, 4]);
    features.requiresGrad = true;
    const head = decodeObjects(
      model,
      features,
      [randn([prompts.length, 8, 16, 16]), randn([prompts.length, 16, 8, 8])],
      prompts,
    );
    head.ious.sum().backward();
    const reached = features.grad!.abs().sum([1, 2, 3]).toNumbers();
    expect(reached.every((value) => value > 0)).toBe(true);
    model.zeroGrad();
  });
  expect(liveTensors()).toBe(before);
});

test("a row of a slice's prompts is that object's alone", () => {
  const all = {
    count: 2,
    boxes: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    masks: Float32Array.of(0, 0, 0, 0, 1, 1, 1, 1),
    points: { coords: Float32Array.of(1, 1, 2, 2, 3, 3, 4, 4), labels: Int32Array.of(1, 0, 1, 1), perObject: 2 },
  };
  expect(promptOf(all, 1)).toEqual({
    box: Float32Array.of(5, 6, 7, 8),
    mask: Float32Array.of(1, 1, 1, 1),
    points: { coords: Float32Array.of(3, 3, 4, 4), labels: Int32Array.of(1, 1) },
  });
  expect(promptOf({ count: 3 }, 2)).toEqual({});
});
