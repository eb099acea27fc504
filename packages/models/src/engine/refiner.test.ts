import type {
  Decoded,
  DecodedHandle,
  EmbeddingHandle,
  MemoryHandle,
  ObjectMemories,
  ObjectPrompts,
  RememberOptions,
} from "@rfmedsam/segmenter";
import { freeMemory, liveTensors, noGrad, randn, scope, tensor } from "@rfmedsam/torch";
import { beforeAll, describe, expect, test } from "vitest";
import { selectionRules } from "../sam2/memory-bank.js";
import type { ImageEmbedding } from "../sam2/memory-set.js";
import { smallModel, smallSize } from "../testing/sam2-small.js";
import { type Memory, TorchRefiner } from "./refiner.js";

const size = 3 * smallSize ** 2;
const maskSize = smallSize / 4;
const model = smallModel();
// Objects are seen (an unseen one's mask is −1024 everywhere), and every part of the network matters.
noGrad(() =>
  scope(() => {
    for (const [name, parameter] of model.namedParameters()) {
      if (name.endsWith("pred_obj_score_head.layers.2.bias")) parameter.fill_(6);
      else parameter.add_(randn(parameter.shape).mul(0.1));
    }
  }),
);
const network = new TorchRefiner(model);
const slices = Float32Array.from({ length: 2 * size }, (_, i) => Math.sin(0.37 * i) + Math.cos(0.011 * i));

const boxes = (count: number): ObjectPrompts => ({
  count,
  boxes: Float32Array.from({ length: 4 * count }, (_, i) => [4, 6, 40, 50][i % 4]! + 2 * Math.floor(i / 4)),
});
const masks = (count: number): ObjectPrompts => ({
  count,
  masks: Float32Array.from({ length: count * maskSize ** 2 }, (_, i) => 5 * Math.sin(0.1 * i)),
});
const worst = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);

async function embed(which = 0): Promise<EmbeddingHandle> {
  return (await network.embed(slices.slice(which * size, (which + 1) * size), 1))[0]!;
}

/** One slice's memory and pointer of one object. */
interface Seen {
  readonly row: number;
  readonly position: number;
  readonly offset: number;
}
const memories = (memory: MemoryHandle, ...seen: readonly Seen[]): ObjectMemories => ({
  spatial: seen.map(({ row, position }) => ({ memory, row, position })),
  pointers: seen.map(({ row, offset }) => ({ of: memory, row, offset })),
});

// Tables of positions are made at the first call and stay.
beforeAll(async () => {
  const embedding = await embed();
  const decoded = await network.decode(embedding, { ...boxes(1), masks: masks(1).masks! });
  const memory = await network.remember(embedding, decoded.state);
  const conditioned = await network.attend(embedding, [memories(memory, { row: 0, position: 0, offset: 1 })]);
  network.release(embedding, decoded.state, memory, conditioned);
});

describe("handles", () => {
  test("say what the network is", () => {
    expect(network).toMatchObject({ imageSize: smallSize, maskSize, memorySlots: 7 });
  });

  test("hold tensors until they are released, and every release frees what it was given", async () => {
    const before = liveTensors();
    const [first, second] = await network.embed(slices, 2);
    const decoded = await network.decode(first!, boxes(3));
    const memory = await network.remember(first!, decoded.state);
    const references = [0, 1].map((row) => memories(memory, { row, position: 1, offset: -1 }));
    const conditioned = await network.attend(second!, references);
    const again = await network.decode(second!, boxes(2), conditioned);
    expect(liveTensors()).toBeGreaterThan(before);
    const steps = [first!, decoded.state, conditioned, again.state, memory, second!].map((handle) => {
      const live = liveTensors();
      network.release(handle);
      return live - liveTensors();
    });
    expect(steps.every((freed) => freed > 0)).toBe(true);
    expect(liveTensors()).toBe(before);
  });

  test("released twice are no harm", async () => {
    const before = liveTensors();
    const embedding = await embed();
    network.release(embedding);
    network.release(embedding);
    expect(liveTensors()).toBe(before);
  });

  test("a memory outlives the decoder's state it was made of, a slice the others of its batch", async () => {
    const [first, second] = await network.embed(slices, 2);
    const alone = await embed(1);
    const wanted = await network.decode(alone, boxes(1));
    network.release(first!);
    const decoded = await network.decode(second!, boxes(1));
    expect(worst(decoded.logits, wanted.logits)).toBeLessThan(1e-3);
    const memory = await network.remember(second!, decoded.state);
    network.release(decoded.state);
    const conditioned = await network.attend(second!, [memories(memory, { row: 0, position: 0, offset: 0 })]);
    const answer = await network.decode(second!, boxes(1), conditioned);
    expect(answer.logits.every(Number.isFinite)).toBe(true);
    network.release(second!, alone, wanted.state, memory, conditioned, answer.state);
  });

  test("a call that fails leaves nothing behind", async () => {
    const embedding = await embed();
    const before = liveTensors();
    await expect(network.decode(embedding, { count: 2, boxes: new Float32Array(3) })).rejects.toThrow();
    await expect(network.embed(new Float32Array(5), 1)).rejects.toThrow();
    expect(liveTensors()).toBe(before);
    network.release(embedding);
  });
});

test("there is room for what fits a quarter of the free memory", async () => {
  const embedding = await embed();
  const { image } = embedding as unknown as { readonly image: ImageEmbedding };
  const bytes = [image.features, ...image.highRes!].reduce((sum, part) => sum + part.byteSize, 0);
  const decoded = await network.decode(embedding, boxes(2));
  const memory = (await network.remember(embedding, decoded.state)) as unknown as Memory;
  const free = freeMemory("cpu")!;
  const room = network.room()!;
  const share = (each: number) => each / (free / 4);
  expect(share(room.embeddings * bytes)).toBeCloseTo(1, 1);
  expect(share(room.memories * ((memory.features.byteSize + memory.pointer.byteSize) / 2))).toBeCloseTo(1, 1);
  network.release(embedding, decoded.state, memory as unknown as MemoryHandle);
  // Of less where less may be taken.
  const bound = new TorchRefiner(model, "cpu", { memory: 40 * bytes }).room()!;
  expect(bound.embeddings).toBe(10);
});

describe("answers", () => {
  test("a batch of slices is the same slices one by one", async () => {
    const both = await network.embed(slices, 2);
    for (const [which, embedding] of both.entries()) {
      const alone = await embed(which);
      const [a, b] = [await network.decode(embedding, boxes(2)), await network.decode(alone, boxes(2))];
      expect(worst(a.logits, b.logits)).toBeLessThan(1e-3);
      expect(worst(a.ious, b.ious)).toBeLessThan(1e-4);
      network.release(alone, a.state, b.state);
    }
    network.release(...both);
  });

  test.each([
    ["boxes", boxes(3)],
    ["masks", masks(3)],
    ["both", { ...boxes(3), masks: masks(3).masks! }],
    [
      "one click",
      {
        count: 3,
        points: { coords: Float32Array.of(5, 6, 20, 30, 50, 12), labels: Int32Array.of(1, 1, 1), perObject: 1 },
      },
    ],
    [
      "two clicks, one of them padding",
      {
        count: 3,
        points: {
          coords: Float32Array.of(5, 6, 9, 9, 20, 30, 0, 0, 50, 12, 3, 3),
          labels: Int32Array.of(1, 0, 1, -1, 1, 0),
          perObject: 2,
        },
      },
    ],
  ] as const)("of prompts that are %s have one mask and one score an object", async (_, prompts) => {
    const embedding = await embed();
    const decoded: Decoded = await network.decode(embedding, prompts);
    expect(decoded.logits).toHaveLength(3 * maskSize ** 2);
    expect(decoded.ious).toHaveLength(3);
    expect(decoded.objectScores).toHaveLength(3);
    expect(decoded.objectScores.every((score) => score > 0)).toBe(true);
    expect([...decoded.logits, ...decoded.ious, ...decoded.objectScores].every(Number.isFinite)).toBe(true);
    network.release(embedding, decoded.state);
  });

  test("to one click are the best alternative, or the single answer of a model configured without alternatives", async () => {
    const click = { count: 1, points: { coords: Float32Array.of(20, 30), labels: Int32Array.of(1), perObject: 1 } };
    // Nor may the single answer be replaced by an alternative where it is unstable.
    const maskDecoder = { ...model.config.maskDecoder, dynamicMultimaskViaStability: false };
    const single = smallModel({ multimaskOutputInSam: false, maskDecoder });
    noGrad(() => single.loadStateDict(model.stateDict()));
    const ask = async (refiner: TorchRefiner, options?: { multimask: boolean }) => {
      const [embedding] = await refiner.embed(slices.slice(0, size), 1);
      const { logits, state } = await refiner.decode(embedding!, click, undefined, options);
      refiner.release(embedding!, state);
      return logits;
    };
    expect(await ask(network)).toEqual(await ask(network, { multimask: true }));
    const alone = new TorchRefiner(single);
    expect(await ask(alone)).toEqual(await ask(alone, { multimask: false }));
    expect(worst(await ask(alone), await ask(network))).toBeGreaterThan(1e-3);
    single.free();
  });

  test("of an object do not depend on the others of its slice", async () => {
    const embedding = await embed();
    const [three, one] = [await network.decode(embedding, boxes(3)), await network.decode(embedding, boxes(1))];
    expect(worst(three.logits.slice(0, maskSize ** 2), one.logits)).toBeLessThan(1e-3);
    network.release(embedding, three.state, one.state);
  });

  test("without memory are the model's own for a first frame", async () => {
    const embedding = await embed();
    const decoded = await network.decode(embedding, boxes(2));
    const expected = noGrad(() =>
      scope(() => {
        const image = model.encodeImage(tensor(slices.slice(0, size), [1, 3, smallSize, smallSize]));
        const features = model.condition(image, { spatial: [] });
        const prompts = { boxes: tensor(boxes(2).boxes!, [2, 4]) };
        return model
          .decode(features, prompts, { highRes: image.highRes, multimask: false })
          .lowResMasks.toFloat32Array();
      }),
    );
    expect(worst(decoded.logits, expected)).toBeLessThan(1e-4);
    network.release(embedding, decoded.state);
  });
});

describe("memories", () => {
  test("change the answer, each by its row, its position and its offset", async () => {
    const [here, there] = await network.embed(slices, 2);
    const decoded = await network.decode(there!, masks(2));
    const memory = await network.remember(there!, decoded.state);
    const answer = async (...seen: Seen[]) => {
      const conditioned = await network.attend(here!, [memories(memory, ...seen)]);
      const { logits, state } = await network.decode(here!, boxes(1), conditioned);
      network.release(conditioned, state);
      return logits;
    };
    const base = await answer({ row: 0, position: 1, offset: 1 });
    const plain = await network.decode(here!, boxes(1));
    expect(worst(base, plain.logits)).toBeGreaterThan(1e-3);
    expect(worst(base, await answer({ row: 1, position: 1, offset: 1 }))).toBeGreaterThan(1e-4);
    expect(worst(base, await answer({ row: 0, position: 2, offset: 1 }))).toBeGreaterThan(1e-5);
    expect(worst(base, await answer({ row: 0, position: 1, offset: -1 }))).toBeGreaterThan(1e-5);
    // Order does not matter, nor does one memory twice instead of once.
    const [a, b] = [
      { row: 0, position: 0, offset: 3 },
      { row: 1, position: 2, offset: -2 },
    ] as const;
    expect(worst(await answer(a, b), await answer(b, a))).toBeLessThan(1e-3);
    expect(worst(await answer(a, a), await answer(a))).toBeLessThan(1e-3);
    network.release(here!, there!, decoded.state, memory, plain.state);
  });

  test("of several objects stay with their object", async () => {
    const [here, there] = await network.embed(slices, 2);
    const decoded = await network.decode(there!, masks(2));
    const memory = await network.remember(there!, decoded.state);
    const reference = (row: number) => memories(memory, { row, position: 1, offset: -1 });
    const together = await network.attend(here!, [reference(0), reference(1)]);
    const both = await network.decode(here!, boxes(2), together);
    for (const row of [0, 1]) {
      const alone = await network.attend(here!, [reference(row)]);
      const prompts = { count: 1, boxes: boxes(2).boxes!.slice(4 * row, 4 * row + 4) };
      const one = await network.decode(here!, prompts, alone);
      expect(worst(both.logits.slice(row * maskSize ** 2, (row + 1) * maskSize ** 2), one.logits)).toBeLessThan(1e-3);
      network.release(alone, one.state);
    }
    network.release(here!, there!, decoded.state, memory, together, both.state);
  });
});

describe("tracking", () => {
  test("has the rules of the model's configuration", () => {
    expect(network.tracking).toEqual({
      memory: selectionRules(model.config, false),
      multimask: { inSam: true, forTracking: true, minPoints: 0, maxPoints: 1 },
      maskAsOutput: true,
    });
  });

  test("objects asked for by memories alone get an answer each, alternatives or not", async () => {
    const embedding = await embed();
    const decoded = await network.decode(embedding, boxes(2));
    const memory = await network.remember(embedding, decoded.state);
    const conditioned = await network.attend(
      embedding,
      [0, 1].map((row) => memories(memory, { row, position: 1, offset: -1 })),
    );
    for (const multimask of [true, false]) {
      const answer = await network.decode(embedding, { count: 2 }, conditioned, { multimask });
      expect([answer.logits.length, answer.ious.length]).toEqual([2 * maskSize ** 2, 2]);
      network.release(answer.state);
    }
    // Without memories there is one image for both objects.
    const plain = await network.decode(embedding, { count: 2 }, undefined, { multimask: false });
    expect(plain.logits).toHaveLength(2 * maskSize ** 2);
    network.release(embedding, decoded.state, memory, conditioned, plain.state);
  });

  test("pointers are there before memories are, and measure by the farthest one", async () => {
    const embedding = await embed();
    const decoded = await network.decode(embedding, boxes(1));
    const memory = await network.remember(embedding, decoded.state);
    const answer = async (of: MemoryHandle | DecodedHandle, farthestPointer?: number) => {
      const spatial = [{ memory, row: 0, position: 1 }];
      const conditioned = await network.attend(embedding, [
        { spatial, pointers: [{ of, row: 0, offset: -2 }], farthestPointer },
      ]);
      const { logits, state } = await network.decode(embedding, { count: 1 }, conditioned);
      network.release(conditioned, state);
      return logits;
    };
    expect(await answer(decoded.state)).toEqual(await answer(memory));
    expect(worst(await answer(memory, 3), await answer(memory))).toBeGreaterThan(1e-5);
    expect(await answer(memory, model.config.maxObjPtrsInEncoder - 1)).toEqual(await answer(memory));
    network.release(embedding, decoded.state, memory);
  });

  test("a mask that is adopted is the answer, ten either way, with the score of something there", async () => {
    const embedding = await embed();
    const given = new Float32Array(2 * smallSize ** 2).fill(1, 0, smallSize ** 2);
    const { logits, objectScores, ious, state } = await network.adopt(embedding, given);
    const wanted = Float32Array.from({ length: 2 * maskSize ** 2 }, (_, i) => (i < maskSize ** 2 ? 10 : -10));
    expect(worst(logits, wanted)).toBeLessThan(1e-5);
    expect([...objectScores, ...ious]).toEqual([10, -10, 1, 1]);
    network.release(embedding, state);
    const again = await embed();
    await expect(network.adopt(again, new Float32Array(5))).rejects.toThrow();
    network.release(again);
  });

  test("what is remembered instead of the decoder's masks, and how, makes the memory", async () => {
    const own = smallModel({ binarizeMaskFromPtsForMemEnc: true, nonOverlapMasksForMemEnc: true });
    const refiner = new TorchRefiner(own);
    const [embedding] = await refiner.embed(slices.slice(0, size), 1);
    const decoded = await refiner.decode(embedding!, masks(2));
    const features = async (options?: RememberOptions) => {
      const memory = await refiner.remember(embedding!, decoded.state, options);
      const values = (memory as unknown as Memory).features.toFloat32Array();
      refiner.release(memory);
      return values;
    };
    expect(await features({ separately: true, logits: decoded.logits })).toEqual(await features({ separately: true }));
    const logits = masks(2).masks!;
    const base = await features({ separately: true, logits });
    expect(worst(await features({ separately: true, logits: logits.map((x) => -x) }), base)).toBeGreaterThan(1e-3);
    expect(worst(await features({ separately: true, logits, fromPoints: true }), base)).toBeGreaterThan(1e-3);
    // Overlapping objects are parted unless each is remembered as if alone.
    const same = logits.map((_, i) => 5 * Math.sin(0.1 * (i % maskSize ** 2)));
    const half = base.length / 2;
    const alone = await features({ separately: true, logits: same });
    expect(worst(alone.slice(0, half), alone.slice(half))).toBeLessThan(1e-5);
    const parted = await features({ logits: same });
    expect(worst(parted.slice(0, half), parted.slice(half))).toBeGreaterThan(1e-3);
    refiner.release(embedding!, decoded.state);
    own.free();
  });
});
