/**
 * A process of its own for a test: forward and backward through chains of blocks, checkpointed or not, and how much more memory the
 * process had at most for each length, in activations.
 */
import { peakMemory, resetPeakMemory, residentMemory } from "@rfmedsam/base/node";
import { randn } from "../factories.js";
import { checkpointed } from "../gradient-checkpointing.js";
import * as nn from "../nn/index.js";
import { manualSeed, setNumThreads } from "../runtime.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";

const lengths = process.argv.slice(2).map(Number);
const [rows, width] = [8192, 64];
setNumThreads(1);

function train(length: number, recomputing: boolean): { peak: number; gradient: number[] } {
  manualSeed(1);
  const blocks = Array.from({ length }, () => [new nn.Linear(width, width), new nn.Linear(width, width)] as const);
  const pass = (size: number) =>
    scope(() => {
      let x = randn([size, width]);
      for (const [first, second] of blocks) {
        const block = (given: Tensor) => given.add(second.forward(first.forward(given).gelu()).sin().tanh());
        x = scope(() => (recomputing ? checkpointed(block, x) : block(x)));
      }
      x.square().mean().backward();
    });
  pass(8); // makes the gradients, and what libtorch makes once
  resetPeakMemory();
  const held = residentMemory();
  pass(rows);
  const peak = (peakMemory() - held) / (4 * rows * width);
  return { peak, gradient: blocks[0]![0].weight.grad!.toNumbers() };
}

process.stdout.write(
  JSON.stringify([false, true].map((recomputing) => lengths.map((length) => train(length, recomputing)))),
);
