/**
 * Which stage each label comes from. Never worse than step 0 means: another stage must be better by a margin that chance does not
 * explain.
 */
import { type OutputStage, stageInWords } from "@rfmedsam/segmenter";
import { fewestCases } from "../folds.js";
import { outputStages, type StageDice } from "./measure.js";

/** A stage replaces step 0 only when its mean gain exceeds this, and what chance may make of as many cases. */
const requiredGain = 0.001;
/** Two-sided 95 % of Student's t, by degrees of freedom from 1; beyond them it is taken for the last. */
const studentT = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/** A stage against step 0, over the cases in which the class is, or either of the two sees it. */
export interface StageGain {
  readonly cases: number;
  /** Mean Dice of the stage, 1 where it is right that there is nothing; NaN without cases. */
  readonly dice: number;
  /** Mean of its Dice minus step 0's, and that mean's standard error. */
  readonly gain: number;
  readonly error: number;
}

export interface StageChoice {
  readonly stage: OutputStage;
  readonly gains: Readonly<Record<OutputStage, StageGain>>;
}

/** Whether paired gains are more than chance explains: enough of them, their mean above `requiredGain` and the 95 % interval above 0. */
export function isClearGain(gains: readonly number[]): boolean {
  return isClear({ cases: gains.length, gain: mean(gains), error: errorOf(gains) });
}

function isClear({ cases, gain, error }: Pick<StageGain, "cases" | "gain" | "error">): boolean {
  return (
    cases >= fewestCases && gain > Math.max(requiredGain, studentT[Math.min(cases - 1, studentT.length) - 1]! * error)
  );
}

/** Standard error of the mean. */
function errorOf(gains: readonly number[]): number {
  const gain = mean(gains);
  const variance = gains.reduce((total, one) => total + (one - gain) ** 2, 0) / Math.max(1, gains.length - 1);
  return Math.sqrt(variance / gains.length);
}

/** @param rows of one class, clean validation cases; without any, step 0 answers */
export function chooseStage(rows: readonly StageDice[]): StageChoice {
  const gains = Object.fromEntries(outputStages.map((stage) => [stage, gainOf(rows, stage)])) as Record<
    OutputStage,
    StageGain
  >;
  let stage: OutputStage = "step0";
  for (const candidate of outputStages.slice(1)) {
    if (isClear(gains[candidate]) && gains[candidate].gain > gains[stage].gain) stage = candidate;
  }
  return { stage, gains };
}

/** The numbers behind a choice, in words. */
export function explainStage({ stage, gains }: StageChoice): string {
  const others = outputStages.slice(1);
  const best = others.reduce((most, other) => (gains[other].gain > gains[most].gain ? other : most));
  const shown = stage === "step0" ? best : stage;
  const { cases, gain, error } = gains[shown];
  if (cases < fewestCases) return `measured on ${cases} cases; to choose another stage ${fewestCases} are needed`;
  const sentence = `${stageInWords(shown)} gains ${gain.toFixed(4)} ± ${error.toFixed(4)} over step 0 (mean and its standard error, ${cases} cases)`;
  return stage === "step0" ? `${sentence}: not clearly more than nothing` : sentence;
}

function gainOf(rows: readonly StageDice[], stage: OutputStage): StageGain {
  const known = rows.filter(({ dice }) => Number.isFinite(dice.step0) || Number.isFinite(dice[stage]));
  const gains = known.map(({ dice }) => rightOrDice(dice[stage]) - rightOrDice(dice.step0));
  return {
    cases: gains.length,
    dice: mean(known.map(({ dice }) => rightOrDice(dice[stage]))),
    gain: mean(gains),
    error: errorOf(gains),
  };
}

/** Neither in the truth nor found: that is right. */
export const rightOrDice = (dice: number) => (Number.isNaN(dice) ? 1 : dice);

/** NaN of nothing. */
export function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}
