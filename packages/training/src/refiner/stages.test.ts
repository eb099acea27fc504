/**
 * Training and prediction must be the same stages: a whole case as one training sequence gives, slice by slice and class by class,
 * the answers that the segmenter gives on that case with the same weights.
 */
import { Random } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
import { type HeadOutput, TorchRefiner } from "@rfmedsam/models";
import {
  type RefineResult,
  refineCase,
  renderSlice,
  type SliceResult,
  scoresOfLogits,
  slicePrompts,
} from "@rfmedsam/segmenter";
import { liveTensors, noGrad, randn, scope, tensor } from "@rfmedsam/torch";
import { beforeAll, describe, expect, test } from "vitest";
import type { TrainingConfiguration } from "../config.js";
import { ball, eachVoxel, logitsOf, painted, storedCase, tinyConfiguration } from "../testing/cases.js";
import { type Batch, makeBatch } from "./batch.js";
import { makeRefiner } from "./make.js";
import type { RefinerModel } from "./model.js";
import { RefinerCase, type SequenceSample } from "./sequences.js";
import { runStages } from "./stages.js";
import { noJitter, only } from "./testing/sources.js";

const shape: Triple = [9, 20, 26];
const [classes, imageSize, maskSize] = [4, 64, 16];
// Organs of very different height: their memories are of very different number.
const predicted = painted(
  ball(shape, 1, 0.45, [0.5, 0.35, 0.25]),
  ball(shape, 2, 0.13, [0.2, 0.3, 0.7]),
  ball(shape, 3, 0.25, [0.7, 0.7, 0.75]),
  // A second part of class 3, far from the first.
  ball(shape, 3, 0.15, [0.6, 0.2, 0.85]),
);
const stored = storedCase({
  shape,
  spacing: [3, 1.5, 1.2],
  classes,
  truth: ball(shape, 1, 0.3),
  value: (_c, z, y, x) => 1 + Math.sin(z + 0.4 * y) + Math.cos(0.3 * x * y),
});
/** Not equally sure everywhere, as a U-Net is. */
const logits = logitsOf(shape, classes, predicted, (z, y, x) => 0.5 + ((3 * z + 5 * y + 7 * x) % 11) / 3);
const half = tensor(logits, [classes, ...shape])
  .to({ dtype: "float16" })
  .keep();

const refiner = (changes: Partial<TrainingConfiguration["refiner"]> = {}): TrainingConfiguration["refiner"] => ({
  ...tinyConfiguration().refiner,
  imageSize,
  sequence: Math.max(...shape),
  promptSources: only("outOfFold"),
  boxJitter: noJitter,
  ...changes,
});

/** Weights away from their first values, so that memories, adapters and scores all matter. */
async function restless(presence: number): Promise<RefinerModel> {
  const model = await makeRefiner(refiner(), classes, 3);
  noGrad(() =>
    scope(() => {
      for (const [name, parameter] of model.namedParameters()) {
        parameter.add_(randn(parameter.shape).mul(/gamma|tpos|no_mem|no_obj/.test(name) ? 0.5 : 0.15));
        if (name.endsWith("pred_obj_score_head.layers.2.bias")) parameter.fill_(presence);
      }
    }),
  );
  model.eval();
  return model;
}

interface Both {
  readonly batch: Batch;
  readonly trained: { readonly stage1: HeadOutput; readonly stage2: HeadOutput };
  readonly segmented: Required<RefineResult>;
}

async function runBoth(model: RefinerModel, configuration: TrainingConfiguration["refiner"]): Promise<Both> {
  const refinerCase = new RefinerCase(stored, half, classes, configuration);
  const { frame, plan } = refinerCase;
  const { prompts } = configuration;
  const { memory } = configuration;
  const batch = makeBatch([refinerCase.draw(new Random(1))], imageSize, "cpu");
  const trained = noGrad(() => scope(() => runStages(model, batch, { prompts, memory, device: "cpu" })));

  const network = new TorchRefiner(model.sam2);
  const step0 = scoresOfLogits(half.toFloat32Array(), classes, shape, frame.axis);
  const segmented = await refineCase(
    network,
    {
      frame,
      slices: plan.flatMap((objects, slice) => (objects.length > 0 ? [slice] : [])),
      render: (slice, out, offset) => renderSlice(stored, frame, slice, { colours: configuration.slices }, out, offset),
      prompts: (slice) =>
        slicePrompts(plan, slice, (index) => step0.slice(index), frame, classes, network.maskSize, prompts),
    },
    { prompt: prompts, memory },
  );
  return { batch, trained, segmented: segmented as Required<RefineResult> };
}

/** Largest difference of a stage's logits, and of its scores, over all objects. */
function differences(
  batch: Batch,
  head: HeadOutput,
  slices: ReadonlyMap<number, SliceResult>,
): { logits: number; scores: number } {
  const [masks, ious, presence] = [head.lowResMasks, head.ious, head.objectScores].map((t) => t.toFloat32Array());
  let [worst, worstScore] = [0, 0];
  batch.objects.forEach(({ sample, row }, n) => {
    const own = slices.get(sample.slice)!;
    for (let i = 0; i < maskSize * maskSize; i++) {
      const difference = masks![n * maskSize * maskSize + i]! - own.logits[row * maskSize * maskSize + i]!;
      worst = Math.max(worst, Math.abs(difference));
    }
    worstScore = Math.max(
      worstScore,
      Math.abs(ious![n]! - own.ious[row]!),
      Math.abs(presence![n]! - own.objectScores[row]!),
    );
  });
  return { logits: worst, scores: worstScore };
}

describe.each([
  ["all objects seen", 3, refiner()],
  ["none seen", -3, refiner()],
  [
    "prompted by boxes alone, repeated slices, coronal",
    3,
    refiner({
      axis: "coronal",
      slices: "repeat",
      prompts: { ...refiner().prompts, kind: "box", marginSlices: 0 },
    }),
  ],
  [
    "prompted by masks alone, without confident memories",
    3,
    refiner({
      memory: { confident: 0, neighbours: 6 },
      prompts: { ...refiner().prompts, kind: "mask", marginSlices: 2 },
    }),
  ],
  ["asked for component by component", 3, refiner({ prompts: { ...refiner().prompts, perComponent: true } })],
] as const)("training and prediction agree: %s", (_, presence, configuration) => {
  let both: Both;
  beforeAll(async () => {
    const model = await restless(presence);
    both = await runBoth(model, configuration);
    model.free();
  });

  test("ask for the same classes on the same slices", () => {
    const { batch, segmented } = both;
    expect(batch.samples.map(({ slice }) => slice)).toEqual([...segmented.stage1.slices.keys()]);
    for (const { slice, asked } of batch.samples)
      expect(asked.classes).toEqual(segmented.stage1.slices.get(slice)!.classes);
    // The case is worth comparing: objects of different numbers of slices meet on one.
    expect(new Set(batch.objects.map((object) => object.class)).size).toBe(3);
    expect(batch.objects.length).toBeGreaterThan(12);
  });

  test.each(["stage1", "stage2"] as const)("%s", (stage) => {
    const { batch, trained, segmented } = both;
    const apart = differences(batch, trained[stage], segmented[stage].slices);
    expect(apart.logits).toBeLessThan(2e-3);
    expect(apart.scores).toBeLessThan(1e-3);
  });

  test("stage 2 is not stage 1 again", () => {
    const { batch, trained, segmented } = both;
    expect(differences(batch, trained.stage1, segmented.stage2.slices).scores).toBeGreaterThan(0.01);
  });
});

test("a model in training answers as it will when predicting", async () => {
  const model = await restless(1);
  const configuration = refiner();
  const refinerCase = new RefinerCase(stored, half, classes, configuration);
  const batch = makeBatch([refinerCase.draw(new Random(1))], imageSize, "cpu");
  const options = { prompts: configuration.prompts, memory: configuration.memory, device: "cpu" };
  const run = () => noGrad(() => scope(() => runStages(model, batch, options)));
  const evaluated = run();
  model.train();
  const training = run();
  for (const stage of ["stage1", "stage2"] as const) {
    for (const part of ["lowResMasks", "ious", "objectScores"] as const) {
      expect(training[stage][part].sub(evaluated[stage][part]).abs().amax().item()).toBeLessThan(1e-4);
    }
  }
  model.free();
});

test("which memories are seen matters here", async () => {
  const model = await restless(3);
  const [few, more] = [
    await runBoth(model, refiner()),
    await runBoth(model, refiner({ memory: { confident: 3, neighbours: 6 } })),
  ];
  expect(differences(few.batch, few.trained.stage2, more.segmented.stage2.slices).logits).toBeGreaterThan(0.5);
  model.free();
});

test("objects that stage 2 does not prompt answer from their memories alone, the others as before", async () => {
  const model = await restless(3);
  const configuration = refiner({ sequence: 4 });
  const batch = makeBatch(
    [new RefinerCase(stored, half, classes, configuration).draw(new Random(2))],
    imageSize,
    "cpu",
  );
  const { prompts, memory } = configuration;
  const run = (unprompted?: (object: number) => boolean) =>
    noGrad(() => scope(() => runStages(model, batch, { prompts, memory, device: "cpu", unprompted })));
  const [all, some] = [run(), run((object) => object % 2 === 1)];
  const changed = (stage: "stage1" | "stage2") =>
    noGrad(() =>
      scope(() =>
        some[stage].lowResMasks
          .sub(all[stage].lowResMasks)
          .abs()
          .amax({ dim: [1, 2, 3] })
          .toNumbers(),
      ),
    );
  expect(changed("stage1").every((most) => most < 1e-4)).toBe(true);
  for (const [object, most] of changed("stage2").entries()) {
    if (object % 2 === 0) expect(most).toBeLessThan(2e-3);
    else expect(most).toBeGreaterThan(0.05);
  }
  model.free();
});

describe("masks that are given", () => {
  const configuration = refiner({ sequence: 3, promptSources: only("mask") });
  const options = { prompts: configuration.prompts, memory: configuration.memory, device: "cpu" };
  const draw = (seed: number) => new RefinerCase(stored, half, classes, configuration).draw(new Random(seed));

  test("are stage 1's answer, and are followed by their memories alone, as the segmenter does it", async () => {
    const model = await restless(3);
    const batch = makeBatch([draw(4)], imageSize, "cpu");
    const { stage1 } = noGrad(() => scope(() => runStages(model, batch, options)));
    expect(stage1.highResMasks.gt(0).float().sub(batch.truth).abs().amax().item()).toBe(0);

    // Two slices of the one object there is, the lower one seen from the one above it.
    const network = new TorchRefiner(model.sam2);
    const [seen, from] = batch.samples.slice(-2);
    expect([seen!.asked.classes, from!.asked.classes]).toEqual([[1], [1]]);
    const pair: SequenceSample = { ...batch.sequences[0]!, slices: [seen!, from!] };
    const two = noGrad(() => scope(() => runStages(model, makeBatch([pair], imageSize, "cpu"), options).stage2));
    const embedded = await Promise.all([seen!, from!].map(({ image }) => network.embed(image, 1)));
    const [own, other] = embedded.map(([embedding]) => embedding!);
    const { state } = await network.adopt(other!, from!.truth);
    const memory = await network.remember(other!, state);
    const offset = from!.slice - seen!.slice;
    const conditioned = await network.attend(own!, [
      { spatial: [{ memory, row: 0, position: 0 }], pointers: [{ of: memory, row: 0, offset }] },
    ]);
    const { logits: followed } = await network.decode(own!, { count: 1 }, conditioned, { multimask: false });
    const trained = two.lowResMasks.toFloat32Array().subarray(0, maskSize * maskSize);
    expect(Math.max(...trained.map((logit, i) => Math.abs(logit - followed[i]!)))).toBeLessThan(2e-3);
    model.free();
  });

  test("share a batch with objects that are asked for, and change nothing for them", async () => {
    const model = await restless(3);
    const asked = new RefinerCase(stored, half, classes, refiner({ sequence: 3 })).draw(new Random(2));
    const given = draw(4);
    const run = (...sequences: SequenceSample[]) =>
      noGrad(() => scope(() => runStages(model, makeBatch(sequences, imageSize, "cpu"), options)));
    const [together, alone, alsoAlone] = [run(given, asked, given), run(given), run(asked)];
    const count = alone.stage1.ious.size(0);
    for (const stage of ["stage1", "stage2"] as const) {
      for (const [from, part] of [
        [0, alone],
        [count, alsoAlone],
      ] as const) {
        const own = part[stage].lowResMasks;
        const same = together[stage].lowResMasks.narrow(0, from, own.size(0));
        expect(same.sub(own).abs().amax().item()).toBeLessThan(2e-3);
      }
    }
    model.free();
  });

  test("teach what a given mask becomes: the pointer's convolution, the memory", async () => {
    const model = await makeRefiner(configuration, classes, 3);
    model.train();
    scope(() => {
      const { stage2 } = runStages(model, makeBatch([draw(4)], imageSize, "cpu"), options);
      stage2.lowResMasks.clamp({ min: -20, max: 20 }).sum().backward();
    });
    const learning = [...model.namedParameters()].filter(([, p]) => (p.grad?.abs().amax().item() ?? 0) > 0);
    const names = learning.map(([name]) => name);
    for (const part of ["mask_downsample", "memory_encoder", "memory_attention"])
      expect(names.some((name) => name.includes(part))).toBe(true);
    model.free();
  });
});

test("sequences of one batch do not see each other", async () => {
  const model = await restless(3);
  const configuration = refiner({ sequence: 4 });
  const refinerCase = new RefinerCase(stored, half, classes, configuration);
  const [a, b] = [refinerCase.draw(new Random(2)), refinerCase.draw(new Random(3))];
  const options = { prompts: configuration.prompts, memory: configuration.memory, device: "cpu" };
  const run = (...sequences: (typeof a)[]) =>
    noGrad(() => scope(() => runStages(model, makeBatch(sequences, imageSize, "cpu"), options).stage2.lowResMasks));
  const [alone, together] = [run(a!), run(a!, b!)];
  expect(together.narrow(0, 0, alone.size(0)).sub(alone).abs().amax().item()).toBeLessThan(2e-3);
  model.free();
});

test("both stages learn, and leave no tensors behind", async () => {
  const model = await makeRefiner(refiner(), classes, 3);
  model.train();
  const configuration = refiner({ sequence: 3 });
  const refinerCase = new RefinerCase(stored, half, classes, configuration);
  const options = { prompts: configuration.prompts, memory: configuration.memory, device: "cpu" };
  const step = () =>
    scope(() => {
      const { stage1, stage2 } = runStages(
        model,
        makeBatch([refinerCase.draw(new Random(4))], imageSize, "cpu"),
        options,
      );
      stage2.lowResMasks.clamp({ min: -20, max: 20 }).sum().add(stage2.ious.sum()).backward();
      const learning = [...model.namedParameters()].filter(([, p]) => (p.grad?.abs().amax().item() ?? 0) > 0);
      model.zeroGrad();
      return { names: learning.map(([name]) => name), stage1: stage1.ious.size(0) };
    });
  const { names } = step();
  // Stage 2 reaches back through memories into stage 1's decoder, the memory encoder and the image encoder.
  for (const part of ["memory_encoder", "memory_attention", "image_encoder", "sam_mask_decoder", "sam_prompt_encoder"])
    expect(names.some((name) => name.includes(part))).toBe(true);
  const before = liveTensors();
  step();
  expect(liveTensors()).toBe(before);
  model.free();
});

test("the voxels of the compared case hold all classes", () => {
  const seen = new Set<number>();
  eachVoxel(shape, (z, y, x) => seen.add(predicted(z, y, x)));
  expect(seen).toEqual(new Set([0, 1, 2, 3]));
});
