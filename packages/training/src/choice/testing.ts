/** Measured cases with made-up counts, for tests. */
import type { OutputStage } from "@rfmedsam/segmenter";
import { diceOf, type MeasuredCase, type MeasuredClass, outputStages } from "./measure.js";

/** One class: of 100 true voxels a slice so many are predicted, all of them right. */
export interface Counted {
  readonly step0: readonly number[];
  /** All refined stages, and the mean. */
  readonly refined: readonly number[];
  readonly confidence: number;
  /** What keeping the largest component adds to Dice. */
  readonly componentGain?: number;
  /** Slices on which step 0 contradicts itself. */
  readonly contradicted?: readonly number[];
}

export function measuredOf(id: string, degraded: boolean, classes: readonly Counted[]): MeasuredCase {
  return { case: id, degraded, classes: classes.map((counted, n) => measuredClass(id, n + 1, counted)) };
}

function measuredClass(id: string, label: number, counted: Counted): MeasuredClass {
  const { step0, refined, confidence, componentGain = 0, contradicted = [] } = counted;
  const own = (stage: OutputStage) => Uint32Array.from(stage === "step0" ? step0 : refined);
  const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
  const dice = (values: readonly number[]) => diceOf(total(values), 100 * values.length, total(values));
  const each = <T>(value: (stage: OutputStage) => T) =>
    Object.fromEntries(outputStages.map((stage) => [stage, value(stage)])) as Record<OutputStage, T>;
  const agreed = Uint32Array.from(step0, (voxels, slice) => Math.min(voxels, refined[slice]!));
  const sure = Float32Array.from(refined, (voxels) => (voxels > 0 ? confidence : Number.NaN));
  const ofStage = (stage: OutputStage) => dice(stage === "step0" ? step0 : refined);
  return {
    case: id,
    class: label,
    dice: each(ofStage),
    largestComponent: each((stage) => ofStage(stage) + componentGain),
    slices: {
      truth: new Uint32Array(step0.length).fill(100),
      predicted: each(own),
      correct: each(own),
      agreed: { stage1: agreed, stage2: agreed },
      confidence: { stage1: sure, stage2: sure },
      bridged: Uint8Array.from(step0, (_, slice) => (contradicted.includes(slice) ? 1 : 0)),
    },
  };
}
