import { ConfigError, EngineError, GeometryError } from "@rfmedsam/base";
import type { EmbeddingHandle, MaskCandidates, ObjectPrompts, PromptableNetwork } from "@rfmedsam/segmenter";
import { describe, expect, test } from "vitest";
import {
  bestCandidates,
  type ClickedRound,
  type ClickOccasion,
  clickRounds,
  simulatedClicks,
} from "./iterative-prompts.js";
import { sigmoid } from "./scores.js";

const [side, maskSize] = [16, 4];
const embedding = {} as EmbeddingHandle;

/** A network that answers what it is told to, and notes what it was asked. */
class Scripted implements PromptableNetwork {
  readonly imageSize = side;
  readonly maskSize = maskSize;
  readonly pictureRule = "sam-med2d";
  readonly asked: { prompts: ObjectPrompts; multimask: boolean }[] = [];

  constructor(readonly answer: (round: number, count: number) => MaskCandidates) {}

  async embed(): Promise<readonly EmbeddingHandle[]> {
    return [embedding];
  }

  async candidates(
    _embedding: EmbeddingHandle,
    prompts: ObjectPrompts,
    { multimask }: { readonly multimask: boolean },
  ): Promise<MaskCandidates> {
    this.asked.push({ prompts, multimask });
    return this.answer(this.asked.length - 1, prompts.count);
  }

  release(): void {}
}

/** Three candidates per object, the second of highest IoU: its logits are `value(round, object)` all over. */
const constant =
  (value: (round: number, object: number) => number) =>
  (round: number, count: number): MaskCandidates => {
    const logits = new Float32Array(count * 3 * maskSize ** 2).fill(-99);
    const ious = new Float32Array(count * 3);
    for (let n = 0; n < count; n++) {
      ious.set([0.1, 0.7, 0.3], 3 * n);
      logits.fill(value(round, n), (3 * n + 1) * maskSize ** 2, (3 * n + 2) * maskSize ** 2);
    }
    return { count, candidates: 3, logits, ious };
  };

/** The left half of the picture, and nothing. */
const left = Uint8Array.from({ length: side * side }, (_, at) => (at % side < side / 2 ? 1 : 0));
const nothing = new Uint8Array(side * side);
const both = Uint8Array.of(...left, ...nothing);

async function collected(rounds: AsyncGenerator<ClickedRound>): Promise<ClickedRound[]> {
  const all: ClickedRound[] = [];
  for await (const round of rounds) all.push(round);
  return all;
}

test("clicks pile up, the kept mask comes back as its sigmoid, alternatives are asked for every time", async () => {
  const network = new Scripted(constant((round, object) => (object === 0 ? 1 : -1) * (round + 1)));
  const rounds = await collected(
    clickRounds(network, embedding, both, { count: 2, rounds: 3, draw: simulatedClicks(5) }),
  );
  expect(network.asked.map(({ multimask }) => multimask)).toEqual([true, true, true]);
  for (const [n, { prompts }] of network.asked.entries()) {
    expect(prompts.count).toBe(2);
    expect(prompts.boxes).toBeUndefined();
    expect(prompts.points).toEqual(rounds[n]!.points);
    expect(prompts.points!.perObject).toBe(n + 1);
    expect(prompts.masks).toEqual(rounds[n]!.maskInput);
  }
  expect(rounds[0]!.maskInput).toBeUndefined();
  for (const n of [1, 2]) {
    expect(rounds[n]!.maskInput).toEqual(rounds[n - 1]!.lowRes.map(sigmoid));
    for (const object of [0, 1]) {
      const [now, before] = [rounds[n]!.points, rounds[n - 1]!.points];
      expect([...now.coords.subarray(2 * object * (n + 1), 2 * (object * (n + 1) + n))]).toEqual([
        ...before.coords.subarray(2 * object * n, 2 * (object + 1) * n),
      ]);
    }
  }
  expect([...rounds[1]!.ious]).toEqual([...Float32Array.of(0.7, 0.7)]);
  expect(rounds[1]!.lowRes).toEqual(
    Float32Array.from({ length: 2 * maskSize ** 2 }, (_, at) => (at < maskSize ** 2 ? 2 : -2)),
  );
});

test("clicks answer the prediction: inside what was missed, outside what was invented, padding when all is right", async () => {
  // The first object is found everywhere, then nowhere; the second, which is not there, is right from the start.
  const network = new Scripted(constant((round, object) => (object === 0 && round === 0 ? 5 : -5)));
  const [first, second, third] = await collected(
    clickRounds(network, embedding, both, { count: 2, rounds: 3, draw: simulatedClicks(1) }),
  );
  expect([...first!.points.labels]).toEqual([1, 0]);
  expect([...second!.points.labels]).toEqual([1, 0, 0, -1]);
  expect([...third!.points.labels]).toEqual([1, 0, 1, 0, -1, -1]);
  expect(first!.points.coords[0]).toBeLessThan(side / 2);
  expect(second!.points.coords[2]).toBeGreaterThanOrEqual(side / 2);
  expect(third!.points.coords[4]).toBeLessThan(side / 2);
});

test("scores are each object's own, at the size of the input", async () => {
  const network = new Scripted(constant((_, object) => (object === 0 ? 0.3 : -5)));
  const [only] = await collected(
    clickRounds(network, embedding, both, { count: 2, rounds: 1, draw: simulatedClicks(1) }),
  );
  expect(only!.logits).toHaveLength(2 * side * side);
  // 0.3 everywhere has no negative value: as the reference would, this object's answer is taken for probabilities.
  expect(only!.scores.dice[0]).toBeLessThan(1e-6);
  expect(only!.scores.dice[1]).toBe(1);
});

test("an object's clicks depend on the stream's names, the object and the round alone", async () => {
  const network = () => new Scripted(constant(() => 5));
  const clicks = async (truth: Uint8Array, count: number, ...stream: number[]) => {
    const rounds = clickRounds(network(), embedding, truth, { count, rounds: 2, draw: simulatedClicks(...stream) });
    return (await collected(rounds))[1]!.points.coords.subarray(0, 4);
  };
  expect(await clicks(both, 2, 3, 8)).toEqual(await clicks(left, 1, 3, 8));
  expect(await clicks(left, 1, 3, 8)).not.toEqual(await clicks(left, 1, 3, 9));
});

test("whoever clicks is shown the truth and the last answer; who stops asks no more of the network", async () => {
  const network = new Scripted(constant((round) => (round === 0 ? 5 : -5)));
  const occasions: ClickOccasion[] = [];
  const draw = (occasion: ClickOccasion) => {
    occasions.push(occasion);
    return { coords: Float32Array.of(1, 2, 3, 4), labels: Int32Array.of(1, 0) };
  };
  for await (const { points } of clickRounds(network, embedding, left, { count: 1, rounds: 9, draw })) {
    if (points.perObject === 4) break;
  }
  expect(network.asked).toHaveLength(2);
  expect(occasions.map(({ round, object }) => [round, object])).toEqual([
    [0, 0],
    [1, 0],
  ]);
  expect(occasions.map(({ prediction }) => prediction?.data[0])).toEqual([undefined, 1]);
  expect(occasions[1]!.truth).toEqual({ height: side, width: side, data: left });
});

describe("the best candidate", () => {
  test("is the one of highest predicted IoU, the first of equals, object by object", () => {
    const logits = Float32Array.from({ length: 6 }, (_, at) => at);
    const best = bestCandidates(
      { count: 2, candidates: 3, logits, ious: Float32Array.of(-3, -1, -2, 0.5, 0.2, 0.5) },
      2,
      1,
    );
    expect([...best.lowRes]).toEqual([1, 3]);
    expect([...best.ious]).toEqual([-1, 0.5]);
  });

  test.each<[string, Partial<MaskCandidates>]>([
    ["no candidates", { candidates: 0, ious: new Float32Array(0), logits: new Float32Array(0) }],
    ["too few IoUs", { ious: new Float32Array(2) }],
    ["masks of another size", { logits: new Float32Array(3) }],
    ["an IoU that is NaN", { ious: Float32Array.of(0, Number.NaN, 1) }],
    ["a logit that is NaN", { logits: new Float32Array(12).fill(Number.NaN, 5, 6) }],
  ])("of an answer with %s is refused", (_, wrong) => {
    const answer = { count: 1, candidates: 3, logits: new Float32Array(12), ious: new Float32Array(3), ...wrong };
    expect(() => bestCandidates(answer, 1, 2)).toThrow(EngineError);
  });
});

describe("refused before the network is asked:", () => {
  const draw = simulatedClicks(1);
  const ends = async (truth: Uint8Array, options: Parameters<typeof clickRounds>[3]) => {
    const network = new Scripted(constant(() => 1));
    const fate = collected(clickRounds(network, embedding, truth, options)).then(
      () => undefined,
      (error: unknown) => error,
    );
    const error = await fate;
    expect(network.asked).toHaveLength(0);
    return error;
  };

  test("masks that are not of the input's size", async () => {
    expect(await ends(new Uint8Array(5), { count: 1, rounds: 1, draw })).toBeInstanceOf(GeometryError);
    expect(await ends(left, { count: 2, rounds: 1, draw })).toBeInstanceOf(GeometryError);
  });

  test.each([0, -1, 1.5, Number.NaN])("%s objects, %s rounds", async (wrong) => {
    expect(await ends(left, { count: wrong, rounds: 1, draw })).toBeInstanceOf(ConfigError);
    expect(await ends(left, { count: 1, rounds: wrong, draw })).toBeInstanceOf(ConfigError);
  });

  test.each([
    ["no click", [], []],
    ["a click of one coordinate", [1], [1]],
    ["a click nowhere", [1, Number.NaN], [1]],
  ])("%s", async (_, coords, labels) => {
    const wrong = () => ({ coords: Float32Array.from(coords), labels: Int32Array.from(labels) });
    expect(await ends(left, { count: 1, rounds: 1, draw: wrong })).toBeInstanceOf(GeometryError);
  });

  test("more clicks on one object than on the other", async () => {
    const uneven = ({ object }: ClickOccasion) => ({
      coords: new Float32Array(2 + 2 * object),
      labels: new Int32Array(1 + object),
    });
    expect(await ends(both, { count: 2, rounds: 1, draw: uneven })).toBeInstanceOf(GeometryError);
  });
});
