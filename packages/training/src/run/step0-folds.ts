/** Step 0's cross-validation: K U-Nets one after the other, each of which then predicts the cases whose prompts come from it. */
import { join } from "node:path";
import { throwIfCancelled } from "@rfmedsam/base";
import { TorchPatchNetwork } from "@rfmedsam/models";
import { predictVolume } from "@rfmedsam/segmenter";
import { writeSafetensors } from "@rfmedsam/torch";
import { type MeasuredCase, measureStep0 } from "../choice/measure.js";
import type { StoredCase } from "../dataset/store.js";
import type { Curve } from "../loop/loop.js";
import { predictionMirrorAxes } from "../plan/plan.js";
import { trainUNet } from "../step0/train.js";
import { foldFile, networkOfFold, type Run } from "./run.js";

/** @returns a curve per fold */
export async function trainFolds(run: Run, cases: ReadonlyMap<string, StoredCase>): Promise<Curve[]> {
  const { division, configuration, plan, seed, device, work, output, record, progress, signal } = run;
  const { overlap } = configuration.step0;
  const folds = division.leftOut.length;
  const curves: Curve[] = [];
  for (const [fold, leftOut] of division.leftOut.entries()) {
    const which = folds === 1 ? "the U-Net" : `U-Net ${fold + 1} of ${folds}`;
    const { network, curve } = await trainUNet({
      cases: [...cases.values()].filter(({ id }) => !leftOut.includes(id)),
      plan,
      configuration: configuration.step0,
      precision: configuration.precision,
      seed: seed + 1000 * (fold + 1),
      device,
      stage: `step 0: training ${which}`,
      checkpoint: work.checkpoint(networkOfFold(fold)),
      checkpointEvery: configuration.checkpointEvery,
      record,
      progress,
      signal,
    });
    curves.push(curve);
    try {
      await writeSafetensors(join(output, foldFile(fold)), network.stateDict());
      const patches = new TorchPatchNetwork(network, plan.patch, device);
      const toPredict = predictedBy(run, fold).filter((id) => !work.predictions.has(id));
      for (const [index, id] of toPredict.entries()) {
        throwIfCancelled(signal);
        const stored = cases.get(id)!;
        const mirrorAxes = predictionMirrorAxes(configuration.step0);
        const logits = await predictVolume(patches, stored, { overlap, mirrorAxes, ...(signal && { signal }) });
        await work.predictions.add(id, logits, run.classes.length, stored.shape);
        progress({ stage: `step 0: predicting with ${which}`, done: index + 1, total: toPredict.length });
      }
    } finally {
      network.free();
    }
  }
  return curves;
}

/** Cases whose prediction is by a U-Net that has not seen them: all, those kept for validation, or with a single U-Net none. */
export function step0MeasuredOn(
  { leftOut, validation }: Run["division"],
  { prompting }: Pick<Run["configuration"], "prompting">,
): string[] {
  if (leftOut.length === 1) return [];
  return prompting === "inFold" ? [...validation] : leftOut.flat().sort();
}

/** Step 0's predictions against the truth. */
export async function measureOutOfFold(
  { division, classes, configuration, work, progress, signal }: Run,
  cases: ReadonlyMap<string, StoredCase>,
): Promise<MeasuredCase[]> {
  const ids = step0MeasuredOn(division, configuration);
  const measured: MeasuredCase[] = [];
  for (const [index, id] of ids.entries()) {
    throwIfCancelled(signal);
    const stored = cases.get(id)!;
    const logits = await work.predictions.read(id, classes.length, stored.shape);
    measured.push(measureStep0(stored, logits, classes.length, configuration.choice.largestComponent));
    progress({ stage: "measuring step 0", done: index + 1, total: ids.length });
  }
  return measured;
}

/**
 * The cases that a fold's U-Net predicts: those it has not seen, or (for the ablation) as many of those it has. Validation cases are always
 * predicted by one that has not seen them.
 */
export function predictedBy(
  { division: { leftOut, validation }, dataset, configuration }: Pick<Run, "division" | "dataset" | "configuration">,
  fold: number,
): readonly string[] {
  // With a single fold there are no unseen cases.
  if (leftOut.length === 1) return dataset.training.map(({ id }) => id);
  const unseen = leftOut[fold]!;
  if (configuration.prompting === "outOfFold") return unseen;
  const held = new Set(validation);
  const seen = leftOut[(fold + 1) % leftOut.length]!;
  return [...seen.filter((id) => !held.has(id)), ...unseen.filter((id) => held.has(id))];
}
