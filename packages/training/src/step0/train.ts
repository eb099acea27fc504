/** Step 0's training: one U-Net as nnU-Net trains it (SGD with Nesterov momentum, poly schedule, Dice + CE, deep supervision). */
import { PlainConvUNet } from "@rfmedsam/models";
import {
  AdamW,
  clipGradNorm,
  manualSeed,
  type Optimizer,
  SGD,
  schedule,
  type Tensor,
  WeightAverage,
} from "@rfmedsam/torch";
import type { TrainingConfiguration } from "../config.js";
import type { StoredCase } from "../dataset/store.js";
import { freeOnThrow } from "../loop/free-on-throw.js";
import { type Curve, type LoopOptions, trainLoop } from "../loop/loop.js";
import { inPrecision } from "../loop/precision.js";
import { deeplySupervised } from "../losses/dice-ce.js";
import type { Plan } from "../plan/plan.js";
import { drawBatch } from "./batch.js";
import { expectFrequencies } from "./prior.js";

type Step0 = TrainingConfiguration["step0"];

export interface TrainUNetOptions extends Omit<LoopOptions, "iterations" | "model" | "optimizer" | "average" | "step"> {
  readonly cases: readonly StoredCase[];
  readonly plan: Plan;
  readonly configuration: Step0;
  readonly precision: TrainingConfiguration["precision"];
  readonly device: string;
}

/** One row a value of `step0.optimizer`. */
const optimizers: {
  readonly [Name in Step0["optimizer"]]: (parameters: readonly Tensor[], options: Step0) => Optimizer;
} = {
  sgd: (parameters, { learningRate, momentum, weightDecay }) =>
    new SGD(parameters, { learningRate, momentum, weightDecay, nesterov: momentum > 0 }),
  adamw: (parameters, { learningRate, weightDecay }) => new AdamW(parameters, { learningRate, weightDecay }),
};

/**
 * Trains (or goes on training) a U-Net on the device.
 *
 * @returns the network with its averaged weights, or its last ones where `averaging` is 0; whoever asked frees it
 * @throws as `trainLoop` does
 */
export async function trainUNet(options: TrainUNetOptions): Promise<{ network: PlainConvUNet; curve: Curve }> {
  manualSeed(options.seed);
  const network = new PlainConvUNet(options.plan.architecture).to({ device: options.device });
  return { network, curve: await freeOnThrow(network, () => learn(network, options)) };
}

async function learn(network: PlainConvUNet, options: TrainUNetOptions): Promise<Curve> {
  const { cases, plan, configuration, precision, device } = options;
  const { iterations, gradientClip, averaging } = configuration;
  const parameters = network.parameters();
  if (configuration.prior === "frequency") expectFrequencies(network, cases);
  const optimizer = optimizers[configuration.optimizer](parameters, configuration);
  const average = averaging > 0 ? new WeightAverage(network, { decay: averaging }) : undefined;
  const rate = schedule("poly", { steps: iterations });
  const batchDice = configuration.batchDice === "auto" ? plan.batchDice : configuration.batchDice;
  const drawing = { ...configuration, batch: plan.batch, normalisation: plan.recipe.normalisation };
  const lossOf = (image: Tensor, labels: Tensor) => deeplySupervised(network.forwardAll(image), labels, { batchDice });
  try {
    const curve = await trainLoop({
      ...options,
      iterations,
      model: network,
      optimizer,
      average,
      step: (iteration, random) => {
        const { image, labels } = drawBatch(cases, plan.patch, drawing, random, device);
        const loss = inPrecision(precision, device, () => lossOf(image, labels));
        loss.backward();
        const gradient = clipGradNorm(parameters, gradientClip);
        optimizer.setLearningRate(rate(iteration));
        optimizer.step();
        optimizer.zeroGrad();
        return { loss: loss.item(), gradient };
      },
    });
    if (average) network.loadStateDict(average.weights());
    return curve;
  } finally {
    optimizer.free();
    average?.free();
  }
}
