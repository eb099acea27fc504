/** Other ways through the segmenter than a U-Net and axial slices: fused axes, proposals, the gate, probabilities and uncertainty. */
import { ConfigError } from "@rfmedsam/base";
import { scalingAffine, type Volume } from "@rfmedsam/imaging";
import { describe, expect, test } from "vitest";
import { parseManifest } from "./manifest.js";
import { Segmenter, type SegmentOptions } from "./segmenter.js";
import { manifestJson, volumeOf } from "./testing/cases.js";
import { PointwiseNetwork, RecordingRefiner, type RefinerBehaviour } from "./testing/networks.js";

/** Two blocks, bright (1) and brighter (2): liver (label 2) and spleen (label 5). */
const inLiver = (z: number, y: number, x: number) => z >= 2 && z < 6 && y >= 2 && y < 10 && x >= 1 && x < 7;
const inSpleen = (z: number, y: number, x: number) => z >= 3 && z < 5 && y >= 8 && y < 14 && x >= 9 && x < 15;
const image = volumeOf([8, 16, 16], (z, y, x) => (inLiver(z, y, x) ? 1 : inSpleen(z, y, x) ? 2 : 0));
const truth = image.data.map((value) => [0, 2, 5][value]!);
const plane = 256;

/** Knows the blocks by their values. */
const step0 = (sure = 20) =>
  new PointwiseNetwork([4, 8, 8], 1, 3, ([value = 0]) => [0, 1, 2].map((k) => -sure * Math.abs(value - k)));

function segmenter(
  change: (json: ReturnType<typeof manifestJson>) => void = () => {},
  behaviour: RefinerBehaviour = {},
  sure?: number,
) {
  const json = manifestJson();
  change(json);
  const refiner = new RecordingRefiner({ imageSize: 64, ...behaviour });
  const manifest = parseManifest(json, { file: "model.json" });
  const own = json.step0.kind === "unet" ? [step0(sure)] : [];
  const networks = json.refiner === undefined ? { step0: own } : { step0: own, refiner };
  return { model: new Segmenter(manifest, networks), refiner };
}

const refinerOf = (json: ReturnType<typeof manifestJson>) => json.refiner as Record<string, unknown>;
const all = (stage: string) => ({ liver: stage, spleen: stage });
const numbers = ({ data }: Volume) => Array.from(data as ArrayLike<number>);

describe("three axes", () => {
  const fused = (json: ReturnType<typeof manifestJson>) => {
    refinerOf(json).axis = "fused";
    json.outputStages = all("stage2");
  };

  test("are refined one after the other, without holding more at once", async () => {
    const alone = segmenter();
    await alone.model.segment([image]);
    const { model, refiner } = segmenter(fused);
    const stages: string[] = [];
    const { labels } = await model.segment([image], { progress: ({ stage }) => stages.push(stage) });
    expect(numbers(labels)).toEqual(Array.from(truth));
    expect(new Set(stages.filter((stage) => stage.startsWith("stage 1")))).toEqual(
      new Set(["axial", "coronal", "sagittal"].map((axis) => `stage 1: refining slices, ${axis}`)),
    );
    expect(refiner.live.size).toBe(0);
    // One axis' own slices: the longest axis has 12 with something on them.
    expect(refiner.mostEmbeddings).toBeLessThanOrEqual(12);
  });

  test("answer by the mean of their probabilities", async () => {
    // The four axial slices agree with step 0 in both stages, the slices of the two other axes see nothing.
    let asked = 0;
    const { model } = segmenter(fused, {
      answer: ({ masks }) => {
        const sees = asked++ < 8;
        return masks!.map((logit) => (sees ? Math.sign(logit) * 30 : -30));
      },
    });
    const maps = new Map<string, number[]>();
    await model.segment([image], {
      onProbabilities: (name, percent) => void maps.set(name, numbers(percent)),
    });
    const third = maps.get("liver")!.filter((_, n) => truth[n] === 2);
    expect(new Set(third)).toEqual(new Set([33]));
  });
});

describe("a volume of many slices", () => {
  /** 150 slices with an organ on each. */
  const tall = volumeOf([150, 16, 16], (_, y, x) => (inLiver(3, y, x) ? 1 : 0));
  const embedded = async (behaviour: RefinerBehaviour, options: SegmentOptions = {}) => {
    const { model, refiner } = segmenter(() => {}, behaviour);
    const { labels } = await model.segment([tall], options);
    const of = (name: string) => refiner.calls.filter((call) => call.name === name).length;
    return { labels: numbers(labels), embeds: of("embed"), memories: of("remember"), most: refiner.mostEmbeddings };
  };

  test("has each slice embedded and remembered once where there is room, and answers the same where there is not", async () => {
    const plenty = await embedded({ room: { embeddings: 1000, memories: 1000 } });
    expect(plenty).toMatchObject({ embeds: 150, memories: 150 });
    const narrow = await embedded({ room: { embeddings: 20, memories: 30 } });
    expect(narrow.most).toBeLessThanOrEqual(20);
    expect(narrow.embeds).toBeGreaterThan(250);
    expect(narrow.labels).toEqual(plenty.labels);
    // A network that says nothing, and one that has no room at all.
    expect((await embedded({})).most).toBe(64);
    expect((await embedded({ room: { embeddings: 0, memories: 0 } })).labels).toEqual(plenty.labels);
  });

  test("has as many kept as were asked for", async () => {
    const asked = await embedded(
      { room: { embeddings: 1000, memories: 1000 } },
      { maxEmbeddings: 10, maxMemories: 10 },
    );
    expect(asked.most).toBe(10);
  });
});

describe("a step 0 that the refiner proposes", () => {
  const proposal = (json: ReturnType<typeof manifestJson>) => {
    json.step0 = { kind: "proposal", generator: "light-decoder", weights: "generator.safetensors" };
  };
  /** The blocks as logits, known by what the slice shows: nothing, the liver, both. */
  const behaviour: RefinerBehaviour = {
    proposal: (mark) => {
      const seen = mark * 0.224 + 0.456;
      const z = seen < 0.01 ? 0 : seen < 0.15 ? 2 : 3;
      return Float32Array.from({ length: 3 * plane }, (_, n) => {
        const [k, y, x] = [Math.floor(n / plane), Math.floor((n % plane) / 16), n % 16];
        return k === (inLiver(z, y, x) ? 1 : inSpleen(z, y, x) ? 2 : 0) ? 10 : -10;
      });
    },
  };

  test("prompts as a U-Net does, and its embeddings serve both stages", async () => {
    const { model, refiner } = segmenter((json) => {
      proposal(json);
      refinerOf(json).slices = "repeat";
    }, behaviour);
    const { labels, stages } = await model.segment([image]);
    for (const volume of [labels, stages.step0!, stages.stage1!]) expect(numbers(volume)).toEqual(Array.from(truth));
    const count = (name: string) => refiner.calls.filter((call) => call.name === name).length;
    expect([count("propose"), count("embed")]).toEqual([8, 8]);
    expect(refiner.live.size).toBe(0);
  });

  test("a network that proposes nothing is told apart", async () => {
    const { model, refiner } = segmenter(proposal);
    await expect(model.segment([image])).rejects.toThrow(/without a proposal head/);
    const wrong = segmenter(proposal, { proposal: () => new Float32Array(7) });
    await expect(wrong.model.segment([image])).rejects.toThrow(/a proposal of 7 logits; expected 3 × 256/);
    expect(refiner.live.size + wrong.refiner.live.size).toBe(0);
    const manifest = parseManifest(
      { ...manifestJson(), step0: { kind: "proposal", generator: "", weights: "w" } },
      { file: "" },
    );
    expect(() => new Segmenter(manifest, { step0: [step0()] })).toThrow(ConfigError);
  });
});

describe("the gate", () => {
  const rescue = { kind: "rescue", stage: "stage2", scope: "slices", agreement: 0.3, confidence: 0.8 };
  /** Step 0 loses the liver on slice 4; the refiner, asked there by the margin, sees it. */
  const lose = (logits: Float32Array) => {
    for (let n = 4 * plane; n < 5 * plane; n++) {
      logits[truth.length + n] = -20;
      logits[n] = Math.max(logits[n]!, 0);
    }
    return logits;
  };
  const change = (json: ReturnType<typeof manifestJson>) => {
    json.outputStages = all("step0");
    json.gate = { liver: rescue };
    refinerOf(json).prompt = { kind: "maskAndBox", minimumArea: 1, marginSlices: 1, boxMargin: 0 };
  };

  test("gives back the slices that step 0 lost, and says so", async () => {
    const { model } = segmenter(change);
    const { labels, stages, switched } = await model.segment([image], { alterStep0: lose });
    expect(numbers(stages.step0!).filter((label) => label === 2).length).toBe(3 * 48);
    expect(numbers(labels).filter((label) => label === 2).length).toBeGreaterThanOrEqual(4 * 48);
    const [first] = switched;
    expect(first).toMatchObject({ label: "liver", from: "step0", to: "stage2", agreement: 0 });
    expect(first!.runs).toContainEqual([4, 4]);
    expect(first!.because).toMatch(/^liver comes from stage 2 instead of step 0 on \d of 8 slices: /);
  });

  test("takes the refiner's word where step 0 contradicts itself, however far the two agree", async () => {
    const bridging = (bridgeSlices: number) =>
      segmenter((json) => {
        change(json);
        json.gate = { liver: { ...rescue, scope: "case", agreement: 0.05 } };
        refinerOf(json).prompt = { kind: "maskAndBox", minimumArea: 1, marginSlices: 1, bridgeSlices, boxMargin: 0 };
      }).model.segment([image], { alterStep0: lose });
    const liver = (of: Volume) => numbers(of).map((label) => label === 2);
    const { labels, switched } = await bridging(1);
    expect(liver(labels)).toEqual(Array.from(truth, (label) => label === 2));
    expect(switched.map(({ because }) => because)).toEqual([
      expect.stringMatching(
        /^liver comes from stage 2 instead of step 0 on 1 of 8 slices: the slices on both sides contradict step 0's/,
      ),
    ]);
    const without = await bridging(0);
    expect(without.switched).toEqual([]);
    expect(liver(without.labels).filter(Boolean).length).toBe(3 * 48);
  });

  test("leaves alone what agrees, and a refiner that is not sure", async () => {
    const plain = segmenter((json) => {
      change(json);
      refinerOf(json).prompt = { kind: "maskAndBox", minimumArea: 1, marginSlices: 0, boxMargin: 0 };
    });
    expect((await plain.model.segment([image])).switched).toEqual([]);
    const unsure = segmenter(change, { iou: () => 0.5 });
    expect((await unsure.model.segment([image], { alterStep0: lose })).switched).toEqual([]);
  });

  test("falls back to step 0, and is not asked where its stage was not run", async () => {
    const fallback = (json: ReturnType<typeof manifestJson>) => {
      json.outputStages = all("stage2");
      json.gate = { spleen: { kind: "fallback", stage: "stage2", scope: "case", confidence: 0.6 } };
    };
    const nothing: RefinerBehaviour = { answer: ({ masks }) => masks!.map(() => -10), iou: () => 0.5 };
    const { labels, switched } = await segmenter(fallback, nothing).model.segment([image]);
    expect(new Set(numbers(labels))).toEqual(new Set([0, 5]));
    expect(switched.map(({ because }) => because)).toEqual([
      "spleen comes from step 0 instead of stage 2: stage 2 is 0.50 sure of it, below 0.60",
    ]);
    const first = await segmenter(fallback, nothing).model.segment([image], { through: "stage1" });
    expect(first.switched).toEqual([]);
  });
});

describe("probabilities and uncertainty", () => {
  const cropped = (json: ReturnType<typeof manifestJson>) => {
    json.preprocessing.cropToNonzero = true;
    json.refiner = undefined;
    json.outputStages = {};
  };

  test("come class by class, in percent, on the input's grid", async () => {
    const { model } = segmenter(cropped);
    const turned = { ...image, affine: scalingAffine([1, 1, 1], [3, 4, 5]) };
    const names: string[] = [];
    const { labels, uncertainty } = await model.segment([turned], {
      onProbabilities: (name, percent) => {
        names.push(name);
        expect(percent.affine).toEqual(turned.affine);
        expect(percent.data).toBeInstanceOf(Uint8Array);
        const value = { liver: 2, spleen: 5 }[name];
        expect(numbers(percent)).toEqual(numbers(percentOf(value!)));
      },
    });
    expect(names).toEqual(["liver", "spleen"]);
    expect(numbers(labels)).toEqual(Array.from(truth));
    expect(uncertainty).toBeUndefined();
  });
  const percentOf = (value: number) => ({ ...image, data: truth.map((label) => (label === value ? 100 : 0)) });

  test("no idea is 1, certain is 0, two classes alike are ln 2 / ln 3", async () => {
    const certain = await segmenter(cropped).model.segment([image], { uncertainty: true });
    expect(Math.max(...numbers(certain.uncertainty!))).toBeLessThan(1e-6);
    expect(certain.uncertainty!.affine).toEqual(image.affine);
    const clueless = await segmenter(
      (json) => {
        cropped(json);
        json.preprocessing.cropToNonzero = false;
      },
      {},
      0,
    ).model.segment([image], { uncertainty: true });
    for (const value of numbers(clueless.uncertainty!)) expect(value).toBeCloseTo(1, 5);
    // The refiner takes the liver for spleen's background: the mean of three stages is one third liver.
    const apart = await segmenter(undefined, { answer: ({ masks }) => masks!.map(() => -30) }).model.segment([image], {
      uncertainty: true,
    });
    const [p, q] = [1 / 3, 2 / 3];
    const expected = -(p * Math.log(p) + q * Math.log(q)) / Math.log(3);
    numbers(apart.uncertainty!).forEach((value, n) => {
      expect(value).toBeCloseTo(truth[n] === 0 ? 0 : expected, 4);
    });
  });
});
