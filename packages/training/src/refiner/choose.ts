/**
 * Which stage each label comes from: measured on cases the refiner has not seen, with step 0's out-of-fold predictions as prompts.
 * Never worse than step 0 means: another stage must be better by a margin that chance does not explain.
 */
import type { CancelSignal, Progress } from "@rfmedsam/base";
import type { TorchRefiner } from "@rfmedsam/models";
import {
  type Calibration,
  type ClassScores,
  combineScores,
  type OutputStage,
  refineCase,
  renderSlice,
  type StageName,
  scoresOfLogits,
  scoresOfStage,
  slicePrompts,
} from "@rfmedsam/segmenter";
import type { TrainingConfiguration } from "../config.js";
import type { RefinerCase } from "./sequences.js";
import { neighbours } from "./train.js";

export const candidates: readonly OutputStage[] = ["step0", "stage1", "stage2", "mean"];

/** Dice of one class of one case by each candidate; NaN where neither truth nor prediction has it. */
export interface StageDice {
  readonly case: string;
  readonly class: number;
  readonly dice: Readonly<Record<OutputStage, number>>;
}

export interface MeasureOptions {
  readonly network: TorchRefiner;
  readonly calibration: { readonly stage1: Calibration; readonly stage2: Calibration };
  readonly configuration: TrainingConfiguration["refiner"];
  readonly progress: Progress;
  readonly signal?: CancelSignal | undefined;
}

/** @param logits step 0's logits `[K, z, y, x]` of the case */
export async function measureCase(
  refinerCase: RefinerCase,
  logits: Float32Array,
  options: MeasureOptions,
): Promise<StageDice[]> {
  const { network, calibration, configuration, signal } = options;
  const { stored, frame, classes, plan } = refinerCase;
  const step0 = scoresOfLogits(logits, classes, stored.shape, frame.axis);
  const probabilities = (slice: number) => step0.slice(slice);
  const refined = await refineCase(
    network,
    {
      frame,
      slices: plan.flatMap((objects, slice) => (objects.length > 0 ? [slice] : [])),
      render: (slice, out, offset) => renderSlice(stored, frame, slice, { colours: configuration.slices }, out, offset),
      prompts: (slice) =>
        slicePrompts(plan, slice, probabilities, frame, classes, network.maskSize, configuration.prompts),
    },
    { prompt: configuration.prompts, memory: { ...configuration.memory, neighbours }, ...(signal && { signal }) },
  );
  const scores: Partial<Record<StageName, ClassScores>> = { step0 };
  scores.stage1 = scoresOfStage(refined.stage1, calibration.stage1, frame, classes, stored.shape);
  if (refined.stage2) scores.stage2 = scoresOfStage(refined.stage2, calibration.stage2, frame, classes, stored.shape);
  const byStage = Object.fromEntries(
    candidates.map((stage) => [
      stage,
      diceOf(combineScores(scores, new Array<OutputStage>(classes).fill(stage)), stored.truth, classes),
    ]),
  ) as Record<OutputStage, number[]>;
  return Array.from({ length: classes - 1 }, (_, i) => ({
    case: stored.id,
    class: i + 1,
    dice: Object.fromEntries(candidates.map((stage) => [stage, byStage[stage][i + 1]!])) as Record<OutputStage, number>,
  }));
}

/** Dice of every class, background included (entry 0). */
function diceOf(scores: ClassScores, truth: Uint8Array, classes: number): number[] {
  const best = scores.volume(0).slice();
  const winners = new Uint8Array(truth.length);
  for (let label = 1; label < classes; label++) {
    const own = scores.volume(label);
    for (let i = 0; i < own.length; i++) {
      if (own[i]! > best[i]!) {
        best[i] = own[i]!;
        winners[i] = label;
      }
    }
  }
  const [predicted, actual, both] = [new Float64Array(classes), new Float64Array(classes), new Float64Array(classes)];
  for (let i = 0; i < truth.length; i++) {
    predicted[winners[i]!]! += 1;
    actual[truth[i]!]! += 1;
    if (winners[i] === truth[i]) both[truth[i]!]! += 1;
  }
  return Array.from(both, (overlap, label) => (2 * overlap) / (predicted[label]! + actual[label]!));
}

/** With fewer cases a mean gain says nothing. */
const fewestCases = 3;

/** A stage replaces step 0 only when its mean gain exceeds this, and twice its standard error (about 95 % confidence). */
const requiredGain = 0.001;

/**
 * The output stage of every class (entry 0, the background, is step 0 and not used).
 *
 * @param measured of all validation cases; without any, step 0 answers for every class
 */
export function chooseStages(measured: readonly StageDice[], classes: number): OutputStage[] {
  return Array.from({ length: classes }, (_, label) => {
    const rows = measured.filter((row) => row.class === label && Number.isFinite(row.dice.step0));
    let best: OutputStage = "step0";
    let bestGain = 0;
    for (const stage of candidates.slice(1)) {
      const gains = rows.map((row) => row.dice[stage] - row.dice.step0).filter(Number.isFinite);
      if (gains.length < fewestCases) continue;
      const mean = gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
      const variance = gains.reduce((sum, gain) => sum + (gain - mean) ** 2, 0) / Math.max(1, gains.length - 1);
      const error = Math.sqrt(variance / gains.length);
      if (mean > Math.max(requiredGain, 2 * error) && mean > bestGain) [best, bestGain] = [stage, mean];
    }
    return best;
  });
}
