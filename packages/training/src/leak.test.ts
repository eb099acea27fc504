/** Training holds its memory: 50 steps leave exactly as many tensors as 5, and the process hardly grows. In a process of its own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Progress } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
import { liveTensors, tensor } from "@rfmedsam/torch";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makePlan } from "./plan/plan.js";
import { RefinerCase } from "./refiner/sequences.js";
import { trainRefiner } from "./refiner/train.js";
import { trainUNet } from "./step0/train.js";
import { ball, logitsOf, storedCase, tinyConfiguration } from "./testing/cases.js";
import { memoryInUse } from "./testing/memory.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "leak-"));
});
afterAll(() => rm(folder, { recursive: true }));

const shape: Triple = [12, 16, 18];
const classes = 3;
const stored = storedCase({ shape, classes });

/** Notes tensors after every step, and memory after steps `early` and `late`. */
function watcher(early: number, late: number) {
  const live: number[] = [];
  const memory: number[] = [];
  const progress: Progress = ({ done }) => {
    live.push(liveTensors());
    if (done === early || done === late) memory.push(memoryInUse());
  };
  return { live, memory, progress };
}

test("steps of the U-Net, states being saved", async () => {
  const { live, memory, progress } = watcher(50, 150);
  const configuration = tinyConfiguration({ step0: { iterations: 150 } });
  const channels = [{ mean: 0, std: 1, low: -1, high: 1, bulk: { low: -1, high: 1 } }];
  const plan = makePlan({ medianSpacing: [1, 1, 1], medianExtent: shape, channels }, ["CT"], classes, configuration);
  const { network } = await trainUNet({
    cases: [stored],
    plan,
    configuration: configuration.step0,
    precision: "float32",
    seed: 1,
    device: "cpu",
    stage: "step 0",
    checkpoint: join(folder, "unet.safetensors"),
    checkpointEvery: 20,
    progress,
  });
  network.free();
  expect(live[49]).toBe(live[4]);
  expect(live[149]).toBe(live[4]);
  expect(memory[1]! / memory[0]!).toBeLessThan(1.02);
});

test("steps of the refiner, states being saved", async () => {
  const { live, memory, progress } = watcher(15, 50);
  const { refiner: configuration } = tinyConfiguration({
    refiner: { iterations: 50, promptSources: { outOfFold: 1, degradedTruth: 1 } },
  });
  const logits = tensor(logitsOf(shape, classes, ball(shape, 1, 0.3)), [classes, ...shape]).keep();
  const { model } = await trainRefiner({
    cases: [new RefinerCase(stored, logits, classes, configuration)],
    classes,
    configuration,
    precision: "float32",
    seed: 1,
    device: "cpu",
    checkpoint: join(folder, "refiner.safetensors"),
    checkpointEvery: 10,
    progress,
  });
  model.free();
  expect(live[49]).toBe(live[4]);
  expect(memory[1]! / memory[0]!).toBeLessThan(1.02);
});
