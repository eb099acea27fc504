import { backboneConfig } from "@rfmedsam/models";
import { describe, expect, test } from "vitest";
import { estimateCases, estimatePrediction, filesOfCases, type PredictionSizes } from "./prediction.js";

const sizes: PredictionSizes = {
  fingerprint: {
    largestExtent: [200, 250, 250],
    largestVoxels: 100 * 250 * 250,
    largestBytes: 2 * 100 * 250 * 250,
    totalVolume: 20 * 120 * 200 * 180,
  },
  spacing: [2, 1, 1],
  unet: {
    architecture: {
      inputChannels: 1,
      classes: 5,
      features: [16, 32],
      kernels: [
        [3, 3, 3],
        [3, 3, 3],
      ],
      strides: [
        [1, 1, 1],
        [2, 2, 2],
      ],
      convsPerStage: 2,
    },
    patch: [32, 64, 64],
    batch: 2,
  },
  folds: 5,
  refiner: { config: backboneConfig("rfmedsam-small", 256, null), parameters: 5_000_000, axes: [0] },
  device: "cpu",
};

const names = (parts: readonly { readonly name: string }[]) => parts.map(({ name }) => name);

/** Volumes of the case, and what is computed of them in JavaScript. */
const ofTheHost = [
  "the case",
  "step 0's logits",
  "arrays to be collected",
  "the refiner's answers",
  "merging classes",
  "program and libtorch",
];

describe("segmenting the largest case", () => {
  test("takes one memory on the CPU", () => {
    const [estimate, ...others] = estimatePrediction(sizes);
    expect(others).toEqual([]);
    expect(estimate!.place).toBe("host");
    expect(names(estimate!.parts)).toContain("weights");
    expect(names(estimate!.parts)).toContain("step 0's logits");
  });

  test("takes volumes' room in the computer's memory and networks' on a GPU", () => {
    const [host, device] = estimatePrediction({ ...sizes, device: "cuda:0" });
    expect([host!.place, device!.place]).toEqual(["host", "device"]);
    for (const name of names(host!.parts)) expect([...ofTheHost, "held by the allocator"]).toContain(name);
    for (const name of names(device!.parts)) expect(ofTheHost.slice(0, -1)).not.toContain(name);
    expect(names(device!.parts)).toContain("weights");
  });

  test("keeps the embeddings and memories of all slices, unless they took more than a quarter of what is free each", () => {
    const kept = (free?: number) => {
      const device = estimatePrediction({ ...sizes, folds: 0, device: "cuda:0", free })[1]!;
      return ["slice embeddings", "memories"].map((name) => device.parts.find((part) => part.name === name)!.bytes);
    };
    const [embeddings, memories] = kept() as [number, number];
    // 64 channels at 16×16, 16 at 32×32 and 8 at 64×64; 16 channels at 16×16 and a pointer of 64 for each of four objects.
    expect(embeddings).toBe(100 * 4 * (64 * 16 ** 2 + 16 * 32 ** 2 + 8 * 64 ** 2));
    expect(memories).toBe(100 * 4 * 4 * (16 * 16 ** 2 + 64));
    const short = kept(2 * embeddings);
    expect(short[0]).toBeLessThanOrEqual(embeddings / 2);
    expect(short[0]).toBeGreaterThan(embeddings / 2.2);
    expect(short[1]).toBe(memories);
  });

  test("of a larger case takes more of the computer's memory and no more of the GPU's", () => {
    const { fingerprint } = sizes;
    const larger = {
      ...fingerprint,
      largestVoxels: 8e8,
      largestBytes: 16e8,
      largestExtent: [2000, 800, 1000] as const,
    };
    const on = (facts: PredictionSizes["fingerprint"]) =>
      estimatePrediction({ ...sizes, refiner: undefined, fingerprint: facts, device: "cuda:0" }).map(
        ({ total }) => total,
      );
    const [before, after] = [on(fingerprint), on(larger)];
    expect(after[0]!).toBeGreaterThan(20 * before[0]!);
    expect(after[1]!).toBe(before[1]!);
  });
});

test("preparing cases takes the computer's memory, whatever trains", () => {
  const [cpu, cuda] = ["cpu", "cuda:1"].map((device) => estimateCases({ ...sizes, device }));
  expect(cuda).toEqual(cpu);
  expect(cuda!.place).toBe("host");
});

test("where the refiner makes its own prompts no predictions of step 0 are kept", () => {
  expect(filesOfCases(sizes).predictions).toBeGreaterThan(0);
  expect(filesOfCases({ ...sizes, folds: 0 }).predictions).toBe(0);
});
