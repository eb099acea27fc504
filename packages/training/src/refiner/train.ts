/**
 * The refiner's training: stages 1 and 2 of sequences of slices, with SAM 2's mask losses on both and a loss on the merged labels
 * of both, through the calibration.
 */
import { type CancelSignal, ConfigError, type Progress, type Random } from "@rfmedsam/base";
import { backboneConfig, type HeadOutput, isAdapterName, loadWeights } from "@rfmedsam/models";
import {
  AdamW,
  clipGradNorm,
  F,
  full,
  manualSeed,
  readSafetensors,
  schedule,
  type Tensor,
  zeros,
} from "@rfmedsam/torch";
import type { TrainingConfiguration } from "../config.js";
import { type Curve, trainLoop } from "../loop/loop.js";
import { diceCrossEntropy } from "../losses/dice-ce.js";
import { maskLoss } from "../losses/masks.js";
import { type ClassCalibration, RefinerModel } from "./model.js";
import type { RefinerCase, SequenceSample } from "./sequences.js";
import { type Batch, makeBatch, runStages } from "./stages.js";

export interface TrainRefinerOptions {
  readonly cases: readonly RefinerCase[];
  /** With the background. */
  readonly classes: number;
  readonly configuration: TrainingConfiguration["refiner"];
  readonly seed: number;
  readonly device: string;
  readonly checkpoint: string;
  readonly checkpointEvery: number;
  readonly progress: Progress;
  readonly signal?: CancelSignal | undefined;
}

/** Memories of stage 2 beside the confident ones; all slices of a sequence within reach. */
export const neighbours = 6;

/** Makes the network of a configuration: from official weights if it names a file, else from random ones. */
export async function makeRefiner(
  configuration: TrainingConfiguration["refiner"],
  classes: number,
  seed: number,
): Promise<RefinerModel> {
  manualSeed(seed);
  const { backbone, imageSize, adapters, weights } = configuration;
  const config = backboneConfig(backbone, imageSize, adapters);
  // Only the single answer is trained here, so no prediction may fall back on one of the decoder's three alternatives.
  const maskDecoder = { ...config.maskDecoder, dynamicMultimaskViaStability: false };
  const model = new RefinerModel({ ...config, maskDecoder }, classes);
  if (weights !== null) {
    const state = await readSafetensors(weights);
    // Official weights know nothing of adapters: those start as the identity.
    loadWeights(model.sam2, state, { adapters: "may-be-missing", file: weights });
    for (const loaded of state.values()) loaded.free();
  }
  return model;
}

/** Parameters that learn: all, or those whose official name the pattern finds; adapters and calibration always. */
export function chooseTrainable(model: RefinerModel, pattern: string | null): Tensor[] {
  let wanted: RegExp;
  try {
    wanted = new RegExp(pattern ?? "");
  } catch (cause) {
    throw new ConfigError({
      found: `refiner.trainable is ${JSON.stringify(pattern)}`,
      expected: "a regular expression",
      cause,
    });
  }
  const chosen: Tensor[] = [];
  for (const [name, parameter] of model.namedParameters()) {
    const official = name.replace(/^sam2\./, "");
    const learns = wanted.test(official) || isAdapterName(name) || official === name;
    parameter.requiresGrad = learns;
    if (learns) chosen.push(parameter);
  }
  return chosen;
}

/** Trains (or goes on training) the refiner. @throws as `trainLoop` does */
export async function trainRefiner(options: TrainRefinerOptions): Promise<{ model: RefinerModel; curve: Curve }> {
  const { cases, classes, configuration, seed, device } = options;
  const {
    batch: size,
    iterations,
    learningRate,
    warmup,
    weightDecay,
    gradientClip,
    imageSize,
    prompts,
    memory,
  } = configuration;
  const model = (await makeRefiner(configuration, classes, seed)).to({ device });
  const parameters = chooseTrainable(model, configuration.trainable);
  const optimizer = new AdamW(parameters, { learningRate, weightDecay });
  const rate = schedule("cosine", { steps: iterations, warmup: Math.round(warmup * iterations) });
  const curve = await trainLoop({
    ...options,
    stage: "refiner: training stages 1 and 2",
    iterations,
    model,
    optimizer,
    step: (iteration, random) => {
      const batch = makeBatch(drawSequences(cases, size, random), imageSize, device);
      const jittered = { ...batch, images: jitter(batch.images, random) };
      const { stage1, stage2 } = runStages(model, jittered, { prompts, memory: { ...memory, neighbours }, device });
      const [loss1, loss2] = [
        stageLoss(stage1, batch, model.stage1, classes, configuration),
        stageLoss(stage2, batch, model.stage2, classes, configuration),
      ];
      const loss = loss1.add(loss2);
      loss.backward();
      const gradient = clipGradNorm(parameters, gradientClip);
      optimizer.setLearningRate(rate(iteration));
      optimizer.step();
      optimizer.zeroGrad();
      return { loss: loss.item(), stage1: loss1.item(), stage2: loss2.item(), gradient };
    },
  });
  optimizer.free();
  return { model, curve };
}

/** Sequences in which something is asked for; empty ones are drawn anew. */
function drawSequences(cases: readonly RefinerCase[], count: number, random: Random): SequenceSample[] {
  const drawn: SequenceSample[] = [];
  for (let tries = 0; drawn.length < count && tries < 50 * count; tries++) {
    const sample = random.pick(cases).draw(random);
    if (sample.slices.length > 0) drawn.push(sample);
  }
  if (drawn.length === 0) {
    throw new ConfigError({
      found: "no slice of any case has an object to refine",
      expected: "step 0 to find at least something",
      hint: "train step 0 longer (step0.iterations), or lower refiner.prompts.minimumArea",
    });
  }
  return drawn;
}

/** Brightness and contrast of every picture changed a little. */
function jitter(images: Tensor, random: Random): Tensor {
  return images.mul(random.uniform(0.85, 1.15)).add(random.uniform(-0.15, 0.15));
}

function stageLoss(
  head: HeadOutput,
  batch: Batch,
  calibration: ClassCalibration,
  classes: number,
  { losses }: TrainingConfiguration["refiner"],
): Tensor {
  const masks = { masks: head.highResMasks, ious: head.ious, objectScores: head.objectScores };
  const own = maskLoss(masks, batch.truth, losses);
  if (losses.merged === 0) return own;
  return own.add(diceCrossEntropy(mergedLogits(head, batch, calibration, classes), batch.labels).mul(losses.merged));
}

/** A class that was not asked for or not seen (as good as the nothing that merging gives it), and the surest "no" of one that was. */
const absentLogit = -15;

/**
 * Logits of background (0) and calibrated classes, `[images, classes, S, S]`; their softmax is the segmenter's `mergeSlice`. What is
 * absent passes by the calibration, which would otherwise learn from voxels that it cannot change.
 */
export function mergedLogits(
  { highResMasks: masks, objectScores }: Pick<HeadOutput, "highResMasks" | "objectScores">,
  { samples, objects }: Pick<Batch, "samples" | "objects">,
  calibration: ClassCalibration,
  classes: number,
): Tensor {
  const [height, width] = [masks.size(-2), masks.size(-1)];
  const options = { device: masks.device };
  const byPlace = new Map(objects.map((object, n) => [`${object.image} ${object.class}`, n]));
  /** `[images, classes − 1, …]` from `[objects, 1, …]`. */
  const arranged = (values: Tensor, absent: Tensor) =>
    F.stack(
      samples.map((_, image) =>
        F.cat(
          Array.from({ length: classes - 1 }, (__, i) => {
            const object = byPlace.get(`${image} ${i + 1}`);
            return object === undefined ? absent : values.select(0, object);
          }),
        ),
      ),
    );
  const rows = arranged(masks, full([1, height, width], absentLogit, options));
  const seen = arranged(objectScores, full([1], -1, options)).gt(0);
  const foreground = F.where(
    seen.unsqueeze(-1).unsqueeze(-1),
    calibration.forward(rows.clamp({ min: absentLogit, max: -absentLogit })),
    absentLogit,
  );
  return F.cat([zeros([samples.length, 1, height, width], options), foreground], { dim: 1 });
}
