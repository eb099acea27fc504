import { EngineError } from "@rfmedsam/base";
import { describe, expect, test } from "vitest";
import { box, click, kinds, open, run, shortRules, shortTracking } from "../testing/volume-predictors.js";
import type { VolumePredictor } from "./volume-predictor.js";

describe("handles", () => {
  test("of spatial memories are kept within reach and on conditioning slices, those of embeddings on a few", async () => {
    const { predictor, network } = open({ maxEmbeddings: 2 });
    await predictor.addPoints(4, 1, click);
    await predictor.addPoints(6, 2, click);
    for await (const { slice } of predictor.propagate()) {
      const { memory, embedding } = kinds(network);
      expect(memory, `slice ${slice}`).toBeLessThanOrEqual(3 + 2);
      expect(embedding).toBeLessThanOrEqual(2);
    }
    expect(kinds(network)).toMatchObject({ decoded: 26 + 2, embedding: 2 });
    expect(network.mostEmbeddings).toBeLessThanOrEqual(2);
  });

  test("do not grow in number with the volume when only what is reachable is kept", async () => {
    const most = async (maxSlices: number) => {
      const { predictor, network } = open({ history: "reachable" });
      await predictor.addPoints(2, 1, click);
      await predictor.addPoints(2, 3, { box });
      let live = 0;
      for await (const _ of predictor.propagate({ maxSlices })) live = Math.max(live, network.live.size);
      // what the objects were asked, and five slices that a propagation backwards would look at
      expect(kinds(network).decoded).toBe(2 + 5);
      predictor[Symbol.dispose]();
      expect(network.live.size).toBe(0);
      return live;
    };
    expect(await most(12)).toBe(await most(26));
  });

  test("of what is reachable are enough for the same references, forwards, backwards and forwards again", async () => {
    const seen = async (history: "full" | "reachable", tracking = shortTracking) => {
      const { predictor, of } = open({ history }, { tracking });
      await predictor.addPoints(2, 1, click);
      await predictor.addPoints(11, 1, click);
      await predictor.addPoints(13, 2, click);
      await run(predictor);
      await run(predictor, { reverse: true });
      await run(predictor, { maxSlices: 4 });
      return of("attend").map(({ mark, references }) => ({ mark, references }));
    };
    expect(await seen("reachable")).toEqual(await seen("full"));
    const strided = { ...shortTracking, memory: { ...shortRules, stride: 3, maxPointers: 2, maxConditioning: 2 } };
    expect(await seen("reachable", strided)).toEqual(await seen("full", strided));
  });

  test("of a batch go with its last object", async () => {
    const { predictor, network } = open();
    await predictor.addPoints(4, 1, click);
    await predictor.addPoints(4, 2, click);
    await run(predictor, { maxSlices: 4 });
    expect(kinds(network).decoded).toBe(2 + 4);
    const updated = await predictor.removeObject(1);
    expect(updated.map(({ slice, objectIds }) => [slice, objectIds])).toEqual([[4, [2]]]);
    expect(kinds(network).decoded).toBe(1 + 4);
    expect(await predictor.removeObject(2)).toEqual([]);
    expect(Object.keys(kinds(network))).toEqual(["embedding"]);
  });

  test("are all released by reset and dispose", async () => {
    const { predictor, network } = open();
    await predictor.addPoints(4, 1, click);
    await run(predictor);
    await predictor.reset();
    expect(predictor.objectIds).toEqual([]);
    expect(Object.keys(kinds(network))).toEqual(["embedding"]);
    await predictor.addPoints(4, 1, click);
    predictor[Symbol.dispose]();
    expect(network.live.size).toBe(0);
  });

  test("of a call that is under way are released when it ends", async () => {
    const { predictor, network } = open();
    const asked = predictor.addPoints(4, 1, click);
    const next = predictor.addPoints(5, 1, click);
    predictor[Symbol.dispose]();
    await Promise.allSettled([asked, next]);
    expect(network.live.size).toBe(0);
  });

  test("are not lost when the engine fails, at whichever call, and the work can go on", async () => {
    const work = async (predictor: VolumePredictor) => {
      await predictor.addPoints(2, 1, { box });
      await predictor.addMask(3, 2, new Uint8Array(96).fill(1));
      await run(predictor, { maxSlices: 4 });
      await predictor.addPoints(5, 1, click);
      await run(predictor, { start: 4, reverse: true });
    };
    const reference = open();
    await work(reference.predictor);
    const usual = kinds(reference.network);
    const calls = reference.network.calls.length;
    for (let at = 0; at < calls; at++) {
      let failed = false;
      const { predictor, network } = open(
        {},
        {
          before: (call) => {
            if (call !== at || failed) return;
            failed = true;
            throw new EngineError({ found: "out of memory" });
          },
        },
      );
      await expect(work(predictor), `call ${at}`).rejects.toThrow("out of memory");
      await predictor.reset();
      expect(Object.keys(kinds(network)).filter((kind) => kind !== "embedding")).toEqual([]);
      await work(predictor);
      expect(kinds(network), `call ${at}`).toEqual(usual);
      predictor[Symbol.dispose]();
      expect(network.live.size).toBe(0);
    }
  });

  test("of an answer that is no number are released, and nobody takes it for an object that is not there", async () => {
    const { predictor, network } = open({}, { objectScore: (mark) => (mark === 6 ? Number.NaN : 5) });
    await predictor.addPoints(4, 1, click);
    const followed = run(predictor);
    await expect(followed).rejects.toThrow(EngineError);
    await expect(followed).rejects.toThrow("an object score of NaN on slice 6");
    expect(kinds(network).decoded).toBe(2);
  });

  test("are used by one call at a time", async () => {
    const { predictor, network } = open();
    let busy = 0;
    const decode = network.decode.bind(network);
    network.decode = async (...args) => {
      expect(++busy).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 1));
      busy--;
      return decode(...args);
    };
    await predictor.addPoints(4, 1, click);
    await Promise.all([
      run(predictor, { maxSlices: 5 }),
      predictor.addPoints(4, 2, click),
      predictor.addPoints(7, 2, click),
    ]);
    expect(predictor.objectIds).toEqual([1, 2]);
  });
});
