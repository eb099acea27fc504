/** Step 0's training: one U-Net as nnU-Net trains it (SGD with Nesterov momentum, poly schedule, Dice + CE, deep supervision). */
import type { CancelSignal, Progress } from "@rfmedsam/base";
import { PlainConvUNet } from "@rfmedsam/models";
import { AdamW, clipGradNorm, manualSeed, type Optimizer, SGD, schedule, type Tensor } from "@rfmedsam/torch";
import type { TrainingConfiguration } from "../config.js";
import type { StoredCase } from "../dataset/store.js";
import { type Curve, trainLoop } from "../loop/loop.js";
import { deeplySupervised } from "../losses/dice-ce.js";
import type { Plan } from "../plan/plan.js";
import { changeIntensities, mirror } from "./intensity.js";
import { drawBatch } from "./patches.js";

type Step0 = TrainingConfiguration["step0"];

export interface TrainUNetOptions {
  readonly cases: readonly StoredCase[];
  readonly plan: Plan;
  readonly configuration: TrainingConfiguration["step0"];
  readonly seed: number;
  readonly device: string;
  /** Named in progress lines, e.g. `step 0, fold 1 of 2`. */
  readonly stage: string;
  readonly checkpoint: string;
  readonly checkpointEvery: number;
  readonly progress: Progress;
  readonly signal?: CancelSignal | undefined;
}

/** One row a value of `step0.optimizer`. */
const optimizers: {
  readonly [Name in Step0["optimizer"]]: (parameters: readonly Tensor[], options: Step0) => Optimizer;
} = {
  sgd: (parameters, { learningRate, momentum, weightDecay }) =>
    new SGD(parameters, { learningRate, momentum, weightDecay, nesterov: true }),
  adamw: (parameters, { learningRate, weightDecay }) => new AdamW(parameters, { learningRate, weightDecay }),
};

/** Trains (or goes on training) a U-Net. @throws as `trainLoop` does */
export async function trainUNet(options: TrainUNetOptions): Promise<{ network: PlainConvUNet; curve: Curve }> {
  const { cases, plan, configuration, seed, device } = options;
  const { iterations, gradientClip, augmentation } = configuration;
  manualSeed(seed);
  const network = new PlainConvUNet(plan.architecture).to({ device });
  const parameters = network.parameters();
  const optimizer = optimizers[configuration.optimizer](parameters, configuration);
  const rate = schedule("poly", { steps: iterations });
  const curve = await trainLoop({
    ...options,
    iterations,
    model: network,
    optimizer,
    step: (iteration, random) => {
      const drawn = mirror(drawBatch(cases, plan.patch, configuration, random, device), augmentation, random);
      const { image, labels } = changeIntensities(drawn, augmentation, random);
      const loss = deeplySupervised(network.forwardAll(image), labels);
      loss.backward();
      const gradient = clipGradNorm(parameters, gradientClip);
      optimizer.setLearningRate(rate(iteration));
      optimizer.step();
      optimizer.zeroGrad();
      return { loss: loss.item(), gradient };
    },
  });
  optimizer.free();
  return { network, curve };
}
