import { collectGarbage } from "@rfmedsam/base/testing";
import { type SliceSource, VolumePredictor, type VolumePredictorOptions } from "@rfmedsam/segmenter";
import { liveTensors, noGrad, scope } from "@rfmedsam/torch";
import { describe, expect, test } from "vitest";
import { smallModel, smallSize } from "../testing/sam2-small.js";
import { TorchRefiner, type TorchRefinerOptions } from "./refiner.js";

const model = smallModel({ numMaskmem: 3, maxObjPtrsInEncoder: 4 });
// Objects are seen: an unseen one's mask is −1024 everywhere.
noGrad(() =>
  scope(() => {
    for (const [name, parameter] of model.namedParameters()) {
      if (name.endsWith("pred_obj_score_head.layers.2.bias")) parameter.fill_(6);
    }
  }),
);

/** A pattern that drifts from slice to slice. */
const slicesOf = (count: number): SliceSource => ({
  count,
  height: 40,
  width: 48,
  render: (slice) =>
    Float32Array.from({ length: 3 * smallSize ** 2 }, (_, i) => Math.sin(0.37 * (i % smallSize) + 0.2 * slice)),
});

const open = (count: number, options: VolumePredictorOptions = {}, kept: TorchRefinerOptions = {}) =>
  new VolumePredictor(new TorchRefiner(model, "cpu", kept), slicesOf(count), options);

/** Prompts objects on the first slices and follows them; the masks of every slice. */
async function follow(predictor: VolumePredictor, objects: readonly number[]): Promise<Float32Array[]> {
  for (const id of objects) await predictor.addPoints(id, id, { points: [[10 + 9 * id, 12 + 5 * id]], labels: [1] });
  const masks: Float32Array[] = [];
  for await (const { logits } of predictor.propagate({ start: objects.length })) masks.push(logits);
  return masks;
}

const apart = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);

describe("objects followed together", () => {
  test.each([{}, { nonOverlapMasksForMemEnc: true }])("get what each gets alone, with %o", async (flags) => {
    const own = smallModel({ numMaskmem: 3, maxObjPtrsInEncoder: 4, ...flags });
    const run = (objects: readonly number[]) => {
      const predictor = new VolumePredictor(new TorchRefiner(own), slicesOf(9));
      return follow(predictor, objects).finally(() => predictor[Symbol.dispose]());
    };
    const together = await run([0, 1, 2]);
    const pixels = 40 * 48;
    for (const id of [0, 1, 2]) {
      const predictor = new VolumePredictor(new TorchRefiner(own), slicesOf(9));
      await predictor.addPoints(id, id, { points: [[10 + 9 * id, 12 + 5 * id]], labels: [1] });
      let n = 0;
      for await (const { logits } of predictor.propagate({ start: 3 })) {
        expect(apart(logits, together[n++]!.subarray(id * pixels, (id + 1) * pixels))).toBeLessThan(1e-3);
      }
      expect(n).toBe(together.length);
      predictor[Symbol.dispose]();
    }
    own.free();
  });
});

describe("memory", () => {
  test("does not grow with the volume when only what is reachable is kept", async () => {
    const most = async (count: number) => {
      const predictor = open(count, { history: "reachable" });
      await predictor.addPoints(0, 1, { points: [[10, 12]], labels: [1] });
      await predictor.addPoints(0, 2, { box: [5, 5, 30, 30] });
      let live = 0;
      for await (const _ of predictor.propagate()) live = Math.max(live, liveTensors());
      predictor[Symbol.dispose]();
      return live;
    };
    await collectGarbage();
    await most(4); // tables of positions are made at the first call and stay
    const before = liveTensors();
    expect(await most(128)).toBe(await most(32));
    expect(liveTensors()).toBe(before);
  });

  test("that was let go is made again exactly", async () => {
    const predictor = open(12);
    await follow(predictor, [0, 1]);
    const first = predictor.timeline(0).tracked.get(3)!;
    expect(first.batch.memory).toBeUndefined();
    const again = await predictor.memoryOf(first);
    expect(first.batch.memory).toBe(again);
    // The same slice, passed once more, remembers the same.
    const values = (handle: unknown) =>
      (handle as { features: { toFloat32Array(): Float32Array } }).features.toFloat32Array();
    const made = values(again);
    for await (const { slice } of predictor.propagate({ start: 2, maxSlices: 1 })) expect(slice).toBeLessThan(4);
    expect(apart(values(await predictor.memoryOf(predictor.timeline(0).tracked.get(3)!)), made)).toBeLessThan(1e-5);
    predictor[Symbol.dispose]();
  });

  test("kept in bfloat16 is half as large and gives nearly the same masks", async () => {
    const [exact, rounded] = [open(8), open(8, {}, { memoryDtype: "bfloat16" })];
    const [a, b] = [await follow(exact, [0]), await follow(rounded, [0])];
    const answer = rounded.timeline(0).tracked.get(7)!;
    expect((await rounded.memoryOf(answer)) as unknown).toMatchObject({ features: { dtype: "bfloat16" } });
    const worst = Math.max(...a.map((logits, n) => apart(logits, b[n]!)));
    expect(worst).toBeGreaterThan(0);
    expect(worst).toBeLessThan(0.1);
    exact[Symbol.dispose]();
    rounded[Symbol.dispose]();
  });
});
