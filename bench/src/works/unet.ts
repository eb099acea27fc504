/** One training step of nnU-Net's 3D U-Net: forward, Dice + cross-entropy at all resolutions, backward, clipping, SGD with Nesterov momentum. */
import { PlainConvUNet, type UNetArchitecture } from "@rfmedsam/models";
import { clipGradNorm, manualSeed, randint, randn, SGD, scope, type Tensor } from "@rfmedsam/torch";
import { named, type Work } from "./work.js";

/** Training's own loss; it is no part of the package's public face, so it is taken from the file that is run. */
const lossFile = new URL("../../../packages/training/dist/losses/dice-ce.js", import.meta.url).href;

interface Losses {
  deeplySupervised(logits: readonly Tensor[], labels: Tensor): Tensor;
}

export interface UNetParameters extends UNetArchitecture {
  readonly batch: number;
  /** `[D, H, W]` */
  readonly patch: readonly number[];
}

export async function unetTrainingStep({ batch, patch, ...architecture }: UNetParameters): Promise<Work> {
  const { deeplySupervised } = (await import(lossFile)) as Losses;
  manualSeed(1);
  const network = new PlainConvUNet(architecture);
  const image = randn([batch, architecture.inputChannels, ...patch]).keep();
  const labels = randint(0, architecture.classes, [batch, ...patch]).keep();
  const parameters = network.parameters();
  const optimizer = new SGD(parameters, { learningRate: 1e-3, momentum: 0.99, nesterov: true, weightDecay: 3e-5 });
  return {
    tensors: named(network.stateDict(), { image, labels }),
    run: () =>
      scope(() => {
        optimizer.zeroGrad();
        const loss = deeplySupervised(network.forwardAll(image), labels);
        loss.backward();
        clipGradNorm(parameters, 12);
        optimizer.step();
        return [loss.item()];
      }),
  };
}
