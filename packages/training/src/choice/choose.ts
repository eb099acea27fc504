/**
 * Everything that is decided about a model once it is trained, on cases its refiner has not seen: per class the stage that answers, when
 * another one answers after all (gate), and whether only the largest component stays. The manifest takes the decisions, the report the
 * numbers behind them.
 */
import type { GateRule, OutputStage } from "@rfmedsam/segmenter";
import type { TrainingConfiguration } from "../config.js";
import { type LearnedGate, learnGate } from "./gate-learning.js";
import type { MeasuredCase, MeasuredClass, StageDice } from "./measure.js";
import { chooseStage, explainStage, isClearGain, mean, type StageChoice } from "./output-stage.js";

/** The numbers behind one class's choices. */
export interface ClassChoice {
  readonly label: string;
  readonly stage: OutputStage;
  /** Why this stage, in words. */
  readonly reason: string;
  /** Absent where there is no refiner. */
  readonly gains?: StageChoice["gains"];
  /** Absent where no rule helps. */
  readonly gate?: LearnedGate;
  /** Mean Dice of the clean cases without and with only the largest component; NaN without cases. */
  readonly largestComponent: { readonly before: number; readonly after: number; readonly kept: boolean };
}

/** As the manifest takes it, by class name. */
export interface ModelChoices {
  readonly outputStages: Readonly<Record<string, OutputStage>>;
  readonly gate: Readonly<Record<string, GateRule>>;
  readonly largestComponent: readonly string[];
  readonly choices: readonly ClassChoice[];
}

/**
 * @param measured validation cases, clean and degraded
 * @param classes names in the order of the network's classes, background first
 * @param options which choices are made; without `stages` stage 2 answers for all. Not `refined`, there is step 0 alone
 */
export function chooseOutputs(
  measured: readonly MeasuredCase[],
  classes: readonly string[],
  { refined = true, ...options }: TrainingConfiguration["choice"] & { readonly refined?: boolean },
): ModelChoices {
  const choices = classes.slice(1).map((label, n): ClassChoice => {
    const rows = cleanRows(measured, n + 1);
    const best = chooseStage(rows);
    const [stage, reason] = !refined
      ? (["step0", "there is no refiner"] as const)
      : options.stages
        ? ([best.stage, explainStage(best)] as const)
        : (["stage2", "choice.stages is off: the last stage answers for every label"] as const);
    const gate = refined && options.gate ? learnGate(measured, n + 1, stage) : undefined;
    return {
      label,
      stage,
      reason,
      ...(refined && { gains: best.gains }),
      ...(gate && { gate }),
      largestComponent: chooseLargest(rows, stage, options.largestComponent),
    };
  });
  return {
    outputStages: Object.fromEntries(choices.map(({ label, stage }) => [label, stage])),
    gate: Object.fromEntries(choices.flatMap(({ label, gate }) => (gate ? [[label, gate.rule]] : []))),
    largestComponent: choices.flatMap(({ label, largestComponent }) => (largestComponent.kept ? [label] : [])),
    choices,
  };
}

/** A row of the validation table: Dice by the stages there are. */
export interface ValidationDice extends Pick<StageDice, "case" | "class"> {
  readonly dice: Readonly<Partial<StageDice["dice"]>>;
}

/** Dice of the clean cases. @param refined whether there are stages beyond step 0 */
export function validationDice(measured: readonly MeasuredCase[], refined = true): ValidationDice[] {
  return measured
    .filter(({ degraded }) => !degraded)
    .flatMap(({ classes }) =>
      classes.map(({ case: id, class: label, dice }) => ({
        case: id,
        class: label,
        dice: refined ? dice : { step0: dice.step0 },
      })),
    );
}

function cleanRows(measured: readonly MeasuredCase[], label: number): MeasuredClass[] {
  return measured.filter(({ degraded }) => !degraded).map(({ classes }) => classes[label - 1]!);
}

/** As a stage is chosen: only when the mean gain is more than chance explains. A few cases would often show a gain that is none. */
function chooseLargest(
  rows: readonly MeasuredClass[],
  stage: OutputStage,
  wanted: boolean,
): ClassChoice["largestComponent"] {
  const pairs = rows
    .map(({ dice, largestComponent }) => [dice[stage], largestComponent?.[stage] ?? dice[stage]] as const)
    .filter((pair) => pair.every(Number.isFinite));
  const [before, after] = [mean(pairs.map(([one]) => one)), mean(pairs.map(([, other]) => other))];
  return { before, after, kept: wanted && isClearGain(pairs.map(([one, other]) => other - one)) };
}
