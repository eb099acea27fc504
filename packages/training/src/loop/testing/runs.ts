/** A training that takes no time, for tests of the loop. */
import { AdamW, F, manualSeed, nn, SGD, setNumThreads, tensor, WeightAverage } from "@rfmedsam/torch";
import type { LoopOptions } from "../loop.js";

setNumThreads(1);

/** A linear model on random numbers, with dropout: both of the engine's and of the stream's numbers matter. Its weights are averaged. */
export function makeRun(optimizer: "sgd" | "adam", checkpoint: string, changes: Partial<LoopOptions> = {}) {
  manualSeed(1);
  const model = new nn.Linear(4, 3);
  const rule =
    optimizer === "sgd"
      ? new SGD(model.parameters(), { learningRate: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.01 })
      : new AdamW(model.parameters(), { learningRate: 0.05 });
  const average = new WeightAverage(model, { decay: 0.8 });
  const options: LoopOptions = {
    stage: "fitting",
    iterations: 12,
    seed: 5,
    checkpoint: checkpoint,
    checkpointEvery: 5,
    model,
    optimizer: rule,
    average,
    progress: () => {},
    step: (iteration, random) => {
      const input = tensor(
        [0, 0, 0, 0].map(() => random.normal()),
        [1, 4],
      );
      const loss = F.dropout(model.forward(input), 0.3, true).square().sum();
      loss.backward();
      rule.setLearningRate(1 / (1 + iteration));
      rule.step();
      rule.zeroGrad();
      return { loss: loss.item() };
    },
    ...changes,
  };
  const weights = () => [...model.parameters(), ...average.weights().values()].map((values) => values.toNumbers());
  const finish = () => {
    average.free();
    rule.free();
    model.free();
  };
  return { options, weights, finish };
}
