import { ConfigError, GeometryError } from "@rfmedsam/base";
import { collectGarbage } from "@rfmedsam/base/testing";
import type { EmbeddingHandle, MaskCandidates, ObjectPrompts } from "@rfmedsam/segmenter";
import { liveTensors, noGrad, randn, scope, tensor } from "@rfmedsam/torch";
import { beforeAll, describe, expect, test } from "vitest";
import { smallSam2Config } from "../sam2/official-configs.js";
import { smallModel, smallSize } from "../testing/sam2-small.js";
import { type PictureEmbedding, TorchSam2Pictures } from "./promptable-sam2.js";

const size = 3 * smallSize ** 2;
const maskSize = smallSize / 4;
const model = smallModel();
noGrad(() =>
  scope(() => {
    for (const [, parameter] of model.namedParameters()) parameter.add_(randn(parameter.shape).mul(0.1));
  }),
);
const network = new TorchSam2Pictures(model);
const pictures = Float32Array.from({ length: 2 * size }, (_, i) => Math.sin(0.37 * i) + Math.cos(0.011 * i));
const boxes = (count: number): Float32Array =>
  Float32Array.from({ length: 4 * count }, (_, i) => [4, 6, 40, 50][i % 4]! + 2 * Math.floor(i / 4));
const masks = (count: number): Float32Array =>
  Float32Array.from({ length: count * maskSize ** 2 }, (_, i) => 5 * Math.sin(0.1 * i));
const points = (count: number) => ({
  coords: Float32Array.from({ length: 4 * count }, (_, i) => (7 * i) % smallSize),
  labels: Int32Array.from({ length: 2 * count }, (_, i) => i % 2),
  perObject: 2,
});

async function embed(which = 0): Promise<EmbeddingHandle> {
  return (await network.embed(pictures.slice(which * size, (which + 1) * size), 1))[0]!;
}

const close = (a: Float32Array, b: Float32Array) =>
  expect(a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0)).toBeLessThan(2e-5);

/** Everything that concerns one object. */
const ofObject = ({ count, candidates, logits, ious }: MaskCandidates, object: number) => {
  const each = logits.length / count;
  return {
    logits: logits.subarray(object * each, (object + 1) * each),
    ious: ious.subarray(object * candidates, (object + 1) * candidates),
  };
};

// Tables of positions are made at the first call and stay.
beforeAll(async () => {
  const embedding = await embed();
  await network.candidates(embedding, { count: 1, boxes: boxes(1), masks: masks(1) }, { multimask: true });
  network.release(embedding);
});

test("says what the network is", () => {
  expect(network).toMatchObject({ imageSize: smallSize, maskSize, pictureRule: "sam2" });
});

describe("embeddings", () => {
  test("hold tensors until they are released; answers hold none", async () => {
    const before = liveTensors();
    const [first, second] = await network.embed(pictures, 2);
    const held = liveTensors();
    expect(held - before).toBe(6);
    await network.candidates(first!, { count: 2, boxes: boxes(2), points: points(2) }, { multimask: true });
    expect(liveTensors()).toBe(held);
    network.release(first!);
    expect(liveTensors() - before).toBe(3);
    network.release(first!, second!);
    expect(liveTensors()).toBe(before);
  });

  test("of a batch are those of each picture alone", async () => {
    const batch = (await network.embed(pictures, 2)) as PictureEmbedding[];
    const alone = (await embed(1)) as PictureEmbedding;
    close(batch[1]!.features.toFloat32Array(), alone.features.toFloat32Array());
    close(batch[1]!.highRes![0].toFloat32Array(), alone.highRes![0].toFloat32Array());
    network.release(...batch, alone);
  });

  test("say that there is no memory where the model adds that directly, and only there", async () => {
    const wide = { ...smallSam2Config(smallSize).memoryEncoder, outDim: model.config.imageEncoder.neck.dModel };
    const indirect = smallModel({ directlyAddNoMemEmbed: false, memoryEncoder: wide });
    for (const [sam2, share] of [[model, 1] as const, [indirect, 0] as const]) {
      const own = new TorchSam2Pictures(sam2);
      const [embedding] = (await own.embed(pictures.slice(0, size), 1)) as PictureEmbedding[];
      const { features } = noGrad(() =>
        sam2.encodeImage(tensor(pictures.slice(0, size), [1, 3, smallSize, smallSize])),
      );
      const [pixels, none] = [features.shape[2]! * features.shape[3]!, sam2.noMemEmbed.toFloat32Array()];
      expect(Math.max(...none.map(Math.abs))).toBeGreaterThan(0.01);
      const wanted = features.toFloat32Array().map((value, i) => value + share * none[Math.floor(i / pixels)]!);
      close(embedding!.features.toFloat32Array(), wanted);
      own.release(embedding!);
    }
  });

  test("without high-resolution features work as well", async () => {
    const plain = new TorchSam2Pictures(smallModel({ useHighResFeaturesInSam: false }));
    const [embedding] = await plain.embed(pictures.slice(0, size), 1);
    const { logits } = await plain.candidates(embedding!, { count: 1, boxes: boxes(1) }, { multimask: false });
    expect(logits).toHaveLength(maskSize ** 2);
    plain.release(embedding!);
  });
});

describe("candidates", () => {
  const asked: [string, ObjectPrompts][] = [
    ["boxes", { count: 3, boxes: boxes(3) }],
    ["points", { count: 3, points: points(3) }],
    ["masks", { count: 3, masks: masks(3) }],
    ["all together", { count: 3, boxes: boxes(3), points: points(3), masks: masks(3) }],
  ];

  test.each(asked)("for %s of several objects are those of each object alone", async (_, prompts) => {
    const embedding = await embed();
    for (const multimask of [true, false]) {
      const together = await network.candidates(embedding, prompts, { multimask });
      expect(together).toMatchObject({ count: 3, candidates: multimask ? 3 : 1 });
      expect(together.logits).toHaveLength(3 * together.candidates * maskSize ** 2);
      for (let object = 0; object < 3; object++) {
        const alone = await network.candidates(embedding, onlyObject(prompts, object), { multimask });
        close(ofObject(together, object).logits, alone.logits);
        close(ofObject(together, object).ious, alone.ious);
      }
    }
    network.release(embedding);
  });

  test("do not change with the picture of another embedding, but with their own", async () => {
    const [first, second] = await network.embed(pictures, 2);
    const prompts = { count: 1, boxes: boxes(1) };
    const [a, b] = [
      await network.candidates(first!, prompts, { multimask: false }),
      await network.candidates(second!, prompts, { multimask: false }),
    ];
    expect(a.logits).not.toEqual(b.logits);
    network.release(second!);
    expect((await network.candidates(first!, prompts, { multimask: false })).logits).toEqual(a.logits);
    network.release(first!);
  });

  test("of a mask alone see no point, not even one of padding", async () => {
    const embedding = await embed();
    const mask = { count: 1, masks: masks(1) };
    const padding = { coords: new Float32Array(2), labels: Int32Array.of(-1), perObject: 1 };
    const alone = await network.candidates(embedding, mask, { multimask: false });
    const padded = await network.candidates(embedding, { ...mask, points: padding }, { multimask: false });
    expect(alone.logits).not.toEqual(padded.logits);
    network.release(embedding);
  });
});

function onlyObject({ boxes, masks, points }: ObjectPrompts, object: number): ObjectPrompts {
  const part = <T extends Float32Array | Int32Array>(all: T): T =>
    all.slice((object * all.length) / 3, ((object + 1) * all.length) / 3) as T;
  return {
    count: 1,
    ...(boxes && { boxes: part(boxes) }),
    ...(masks && { masks: part(masks) }),
    ...(points && { points: { ...points, coords: part(points.coords), labels: part(points.labels) } }),
  };
}

describe("refused, and nothing is left behind", () => {
  const wrong: [string, ObjectPrompts, typeof ConfigError | typeof GeometryError][] = [
    ["no prompt", { count: 1 }, ConfigError],
    ["boxes of another number", { count: 2, boxes: boxes(1) }, GeometryError],
    ["masks of another size", { count: 1, masks: masks(1).slice(1) }, GeometryError],
    ["points of another number", { count: 2, points: points(1) }, GeometryError],
    ["no object", { count: 0, boxes: boxes(0) }, GeometryError],
    ["no points per object", { count: 1, points: { ...points(0), perObject: 0 } }, GeometryError],
    ["a label of a box's corner", { count: 1, points: { ...points(1), labels: Int32Array.of(1, 2) } }, ConfigError],
    ["a box that is no number", { count: 1, boxes: Float32Array.of(1, 2, Number.NaN, 4) }, ConfigError],
    ["an infinite mask", { count: 1, masks: masks(1).fill(Number.POSITIVE_INFINITY, 5, 6) }, ConfigError],
  ];
  test.each(wrong)("%s", async (_, prompts, kind) => {
    await collectGarbage();
    const embedding = await embed();
    const before = liveTensors();
    await expect(network.candidates(embedding, prompts, { multimask: false })).rejects.toThrow(kind);
    expect(liveTensors()).toBe(before);
    network.release(embedding);
  });

  test("pictures of another number or size, or that are no numbers", async () => {
    await collectGarbage();
    const before = liveTensors();
    await expect(network.embed(pictures, 1)).rejects.toThrow(GeometryError);
    await expect(network.embed(pictures.slice(1), 2)).rejects.toThrow(GeometryError);
    await expect(network.embed(new Float32Array(size).fill(Number.NaN), 1)).rejects.toThrow(ConfigError);
    expect(liveTensors()).toBe(before);
  });
});
