import { fc, test } from "@fast-check/vitest";
import { ConfigError, GeometryError, InterruptedError, type ProgressEvent } from "@rfmedsam/base";
import { orientations, reorient, scalingAffine, type Volume } from "@rfmedsam/imaging";
import { describe, expect } from "vitest";
import { parseManifest } from "./manifest.js";
import { Segmenter } from "./segmenter.js";
import { manifestJson, volumeOf } from "./testing/cases.js";
import { PointwiseNetwork, RecordingRefiner, type RefinerBehaviour } from "./testing/networks.js";

/** Two blocks, bright (1) and brighter (2), in a dark 8 × 16 × 16 volume: liver (label 2) and spleen (label 5). */
const image = volumeOf([8, 16, 16], (z, y, x) => {
  if (z >= 2 && z < 6 && y >= 2 && y < 10 && x >= 1 && x < 7) return 1;
  return z >= 3 && z < 5 && y >= 8 && y < 14 && x >= 9 && x < 15 ? 2 : 0;
});
const truth = image.data.map((value) => [0, 2, 5][value]!);
const sum = (data: ArrayLike<number>) => Array.from(data).reduce((total, value) => total + value, 0);

/** Knows the blocks by their values. */
const step0 = () =>
  new PointwiseNetwork([4, 8, 8], 1, 3, ([value = 0]) => [0, 1, 2].map((k) => -20 * Math.abs(value - k)));

function segmenter(
  change: (json: ReturnType<typeof manifestJson>) => void = () => {},
  behaviour: RefinerBehaviour = {},
) {
  const json = manifestJson();
  change(json);
  const refiner = new RecordingRefiner({ imageSize: 64, ...behaviour });
  const manifest = parseManifest(json, { file: "model.json" });
  const networks = json.refiner === undefined ? { step0: [step0()] } : { step0: [step0()], refiner };
  return { model: new Segmenter(manifest, networks), refiner };
}

describe("Segmenter", () => {
  test("labels a case through all stages", async () => {
    const { model, refiner } = segmenter();
    const { labels, stages, seconds } = await model.segment([image]);
    expect(Array.from(labels.data)).toEqual(Array.from(truth));
    expect(Object.keys(stages)).toEqual(["step0", "stage1", "stage2"]);
    for (const stage of Object.values(stages)) expect(Array.from(stage!.data)).toEqual(Array.from(truth));
    expect(Object.keys(seconds)).toEqual(["prepare", "step0", "stage1", "stage2", "merge", "total"]);
    expect(refiner.live.size).toBe(0);
  });

  test.prop([fc.constantFrom(...orientations), fc.constantFrom(null, [2, 1.5, 1.5], [0.8, 0.9, 0.7])], { numRuns: 12 })(
    "gives back the input's grid, whatever its orientation",
    async (letters, spacing) => {
      const { model } = segmenter((json) => {
        json.preprocessing.spacing = spacing;
        json.preprocessing.cropToNonzero = true;
      });
      const turned = reorient({ ...image, affine: scalingAffine([1.3, 0.9, 1.1], [3, 4, 5]) }, letters);
      const { labels, stages } = await model.segment([turned]);
      for (const volume of [labels, ...Object.values(stages)]) {
        expect(volume.shape).toEqual(turned.shape);
        expect(volume.affine).toEqual(turned.affine);
      }
      const right = turned.data.filter((value, n) => labels.data[n] === [0, 2, 5][value]).length;
      expect(right / labels.data.length).toBeGreaterThan(0.9);
    },
  );

  test("takes every class from the stage its manifest names", async () => {
    // The refiner finds nothing: what comes from it is lost, the rest is not.
    const { model } = segmenter(undefined, { answer: ({ masks }) => masks!.map(() => -10) });
    const { labels, stages } = await model.segment([image]);
    expect(sum(stages.stage2!.data)).toBe(0);
    expect(new Set(labels.data)).toEqual(new Set([0, 5]));
  });

  test("a model without refiner is step 0", async () => {
    const { model } = segmenter((json) => {
      json.refiner = undefined;
      json.outputStages = {};
    });
    const { labels, stages } = await model.segment([image]);
    expect(Array.from(labels.data)).toEqual(Array.from(truth));
    expect(Object.keys(stages)).toEqual(["step0"]);
  });

  test("stops after the stage asked for, whose labels then stand for later ones", async () => {
    const { model, refiner } = segmenter();
    const only = await model.segment([image], { through: "step0" });
    expect(refiner.calls).toEqual([]);
    expect(Array.from(only.labels.data)).toEqual(Array.from(truth));
    const first = await model.segment([image], { through: "stage1", stageLabels: false });
    expect(refiner.calls.some(({ name }) => name === "attend")).toBe(false);
    expect(first.stages).toEqual({});
    expect(Array.from(first.labels.data)).toEqual(Array.from(truth));
  });

  test("changes step 0 as an experiment asks, and all that follows from it", async () => {
    const { model } = segmenter();
    const nothing = await model.segment([image], {
      alterStep0: (logits, prepared) => {
        expect(prepared.shape).toEqual(image.shape);
        return logits.fill(9, 0, truth.length).fill(0, truth.length);
      },
    });
    for (const volume of [nothing.labels, ...Object.values(nothing.stages)]) expect(sum(volume.data)).toBe(0);
    await expect(model.segment([image], { alterStep0: () => new Float32Array(3) })).rejects.toThrow(
      /3 logits of altered step 0/,
    );
  });

  test("predicts nothing where step 0 is known, and leaves it as it was", async () => {
    const { model } = segmenter();
    let known: Float32Array | undefined;
    const first = await model.segment([image], {
      alterStep0: (logits) => {
        known = logits.slice();
        return logits;
      },
    });
    const before = known!.slice();
    const silenced = new Segmenter(model.manifest, { ...model.networks, step0: [] });
    const again = await silenced.segment([image], {
      step0Logits: known!,
      alterStep0: (logits) => logits.map((x) => x),
    });
    expect(again.labels.data).toEqual(first.labels.data);
    await silenced.segment([image], { step0Logits: known!, alterStep0: (logits) => logits.fill(0) });
    expect(known).toEqual(before);
    await expect(silenced.segment([image], { step0Logits: new Float32Array(3) })).rejects.toThrow(
      /3 logits of known step 0/,
    );
  });

  test("takes the largest component of the classes named, in the final labels only", async () => {
    const lonely = { ...image, data: image.data.slice() };
    lonely.data[0] = 1;
    lonely.data[lonely.data.length - 1] = 2;
    const { model } = segmenter((json) => {
      json.outputStages = { liver: "step0", spleen: "step0" };
      json.largestComponent = ["liver"];
    });
    const { labels, stages } = await model.segment([lonely]);
    expect([stages.step0!.data[0], labels.data[0], labels.data.at(-1)]).toEqual([2, 0, 5]);
    expect(sum(labels.data)).toBe(sum(truth) + 5);
  });

  test("names the channels it wants", async () => {
    const { model } = segmenter();
    await expect(model.segment([image, image])).rejects.toThrow(ConfigError);
    await expect(model.segment([image, image])).rejects.toThrow(/2 images for a case; expected 1, one per channel: CT/);
  });

  test("refuses a case whose place in the patient makes no sense", async () => {
    const { model } = segmenter((json) => {
      json.refiner = undefined;
      json.outputStages = {};
    });
    const bad: Volume = { ...image, affine: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] };
    await expect(model.segment([bad])).rejects.toThrow(GeometryError);
  });

  test("refuses networks that are not the manifest's", () => {
    const manifest = parseManifest(manifestJson(), { file: "model.json" });
    const other = new PointwiseNetwork([4, 8, 8], 2, 3, () => [0, 0, 0]);
    expect(() => new Segmenter(manifest, { step0: [other] })).toThrow(/2 channels and 3 classes/);
  });

  test("a refiner that was not loaded is missed only when it is needed", async () => {
    const manifest = parseManifest(manifestJson(), { file: "model.json" });
    const model = new Segmenter(manifest, { step0: [step0()] });
    await expect(model.segment([image])).rejects.toThrow(ConfigError);
    expect((await model.segment([image], { through: "step0" })).labels.shape).toEqual(image.shape);
  });

  test("stops at any point and leaves nothing behind", async () => {
    const events: ProgressEvent[] = [];
    await segmenter().model.segment([image], { progress: (event) => events.push(event) });
    expect([...new Set(events.map(({ stage }) => stage))].length).toBe(5);
    for (let stopAt = 1; stopAt < events.length; stopAt += 5) {
      const { model, refiner } = segmenter();
      const signal = { aborted: false };
      let steps = 0;
      const stopped = model.segment([image], {
        signal,
        progress: () => {
          signal.aborted = ++steps >= stopAt;
        },
      });
      await expect(stopped).rejects.toThrow(InterruptedError);
      expect(refiner.live.size).toBe(0);
    }
  });
});
