import { ConfigError, EngineError, GeometryError, InterruptedError } from "@rfmedsam/base";
import { describe, expect, test } from "vitest";
import { box, click, count, kinds, open, run, shortRules, shortTracking } from "../testing/volume-predictors.js";
import type { PropagateOptions, VolumePredictor } from "./volume-predictor.js";

describe("prompts", () => {
  test("are shown at once on the slice's own grid, and nothing of objects that are not there", async () => {
    const { predictor } = open();
    await predictor.addPoints(3, 7, click);
    const shown = await predictor.addPoints(5, 2, click);
    expect(shown.objectIds).toEqual([7, 2]);
    expect([...new Set(shown.logits.subarray(0, 96))]).toEqual([-1024]);
    expect([...new Set(shown.logits.subarray(96))]).toEqual([6]);
    expect(predictor.objectIds).toEqual([7, 2]);
  });

  test("reach the network in pixels of its input, a box before its clicks", async () => {
    const { predictor, of } = open();
    await predictor.addPoints(0, 1, { ...click, box });
    await predictor.addPoints(0, 1, { points: [[0.5, 0.25]], labels: [0], normalised: true, clearOld: false });
    const [first, second] = of("decode");
    expect([...first!.prompts!.boxes!]).toEqual([16 / 12, 4, 12, 14].map(Math.fround));
    expect([...first!.prompts!.points!.coords]).toEqual([4, 8]);
    expect([...second!.prompts!.points!.coords]).toEqual([4, 8, 8, 4]);
    expect([...second!.prompts!.points!.labels]).toEqual([1, 0]);
    expect([...second!.prompts!.boxes!]).toEqual([...first!.prompts!.boxes!]);
  });

  test("ask for alternatives only when they are one click, and carry the earlier mask within ±32", async () => {
    const { predictor, of } = open({}, { answer: ({ count: n }) => new Float32Array(16 * n).fill(90) });
    await predictor.addPoints(0, 1, click);
    await predictor.addPoints(0, 1, { ...click, clearOld: false });
    expect(of("decode").map(({ multimask }) => multimask)).toEqual([true, false]);
    expect(of("decode").map(({ prompts }) => prompts!.masks?.[0])).toEqual([undefined, 32]);
  });

  test("that are a mask are the answer, or a prompt if the model is set up so", async () => {
    const mask = new Uint8Array(96).fill(1, 0, 48);
    const { predictor, of } = open({ fillHoleArea: 0 });
    const { logits } = await predictor.addMask(2, 1, mask);
    expect([logits[0], logits[95]]).toEqual([10, -10]);
    expect(of("adopt").length).toBe(1);
    const asked = open({}, { tracking: { ...shortTracking, maskAsOutput: false } });
    await asked.predictor.addMask(2, 1, mask);
    const { masks, points } = asked.of("decode")[0]!.prompts!;
    expect([masks![0], masks![15], points]).toEqual([1, 0, undefined]);
  });

  test("can be taken back before and after a propagation", async () => {
    const { predictor, network } = open();
    await predictor.addPoints(4, 1, click);
    const { logits } = await predictor.clearPrompts(4, 1);
    expect(logits[0]).toBe(-1024);
    await expect(run(predictor)).rejects.toThrow(/object 1 without prompts/);
    await predictor.addPoints(4, 1, click);
    await predictor.addPoints(8, 1, click);
    await run(predictor);
    expect([...predictor.timeline(1).conditioning.keys()]).toEqual([4, 8]);
    expect((await predictor.clearPrompts(8, 1)).logits[0]).toBe(9);
    expect([...predictor.timeline(1).conditioning.keys()]).toEqual([4]);
    expect(predictor.timeline(1).tracked.has(8)).toBe(true);
    await run(predictor);
    predictor[Symbol.dispose]();
    expect(network.live.size).toBe(0);
  });
});

describe("propagation", () => {
  test("starts at the first conditioning slice, at any other, backwards, and goes as far as wanted", async () => {
    const { predictor } = open();
    await predictor.addPoints(4, 1, click);
    await predictor.addPoints(9, 2, click);
    const order = async (options: PropagateOptions) => (await run(predictor, options)).map(({ slice }) => slice);
    expect(await order({ maxSlices: 3 })).toEqual([4, 5, 6, 7]);
    expect(await order({ start: 27 })).toEqual([27, 28, 29]);
    expect(await order({ start: 2, reverse: true })).toEqual([2, 1, 0]);
    expect(await order({ start: 6, reverse: true, maxSlices: 1 })).toEqual([6, 5]);
    expect(await order({ start: 0, reverse: true })).toEqual([]);
    expect(await order({ maxSlices: 0 })).toEqual([4]);
  });

  test("asks for all objects of a slice at once, each with its own memories", async () => {
    const { predictor, of } = open();
    await predictor.addPoints(4, 1, click);
    await predictor.addPoints(6, 2, click);
    const answers = await run(predictor);
    expect(answers.map(({ objectIds }) => objectIds)).toEqual(answers.map(() => [1, 2]));
    const last = of("decode").at(-1)!;
    expect([last.prompts!.count, last.prompts!.points, last.multimask, last.conditioned]).toEqual([
      2,
      undefined,
      true,
      true,
    ]);
    const seven = of("attend").find(({ mark }) => mark === 7)!.references!;
    expect(seven[0]).toEqual({
      spatial: [
        { mark: 4, row: 0, position: 0 },
        { mark: 5, row: 0, position: 2 },
        { mark: 6, row: 0, position: 1 },
      ],
      pointers: [
        { mark: 4, row: 0, offset: -3 },
        { mark: 6, row: 0, offset: -1 },
        { mark: 5, row: 0, offset: -2 },
      ],
      farthestPointer: 5,
    });
    expect(seven[1]!.spatial.map(({ mark, row, position }) => [mark, row, position])).toEqual([
      [6, 0, 0],
      [4, 0, 3],
      [5, 1, 2],
    ]);
    // Where object 1 is conditioned only object 2 is asked for, and the other way round.
    expect(
      of("attend")
        .filter(({ mark }) => mark === 4 || mark === 6)
        .map(({ references }) => references!.length),
    ).toEqual([1, 1]);
  });

  test("remembers what a person said as such, with its holes filled, and what was found as decoded", async () => {
    const ring = Float32Array.from({ length: 16 }, (_, n) => (n === 5 ? -1 : 1));
    const { predictor, of } = open(
      { fillHoleArea: 2 },
      { answer: ({ count: n }) => Float32Array.from({ length: 16 * n }, (_, i) => ring[i % 16]!) },
    );
    await predictor.addPoints(4, 1, click);
    expect(of("remember").length).toBe(0);
    await run(predictor, { maxSlices: 1 });
    const [prompted, found] = of("remember").map(({ remembered }) => remembered!);
    expect([prompted!.fromPoints, prompted!.logits?.[5], prompted!.separately]).toEqual([true, Math.fround(0.1), true]);
    expect(found).toEqual({ separately: true });
    expect(predictor.timeline(1).tracked.get(5)!.logits[5]).toBe(Math.fround(0.1));
  });

  test("leaves a pixel to one object alone when asked to", async () => {
    const { predictor } = open({ nonOverlapping: true });
    await predictor.addPoints(4, 1, click);
    const { logits } = await predictor.addMask(4, 2, new Uint8Array(96).fill(1));
    // Logits 5 and 10.
    expect([logits[0], logits[96]]).toEqual([-10, 10]);
  });

  test("reports every slice and stops when asked to, keeping what was found", async () => {
    const { predictor, network } = open();
    await predictor.addPoints(4, 1, click);
    const signal = { aborted: false };
    const seen: number[] = [];
    const stopped = run(predictor, {
      signal,
      progress: ({ done, total }) => {
        seen.push(done);
        expect(total).toBe(26);
        signal.aborted = done === 3;
      },
    });
    await expect(stopped).rejects.toThrow(InterruptedError);
    expect(seen).toEqual([1, 2, 3]);
    expect([...predictor.timeline(1).tracked.keys()]).toEqual([5, 6]);
    predictor[Symbol.dispose]();
    expect(network.live.size).toBe(0);
  });

  test("of a model without memory attends to nothing and remembers nothing", async () => {
    const { predictor, of } = open({}, { tracking: { ...shortTracking, memory: { ...shortRules, numMaskmem: 0 } } });
    await predictor.addPoints(4, 1, click);
    expect((await run(predictor)).length).toBe(26);
    expect(of("attend").length + of("remember").length).toBe(0);
  });
});

describe("a correction", () => {
  test("looks at memories, those let go included, and is passed anew by default", async () => {
    const { predictor, of } = open();
    await predictor.addPoints(0, 1, click);
    await run(predictor);
    const remembered = of("remember").length;
    await predictor.addPoints(10, 1, click);
    const made = of("remember")
      .slice(remembered)
      .map(({ mark }) => mark);
    expect(made).toEqual([7, 8, 9]);
    const decode = of("decode").at(-1)!;
    expect([decode.conditioned, decode.prompts!.masks![0]]).toEqual([true, 11]);
    const { spatial, pointers } = of("attend").at(-1)!.references![0]!;
    expect(spatial.map(({ mark, position }) => [mark, position])).toEqual([
      [0, 0],
      [7, 3],
      [8, 2],
      [9, 1],
    ]);
    expect(pointers.map(({ mark }) => mark)).toEqual([0, 9, 8, 7, 6, 5]);
    await run(predictor, { start: 9 });
    expect([...predictor.timeline(1).conditioning.keys()]).toEqual([0]);
  });

  test("conditions all slices when it is to", async () => {
    const { predictor, of } = open({ correctionsAsConditioning: true });
    await predictor.addPoints(0, 1, click);
    await run(predictor);
    await predictor.addPoints(10, 1, click);
    const decodes = of("decode").length;
    await run(predictor, { start: 9 });
    expect([...predictor.timeline(1).conditioning.keys()]).toEqual([0, 10]);
    expect(predictor.timeline(1).tracked.has(10)).toBe(false);
    expect(
      of("decode")
        .slice(decodes)
        .map(({ mark }) => mark),
    ).not.toContain(10);
  });

  test("runs in the direction the slice was passed in", async () => {
    const { predictor, of } = open();
    await predictor.addPoints(20, 1, click);
    await run(predictor, { start: 20, reverse: true });
    await predictor.addPoints(10, 1, click);
    const { spatial } = of("attend").at(-1)!.references![0]!;
    expect(spatial.map(({ mark }) => mark)).toEqual([20, 13, 12, 11]);
  });

  test("of an object whose only conditioning slice was cleared says what is missing", async () => {
    const { predictor } = open();
    await predictor.addPoints(0, 1, click);
    await run(predictor);
    await predictor.clearPrompts(0, 1);
    await expect(predictor.addPoints(10, 1, click)).rejects.toThrow(ConfigError);
  });
});

describe("wrong input", () => {
  const wrong: readonly (readonly [
    string,
    (predictor: VolumePredictor) => Promise<unknown>,
    new (...args: never[]) => Error,
  ])[] = [
    ["a slice out of range", (p) => p.addPoints(count, 1, click), GeometryError],
    ["a slice that is no whole number", (p) => p.addMask(1.5, 1, new Uint8Array(96)), GeometryError],
    ["a negative slice", (p) => p.clearPrompts(-1, 5), GeometryError],
    ["a point outside the slice", (p) => p.addPoints(0, 1, { points: [[12.5, 1]], labels: [1] }), ConfigError],
    [
      "a normalised point outside",
      (p) => p.addPoints(0, 1, { points: [[3, 4]], labels: [1], normalised: true }),
      ConfigError,
    ],
    ["a point that is not a number", (p) => p.addPoints(0, 1, { points: [[Number.NaN, 1]], labels: [1] }), ConfigError],
    ["points without labels", (p) => p.addPoints(0, 1, { points: [[1, 1]] }), ConfigError],
    ["labels without points", (p) => p.addPoints(0, 1, { labels: [1] }), ConfigError],
    ["a label that is none", (p) => p.addPoints(0, 1, { points: [[1, 1]], labels: [2] }), ConfigError],
    ["neither points nor a box", (p) => p.addPoints(0, 1, {}), ConfigError],
    ["an empty box", (p) => p.addPoints(0, 1, { box: [3, 3, 3, 7] }), ConfigError],
    ["an inverted box", (p) => p.addPoints(0, 1, { box: [5, 3, 3, 7] }), ConfigError],
    ["a box with NaN", (p) => p.addPoints(0, 1, { box: [1, Number.NaN, 3, 7] }), ConfigError],
    ["a box in addition", (p) => p.addPoints(0, 1, { box, clearOld: false }), ConfigError],
    ["a mask of another size", (p) => p.addMask(0, 1, new Uint8Array(95)), GeometryError],
    ["a mask that is not 0 or 1", (p) => p.addMask(0, 1, new Uint8Array(96).fill(2)), ConfigError],
    ["a mask with NaN", (p) => p.addMask(0, 1, new Float32Array(96).fill(Number.NaN)), ConfigError],
    ["an object id that is no whole number", (p) => p.addPoints(0, 0.5, click), ConfigError],
    ["an unknown object to clear", (p) => p.clearPrompts(0, 6), ConfigError],
    ["an unknown object to remove", (p) => p.removeObject(6), ConfigError],
    ["a start that is no slice", (p) => run(p, { start: count }), GeometryError],
    ["a negative number of slices", (p) => run(p, { maxSlices: -1 }), ConfigError],
  ];

  test.each(wrong)("%s is refused, and changes nothing", async (_, act, kind) => {
    const { predictor, network } = open();
    await predictor.addPoints(4, 5, click);
    const before = kinds(network);
    await expect(act(predictor)).rejects.toThrow(kind);
    expect(predictor.objectIds).toEqual([5]);
    expect(kinds(network)).toEqual(before);
    expect((await run(predictor)).length).toBe(26);
  });

  test("nothing to propagate is an error", async () => {
    const { predictor } = open();
    await expect(run(predictor)).rejects.toThrow(ConfigError);
  });

  test.each([{ fillHoleArea: -1 }, { fillHoleArea: Number.NaN }, { maxEmbeddings: 0 }, { history: "none" as "full" }])(
    "options %o are refused",
    (options) => {
      expect(() => open(options)).toThrow(ConfigError);
    },
  );

  test("a disposed predictor answers nothing", async () => {
    const { predictor } = open();
    predictor[Symbol.dispose]();
    await expect(predictor.addPoints(0, 1, click)).rejects.toThrow(EngineError);
  });
});
