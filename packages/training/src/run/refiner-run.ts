/** Stages 1 and 2: the refiner is trained on all cases but those of the validation, and measured on these. */
import { throwIfCancelled } from "@rfmedsam/base";
import { TorchRefiner } from "@rfmedsam/models";
import type { Tensor } from "@rfmedsam/torch";
import { degradedStep0 } from "../choice/degraded-step0.js";
import { type MeasuredCase, measureCase } from "../choice/measure.js";
import { refinerSettings } from "../choice/settings.js";
import type { StoredCase } from "../dataset/store.js";
import { freeOnThrow } from "../loop/free-on-throw.js";
import type { Curve } from "../loop/loop.js";
import { memoryBudget } from "../plan/memory/budget.js";
import type { RefinerModel } from "../refiner/model.js";
import { RefinerCase } from "../refiner/sequences.js";
import { trainRefiner } from "../refiner/train.js";
import { type Run, refinerNetwork, usesUNets } from "./run.js";

export interface TrainedRefiner {
  readonly model: RefinerModel;
  readonly curve: Curve;
  /** The validation cases: as step 0 predicts them, and with its predictions made worse on purpose. */
  readonly measured: readonly MeasuredCase[];
}

/** Degraded predictions of each validation case that the gate learns from. */
const degradedCopies = 2;

export async function runRefiner(run: Run, cases: ReadonlyMap<string, StoredCase>): Promise<TrainedRefiner> {
  const { work, classes, configuration, division, seed, device, record, progress, signal } = run;
  const held = new Set(division.validation);
  const prompted = usesUNets(configuration);
  const predictions = new Map<string, Tensor>();
  try {
    const learning: RefinerCase[] = [];
    for (const [id, stored] of cases) {
      if (held.has(id)) continue;
      if (prompted) predictions.set(id, await work.predictions.open(id, classes.length, stored.shape));
      learning.push(new RefinerCase(stored, predictions.get(id), classes.length, configuration.refiner));
    }
    const { model, curve } = await trainRefiner({
      cases: learning,
      classes: classes.length,
      configuration: configuration.refiner,
      precision: configuration.precision,
      seed: seed + 1 + configuration.refiner.seedOffset,
      device,
      checkpoint: work.checkpoint(refinerNetwork),
      checkpointEvery: configuration.checkpointEvery,
      record,
      progress,
      signal,
    });
    return { model, curve, measured: await freeOnThrow(model, () => measureValidation(run, cases, model)) };
  } finally {
    for (const logits of predictions.values()) logits.free();
  }
}

async function measureValidation(
  run: Run,
  cases: ReadonlyMap<string, StoredCase>,
  model: RefinerModel,
): Promise<MeasuredCase[]> {
  const { work, classes, configuration, division, seed, device, progress, signal } = run;
  model.eval();
  const calibration = { stage1: model.stage1.export(), stage2: model.stage2.export() };
  const options = {
    network: new TorchRefiner(model.sam2, device, {
      generator: model.generator,
      memory: memoryBudget(configuration.memory, device),
    }),
    settings: refinerSettings(configuration.refiner, calibration),
    classes: classes.length,
    signal,
  };
  const copies = configuration.choice.gate ? degradedCopies : 0;
  const measured: MeasuredCase[] = [];
  for (const [index, id] of division.validation.entries()) {
    throwIfCancelled(signal);
    const stored = cases.get(id)!;
    const logits = usesUNets(configuration) ? await work.predictions.read(id, classes.length, stored.shape) : undefined;
    measured.push(await measureCase(stored, logits, options));
    for (let copy = 0; copy < copies; copy++) {
      const degrade = degradedStep0(classes.length, configuration.refiner, seed, index, copy);
      measured.push(await measureCase(stored, logits, { ...options, degrade }));
    }
    progress({ stage: "measuring the validation cases", done: index + 1, total: division.validation.length });
  }
  return measured;
}
