/** Training holds its memory: the number of tensors exactly, the process's size almost. */
import { getHeapSpaceStatistics } from "node:v8";
import { expect, test } from "vitest";
import { randint, randn } from "./factories.js";
import { autocast } from "./modes.js";
import * as nn from "./nn/index.js";
import { Layer, Sequential } from "./nn/module.js";
import { AdamW } from "./optim/adamw.js";
import { clipGradNorm } from "./optim/clip.js";
import { WeightAverage } from "./optim/ema.js";
import { schedule } from "./optim/schedules.js";
import { manualSeed, setNumThreads } from "./runtime.js";
import { liveTensors, scope } from "./scope.js";
import type { Tensor } from "./tensor.js";
import { collect } from "./testing/collect.js";

/** Resident bytes, but of JavaScript's heap only what is used: it keeps pages in reserve that have nothing to do with tensors. */
function memoryInUse(): number {
  const heapPages = getHeapSpaceStatistics().reduce((bytes, space) => bytes + space.physical_space_size, 0);
  const { rss, heapUsed } = process.memoryUsage();
  return rss - heapPages + heapUsed;
}

class Upsampled extends Layer {
  readonly up = new nn.ConvTranspose2d(8, 8, { kernel: 2, stride: 2 });
  readonly head = new nn.Conv2d(8, 3, { kernel: 1 });

  forward(x: Tensor): Tensor {
    return this.head.forward(this.up.forward(x));
  }
}

test("50 training steps leave as many tensors as 5, and 550 little more memory than 50", async () => {
  setNumThreads(1);
  manualSeed(1);
  const net = new Sequential(
    new nn.Conv2d(1, 8, { kernel: 3, padding: 1, stride: 2 }),
    new nn.InstanceNorm(8),
    new nn.LeakyReLU(),
    new nn.Dropout(0.1),
    new Upsampled(),
  );
  const optimizer = new AdamW(net.parameters());
  const average = new WeightAverage(net);
  const factor = schedule("poly", { steps: 551 });
  const step = (n: number): number =>
    scope(() => {
      const loss = autocast("cpu", "bfloat16", () =>
        net.forward(randn([2, 1, 16, 16])).crossEntropyLoss(randint(0, 3, [2, 16, 16])),
      );
      optimizer.zeroGrad();
      loss.backward();
      clipGradNorm(net.parameters(), 12);
      optimizer.setLearningRate(factor(n));
      optimizer.step();
      average.update();
      return loss.item();
    });

  const live: number[] = [];
  const resident: number[] = [];
  let lowest = Number.POSITIVE_INFINITY;
  for (let n = 1; n <= 550; n++) {
    lowest = Math.min(lowest, step(n));
    live.push(liveTensors());
    if (n === 50 || n === 550) {
      await new Promise((done) => setTimeout(done, 10));
      collect();
      resident.push(memoryInUse());
    }
  }
  expect(live[49]).toBe(live[4]);
  expect(live[549]).toBe(live[4]);
  expect(lowest).toBeGreaterThan(0);
  expect(resident[1]! / resident[0]!).toBeLessThan(1.02);
});

test("a step that fails leaves no tensors either", () => {
  const net = new Sequential(new nn.Linear(4, 4), new nn.GELU(), new nn.Linear(3, 1));
  const failing = () => scope(() => net.forward(randn([2, 4])).backward());
  expect(failing).toThrow();
  const before = liveTensors();
  for (let i = 0; i < 20; i++) expect(failing).toThrow();
  expect(liveTensors()).toBe(before);
});
