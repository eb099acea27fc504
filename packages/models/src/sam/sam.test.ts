import { CheckpointError, ConfigError } from "@rfmedsam/base";
import { autocast, noGrad, ones, randn, scope, setNumThreads, type Tensor, tensor, zeros } from "@rfmedsam/torch";
import { describe, expect, test } from "vitest";
import { tinySam, tinySamConfig } from "../testing/sam-small.js";
import { apart } from "../testing/sam2-small.js";
import { isEncoderAdapterName, withSamImageSize } from "./config.js";
import { fitToImageSize } from "./fit-image-size.js";
import { relativePositionBias } from "./relative-position.js";
import type { Sam } from "./sam.js";

setNumThreads(1); // test files run side by side

const model = tinySam();
const size = model.config.imageSize;
const quietly = <T>(body: () => T): T => noGrad(() => scope(body));
const boxes = (objects: number) =>
  tensor(
    Float32Array.from({ length: 4 * objects }, (_, n) => [4, 6, 40, 50][n % 4]! + Math.floor(n / 4)),
    [objects, 4],
  );
const clicks = (objects: number, perObject = 1) => ({
  coords: randn([objects, perObject, 2]).mul(5).add(30),
  labels: tensor(new Int32Array(objects * perObject).fill(1), [objects, perObject]),
});

describe("an image", () => {
  test("becomes an embedding of a sixteenth of its size, each by itself", () => {
    quietly(() => {
      const images = randn([3, 3, size, size]);
      const all = model.encodeImage(images);
      expect(all.shape).toEqual([3, 16, size / 16, size / 16]);
      for (let image = 0; image < 3; image++) {
        expect(apart(model.encodeImage(images.narrow(0, image, 1)), all.narrow(0, image, 1))).toBeLessThan(1e-4);
      }
    });
  });

  test.each([
    [[1, 3, size, size / 2]],
    [[1, 3, 2 * size, 2 * size]],
    [[1, 1, size, size]],
    [[3, size, size]],
    [[1, 3, size, size, 1]],
  ])("of shape %j is refused", (shape) => {
    expect(() => quietly(() => model.encodeImage(zeros(shape)))).toThrow(ConfigError);
    expect(() => quietly(() => model.encodeImage(zeros(shape)))).toThrow(/\[any, 3, 64, 64\]/);
  });

  test("reaches every token of the embedding: within windows, then over the whole map", () => {
    quietly(() => {
      const image = randn([1, 3, size, size]);
      const changed = image.clone();
      changed
        .narrow(2, size - 16, 16)
        .narrow(3, size - 16, 16)
        .fill_(3);
      const difference = model
        .encodeImage(image)
        .sub(model.encodeImage(changed))
        .abs()
        .amax({ dim: [0, 1] });
      expect(difference.amin().item()).toBeGreaterThan(1e-5);
    });
  });

  test("is encoded as if there were no adapters when they are switched off", () => {
    const plain = tinySam(tinySamConfig({ adapter: undefined }));
    plain.loadStateDict(model.stateDict(), { mayExceed: isEncoderAdapterName });
    quietly(() => {
      const image = randn([1, 3, size, size]);
      expect(apart(model.encodeImage(image, { adapters: false }), plain.encodeImage(image))).toBe(0);
      expect(apart(model.encodeImage(image), plain.encodeImage(image))).toBeGreaterThan(1e-2);
      expect(apart(plain.encodeImage(image, { adapters: false }), plain.encodeImage(image))).toBe(0);
    });
    plain.free();
  });

  test("of pixels is normalised and filled up with the mean colour", () => {
    quietly(() => {
      const { pixelMean, pixelStd } = model.config;
      const input = model.preprocess(ones([2, 3, 10, 20]).mul(255));
      expect(input.shape).toEqual([2, 3, size, size]);
      const corner = input.select(0, 1).narrow(1, 9, 2).narrow(2, 19, 2).toFloat32Array();
      for (let colour = 0; colour < 3; colour++) {
        expect(corner[4 * colour]).toBeCloseTo((255 - pixelMean[colour]!) / pixelStd[colour]!, 5);
        expect([...corner.slice(4 * colour + 1, 4 * colour + 4)]).toEqual([0, 0, 0]);
      }
    });
    for (const shape of [
      [3, 10, 20],
      [1, 3, size + 1, 4],
      [1, 4, 10, 10],
      [1, 3, 0, 10],
    ]) {
      expect(() => quietly(() => model.preprocess(zeros(shape)))).toThrow(ConfigError);
    }
  });
});

describe("prompts", () => {
  const embedding = quietly(() => model.encodeImage(randn([1, 3, size, size]))).keep();

  test.each([
    ["one answer", false, 1],
    ["three alternatives", true, 3],
  ])("of every kind have %s an object", (_, multimask, candidates) => {
    quietly(() => {
      const masks = randn([2, 1, size / 4, size / 4]);
      for (const prompts of [
        { points: clicks(2, 3) },
        { boxes: boxes(2) },
        { masks },
        { points: clicks(2), boxes: boxes(2), masks },
      ]) {
        const answer = model.predict(embedding, prompts, { multimask });
        expect(answer.masks.shape).toEqual([2, candidates, size / 4, size / 4]);
        expect(answer.ious.shape).toEqual([2, candidates]);
        expect(answer.masks.isfinite().all().item()).toBe(1);
      }
    });
  });

  test("of several objects of one image are those of the objects one by one", () => {
    quietly(() => {
      const all = model.predict(embedding, { boxes: boxes(3) }, { multimask: true });
      for (let object = 0; object < 3; object++) {
        const one = model.predict(embedding, { boxes: boxes(3).narrow(0, object, 1) }, { multimask: true });
        expect(apart(all.masks.narrow(0, object, 1), one.masks)).toBeLessThan(1e-4);
        expect(apart(all.ious.narrow(0, object, 1), one.ious)).toBeLessThan(1e-5);
      }
    });
  });

  test("filled up with padding points are not the same as without: SAM pads once itself", () => {
    quietly(() => {
      const { coords, labels } = clicks(1);
      const padded = {
        coords: tensor([...coords.toFloat32Array(), 0, 0], [1, 2, 2]),
        labels: tensor(Int32Array.of(1, -1), [1, 2]),
      };
      const own = model.promptEncoder.forward({ points: { coords, labels } }).sparse;
      const both = model.promptEncoder.forward({ points: padded }).sparse;
      expect([own.shape[1], both.shape[1]]).toEqual([2, 3]);
      expect(apart(own, both.narrow(1, 0, 2))).toBe(0);
    });
  });

  const two = () => boxes(2);
  test.each<[string, () => Tensor, () => Parameters<Sam["predict"]>[1], RegExp]>([
    ["none", () => embedding, () => ({}), /no prompt/],
    ["an embedding of another width", () => zeros([1, 8, 4, 4]), () => ({ boxes: two() }), /\[any, 16, 4, 4\]/],
    ["an embedding of another grid", () => zeros([1, 16, 8, 8]), () => ({ boxes: two() }), /\[any, 16, 4, 4\]/],
    ["three images for two objects", () => zeros([3, 16, 4, 4]), () => ({ boxes: two() }), /3 images.*2 objects/],
    ["boxes of three numbers", () => embedding, () => ({ boxes: zeros([2, 3]) }), /boxes of shape \[2, 3\]/],
    ["boxes for another number of objects", () => embedding, () => ({ points: clicks(3), boxes: two() }), /boxes/],
    ["masks of another size", () => embedding, () => ({ masks: zeros([1, 1, 64, 64]) }), /\[1, 1, 16, 16\]/],
    [
      "labels for other points",
      () => embedding,
      () => ({ points: { coords: zeros([1, 2, 2]), labels: zeros([1, 1]) } }),
      /labels of shape \[1, 1\]/,
    ],
  ])("are refused: %s", (_, image, prompts, message) => {
    const ask = () => quietly(() => model.predict(image(), prompts(), { multimask: false }));
    expect(ask).toThrow(ConfigError);
    expect(ask).toThrow(message);
  });
});

describe("weights", () => {
  const large = tinySam(withSamImageSize(model.config, 2 * size));

  test("of another image size do not load as they are, and do once they are fitted", () => {
    const small = tinySam();
    expect(() => small.loadStateDict(large.stateDict())).toThrow(CheckpointError);
    quietly(() => small.loadStateDict(fitToImageSize(large.stateDict(), small)));
    quietly(() => {
      const image = randn([1, 3, size, size]);
      expect(small.encodeImage(image).isfinite().all().item()).toBe(1);
      const heads = (sam: Sam) => sam.maskDecoder.maskTokens.weight;
      expect(apart(heads(small), heads(large))).toBe(0);
    });
    small.free();
  });

  test("that are constant over the image stay so at any size", () => {
    quietly(() => {
      const state = new Map<string, Tensor>(large.stateDict());
      for (const [name, value] of state)
        if (/pos_embed|rel_pos/.test(name)) state.set(name, ones(value.shape).mul(0.25));
      const fitted = fitToImageSize(state, model);
      for (const name of ["image_encoder.pos_embed", "image_encoder.blocks.1.attn.rel_pos_w"]) {
        expect(fitted.get(name)!.shape).toEqual(model.stateDict().get(name)!.shape);
        expect(fitted.get(name)!.sub(0.25).abs().amax().item()).toBeLessThan(1e-6);
      }
    });
  });

  test("of the model's own size are passed on untouched", () => {
    const state = model.stateDict();
    const fitted = fitToImageSize(state, model);
    expect([...fitted.keys()]).toEqual([...state.keys()]);
    for (const [name, value] of state) expect(fitted.get(name)).toBe(value);
  });

  test("leave the decoder's heads alone only when told to", () => {
    const fitted = fitToImageSize(large.stateDict(), model, { keepDecoderHeads: true });
    const own = model.stateDict();
    const kept = [...fitted].filter(([name, value]) => own.get(name) === value).map(([name]) => name);
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.every((name) => /mask_tokens|output_hypernetworks|iou_prediction_head/.test(name))).toBe(true);
    expect(kept).toHaveLength([...own.keys()].filter((name) => /mask_tokens|hypernetworks|iou_pred/.test(name)).length);
  });

  test("of another width are passed on for loading to refuse by name", () => {
    const wide = tinySam(withSamImageSize(tinySamConfig({ embedDim: 32 }), 2 * size));
    const fitted = fitToImageSize(wide.stateDict(), model);
    expect(() => model.loadStateDict(fitted)).toThrow(/pos_embed is \[1, 8, 8, 32\]/);
    wide.free();
  });
});

test("the bias of relative positions is the query's product with the vectors of its distances", () => {
  quietly(() => {
    const [height, width, channels] = [3, 2, 4];
    const q = randn([1, 1, height, width, channels]);
    const [rows, columns] = [randn([2 * height - 1, channels]), randn([2 * width - 1, channels])];
    const bias = relativePositionBias(q, rows, columns).toFloat32Array();
    const [queries, byRow, byColumn] = [q, rows, columns].map((x) => x.toFloat32Array()) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const dot = (query: number, table: Float32Array, entry: number) => {
      let sum = 0;
      for (let c = 0; c < channels; c++) sum += queries[query * channels + c]! * table[entry * channels + c]!;
      return sum;
    };
    const cells = height * width;
    for (let query = 0; query < cells; query++) {
      for (let key = 0; key < cells; key++) {
        const down = Math.floor(query / width) - Math.floor(key / width) + height - 1;
        const right = (query % width) - (key % width) + width - 1;
        expect(bias[query * cells + key]).toBeCloseTo(dot(query, byRow, down) + dot(query, byColumn, right), 4);
      }
    }
  });
});

test.each([1, 6])("mixed precision gives nearly the same for %i images, and gradients in float32", (images) => {
  const training = tinySam().train();
  scope(() => {
    const input = randn([images, 3, size, size]);
    const answer = () => {
      const { masks, ious } = training.predict(
        training.encodeImage(input),
        { boxes: boxes(images) },
        { multimask: true },
      );
      return [masks.float(), ious.float()] as const;
    };
    const exact = noGrad(answer);
    const mixed = autocast("cpu", "bfloat16", answer);
    for (const [index, output] of mixed.entries()) {
      expect(apart(output, exact[index]!)).toBeLessThan(0.2 * exact[index]!.abs().amax().item());
    }
    mixed[0].square().mean().add(mixed[1].square().mean()).backward();
    for (const parameter of training.parameters()) {
      const { grad } = parameter;
      if (grad !== undefined) expect([grad.dtype, grad.isfinite().all().item()]).toEqual(["float32", 1]);
    }
  });
  training.free();
});
