import { fc, test } from "@fast-check/vitest";
import { ConfigError, EngineError, GeometryError, InterruptedError, type ProgressEvent } from "@rfmedsam/base";
import type { RgbPicture } from "@rfmedsam/imaging";
import { describe, expect } from "vitest";
import type { EmbeddingHandle, handleKind, ObjectPrompts } from "../../networks.js";
import type { PictureRuleName } from "../picture.js";
import type { MaskCandidates, PromptableNetwork } from "../promptable.js";
import { type FoundMask, segmentEverything } from "./generator.js";
import { everythingRecord } from "./records.js";
import { decodeRle } from "./rle.js";

class Seen {
  declare readonly [handleKind]: "embedding";
  constructor(readonly input: Float32Array) {}
}

interface Sight {
  readonly rule?: PictureRuleName;
  /** Predicted IoUs of the three answers to a point on a shape. */
  readonly ious?: readonly number[];
  /** What comes back instead of the right answer. */
  readonly spoil?: (right: MaskCandidates) => MaskCandidates;
  readonly change?: (logits: Float32Array, candidate: number, prompts: ObjectPrompts) => void;
}

const colours = [
  [230, 60, 60],
  [60, 220, 60],
  [60, 60, 240],
  [220, 220, 50],
  [60, 220, 220],
];

/** The colours as the networks' inputs hold them. */
const palette = colours.map((colour) =>
  colour.map((value, c) => (value / 255 - [0.485, 0.456, 0.406][c]!) / [0.229, 0.224, 0.225][c]!),
);

/** Sees all that has the colour under the point; of what has none of the shapes' colours it thinks little. */
class SeeingNetwork implements PromptableNetwork {
  readonly imageSize = 256;
  readonly maskSize = 64;
  readonly pictureRule: PictureRuleName;
  readonly live = new Set<EmbeddingHandle>();
  readonly questions: { readonly count: number; readonly multimask: boolean; readonly prompts: ObjectPrompts }[] = [];
  embeddings = 0;

  constructor(private readonly sight: Sight = {}) {
    this.pictureRule = sight.rule ?? "sam2";
  }

  async embed(pictures: Float32Array, count: number): Promise<EmbeddingHandle[]> {
    expect(pictures).toHaveLength(count * 3 * this.imageSize ** 2);
    this.embeddings++;
    const handle = new Seen(pictures);
    this.live.add(handle);
    return [handle];
  }

  async candidates(embedding: EmbeddingHandle, prompts: ObjectPrompts, { multimask }: { multimask: boolean }) {
    expect(this.live.has(embedding)).toBe(true);
    this.questions.push({ count: prompts.count, multimask, prompts });
    const { input } = embedding as Seen;
    const [ious, m] = [multimask ? (this.sight.ious ?? [0.95, 0.93, 0.4]) : [0.97], this.maskSize];
    const logits = new Float32Array(prompts.count * ious.length * m * m);
    const answers = new Float32Array(prompts.count * ious.length);
    for (let n = 0; n < prompts.count; n++) {
      const { coords } = prompts.points!;
      const under = this.#pixel(coords[n * 2]!, coords[n * 2 + 1]!);
      const known = palette.some((colour) =>
        colour.every((value, c) => Math.abs(value - this.#value(input, under, c)) < 0.25),
      );
      for (let c = 0; c < ious.length; c++) {
        const row = n * ious.length + c;
        const own = logits.subarray(row * m * m, (row + 1) * m * m);
        for (let i = 0; i < own.length; i++) {
          own[i] = this.#alike(input, under, this.#pixel((i % m) * 4 + 2, Math.floor(i / m) * 4 + 2)) ? 40 : -40;
        }
        this.sight.change?.(own, c, prompts);
        answers[row] = known ? ious[c]! : 0.1;
      }
    }
    const right = { count: prompts.count, candidates: ious.length, logits, ious: answers };
    return this.sight.spoil?.(right) ?? right;
  }

  release(...handles: readonly EmbeddingHandle[]): void {
    for (const handle of handles) expect(this.live.delete(handle)).toBe(true);
  }

  #pixel(x: number, y: number): number {
    const clamp = (value: number) => Math.max(0, Math.min(this.imageSize - 1, Math.floor(value)));
    return clamp(y) * this.imageSize + clamp(x);
  }

  #value(input: Float32Array, pixel: number, c: number): number {
    return input[c * this.imageSize ** 2 + pixel]!;
  }

  #alike(input: Float32Array, a: number, b: number): boolean {
    for (let c = 0; c < 3; c++) {
      if (Math.abs(this.#value(input, a, c) - this.#value(input, b, c)) >= 0.25) return false;
    }
    return true;
  }
}

type Shape = (x: number, y: number) => boolean;
const rectangle =
  (x0: number, y0: number, x1: number, y1: number): Shape =>
  (x, y) =>
    x >= x0 && x < x1 && y >= y0 && y < y1;
const disc =
  (cx: number, cy: number, radius: number): Shape =>
  (x, y) =>
    (x - cx) ** 2 + (y - cy) ** 2 <= radius ** 2;
function draw(height: number, width: number, shapes: readonly Shape[]): RgbPicture {
  const data = new Uint8Array(height * width * 3);
  for (let i = 0; i < height * width; i++) {
    const at = shapes.findLastIndex((shape) => shape(i % width, Math.floor(i / width)));
    if (at >= 0) data.set(colours[at]!, i * 3);
  }
  return { height, width, data };
}

/** How well a found mask covers a shape of a picture. */
function overlap({ segmentation }: FoundMask, shape: Shape): number {
  const [, width] = segmentation.size;
  let both = 0;
  let either = 0;
  decodeRle(segmentation).forEach((value, i) => {
    const drawn = shape(i % width, Math.floor(i / width));
    if (drawn && value === 1) both++;
    if (drawn || value === 1) either++;
  });
  return both / either;
}

function expectEachOnce(found: readonly FoundMask[], shapes: readonly Shape[]): void {
  expect(found).toHaveLength(shapes.length);
  for (const shape of shapes) expect(found.filter((mask) => overlap(mask, shape) > 0.8)).toHaveLength(1);
}

const shapes = [rectangle(12, 14, 60, 50), disc(150, 50, 30), rectangle(60, 110, 190, 140), disc(25, 110, 18)];
const picture = draw(160, 220, shapes);
const quick = { pointsPerSide: 8 };

describe("segmentEverything", () => {
  test.each<PictureRuleName>(["sam2", "sam", "sam-med2d"])(
    "finds every shape exactly once by the rule of %s",
    async (rule) => {
      const network = new SeeingNetwork({ rule });
      const found = await segmentEverything(network, picture, quick);
      expectEachOnce(found, shapes);
      expect(network.live.size).toBe(0);
      for (const mask of found) {
        const [x, y] = mask.point;
        const pixels = decodeRle(mask.segmentation);
        expect(pixels[Math.floor(y) * 220 + Math.floor(x)]).toBe(1);
        expect(mask.area).toBe(pixels.reduce((sum, value) => sum + value, 0));
        expect(mask.predictedIou).toBe(Math.fround(0.95));
        expect(mask.stabilityScore).toBeGreaterThan(0.95);
        expect(mask.cropBox).toEqual([0, 0, 220, 160]);
      }
    },
  );

  test("says where masks are: box, point and order", async () => {
    const [mask] = await segmentEverything(new SeeingNetwork(), draw(256, 256, [rectangle(64, 32, 128, 192)]), {
      pointsPerSide: 4,
    });
    // Low-resolution pixels 16 … 31 and 8 … 47; the first point of the grid on the shape; a bounding box up to the last pixel.
    expect(mask?.bbox).toEqual([64, 32, 63, 159]);
    // Between pixels of 40 and -40 the edge is halfway; only the four corners are rounded off.
    expect(mask?.area).toBe(64 * 160 - 4);
    expect(mask?.point).toEqual([96, 32]);
    expect(mask?.segmentation.counts.slice(0, 3)).toEqual([64 * 256 + 33, 158, 97]);
  });

  test("finds every shape exactly once with crops, too", async () => {
    const network = new SeeingNetwork();
    const large = draw(300, 340, [
      rectangle(30, 34, 90, 80),
      disc(230, 90, 45),
      disc(170, 150, 24),
      rectangle(20, 200, 300, 270),
    ]);
    const found = await segmentEverything(network, large, { pointsPerSide: 16, cropNLayers: 1 });
    expectEachOnce(found, [
      rectangle(30, 34, 90, 80),
      (x, y) => disc(230, 90, 45)(x, y) && !disc(170, 150, 24)(x, y),
      disc(170, 150, 24),
      rectangle(20, 200, 300, 270),
    ]);
    expect(network.embeddings).toBe(5);
    expect(network.live.size).toBe(0);
    // What a crop shows whole comes from there; the bar that no crop shows whole comes from the picture.
    const bar = found.find((mask) => overlap(mask, rectangle(20, 200, 300, 270)) > 0.8);
    expect(bar?.cropBox).toEqual([0, 0, 340, 300]);
    const small = found.find((mask) => overlap(mask, rectangle(30, 34, 90, 80)) > 0.8);
    expect(small?.cropBox).toEqual([0, 0, 221, 201]);
    for (const { segmentation, point } of found) {
      expect(segmentation.size).toEqual([300, 340]);
      expect(decodeRle(segmentation)[Math.floor(point[1]) * 340 + Math.floor(point[0])]).toBe(1);
    }
  });

  test("with crops finds what the grid of the whole picture misses", async () => {
    const speck = rectangle(170, 165, 240, 235);
    const tiny = draw(400, 400, [speck]);
    const settings = { pointsPerSide: 4 };
    expect(await segmentEverything(new SeeingNetwork(), tiny, settings)).toHaveLength(0);
    expectEachOnce(await segmentEverything(new SeeingNetwork(), tiny, { ...settings, cropNLayers: 1 }), [speck]);
  });

  const numbers = { height: fc.integer({ min: 1, max: 40 }), width: fc.integer({ min: 1, max: 40 }) };
  test.prop([fc.record(numbers), fc.constantFrom(0, 1, 2)], { numRuns: 8 })(
    "takes pictures of any size",
    async ({ height, width }, cropNLayers) => {
      const network = new SeeingNetwork();
      const full = draw(height, width, [() => true]);
      const found = await segmentEverything(network, full, { pointsPerSide: 1, cropNLayers });
      expect(found.length).toBeGreaterThan(0);
      for (const { area, cropBox } of found) expect(area).toBe(cropBox[2] * cropBox[3]);
      if (cropNLayers === 0) expect(found[0]?.area).toBe(height * width);
      expect(network.live.size).toBe(0);
    },
  );

  test("keeps the better half of what the network thinks of, strictly above the threshold", async () => {
    const ious = [0.8, 0.7, 0.4];
    const at = (predIouThresh: number) =>
      segmentEverything(new SeeingNetwork({ ious }), picture, { ...quick, predIouThresh });
    expect(await at(0.8)).toHaveLength(0);
    expect(await at(0.79)).toHaveLength(4);
  });

  test("drops masks without a sharp edge", async () => {
    const soften = (logits: Float32Array) => {
      for (let i = 0; i < logits.length; i++) logits[i]! *= i % 2 === 0 ? 1 : 0.02;
    };
    expect(await segmentEverything(new SeeingNetwork({ change: soften }), picture, quick)).toHaveLength(0);
    const lenient = { ...quick, stabilityScoreThresh: 0 };
    expect(await segmentEverything(new SeeingNetwork({ change: soften }), picture, lenient)).toHaveLength(4);
  });

  test("drops empty masks, unless asked to keep even those that are not stable at all", async () => {
    const network = () => new SeeingNetwork({ change: (logits) => logits.fill(-9) });
    expect(await segmentEverything(network(), picture, quick)).toHaveLength(0);
    const [empty] = await segmentEverything(network(), picture, { ...quick, stabilityScoreThresh: 0 });
    expect(empty).toMatchObject({ area: 0, bbox: [0, 0, 0, 0], stabilityScore: Number.NaN });
    expect(empty?.segmentation.counts).toEqual([160 * 220]);
  });

  /** An island of one low-resolution pixel in the upper left corner, about 2 × 3 pixels of the picture. */
  const island = (logits: Float32Array) => {
    logits[0] = 40;
  };
  test.each<PictureRuleName>(["sam2", "sam"])("removes small regions by the rule of %s", async (rule) => {
    const network = () => new SeeingNetwork({ rule, change: island });
    const before = await segmentEverything(network(), picture, { ...quick, stabilityScoreThresh: 0.5 });
    expect(before.every(({ bbox }) => bbox[0] === 0 && bbox[1] === 0)).toBe(true);
    // One pixel of the decoder's mask, or as many of the picture as it covers.
    const minMaskRegionArea = rule === "sam2" ? 1 : 40;
    const cleaned = await segmentEverything(network(), picture, {
      ...quick,
      stabilityScoreThresh: 0.5,
      minMaskRegionArea,
    });
    expectEachOnce(cleaned, shapes);
    expect(cleaned.every(({ bbox }) => bbox[0] > 0)).toBe(true);
    for (const mask of cleaned) expect(mask.area).toBe(decodeRle(mask.segmentation).reduce((sum, v) => sum + v, 0));
  });

  test("shows masks to the network again when asked to, within the limit of mask prompts", async () => {
    const network = new SeeingNetwork({
      // The first answer is worthless; only one that was given a mask is good.
      change: (logits, _, prompts) => {
        if (prompts.masks === undefined) for (let i = 0; i < logits.length; i += 2) logits[i] = 0;
      },
    });
    const found = await segmentEverything(network, picture, { ...quick, useM2m: true, pointsPerBatch: 50 });
    expectEachOnce(found, shapes);
    expect(found[0]?.predictedIou).toBe(Math.fround(0.97));
    const second = network.questions.filter(({ prompts }) => prompts.masks !== undefined);
    // 50 points and 14 points, three answers each, again in batches.
    expect(second.map(({ count }) => count)).toEqual([50, 50, 50, 42]);
    for (const { multimask, prompts } of second) {
      expect(multimask).toBe(false);
      expect(prompts.masks?.every((logit) => Math.abs(logit) <= 32)).toBe(true);
    }
    const first = network.questions[0]!.prompts.points!;
    expect(Array.from(second[0]!.prompts.points!.coords.slice(0, 8))).toEqual(
      [0, 0, 0, 1].flatMap((n) => [first.coords[n * 2], first.coords[n * 2 + 1]]),
    );
  });

  test("asks single answers when told to, and never more points at a time than allowed", async () => {
    const network = new SeeingNetwork();
    const found = await segmentEverything(network, picture, { ...quick, pointsPerBatch: 30, multimaskOutput: false });
    expectEachOnce(found, shapes);
    expect(network.questions.map(({ count, multimask }) => [count, multimask])).toEqual([
      [30, false],
      [30, false],
      [4, false],
    ]);
  });

  test("asks own points", async () => {
    const pointGrids: [number, number][][] = [[[150 / 220, 50 / 160]]];
    const found = await segmentEverything(new SeeingNetwork(), picture, { pointGrids });
    expectEachOnce(found, [shapes[1]!]);
    expect(found[0]?.point).toEqual([150, 50]);
  });

  test("reports progress in points up to the end", async () => {
    const events: ProgressEvent[] = [];
    await segmentEverything(new SeeingNetwork(), picture, {
      pointsPerSide: 4,
      pointsPerBatch: 10,
      cropNLayers: 1,
      cropNPointsDownscaleFactor: 2,
      progress: (event) => events.push(event),
    });
    expect(events.map(({ done }) => done)).toEqual([10, 16, 20, 24, 28, 32]);
    expect(events.every(({ total }) => total === 32)).toBe(true);
    expect(events[1]?.values?.masks).toBeGreaterThan(0);
  });

  test("stops when asked to and gives back the embedding", async () => {
    const network = new SeeingNetwork();
    const signal = { aborted: false };
    const stopped = segmentEverything(network, picture, {
      pointsPerSide: 8,
      pointsPerBatch: 8,
      signal,
      progress: ({ done }) => {
        signal.aborted = done >= 16;
      },
    });
    await expect(stopped).rejects.toThrow(InterruptedError);
    expect(network.questions).toHaveLength(2);
    expect(network.live.size).toBe(0);
  });

  test.each<[string, (right: MaskCandidates) => MaskCandidates]>([
    ["too few logits", (right) => ({ ...right, logits: right.logits.subarray(1) })],
    ["too few predicted IoUs", (right) => ({ ...right, ious: right.ious.subarray(1) })],
    ["another number of points", (right) => ({ ...right, count: right.count - 1 })],
    ["predicted IoUs of NaN", (right) => ({ ...right, ious: right.ious.map(() => Number.NaN) })],
    [
      "an exception",
      () => {
        throw new EngineError({ found: "out of memory" });
      },
    ],
  ])("gives back the embedding when the network answers with %s", async (_, spoil) => {
    const network = new SeeingNetwork({ spoil });
    await expect(segmentEverything(network, picture, quick)).rejects.toThrow(EngineError);
    expect(network.live.size).toBe(0);
  });

  test("refuses wrong settings and pictures before the network is asked", async () => {
    const network = new SeeingNetwork();
    await expect(segmentEverything(network, picture, { pointsPerSide: -1 })).rejects.toThrow(ConfigError);
    await expect(segmentEverything(network, { ...picture, height: 3 })).rejects.toThrow(GeometryError);
    await expect(segmentEverything(network, { height: 0, width: 0, data: new Uint8Array() })).rejects.toThrow(
      GeometryError,
    );
    expect(network.embeddings).toBe(0);
  });
});

describe("everythingRecord", () => {
  test("is what the references' generators return", async () => {
    const [mask] = await segmentEverything(new SeeingNetwork(), draw(256, 256, [rectangle(0, 0, 256, 128)]), {
      pointsPerSide: 2,
    });
    const record = everythingRecord(mask!, "coco_rle");
    expect(Object.keys(record)).toEqual([
      "segmentation",
      "area",
      "bbox",
      "predicted_iou",
      "point_coords",
      "stability_score",
      "crop_box",
    ]);
    expect(record).toMatchObject({
      area: 256 * 128,
      bbox: [0, 0, 255, 127],
      point_coords: [[64, 64]],
      crop_box: [0, 0, 256, 256],
    });
    expect(typeof record.segmentation.counts).toBe("string");
    expect(everythingRecord(mask!, "uncompressed_rle").segmentation).toBe(mask!.segmentation);
    const pixels: Uint8Array = everythingRecord(mask!, "binary_mask").segmentation;
    expect(pixels.lastIndexOf(1)).toBe(128 * 256 - 1);
  });
});
