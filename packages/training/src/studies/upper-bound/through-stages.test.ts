/** The truth in step 0's place, before a segmenter that passes it on. */
import { scalingAffine, type Triple } from "@rfmedsam/imaging";
import { argmaxOfSlice, type ModelManifest, type Segmenter, softmaxInPlace } from "@rfmedsam/segmenter";
import { expect, test } from "vitest";
import { measureThroughStages } from "./through-stages.js";

const shape: Triple = [4, 6, 5];
const grid = { shape, affine: scalingAffine([1, 1, 1]) } as const;
const values = [0, 3, 7];
const data = Uint8Array.from({ length: 120 }, (_, i) => values[Math.floor(i / 7) % 3]!);
const loaded = {
  id: "a",
  channels: [{ ...grid, data: Float32Array.from(data, (value, i) => value + (i % 5)) }],
  labels: { ...grid, data },
};
const manifest = {
  labels: { background: 0, spleen: 7, liver: 3 },
  preprocessing: {
    orientation: "RAS",
    spacing: null,
    cropToNonzero: false,
    normalisation: [{ kind: "zscore", insideNonzero: false }],
    window: { kind: "percentiles", low: 0.5, high: 99.5 },
  },
} as unknown as ModelManifest;

test("step 0 is what the truth says, surely, whatever the labels' values; every stage is measured and timed", async () => {
  let given = new Float32Array() as Float32Array;
  const segment = (async (_: unknown, { step0Logits }: { readonly step0Logits?: Float32Array } = {}) => {
    given = step0Logits!;
    const winners = argmaxOfSlice(given, 3, data.length).map((index) => values[index]!);
    const nothing = { ...grid, data: new Uint8Array(data.length) };
    return {
      stages: { stage1: { ...grid, data: winners }, stage2: nothing },
      seconds: { prepare: 1, step0: 10, stage1: 2, stage2: 4, total: 20 },
    };
  }) as unknown as Segmenter["segment"];
  const [first, second] = await measureThroughStages({ manifest, segment }, loaded as never, {
    device: "cpu",
    progress: () => {},
  });
  expect(first).toMatchObject({ arm: "step0/stage1", case: "a", seconds: 3, scores: { dice: [1, 1] } });
  expect(second).toMatchObject({ arm: "step0/stage2", seconds: 7, scores: { dice: [0, 0] } });
  const shares = softmaxInPlace(given.slice(), 3, data.length);
  data.forEach((value, i) => {
    expect(shares[values.indexOf(value) * data.length + i]).toBeCloseTo(0.98, 5);
  });
});
