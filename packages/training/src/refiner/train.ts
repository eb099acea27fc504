/**
 * The refiner's training: stages 1 and 2 of sequences of slices, with SAM 2's mask losses on both and a loss on the merged labels
 * of both, through the calibration; where a generator proposes the prompts, with a loss on what it proposes.
 */
import { type CancelSignal, ConfigError, type Progress, type Random } from "@rfmedsam/base";
import { AdamW, clipGradNorm, F, noGrad, schedule, type Tensor, WeightAverage } from "@rfmedsam/torch";
import type { TrainingConfiguration } from "../config.js";
import { freeOnThrow } from "../loop/free-on-throw.js";
import { type Curve, type RecordStep, trainLoop } from "../loop/loop.js";
import { inPrecision } from "../loop/precision.js";
import { type Batch, imagesOf, makeBatch } from "./batch.js";
import { proposalLoss, stageLoss } from "./losses.js";
import { makeRefiner } from "./make.js";
import type { RefinerModel } from "./model.js";
import { chooseLearning } from "./parameter-groups.js";
import type { RefinerCase, SequenceSample } from "./sequences.js";
import { runStages, type StagesOptions } from "./stages.js";

export interface TrainRefinerOptions {
  readonly cases: readonly RefinerCase[];
  /** With the background. */
  readonly classes: number;
  readonly configuration: TrainingConfiguration["refiner"];
  /** Arithmetic of convolutions and matrix products; weights are float32 either way. */
  readonly precision: TrainingConfiguration["precision"];
  readonly seed: number;
  readonly device: string;
  readonly checkpoint: string;
  readonly checkpointEvery: number;
  readonly record?: RecordStep | undefined;
  readonly progress: Progress;
  readonly signal?: CancelSignal | undefined;
}

/**
 * Trains (or goes on training) the refiner. The model that comes back has the averaged weights if any are averaged; whoever asked frees it.
 *
 * @throws as `trainLoop` and `chooseLearning` do
 */
export async function trainRefiner(options: TrainRefinerOptions): Promise<{ model: RefinerModel; curve: Curve }> {
  const { classes, configuration, seed, device } = options;
  const model = (await makeRefiner(configuration, classes, seed)).to({ device });
  return { model, curve: await freeOnThrow(model, () => learn(model, options)) };
}

async function learn(model: RefinerModel, options: TrainRefinerOptions): Promise<Curve> {
  const { configuration, precision, device } = options;
  const { iterations, learningRate, warmup, weightDecay, gradientClip, averaging } = configuration;
  const groups = chooseLearning(model, configuration);
  const parameters = groups.flatMap((group) => group.parameters);
  const optimizer = new AdamW(
    groups.map((group) => ({ parameters: group.parameters, learningRate: group.rate * learningRate })),
    { weightDecay },
  );
  const average = averaging > 0 ? new WeightAverage(model, { decay: averaging }) : undefined;
  const rate = schedule("cosine", { steps: iterations, warmup: Math.round(warmup * iterations) });
  try {
    const curve = await trainLoop({
      ...options,
      stage: "refiner: training stages 1 and 2",
      iterations,
      model,
      optimizer,
      average,
      step: (iteration, random) => {
        const { loss, figures } = inPrecision(precision, device, () => forwardPass(model, options, random));
        loss.backward();
        const gradient = clipGradNorm(parameters, gradientClip);
        optimizer.setLearningRate(rate(iteration));
        optimizer.step();
        optimizer.zeroGrad();
        return { loss: loss.item(), ...figures, gradient };
      },
    });
    if (average !== undefined) noGrad(() => model.loadStateDict(average.weights()));
    return curve;
  } finally {
    optimizer.free();
    average?.free();
  }
}

type PassOptions = Pick<TrainRefinerOptions, "cases" | "classes" | "configuration" | "device">;

/** The losses of one batch, and figures to show. */
function forwardPass(
  model: RefinerModel,
  { cases, classes, configuration, device }: PassOptions,
  random: Random,
): { loss: Tensor; figures: Record<string, number> } {
  const { batch: size, imageSize, prompts, memory } = configuration;
  const options: StagesOptions = { prompts, memory, device };
  if (model.generator === undefined) {
    const batch = makeBatch(drawSequences(cases, size, random), imageSize, device);
    const jittered = { ...batch, images: jitter(batch.images, random) };
    return stagesLoss(
      model,
      jittered,
      { ...options, unprompted: drawUnprompted(batch, configuration.unprompted, random) },
      classes,
      configuration,
    );
  }
  const drafts = Array.from({ length: size }, () => random.pick(cases).draft(random));
  const images = jitter(
    imagesOf(
      drafts.flatMap(({ slices }) => slices),
      imageSize,
      device,
    ),
    random,
  );
  const encoded = model.sam2.encodeImage(images);
  const proposals = model.generator.propose(encoded);
  // Prompts are what a person would give: no gradient goes through them.
  const values = noGrad(() => proposals.float().toFloat32Array());
  const length = values.length / images.size(0);
  let first = 0;
  const sequences = drafts.map((draft) => {
    const own = draft.slices.map((_, n) => values.subarray((first + n) * length, (first + n + 1) * length));
    first += own.length;
    return draft.prompted(own);
  });
  const batch = makeBatch(sequences, imageSize, device, images);
  const proposal = proposalLoss(proposals, batch.labels);
  const figures = { proposal: noGrad(() => proposal.item()) };
  if (batch.objects.length === 0) return { loss: proposal, figures: { stage1: 0, stage2: 0, ...figures } };
  const unprompted = drawUnprompted(batch, configuration.unprompted, random);
  const stages = stagesLoss(model, batch, { ...options, encoded, unprompted }, classes, configuration);
  return { loss: stages.loss.add(proposal), figures: { ...stages.figures, ...figures } };
}

function stagesLoss(
  model: RefinerModel,
  batch: Batch,
  options: StagesOptions,
  classes: number,
  { losses }: TrainingConfiguration["refiner"],
): { loss: Tensor; figures: Record<string, number> } {
  const { stage1, stage2 } = runStages(model, batch, options);
  const [loss1, loss2] = [
    stageLoss(stage1, batch, model.stage1, classes, losses),
    stageLoss(stage2, batch, model.stage2, classes, losses),
  ];
  return { loss: loss1.add(loss2), figures: noGrad(() => ({ stage1: loss1.item(), stage2: loss2.item() })) };
}

/** Which objects of a batch are asked for by their memories alone in stage 2. */
function drawUnprompted({ objects }: Batch, share: number, random: Random): (object: number) => boolean {
  const chosen = objects.map(() => random.chance(share));
  return (object) => chosen[object]!;
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

/** Brightness and contrast of a batch's pictures changed a little, of all alike; what is padded stays 0, as when predicting. */
function jitter(images: Tensor, random: Random): Tensor {
  const changed = images.mul(random.uniform(0.85, 1.15)).add(random.uniform(-0.15, 0.15));
  return F.where(images.ne(0), changed, images);
}
