import { ConfigError, GeometryError } from "@rfmedsam/base";
import { type EmbeddingHandle, ImagePredictor, type ObjectPrompts } from "@rfmedsam/segmenter";
import { liveTensors, noGrad, scope, setNumThreads, tensor } from "@rfmedsam/torch";
import { beforeAll, describe, expect, test } from "vitest";
import type { Sam } from "../sam/sam.js";
import { tinySam, tinySamConfig } from "../testing/sam-small.js";
import { TorchSam } from "./promptable-sam.js";

setNumThreads(1); // test files run side by side

/** Models live as long as the file: one that is collected between two counts of tensors would spoil them. */
const models: Sam[] = [];
function sam(...parameters: Parameters<typeof tinySamConfig>): Sam {
  const model = tinySam(tinySamConfig(...parameters));
  models.push(model);
  return model;
}
const model = sam();
const network = new TorchSam(model);
const { imageSize, maskSize } = network;
const length = 3 * imageSize ** 2;
const pictures = Float32Array.from({ length: 2 * length }, (_, i) => Math.sin(0.37 * i) + Math.cos(0.011 * i));
const first = pictures.slice(0, length);

const boxes = (count: number): Float32Array =>
  Float32Array.from({ length: 4 * count }, (_, i) => [4, 6, 40, 50][i % 4]! + 2 * Math.floor(i / 4));
const points = (count: number, perObject = 2) => ({
  coords: Float32Array.from({ length: 2 * count * perObject }, (_, i) => (17 * i) % imageSize),
  labels: Int32Array.from({ length: count * perObject }, (_, i) => [1, 0, -1][i % 3]!),
  perObject,
});
const masks = (count: number): Float32Array =>
  Float32Array.from({ length: count * maskSize ** 2 }, (_, i) => 5 * Math.sin(0.1 * i));
const worst = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);

// Tables of positions are made at the first call and stay.
let embedding: EmbeddingHandle;
beforeAll(async () => {
  embedding = (await network.embed(first, 1))[0]!;
  await network.candidates(embedding, { count: 1, boxes: boxes(1) }, { multimask: false });
});

test("the network says what it is", () => {
  expect(network).toMatchObject({ imageSize: 64, maskSize: 16, pictureRule: "sam-med2d" });
  const plain = new TorchSam(sam({ adapter: undefined }, { pictureRule: "sam" }));
  expect(plain.pictureRule).toBe("sam");
});

test("embeddings hold a tensor each until they are released, and answers hold none", async () => {
  const before = liveTensors();
  const handles = await network.embed(pictures, 2);
  expect(liveTensors()).toBe(before + 2);
  await network.candidates(handles[1]!, { count: 2, boxes: boxes(2), masks: masks(2) }, { multimask: true });
  expect(liveTensors()).toBe(before + 2);
  network.release(handles[0]!);
  expect(liveTensors()).toBe(before + 1);
  await network.candidates(handles[1]!, { count: 1, points: points(1) }, { multimask: true });
  network.release(...handles);
  expect(liveTensors()).toBe(before);
});

test("a batch of pictures is the same pictures one by one", async () => {
  const [one] = await network.embed(pictures.slice(length), 1);
  const [, two] = await network.embed(pictures, 2);
  const ask = (handle: EmbeddingHandle) =>
    network.candidates(handle, { count: 2, boxes: boxes(2) }, { multimask: true });
  expect(worst((await ask(one!)).logits, (await ask(two!)).logits)).toBeLessThan(1e-4);
  network.release(one!, two!);
});

describe("answers", () => {
  test.each<[string, ObjectPrompts]>([
    ["boxes", { count: 3, boxes: boxes(3) }],
    ["points, some of them padding", { count: 3, points: points(3) }],
    ["masks", { count: 3, masks: masks(3) }],
    ["all of them", { count: 3, boxes: boxes(3), points: points(3), masks: masks(3) }],
  ])("to %s are the model's own, one or three an object", async (_, prompts) => {
    for (const [multimask, candidates] of [
      [false, 1],
      [true, 3],
    ] as const) {
      const answer = await network.candidates(embedding, prompts, { multimask });
      expect(answer).toMatchObject({ count: 3, candidates });
      const { boxes, masks, points, count } = prompts;
      const expected = noGrad(() =>
        scope(() => {
          const asked = {
            boxes: boxes && tensor(boxes, [count, 4]),
            masks: masks && tensor(masks, [count, 1, maskSize, maskSize]),
            points: points && {
              coords: tensor(points.coords, [count, points.perObject, 2]),
              labels: tensor(points.labels, [count, points.perObject]),
            },
          };
          const image = model.encodeImage(tensor(first, [1, 3, imageSize, imageSize]));
          const { masks: logits, ious } = model.predict(image, asked, { multimask });
          return { logits: logits.toFloat32Array(), ious: ious.toFloat32Array() };
        }),
      );
      expect(answer.logits).toEqual(expected.logits);
      expect(answer.ious).toEqual(expected.ious);
    }
  });

  test("differ when the adapters are left out", async () => {
    const without = new TorchSam(model, "cpu", { adapters: false });
    const [handle] = await without.embed(first, 1);
    const prompts = { count: 1, boxes: boxes(1) };
    const [a, b] = [
      await network.candidates(embedding, prompts, { multimask: false }),
      await without.candidates(handle!, prompts, { multimask: false }),
    ];
    expect(worst(a.logits, b.logits)).toBeGreaterThan(1e-3);
    without.release(handle!);
  });

  test("come back at the size of a picture through the image predictor", async () => {
    const picture = { height: 30, width: 50, data: Uint8Array.from({ length: 30 * 50 * 3 }, (_, i) => (7 * i) % 256) };
    for (const [pictureRule, candidates] of [
      ["sam-med2d", 1],
      ["sam", 3],
    ] as const) {
      using predictor = new ImagePredictor(new TorchSam(sam({}, { pictureRule })));
      await predictor.setImage(picture);
      const answer = await predictor.predict({ box: [5, 5, 30, 20], points: [[10, 10]], labels: [1], multimask: true });
      expect(answer).toMatchObject({ objects: 1, candidates, height: 30, width: 50, maskSize });
      expect(answer.logits).toHaveLength(candidates * 30 * 50);
      expect(answer.logits.every(Number.isFinite)).toBe(true);
    }
  });
});

describe("what makes no sense is refused, and nothing is left behind:", () => {
  const bad = points(1);
  test.each<[string, ObjectPrompts, typeof ConfigError | typeof GeometryError, RegExp]>([
    ["no prompt", { count: 1 }, ConfigError, /no prompt/],
    ["no object", { count: 0, boxes: boxes(0) }, GeometryError, /boxes/],
    ["boxes of another count", { count: 2, boxes: boxes(3) }, GeometryError, /12 values.*\[2, 4\]/],
    [
      "a box that is no number",
      { count: 1, boxes: Float32Array.of(1, 2, Number.NaN, 4) },
      ConfigError,
      /NaN at index 2/,
    ],
    ["masks of another size", { count: 1, masks: new Float32Array(9) }, GeometryError, /mask prompts/],
    [
      "a mask that is infinite",
      { count: 1, masks: masks(1).fill(Number.POSITIVE_INFINITY, 7) },
      ConfigError,
      /Infinity at index 7/,
    ],
    ["points without labels", { count: 1, points: { ...bad, labels: new Int32Array(0) } }, GeometryError, /labels/],
    ["no points", { count: 1, points: { ...points(1, 0), perObject: 0 } }, GeometryError, /points/],
    ["a label nobody knows", { count: 1, points: { ...bad, labels: Int32Array.of(1, 7) } }, ConfigError, /label 7/],
    [
      "a label that only SAM 2 knows",
      { count: 1, points: { ...bad, labels: Int32Array.of(2, 3) } },
      ConfigError,
      /label 2/,
    ],
  ])("%s", async (_, prompts, error, message) => {
    const before = liveTensors();
    const asked = network.candidates(embedding, prompts, { multimask: true });
    await expect(asked).rejects.toThrow(error);
    await expect(network.candidates(embedding, prompts, { multimask: true })).rejects.toThrow(message);
    expect(liveTensors()).toBe(before);
  });

  test("pictures of another size, or with values that are no numbers", async () => {
    const before = liveTensors();
    await expect(network.embed(new Float32Array(5), 1)).rejects.toThrow(GeometryError);
    await expect(network.embed(first, 2)).rejects.toThrow(GeometryError);
    await expect(network.embed(new Float32Array(0), 0)).rejects.toThrow(GeometryError);
    const broken = first.slice().fill(Number.NaN, 3, 4);
    await expect(network.embed(broken, 1)).rejects.toThrow(/NaN at index 3/);
    expect(liveTensors()).toBe(before);
  });

  test("an embedding of another network", async () => {
    const other = new TorchSam(sam({ outChans: 32 }));
    const [foreign] = await other.embed(first, 1);
    const asked = network.candidates(foreign!, { count: 1, boxes: boxes(1) }, { multimask: true });
    await expect(asked).rejects.toThrow(ConfigError);
    other.release(foreign!);
  });
});
