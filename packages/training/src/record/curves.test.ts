/** The plots of what real steps of both trainings record. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Triple } from "@rfmedsam/imaging";
import { tensor } from "@rfmedsam/torch";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { RecordStep, StepRecord } from "../loop/loop.js";
import { makePlan } from "../plan/plan.js";
import { RefinerCase } from "../refiner/sequences.js";
import { trainRefiner } from "../refiner/train.js";
import { trainUNet } from "../step0/train.js";
import { ball, logitsOf, storedCase, tinyConfiguration } from "../testing/cases.js";
import { plotsOf, type StageCurves } from "./curves.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "curves-"));
});
afterEach(() => rm(folder, { recursive: true }));

const shape: Triple = [6, 18, 20];
const classes = 2;
const stored = storedCase({ shape, classes, truth: ball(shape, 1) });
const configuration = tinyConfiguration({
  step0: { iterations: 1 },
  refiner: { iterations: 1, promptSources: { outOfFold: 0, degradedTruth: 1 } },
});
const shared = (record: RecordStep) => ({
  precision: "float32" as const,
  seed: 3,
  device: "cpu",
  checkpoint: join(folder, "state.safetensors"),
  checkpointEvery: 9,
  record,
  progress: () => {},
});

async function trainedStep0(record: RecordStep): Promise<void> {
  const channels = [{ mean: 0, std: 1, low: -1, high: 1, bulk: { low: -1, high: 1 } }];
  const plan = makePlan({ medianSpacing: [1, 1, 1], medianExtent: shape, channels }, ["CT"], classes, configuration);
  const options = { ...shared(record), cases: [stored], plan, configuration: configuration.step0, stage: "step 0" };
  (await trainUNet(options)).network.free();
}

async function trainedRefiner(record: RecordStep): Promise<void> {
  const logits = tensor(logitsOf(shape, classes, ball(shape, 1)), [classes, ...shape]).keep();
  const cases = [new RefinerCase(stored, logits, classes, configuration.refiner)];
  (await trainRefiner({ ...shared(record), cases, classes, configuration: configuration.refiner })).model.free();
  logits.free();
}

/** What a training's only step records. */
async function stepOf(training: (record: RecordStep) => Promise<void>): Promise<StepRecord["values"]> {
  const steps: StepRecord[] = [];
  await training((step) => void steps.push(step));
  expect(steps).toHaveLength(1);
  return steps[0]!.values;
}

describe("the plots of a run", () => {
  /** As the recorder would keep it, its point twice. */
  const stageWith = (values: StepRecord["values"]): StageCurves => ({
    iterations: [1, 2],
    values: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, [value, value]])),
    seconds: [1, 1],
    memory: [2 ** 30, 2 ** 30],
  });

  test("folds share their plots, six at most in one", async () => {
    const stage = stageWith(await stepOf(trainedStep0));
    const folds = Array.from({ length: 8 }, (_, at) => [`step 0: training U-Net ${at + 1} of 8`, stage]);
    const plots = plotsOf(Object.fromEntries(folds));
    expect(plots.map(({ title, curves: own }) => [title, own.length])).toEqual(
      ["loss", "learning rate", "norm of the gradient", "time per step", "memory of the process"].flatMap((name) => [
        [`step 0: ${name} (1 of 2)`, 6],
        [`step 0: ${name} (2 of 2)`, 2],
      ]),
    );
    expect(plots[0]!.curves[0]!.name).toBe("training U-Net 1 of 8");
    expect(new Set(plots.map(({ file }) => file)).size).toBe(plots.length);
  });

  test("the losses of a stage that stands alone are one plot, what is no loss has its own; memory is in GiB", async () => {
    const plots = plotsOf({ refiner: stageWith(await stepOf(trainedRefiner)) });
    expect(plots.map(({ title, curves: own }) => [title, own.map(({ name }) => name)])).toEqual([
      ["refiner: losses", ["loss", "stage1", "stage2"]],
      ...["learning rate", "norm of the gradient", "time per step", "memory of the process"].map((name) => [
        `refiner: ${name}`,
        ["refiner"],
      ]),
    ]);
    expect(plots.at(-1)).toMatchObject({ unit: "GiB", curves: [{ y: [1, 1] }] });
  });
});
