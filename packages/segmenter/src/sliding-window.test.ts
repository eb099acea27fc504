import { fc, test } from "@fast-check/vitest";
import { ConfigError, EngineError, InterruptedError, type ProgressEvent } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
import { describe, expect } from "vitest";
import { predictVolume } from "./sliding-window.js";
import { PointwiseNetwork } from "./testing/networks.js";
import { windowSteps } from "./windows.js";

const sizes = (max: number) => fc.tuple(size(max), size(max), size(max));
const size = (max: number) => fc.integer({ min: 1, max });
const rule = ([a = 0, b = 0]: readonly number[]) => [a + b, a * b, 1 - a];

function randomCase(shape: Triple, channels: number, seed: number) {
  const data = Float32Array.from({ length: channels * shape[0] * shape[1] * shape[2] }, (_, n) =>
    Math.sin(n * 12.9898 + seed),
  );
  return { data, channels, shape };
}

describe("predictVolume", () => {
  test.prop(
    [
      sizes(9),
      sizes(6),
      fc.constantFrom(0.3, 0.5, 0.75, 1),
      fc.subarray([0, 1, 2]),
      fc.integer({ min: 1, max: 5 }),
      fc.boolean(),
    ],
    // Many small windows, mirrored: where roundings add up most.
    { examples: [[[5, 4, 7], [2, 2, 4], 0.3, [1, 2], 1, true]] },
  )(
    "of a network that looks at single voxels is that function",
    async (shape, patch, overlap, mirrorAxes, batch, gaussian) => {
      const prepared = randomCase(shape, 2, 1);
      const network = new PointwiseNetwork(patch, 2, 3, rule);
      const logits = await predictVolume(network, prepared, { overlap, mirrorAxes, batch, gaussian });
      const voxels = prepared.data.length / 2;
      for (let v = 0; v < voxels; v++) {
        rule([prepared.data[v]!, prepared.data[voxels + v]!]).forEach((expected, k) => {
          expect(logits[k * voxels + v]).toBeCloseTo(expected, 5);
        });
      }
      expect(Math.max(...network.batches)).toBeLessThanOrEqual(batch);
    },
  );

  test("averages folds", async () => {
    const prepared = randomCase([4, 5, 6], 1, 2);
    const fold = (offset: number) => new PointwiseNetwork([2, 4, 4], 1, 2, ([a = 0]) => [a + offset, -a]);
    const logits = await predictVolume([fold(0), fold(1), fold(5)], prepared);
    expect(logits[17]).toBeCloseTo(prepared.data[17]! + 2, 5);
  });

  test("gives every slice to a 2D network exactly once", async () => {
    const network = new PointwiseNetwork([1, 8, 8], 1, 2, ([a = 0]) => [a, -a]);
    await predictVolume(network, randomCase([7, 8, 8], 1, 3), { batch: 2 });
    expect(network.batches).toEqual([2, 2, 2, 1]);
  });

  test("mirrors patches of one slice only within it", async () => {
    const network = new PointwiseNetwork([1, 8, 8], 1, 2, ([a = 0]) => [a, -a]);
    await predictVolume(network, randomCase([2, 8, 8], 1, 3), { mirrorAxes: [0, 1, 2] });
    expect(network.batches).toHaveLength(2 * 4);
  });

  test("reports progress up to the end", async () => {
    const events: ProgressEvent[] = [];
    const network = new PointwiseNetwork([2, 4, 4], 1, 2, ([a = 0]) => [a, -a]);
    await predictVolume(network, randomCase([4, 4, 4], 1, 3), { batch: 2, progress: (event) => events.push(event) });
    expect(events.map(({ done, total }) => [done, total])).toEqual([
      [2, 3],
      [3, 3],
    ]);
  });

  test("stops between batches", async () => {
    const signal = { aborted: false };
    const network = new PointwiseNetwork([1, 4, 4], 1, 2, ([a = 0]) => [a, -a]);
    const stopped = predictVolume(network, randomCase([9, 4, 4], 1, 3), {
      signal,
      progress: ({ done }) => {
        signal.aborted = done === 3;
      },
    });
    await expect(stopped).rejects.toThrow(InterruptedError);
    expect(network.batches.length).toBe(3);
  });

  test("refuses networks that do not fit the case or each other", async () => {
    const prepared = randomCase([4, 4, 4], 1, 3);
    const network = (patch: Triple, channels: number, classes: number) =>
      new PointwiseNetwork(patch, channels, classes, () => new Array(classes).fill(0));
    await expect(predictVolume([], prepared)).rejects.toThrow(ConfigError);
    await expect(predictVolume(network([4, 4, 4], 2, 2), prepared)).rejects.toThrow(/1 channels.*network's 2/);
    const folds = [network([4, 4, 4], 1, 2), network([4, 4, 4], 1, 3)];
    await expect(predictVolume(folds, prepared)).rejects.toThrow(/2 and of 3 classes/);
    const patches = [network([4, 4, 4], 1, 2), network([2, 4, 4], 1, 2)];
    await expect(predictVolume(patches, prepared)).rejects.toThrow(/4×4×4 and of 2×4×4/);
    const short = { ...network([4, 4, 4], 1, 2), predict: async () => new Float32Array(3) };
    await expect(predictVolume(short, prepared)).rejects.toThrow(EngineError);
  });
});

test.prop([size(300), size(64), fc.double({ min: 0.1, max: 1, noNaN: true })])(
  "windows reach both ends, leave no gap and never step further than asked",
  (length, patch, overlap) => {
    fc.pre(length >= patch);
    const [steps] = windowSteps([length], [patch], overlap);
    expect(steps![0]).toBe(0);
    expect(steps!.at(-1)! + patch).toBe(length);
    steps!.slice(1).forEach((start, n) => {
      expect(start - steps![n]!).toBeLessThanOrEqual(Math.max(1, Math.ceil(patch * overlap)));
    });
  },
);
