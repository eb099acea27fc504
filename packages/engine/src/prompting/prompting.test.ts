/** Prompts on pictures and volumes: where they go, and what comes back. The network is a small SAM 2 with random weights, or a stand-in. */
import { ConfigError, EngineError, GeometryError, InterruptedError } from "@rfmedsam/base";
import { type Affine, reorient, type Volume } from "@rfmedsam/imaging";
import { buildModel, smallSam2Config, TorchRefiner, TorchSam2Pictures } from "@rfmedsam/models";
import type { EmbeddingHandle, ObjectPrompts, PromptableNetwork } from "@rfmedsam/segmenter";
import { manualSeed, setNumThreads } from "@rfmedsam/torch";
import { describe, expect, test } from "vitest";
import { maskLogits } from "./mask-prompt.js";
import { promptPicture } from "./picture.js";
import type { GivenPrompts } from "./prompts.js";
import { arrayAxis, promptVolume } from "./volume.js";

setNumThreads(1);
manualSeed(11);
const sam2 = buildModel({ family: "sam2", config: smallSam2Config(64) }).eval();
const model = { pictures: new TorchSam2Pictures(sam2), tracker: new TorchRefiner(sam2) };

const picture = { height: 20, width: 30, data: Uint8Array.from({ length: 1800 }, (_, at) => (at * 7) % 256) };
const affine: Affine = [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1];
const shape = [4, 12, 16] as const;
const volume: Volume<Int16Array> = {
  shape,
  affine,
  data: Int16Array.from({ length: 4 * 12 * 16 }, (_, at) => ((at * 13) % 400) - 100),
};

/** Answers every prompt with three masks that get better, the last one all foreground; remembers what it was asked. */
function standIn(): PromptableNetwork & { readonly asked: [ObjectPrompts, boolean][] } {
  const asked: [ObjectPrompts, boolean][] = [];
  return {
    asked,
    imageSize: 32,
    maskSize: 8,
    pictureRule: "sam2",
    embed: async () => [{} as EmbeddingHandle],
    candidates: async (_, prompts, { multimask }) => {
      asked.push([prompts, multimask]);
      const candidates = multimask ? 3 : 1;
      const logits = new Float32Array(candidates * 64).fill(-1);
      logits.fill(1, (candidates - 1) * 64);
      return { count: 1, candidates, logits, ious: Float32Array.of(0.2, 0.3, 0.9).slice(-candidates) };
    },
    release: () => {},
  };
}

describe("a picture", () => {
  test("one click chooses among the alternatives, more prompts get the single answer", async () => {
    const network = standIn();
    const found = await promptPicture(network, picture, {
      points: [
        { object: 2, at: [3, 4], label: 1 },
        { object: 1, at: [5, 6], label: 1 },
        { object: 1, at: [7, 8], label: 0 },
      ],
      boxes: [{ object: 3, box: [1, 2, 10, 12] }],
    });
    expect(network.asked.map(([, multimask]) => multimask)).toEqual([false, true, false]);
    expect(found.map(({ object }) => object)).toEqual([1, 2, 3]);
    expect(found[1]).toMatchObject({ area: 600, box: [0, 0, 29, 19] });
    expect(found[1]?.score).toBeCloseTo(0.9);
    expect(Array.from(network.asked[0]![0].points!.labels)).toEqual([1, 0]);
  });

  test("an answer that is no number is not taken for nothing", async () => {
    const network: PromptableNetwork = {
      ...standIn(),
      candidates: async () => ({
        count: 1,
        candidates: 1,
        logits: new Float32Array(64).fill(Number.NaN),
        ious: Float32Array.of(Number.NaN),
      }),
    };
    const asked = promptPicture(network, picture, { points: [{ object: 1, at: [0, 0], label: 1 }] });
    await expect(asked).rejects.toThrow(EngineError);
  });

  test("nothing found is no box", async () => {
    const network = {
      ...standIn(),
      candidates: async () => ({
        count: 1,
        candidates: 1,
        logits: new Float32Array(64).fill(-1),
        ious: Float32Array.of(0.1),
      }),
    };
    const [found] = await promptPicture(network, picture, { points: [{ object: 1, at: [0, 0], label: 1 }] });
    expect(found).toMatchObject({ area: 0, box: undefined });
  });

  test.each<[string, GivenPrompts, RegExp]>([
    ["nothing", {}, /no prompt/],
    ["a click outside", { points: [{ object: 1, at: [31, 2], label: 1 }] }, /\(31, 2\)/],
    ["a click with a slice", { points: [{ object: 1, at: [3, 2, 1], label: 1 }] }, /pixels \(x, y\) of the picture/],
    ["an empty box", { boxes: [{ object: 1, box: [5, 5, 5, 9] }] }, /x0 < x1/],
    ["a box beyond the edge", { boxes: [{ object: 1, box: [5, 5, 31, 9] }] }, /x from 0 to 30, y from 0 to 20/],
    ["a click that is no number", { points: [{ object: 1, at: [Number.NaN, 2], label: 1 }] }, /NaN/],
    ["a box on a slice", { boxes: [{ object: 1, box: [5, 5, 8, 9], slice: 2 }] }, /a prompt on slice 2/],
    ["two boxes", { boxes: [1, 2].map((x) => ({ object: 1, box: [x, 1, 9, 9] as const })) }, /2 boxes for object 1/],
    [
      "a mask of another size",
      { masks: [{ object: 1, mask: { height: 2, width: 2, data: new Uint8Array(4) } }] },
      /2×2 pixels; expected the picture's 30×20/,
    ],
  ])("%s is refused", async (_, prompts, message) => {
    const failure = await promptPicture(standIn(), picture, prompts).catch((error: unknown) => error);
    expect(failure instanceof ConfigError || failure instanceof GeometryError).toBe(true);
    expect(String(failure)).toMatch(message);
  });
});

describe("a mask as a prompt", () => {
  const mask = (height: number, width: number, inside: (x: number, y: number) => boolean) => ({
    height,
    width,
    data: Uint8Array.from({ length: height * width }, (_, at) => Number(inside(at % width, Math.floor(at / width)))),
  });

  test("is stretched over the low-resolution mask", () => {
    const logits = maskLogits(
      mask(16, 32, (x) => x < 16),
      { height: 16, width: 32 },
      { imageSize: 32, maskSize: 8, pictureRule: "sam2" },
    );
    for (let v = 0; v < 8; v++) for (let u = 0; u < 8; u++) expect(logits[v * 8 + u]).toBe(u < 4 ? 10 : -10);
  });

  test("keeps its proportions where the picture does, and stands between where it covers a part", () => {
    const logits = maskLogits(
      mask(16, 32, () => true),
      { height: 16, width: 32 },
      { imageSize: 32, maskSize: 8, pictureRule: "sam" },
    );
    for (let v = 0; v < 8; v++) expect(logits[v * 8]).toBe(v < 4 ? 10 : -10);
    const half = maskLogits(
      mask(16, 16, (_, y) => y % 2 === 0),
      { height: 16, width: 16 },
      { imageSize: 32, maskSize: 8, pictureRule: "sam" },
    );
    expect(new Set(half)).toEqual(new Set([0]));
  });

  test("a small picture is enlarged", () => {
    const logits = maskLogits(
      mask(2, 2, (x, y) => x === y),
      { height: 2, width: 2 },
      { imageSize: 32, maskSize: 8, pictureRule: "sam-med2d" },
    );
    expect([logits[0], logits[7], logits[56], logits[63]]).toEqual([10, -10, -10, 10]);
  });
});

describe("a volume", () => {
  const click = (x: number, y: number, z: number, object = 1) => ({ object, at: [x, y, z], label: 1 as const });

  test("SAM 2 follows the objects through all slices, the others answer where they were asked", async () => {
    const whole = await promptVolume(model, volume, { points: [click(8, 6, 1), click(3, 3, 2, 7)] });
    expect(whole.labels).toMatchObject({ shape, affine });
    expect(whole.prompted).toEqual([1, 2]);
    expect(whole.objects.map(({ object }) => object)).toEqual([1, 7]);
    expect([0, 1, 7]).toEqual(expect.arrayContaining([...new Set(whole.labels.data)]));
    const alone = await promptVolume({ pictures: standIn(), tracker: undefined }, volume, { points: [click(8, 6, 1)] });
    expect(alone.objects).toEqual([{ object: 1, voxels: 192, ml: expect.closeTo(192 * 0.012), slices: [1, 1] }]);
    const slices = [0, 1, 2, 3].map((z) =>
      alone.labels.data.subarray(z * 192, (z + 1) * 192).every((label) => label === 1),
    );
    expect(slices).toEqual([false, true, false, false]);
  });

  test("without propagation SAM 2 answers on the prompted slices alone", async () => {
    const { labels } = await promptVolume(
      model,
      volume,
      { masks: [{ object: 4, slice: 2, mask: { height: 12, width: 16, data: new Uint8Array(192).fill(1) } }] },
      { propagate: false },
    );
    expect(
      [...labels.data.keys()].filter((at) => labels.data[at] === 4).every((at) => Math.floor(at / 192) === 2),
    ).toBe(true);
    expect(labels.data.filter((label) => label === 4).length).toBeGreaterThan(150);
  });

  test.each([
    ["axial", 0, [5, 7]],
    ["coronal", 1, [5, 3]],
    ["sagittal", 2, [7, 3]],
  ] as const)("a click on an %s slice is (column, row) of it", async (axis, expected, at) => {
    const network = standIn();
    const { axis: stacked, prompted } = await promptVolume(
      { pictures: network, tracker: undefined },
      volume,
      { points: [click(5, 7, 3)] },
      { axis },
    );
    expect(stacked).toBe(expected);
    expect(prompted).toEqual([[3, 7, 5][expected]]);
    const size = [
      [16, 12],
      [16, 4],
      [12, 4],
    ][expected]!;
    const coords = network.asked[0]![0].points!.coords;
    expect(Array.from(coords)).toEqual([
      expect.closeTo((at[0] / size[0]!) * 32),
      expect.closeTo((at[1] / size[1]!) * 32),
    ]);
  });

  test("the axis is the patient's, however the volume is stored", () => {
    expect([arrayAxis(volume, "axial"), arrayAxis(volume, "coronal"), arrayAxis(volume, "sagittal")]).toEqual([
      0, 1, 2,
    ]);
    const turned = reorient(volume, "PSL");
    expect([arrayAxis(turned, "axial"), arrayAxis(turned, "coronal"), arrayAxis(turned, "sagittal")]).toEqual([
      1, 2, 0,
    ]);
  });

  const mask = { height: 12, width: 16, data: new Uint8Array(192) };
  test.each<[string, GivenPrompts, RegExp, number?]>([
    [
      "a click without a slice",
      { points: [{ object: 1, at: [1, 2], label: 1 }] },
      /three voxel indices x, y, z .* 15, 11, 3/,
    ],
    ["a click outside", { points: [click(8, 6, 4)] }, /point at \(8, 6, 4\)/],
    ["a click that is no number", { points: [click(Number.NaN, 6, 1)] }, /NaN/],
    ["a box without a slice", { boxes: [{ object: 1, box: [1, 1, 4, 4] }] }, /a box without a slice/],
    ["a box outside", { boxes: [{ object: 1, box: [1, 1, 16, 4], slice: 1 }] }, /columns 0 to 15, rows 0 to 11/],
    ["an empty box", { boxes: [{ object: 1, box: [4, 4, 4, 4], slice: 1 }] }, /x0 < x1/],
    [
      "a box on no slice",
      { boxes: [{ object: 1, box: [1, 1, 4, 4] }] },
      /a box on slice 9; expected a slice from 0 to 3/,
      9,
    ],
    [
      "a mask of another size",
      { masks: [{ object: 1, slice: 1, mask: { ...mask, height: 6, data: new Uint8Array(96) } }] },
      /16×6 pixels; expected the slice's 16×12/,
    ],
    [
      "a mask and a click",
      { masks: [{ object: 1, slice: 1, mask }], points: [click(1, 1, 1)] },
      /a mask and other prompts/,
    ],
    ["an object that is no label", { points: [click(1, 1, 1, 300)] }, /object 300/],
    ["nothing", {}, /no prompt/],
  ])("%s is refused", async (_, prompts, message, slice) => {
    const failure = await promptVolume(model, volume, prompts, { slice }).catch((error: unknown) => error);
    expect(failure instanceof ConfigError || failure instanceof GeometryError).toBe(true);
    expect(String(failure)).toMatch(message);
  });

  test("voxels that are no numbers are refused", async () => {
    const data = new Float32Array(4 * 12 * 16).fill(Number.NaN, 0, 20).map((value, at) => value + at);
    for (const tracker of [model.tracker, undefined]) {
      await expect(
        promptVolume({ pictures: standIn(), tracker }, { ...volume, data }, { points: [click(1, 1, 0)] }),
      ).rejects.toThrow(ConfigError);
    }
  });

  test("it stops when asked to", async () => {
    const signal = { aborted: true };
    await expect(promptVolume(model, volume, { points: [click(1, 1, 0)] }, { signal })).rejects.toThrow(
      InterruptedError,
    );
  });
});
