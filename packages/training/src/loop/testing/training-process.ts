/**
 * A training as a process of its own, to be killed: writes a line for every step, and at the end the weights, the averaged weights and
 * the curve to `FOLDER/result.json`. `node … FOLDER ITERATIONS`.
 */
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { explain } from "@rfmedsam/base";
import { AdamW, F, manualSeed, nn, setNumThreads, tensor, WeightAverage } from "@rfmedsam/torch";
import { trainLoop } from "../loop.js";

const [folder = "", iterations] = process.argv.slice(2);
const width = 96;
setNumThreads(1);
manualSeed(1);
const model = new nn.Linear(width, width);
const optimizer = new AdamW(model.parameters(), { learningRate: 0.01 });
const average = new WeightAverage(model, { decay: 0.9 });

try {
  const curve = await trainLoop({
    stage: "training",
    iterations: Number(iterations),
    seed: 5,
    checkpoint: join(folder, "state.safetensors"),
    checkpointEvery: 2,
    model,
    optimizer,
    average,
    step: (_, random) => {
      const input = tensor(
        Float32Array.from({ length: width }, () => random.normal()),
        [1, width],
      );
      const loss = F.dropout(model.forward(input), 0.3, true).square().mean();
      loss.backward();
      optimizer.step();
      optimizer.zeroGrad();
      return { loss: loss.item() };
    },
    record: ({ iteration, values }) => appendFileSync(join(folder, "record"), `${iteration} ${values.loss}\n`),
    progress: ({ done }) => process.stdout.write(`${done}\n`),
  });
  const numbers = (tensors: Iterable<{ toNumbers(): number[] }>) => Array.from(tensors, (values) => values.toNumbers());
  const result = { curve, weights: numbers(model.parameters()), averaged: numbers(average.weights().values()) };
  writeFileSync(join(folder, "result.json"), JSON.stringify(result));
} catch (error) {
  process.stderr.write(explain(error));
  process.exitCode = 1;
}
