/**
 * Thresholds of the gate (segmenter's gate.ts), one class at a time: those with the best mean Dice over validation cases as they are and
 * with step 0 degraded, among those that cost the clean cases together nothing, and none of them more than is tolerable. A rule slice by
 * slice is taken only when it is clearly better than one for the whole case, and no rule at all unless it is clearly better than none.
 */
import {
  decideGate,
  type GateDecision,
  type GateRule,
  type GateScope,
  type OutputStage,
  type RefinedStage,
} from "@rfmedsam/segmenter";
import { fewestCases } from "../folds.js";
import { diceOf, type MeasuredCase, type MeasuredClass, refinedStages } from "./measure.js";
import { isClearGain, mean, rightOrDice } from "./output-stage.js";

/**
 * A few clean cases do not show how far step 0 and the refiner disagree at most where step 0 is right: even if it began at this much more
 * agreement, a rescue of the case must leave all of them alone, and one slice by slice must cost them nothing.
 */
const safety = 0.15;
/**
 * Dice that a rule may cost a clean case. Without a limit one case on which step 0 is bad pays for a rule that is worse on all others, and
 * such a rule is another stage without the certainty that a stage needs (output-stage.ts).
 */
const tolerableLoss = 0.005;
/** Mean Dice by which a rule must be better than what is simpler. */
const clearGain = 0.001;

const agreements = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
const confidences = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95];
const scopes: readonly GateScope[] = ["case", "slices"];

/** Mean Dice without and with the rule; NaN without cases. */
export interface GateEffect {
  readonly before: number;
  readonly after: number;
  /** What the rule costs the case that loses most; 0 when none loses. */
  readonly largestLoss: number;
  /** Cases in which the rule changes something. */
  readonly switched: number;
  readonly cases: number;
}

export interface LearnedGate {
  readonly rule: GateRule;
  readonly clean: GateEffect;
  readonly degraded: GateEffect;
}

/**
 * @param stage the class's output stage
 * @returns nothing when no rule is clearly better than none, or there are too few clean cases to tell
 */
export function learnGate(
  measured: readonly MeasuredCase[],
  label: number,
  stage: OutputStage,
): LearnedGate | undefined {
  const rowsOf = (degraded: boolean) =>
    measured.filter((one) => one.degraded === degraded).map(({ classes }) => classes[label - 1]!);
  const [clean, degraded] = [rowsOf(false), rowsOf(true)];
  if (clean.length < fewestCases) return undefined;
  const unbridged = clean.map(withoutBridges);
  let best: LearnedGate | undefined;
  for (const scope of scopes) {
    const least = (best === undefined ? 0 : gainOf(best)) + clearGain;
    const able = rulesFor(stage, scope)
      .map((rule) => ({ rule, clean: effectOf(rule, clean, stage), degraded: effectOf(rule, degraded, stage) }))
      .filter((one) => isHarmless(one.clean) && gainOf(one) > least)
      .filter((one) => keepsDistance(one.rule, unbridged, stage));
    // A few cases cannot tell thresholds apart that do nearly equally well; the one that interferes least is the safest.
    const most = Math.max(...able.map(gainOf));
    best = able.find((one) => gainOf(one) >= most - clearGain) ?? best;
  }
  return best;
}

/**
 * Whether a rescue would still be right if clean cases differed more than these do. Slice by slice the ends of an organ always disagree, so
 * that there a rule cannot leave the clean cases alone; but what it makes of them is another stage's work, and has to be as certain as where
 * that stage answers for all. What bridges change is left out: that step 0 is wrong there is known otherwise.
 */
function keepsDistance(rule: GateRule, unbridged: readonly MeasuredClass[], stage: OutputStage): boolean {
  if (rule.kind !== "rescue") return true;
  const eager = effectOf({ ...rule, agreement: rule.agreement + safety }, unbridged, stage);
  if (rule.scope === "case") return eager.switched === 0;
  const { before, after, switched } = outcomesOf(rule, unbridged, stage);
  return isHarmless(eager) && (switched === 0 || isClearGain(after.map((dice, n) => dice - before[n]!)));
}

function withoutBridges(row: MeasuredClass): MeasuredClass {
  return { ...row, slices: { ...row.slices, bridged: new Uint8Array(row.slices.bridged.length) } };
}

const isHarmless = ({ before, after, largestLoss }: GateEffect): boolean =>
  after >= before && largestLoss <= tolerableLoss;

/** Every rule there is for a class of this output stage, the most reluctant first. */
function rulesFor(stage: OutputStage, scope: GateScope): GateRule[] {
  if (stage !== "step0") {
    // Of the mean it is the last stage whose confidence counts.
    const looked: RefinedStage = stage === "mean" ? "stage2" : stage;
    return confidences.map((confidence) => ({ kind: "fallback", stage: looked, scope, confidence }));
  }
  return [...refinedStages]
    .reverse()
    .flatMap((from) =>
      agreements.flatMap((agreement) =>
        [...confidences]
          .reverse()
          .map((confidence) => ({ kind: "rescue", stage: from, scope, agreement, confidence }) as const),
      ),
    );
}

/** Over all cases, clean and degraded alike. */
function gainOf({ clean, degraded }: LearnedGate): number {
  const sum = [clean, degraded].reduce(
    (total, { before, after, cases }) => total + (cases === 0 ? 0 : cases * (after - before)),
    0,
  );
  return sum / (clean.cases + degraded.cases);
}

function effectOf(rule: GateRule, rows: readonly MeasuredClass[], stage: OutputStage): GateEffect {
  const { before, after, switched } = outcomesOf(rule, rows, stage);
  return {
    before: mean(before),
    after: mean(after),
    largestLoss: Math.max(0, ...before.map((dice, n) => dice - after[n]!)),
    switched,
    cases: rows.length,
  };
}

/** Dice of every case. */
function outcomesOf(rule: GateRule, rows: readonly MeasuredClass[], stage: OutputStage) {
  const decisions = rows.map((row) => decideGate(rule, evidenceOf(row, rule.stage)));
  return {
    before: rows.map((row) => rightOrDice(row.dice[stage])),
    after: rows.map((row, n) => rightOrDice(gatedDice(row, stage, rule, decisions[n]))),
    switched: decisions.filter((decision) => decision !== undefined).length,
  };
}

function evidenceOf({ slices }: MeasuredClass, refined: RefinedStage) {
  return {
    step0: slices.predicted.step0,
    refined: slices.predicted[refined],
    both: slices.agreed[refined],
    confidence: slices.confidence[refined],
    bridged: slices.bridged,
  };
}

/** Dice of a class whose slices come from `stage`, but for those the decision changes. */
function gatedDice(
  { slices, dice }: MeasuredClass,
  stage: OutputStage,
  rule: GateRule,
  decision: GateDecision | undefined,
): number {
  const to = rule.kind === "rescue" ? rule.stage : "step0";
  if (decision === undefined) return dice[stage];
  if (decision.runs === undefined) return dice[to];
  const from = Array.from(slices.truth, () => stage);
  for (const [first, last] of decision.runs) from.fill(to, first, last + 1);
  let [predicted, truth, correct] = [0, 0, 0];
  from.forEach((source, slice) => {
    predicted += slices.predicted[source][slice]!;
    truth += slices.truth[slice]!;
    correct += slices.correct[source][slice]!;
  });
  return diceOf(predicted, truth, correct);
}
