import { ConfigError } from "@rfmedsam/base";
import { autocast, liveTensors, noGrad, scope, type Tensor, zeros } from "@rfmedsam/torch";
import { describe, expect, test } from "vitest";
import { apart, clicks, pointsOf, randomImages, smallModel, squares } from "../testing/sam2-small.js";
import { MemoryBank, selectionRules } from "./memory-bank.js";
import type { MemorySet } from "./memory-set.js";
import { DropPath } from "./mlp.js";
import type { FramePrompts, Sam2 } from "./sam2.js";
import { joinWindows, splitWindows } from "./windows.js";

const close = 2e-5;

function quietly<T>(body: () => T): T {
  return noGrad(() => scope(body));
}

/** Tracks a sequence whose first frame is prompted; masks, pointers and memories of all frames. */
function track(model: Sam2, images: Tensor, prompts: FramePrompts): Tensor[] {
  const bank = new MemoryBank();
  const numFrames = images.shape[0]!;
  const outputs = Array.from({ length: numFrames }, (_, frame) => {
    const first = frame === 0;
    const embedding = model.encodeImage(images.narrow(0, frame, 1));
    const result = model.trackStep({
      frame,
      embedding,
      bank,
      numFrames,
      initialConditioning: first,
      prompts: first ? prompts : undefined,
    });
    const memory = { features: result.memory!.alias(), pointer: result.pointer.alias() };
    bank.remember(frame, memory, { conditioning: first });
    return [result.lowResMasks, result.pointer, result.memory!];
  }).flat();
  bank.clear();
  return outputs;
}

describe("a batch of objects", () => {
  test("clicked together gives each object what it gets alone", () => {
    quietly(() => {
      const model = smallModel();
      const [images, points] = [randomImages(4), clicks(3)];
      const together = track(model, images, { points });
      for (let object = 0; object < 3; object++) {
        const alone = track(model, images, { points: pointsOf(points, object) });
        const worst = alone.map((output, index) => apart(output, together[index]!.narrow(0, object, 1)));
        expect(Math.max(...worst)).toBeLessThan(close);
      }
      model.free();
    });
  });

  test("may come with one image for all or one for each", () => {
    quietly(() => {
      const model = smallModel();
      const embedding = model.encodeImage(randomImages(1));
      const each = {
        features: embedding.features.expand([2, -1, -1, -1]),
        position: embedding.position,
        highRes: embedding.highRes?.map((level) => level.expand([2, -1, -1, -1])) as [Tensor, Tensor],
      };
      const points = clicks(2);
      const decode = ({ features, highRes }: typeof embedding) =>
        model.decode(features, { points }, { highRes, multimask: true });
      expect(apart(decode(embedding).lowResMultimasks, decode(each).lowResMultimasks)).toBeLessThan(close);
      model.free();
    });
  });
});

describe("memories chosen freely", () => {
  /** A model, an image, and what two objects left behind on three other slices. */
  function setting() {
    const model = smallModel();
    const embedding = model.encodeImage(randomImages(1));
    const left = [1, 2, 3].map(() => {
      const other = model.encodeImage(randomImages(1));
      const head = model.maskAsOutput(other.features, squares(2), other.highRes);
      return { features: model.encodeMemory(other, head.highResMasks, head.objectScores), pointer: head.pointer };
    });
    const setOf = (distances: readonly number[], object?: number): MemorySet => {
      const own = (x: Tensor) => (object === undefined ? x : x.narrow(0, object, 1));
      return {
        spatial: distances.map((distance, i) => ({ features: own(left[i]!.features), distance })),
        pointers: distances.map((distance, i) => ({
          pointer: own(left[i]!.pointer),
          distance: i === 1 ? -distance : distance,
        })),
      };
    };
    return { model, embedding, setOf };
  }

  test("give each object the same in one set for all as in a set each", () => {
    quietly(() => {
      const { model, embedding, setOf } = setting();
      const shared = model.condition(embedding, setOf([0, 1, 2]));
      const each = model.condition(embedding, [setOf([0, 1, 2], 0), setOf([0, 1, 2], 1)]);
      expect(apart(shared, each)).toBeLessThan(close);
      model.free();
    });
  });

  test("may differ between objects in number and distance, down to none", () => {
    quietly(() => {
      const { model, embedding, setOf } = setting();
      const sets = [setOf([1, 1, 4], 0), setOf([], 1), setOf([2], 1), setOf([0, 3, 3], 1)];
      const together = model.condition(embedding, sets);
      expect(together.shape[0]).toBe(4);
      for (const [object, set] of sets.entries()) {
        expect(apart(model.condition(embedding, [set]), together.narrow(0, object, 1))).toBeLessThan(close);
      }
      model.free();
    });
  });

  test("have no order, but a distance", () => {
    quietly(() => {
      const { model, embedding, setOf } = setting();
      const { spatial, pointers = [] } = setOf([0, 1, 2]);
      const one = model.condition(embedding, { spatial, pointers });
      const other = model.condition(embedding, { spatial: spatial.toReversed(), pointers: pointers.toReversed() });
      expect(apart(one, other)).toBeLessThan(close);
      expect(apart(one, model.condition(embedding, setOf([0, 1, 3])))).toBeGreaterThan(10 * close);
      model.free();
    });
  });

  test("further away than the model knows are refused", () => {
    quietly(() => {
      const { model, embedding, setOf } = setting();
      expect(() => model.condition(embedding, setOf([0, 7]))).toThrow(ConfigError);
      expect(() => model.condition(embedding, setOf([1.5]))).toThrow(ConfigError);
      expect(() => model.encodeImage(randomImages(1, 32))).toThrow(ConfigError);
      model.free();
    });
  });
});

test("tracking a long sequence holds no more tensors than tracking a short one", () => {
  noGrad(() => {
    const model = smallModel({ maxObjPtrsInEncoder: 4, numMaskmem: 3 });
    const bank = new MemoryBank();
    const rules = selectionRules(model.config, model.training);
    const points = clicks(2);
    const counts = Array.from({ length: 24 }, (_, frame) => {
      scope(() => {
        const embedding = model.encodeImage(randomImages(1));
        const prompts = frame === 0 ? { points } : undefined;
        const step = { frame, embedding, bank, numFrames: 24, initialConditioning: frame === 0, prompts };
        const { memory, pointer } = model.trackStep(step);
        bank.remember(frame, { features: memory!, pointer }, { conditioning: frame === 0 });
        bank.forgetUnreachable(frame + 1, rules);
      });
      return liveTensors();
    });
    expect(new Set(counts.slice(12)).size).toBe(1);
    bank.clear();
    expect(liveTensors()).toBeLessThan(counts.at(-1)!);
    model.free();
    points.coords.free();
    points.labels.free();
  });
});

test("mixed precision gives nearly the same, and gradients in float32", () => {
  scope(() => {
    // without the choices that a rounding could turn
    const model = smallModel({ multimaskOutputInSam: false, predObjScores: false, fixedNoObjPtr: false }).train();
    const [images, points] = [randomImages(3), clicks(2)];
    const exact = noGrad(() => track(model, images, { points }));
    const mixed = autocast("cpu", "bfloat16", () => track(model, images, { points }));
    const spread = exact.map((output) => output.abs().amax().item());
    for (const [index, output] of mixed.entries()) {
      expect(apart(output.float(), exact[index]!)).toBeLessThan(0.2 * spread[index]!);
    }
    mixed.reduce((sum, output) => sum.add(output.float().square().mean()), zeros([])).backward();
    for (const parameter of model.parameters()) {
      const { grad } = parameter;
      if (grad !== undefined) expect([grad.dtype, grad.isfinite().all().item()]).toEqual(["float32", 1]);
    }
    model.free();
  });
});

test.each([64, 96, 160])("the model works at image size %i", (imageSize) => {
  quietly(() => {
    const model = smallModel({}, imageSize);
    const [masks] = track(model, randomImages(2, imageSize), { points: clicks(2, imageSize) });
    expect(masks!.shape).toEqual([2, 1, imageSize / 4, imageSize / 4]);
    model.free();
  });
});

test("a box is its two corners", () => {
  quietly(() => {
    const model = smallModel();
    const { features, highRes } = model.encodeImage(randomImages(1));
    const { coords } = clicks(4);
    const boxes = coords.reshape([2, 4]);
    const labels = coords.reshape([2, 2, 2]).select(2, 0).mul(0).add(2);
    labels.select(1, 1).fill_(3);
    const options = { highRes, multimask: false };
    const one = model.decode(features, { boxes }, options);
    const other = model.decode(features, { points: { coords: coords.reshape([2, 2, 2]), labels } }, options);
    expect(apart(one.lowResMasks, other.lowResMasks)).toBe(0);
    model.free();
  });
});

test("windows come back together whatever their size", () => {
  quietly(() => {
    const x = randomImages(2, 10).permute([0, 2, 3, 1]);
    for (const side of [1, 3, 5, 7, 16]) {
      const { windows, count } = splitWindows(x, side);
      expect(windows.shape.slice(1, 3)).toEqual([side, side]);
      expect(apart(joinWindows(windows, count, [10, 10]), x)).toBe(0);
    }
  });
});

test("stochastic depth drops whole samples and scales the others, in training only", () => {
  quietly(() => {
    const layer = new DropPath(0.4);
    const x = randomImages(200, 2);
    const [dropped, same] = [layer.forward(x), layer.eval().forward(x)];
    expect(apart(same, x)).toBe(0);
    const ratio = dropped.div(x).flatten({ startDim: 1 });
    const kept = ratio.mean([1]).toNumbers();
    expect(kept.every((r) => Math.abs(r) < 1e-6 || Math.abs(r - 1 / 0.6) < 1e-5)).toBe(true);
    const share = kept.filter((r) => r > 0).length / kept.length;
    expect(share).toBeGreaterThan(0.4);
    expect(share).toBeLessThan(0.8);
  });
});
