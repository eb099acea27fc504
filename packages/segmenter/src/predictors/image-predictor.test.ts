import { fc, test } from "@fast-check/vitest";
import { ConfigError, EngineError, GeometryError, InterruptedError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { type PromptableBehaviour, RecordingPromptable } from "../testing/promptable.js";
import { binaryMasks, ImagePredictor, type ImagePredictorOptions } from "./image-predictor.js";
import type { PicturePoint, PictureRuleName } from "./picture.js";
import type { PictureBox, PicturePrompts } from "./picture-prompts.js";

const picture = (height: number, width: number) => ({ height, width, data: new Uint8Array(height * width * 3) });
const click = { points: [[3, 4]] as const, labels: [1] };

async function opened(behaviour: PromptableBehaviour = {}, options?: ImagePredictorOptions) {
  const network = new RecordingPromptable(behaviour);
  const predictor = new ImagePredictor(network, options);
  await predictor.setImage(picture(16, 64));
  return { network, predictor };
}

describe("prompts", () => {
  test.each<[PictureRuleName, number[]]>([
    ["sam2", [1.5, 8]], // 3 · 32/64, 4 · 32/16
    ["sam", [1.5, 2]], // the longest side sets one scale
    ["sam-med2d", [1.5, 8]],
  ])("of %s go to the input's pixels", async (pictureRule, place) => {
    const { network, predictor } = await opened({ pictureRule });
    await predictor.predict({
      points: [
        [3, 4],
        [0, 0],
      ],
      labels: [1, 0],
      box: [3, 4, 6, 8],
    });
    const { prompts } = network.calls[0]!;
    expect(prompts.count).toBe(1);
    expect([...prompts.points!.coords]).toEqual([...place, 0, 0]);
    expect([...prompts.points!.labels]).toEqual([1, 0]);
    expect([...prompts.boxes!]).toEqual([...place, ...place.map((value) => 2 * value)]);
    expect(prompts.masks).toBeUndefined();
  });

  test.prop([fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })])(
    "normalised are parts of the picture",
    async (x, y) => {
      const { network, predictor } = await opened();
      await predictor.predict({ points: [[x, y]], labels: [1], normalised: true });
      await predictor.predict({ points: [[x * 64, y * 16]], labels: [1] });
      expect(network.calls[0]!.prompts).toEqual(network.calls[1]!.prompts);
    },
  );

  test("several boxes are several objects, to each of which points and mask belong", async () => {
    const { network, predictor } = await opened();
    const mask = Float32Array.from({ length: 64 }, (_, i) => i);
    const boxes: PictureBox[] = [
      [0, 0, 10, 10],
      [2, 2, 64, 16],
    ];
    const { objects, candidates, logits } = await predictor.predict({ ...click, boxes, mask, multimask: false });
    expect([objects, candidates]).toEqual([2, 1]);
    expect([logits[0], logits[16 * 64]]).toEqual([1, 2]);
    const { prompts, multimask } = network.calls[0]!;
    expect(multimask).toBe(false);
    expect([...prompts.boxes!]).toEqual([0, 0, 5, 20, 1, 4, 32, 32]);
    expect([...prompts.points!.coords]).toEqual([1.5, 8, 1.5, 8]);
    expect([...prompts.points!.labels]).toEqual([1, 1]);
    expect(prompts.masks).toEqual(Float32Array.from({ length: 128 }, (_, i) => i % 64));
  });

  test("a mask alone is enough, for one object or for each", async () => {
    const { network, predictor } = await opened();
    await predictor.predict({ mask: new Float32Array(64).fill(2) });
    expect(network.calls[0]!.prompts).toEqual({ count: 1, masks: new Float32Array(64).fill(2) });
    const masks = Float32Array.from({ length: 128 }, (_, i) => i);
    await predictor.predict({
      boxes: [
        [0, 0, 1, 1],
        [1, 1, 2, 2],
      ],
      mask: masks,
    });
    expect(network.calls[1]!.prompts.masks).toEqual(masks);
  });

  const wrong: Record<string, [PicturePrompts, typeof ConfigError | typeof GeometryError, RegExp]> = {
    "nothing at all": [{}, ConfigError, /no prompt/],
    "empty lists": [{ points: [], labels: [] }, ConfigError, /no prompt/],
    "no box in the list": [{ boxes: [] }, ConfigError, /empty list of boxes/],
    "a point right of the picture": [{ points: [[64.1, 3]], labels: [1] }, ConfigError, /a point at \(64\.1, 3\)/],
    "a point below": [{ points: [[3, 17]], labels: [1] }, ConfigError, /in the picture/],
    "a negative point": [{ points: [[-1, 3]], labels: [1] }, ConfigError, /in the picture/],
    "a point that is no number": [{ points: [[Number.NaN, 3]], labels: [1] }, ConfigError, /NaN/],
    "pixels said to be normalised": [{ ...click, normalised: true }, ConfigError, /parts of the picture/],
    "a point with three numbers": [
      { points: [[1, 2, 3] as unknown as PicturePoint], labels: [1] },
      ConfigError,
      /a point at \(1, 2, 3\)/,
    ],
    "too few labels": [
      {
        points: [
          [1, 1],
          [2, 2],
        ],
        labels: [1],
      },
      ConfigError,
      /1 labels for 2 points/,
    ],
    "points without labels": [{ points: [[1, 1]] }, ConfigError, /0 labels for 1 points/],
    "labels without points": [{ labels: [1], box: [0, 0, 2, 2] }, ConfigError, /1 labels for 0 points/],
    "a label of its own": [{ points: [[1, 1]], labels: [2] }, ConfigError, /a label 2/],
    "an empty box": [{ box: [3, 3, 3, 8] }, ConfigError, /a box \[3, 3, 3, 8\]/],
    "an inverted box": [{ box: [3, 8, 5, 3] }, ConfigError, /x0 < x1/],
    "a box with three numbers": [{ box: [1, 1, 5] as unknown as PictureBox }, ConfigError, /\[1, 1, 5\]/],
    "a box that leaves the picture": [{ boxes: [[0, 0, 65, 5]] }, ConfigError, /corner at \(65, 5\)/],
    "a box that is no number": [{ box: [0, 0, Number.NaN, 5] }, ConfigError, /NaN/],
    "a box and boxes": [{ box: [0, 0, 1, 1], boxes: [[0, 0, 1, 1]] }, ConfigError, /both/],
    "a mask of another size": [{ mask: new Float32Array(63) }, GeometryError, /63 values/],
    "masks for other objects": [{ box: [0, 0, 1, 1], mask: new Float32Array(128) }, GeometryError, /1 object/],
    "a mask with NaN": [{ mask: new Float32Array(64).fill(Number.NaN) }, ConfigError, /NaN at index 0/],
    "an infinite mask": [{ mask: new Float32Array(64).fill(Number.POSITIVE_INFINITY) }, ConfigError, /Infinity/],
  };
  test.each(Object.entries(wrong))("%s: refused, the network is not asked", async (_, [prompts, kind, message]) => {
    const { network, predictor } = await opened();
    const failure = await predictor.predict(prompts).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(kind);
    expect(failure).toHaveProperty("message", expect.stringMatching(message));
    expect(network.calls).toEqual([]);
  });

  test("before a picture: refused, and after a reset too", async () => {
    const predictor = new ImagePredictor(new RecordingPromptable());
    await expect(predictor.predict(click)).rejects.toThrow(ConfigError);
    await predictor.setImage(picture(8, 8));
    expect(predictor.size).toEqual({ height: 8, width: 8 });
    predictor.reset();
    expect(predictor.size).toBeUndefined();
    await expect(predictor.predict(click)).rejects.toThrow("prompts without a picture");
  });
});

describe("answers", () => {
  const iou = (object: number, candidate: number) => [0.2, 0.7, 0.7][(candidate + object) % 3]!;

  test("are all candidates at the picture's size, with their scores and low-resolution logits", async () => {
    const { predictor } = await opened({ iou, logit: (_, candidate) => 100 * (candidate - 1) });
    const answer = await predictor.predict(click);
    expect(answer).toMatchObject({ objects: 1, candidates: 3, height: 16, width: 64, maskSize: 8, threshold: 0 });
    expect(answer.ious).toEqual(Float32Array.of(0.2, 0.7, 0.7));
    expect([0, 1, 2].map((candidate) => answer.logits[candidate * 16 * 64])).toEqual([-100, 0, 100]);
    // kept within ±32 to be the next prompt, but not before the masks are made
    expect([0, 1, 2].map((candidate) => answer.lowRes[candidate * 64])).toEqual([-32, 0, 32]);
    const masks = binaryMasks(answer);
    expect([0, 1, 2].map((candidate) => masks[candidate * 16 * 64])).toEqual([0, 0, 1]);
  });

  test("of SAM-Med2D are each object's first candidate with the highest predicted IoU, not limited", async () => {
    const { predictor } = await opened({
      pictureRule: "sam-med2d",
      iou,
      logit: (object, candidate) => 100 * object + 10 * candidate,
    });
    const answer = await predictor.predict({
      boxes: [
        [0, 0, 1, 1],
        [1, 1, 2, 2],
      ],
    });
    expect([answer.objects, answer.candidates]).toEqual([2, 1]);
    expect([answer.logits[0], answer.logits[16 * 64]]).toEqual([10, 100]);
    expect([answer.lowRes[0], answer.lowRes[64]]).toEqual([10, 100]);
    expect(answer.ious).toEqual(Float32Array.of(0.7, 0.7));
  });

  test("hand their low-resolution logits to the next prompt", async () => {
    const { network, predictor } = await opened();
    const { lowRes } = await predictor.predict({ ...click, multimask: false });
    await predictor.predict({ ...click, mask: lowRes });
    expect(network.calls[1]!.prompts.masks).toEqual(lowRes);
  });

  test("lose small holes and sprinkles of the low-resolution mask when asked to", async () => {
    // foreground with a hole at (2, 2), background from row 5 on with a sprinkle at (7, 7)
    const logit = (_: number, __: number, row: number, column: number) => {
      const odd = (row === 2 && column === 2) || (row === 7 && column === 7);
      return row < 5 !== odd ? 4 : -4;
    };
    const at = async (options?: ImagePredictorOptions) => {
      const { predictor } = await opened({ logit }, options);
      const { logits, lowRes } = await predictor.predict({ ...click, multimask: false });
      expect([lowRes[2 * 8 + 2], lowRes[63]]).toEqual([-4, 4]);
      const threshold = options?.threshold ?? 0;
      return [logits[5 * 64 + 20]! > threshold, logits[15 * 64 + 63]! > threshold];
    };
    expect(await at()).toEqual([false, true]);
    expect(await at({ maxHoleArea: 1 })).toEqual([true, true]);
    expect(await at({ maxSprinkleArea: 1 })).toEqual([false, false]);
    expect(await at({ maxHoleArea: 1, maxSprinkleArea: 1, threshold: 1 })).toEqual([true, false]);
  });

  test("are foreground above the threshold asked for", async () => {
    const { predictor } = await opened({}, { threshold: 1.5 });
    const answer = await predictor.predict(click);
    expect(answer.threshold).toBe(1.5);
    const masks = binaryMasks(answer);
    expect([0, 1, 2].map((candidate) => masks[candidate * 16 * 64])).toEqual([0, 1, 1]);
  });

  test.each([{ maxHoleArea: -1 }, { maxSprinkleArea: Number.NaN }, { threshold: Number.NaN }])(
    "with %j are refused from the start",
    (options) => {
      expect(() => new ImagePredictor(new RecordingPromptable(), options)).toThrow(ConfigError);
    },
  );
});

describe("the embedding", () => {
  /** A gate in front of the network's answers. */
  function gate() {
    const waiting: (() => void)[] = [];
    return {
      wait: () => new Promise<void>((resolve) => waiting.push(resolve)),
      open: () => waiting.shift()!(),
    };
  }

  test("is computed once per picture and freed by the next, by reset and by dispose", async () => {
    const { network, predictor } = await opened();
    await predictor.predict(click);
    await predictor.predict(click);
    expect(network.embedded).toHaveLength(1);
    const [first] = network.live;
    await predictor.setImage(picture(4, 4));
    expect(network.live.size).toBe(1);
    expect(network.live.has(first!)).toBe(false);
    predictor.reset();
    expect(network.live.size).toBe(0);
    await predictor.setImage(picture(4, 4));
    predictor[Symbol.dispose]();
    predictor[Symbol.dispose]();
    expect(network.live.size).toBe(0);
    await expect(predictor.setImage(picture(4, 4))).rejects.toThrow("disposed");
    await expect(predictor.predict(click)).rejects.toThrow(ConfigError);
  });

  test("stays when the next picture is none", async () => {
    const { network, predictor } = await opened();
    await expect(predictor.setImage({ ...picture(4, 4), width: 5 })).rejects.toThrow(GeometryError);
    expect(network.live.size).toBe(1);
    await predictor.predict(click);
    expect(network.calls).toHaveLength(1);
  });

  test("is not there when the engine failed, and the predictor can be used again", async () => {
    let broken = true;
    const network = new RecordingPromptable({
      before: () => {
        if (broken) throw new EngineError({ found: "no memory left" });
      },
    });
    const predictor = new ImagePredictor(network);
    await expect(predictor.setImage(picture(8, 8))).rejects.toThrow("no memory left");
    await expect(predictor.predict(click)).rejects.toThrow(ConfigError);
    broken = false;
    await predictor.setImage(picture(8, 8));
    broken = true;
    await expect(predictor.predict(click)).rejects.toThrow("no memory left");
    predictor[Symbol.dispose]();
    expect(network.live.size).toBe(0);
  });

  test("outlives its picture while predictions read it", async () => {
    const answers = gate();
    const { network, predictor } = await opened({
      before: (call) => (call === "candidates" ? answers.wait() : undefined),
    });
    const predictions = [predictor.predict(click), predictor.predict(click)];
    await predictor.setImage(picture(4, 4));
    expect(network.live.size).toBe(2);
    answers.open();
    await predictions[0];
    expect(network.live.size).toBe(2);
    answers.open();
    expect((await predictions[1])!.width).toBe(64);
    expect(network.live.size).toBe(1);
    predictor[Symbol.dispose]();
    expect(network.live.size).toBe(0);
  });

  test.each(["replaced", "reset", "disposed"])(
    "of a picture that was %s meanwhile is freed and said to be",
    async (how) => {
      const answers = gate();
      const network = new RecordingPromptable({ before: () => answers.wait() });
      const predictor = new ImagePredictor(network);
      const late = predictor.setImage(picture(4, 4));
      const next = how === "replaced" ? predictor.setImage(picture(8, 8)) : undefined;
      if (how === "reset") predictor.reset();
      if (how === "disposed") predictor[Symbol.dispose]();
      answers.open();
      await expect(late).rejects.toThrow(InterruptedError);
      expect(network.live.size).toBe(0);
      if (next !== undefined) {
        answers.open();
        await next;
        expect(predictor.size).toEqual({ height: 8, width: 8 });
      }
    },
  );
});
