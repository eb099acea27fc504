/**
 * Never worse than step 0, case by case: the output stage of a class is chosen on validation cases, and a case may be unlike all of
 * them. Two rules, at most one a class, learned on the same cases:
 *
 *   rescue     step 0 answers, but it and a refined stage agree less than `agreement` (Dice) and the refined one is at least
 *              `confidence` sure: the refined stage answers
 *   fallback   a refined stage answers, but is less than `confidence` sure: step 0 answers
 *
 * Either looks at the case as a whole, or at every slice by itself, which finds slices that step 0 lost. A rescue also takes the slices on
 * which step 0 contradicts itself (bridges.ts), however far the two agree, where the refined stage is as sure there. How sure a stage is:
 * predicted IoU × probability of presence, over the slices on which it sees the class.
 */
import type { Triple } from "@rfmedsam/imaging";
import { confidenceOf } from "./memory.js";
import type { StageResult } from "./refine.js";

export type RefinedStage = "stage1" | "stage2";
/** What is decided at once: the class in this case, or on each of its slices. */
export type GateScope = "case" | "slices";

export type GateRule =
  | {
      readonly kind: "rescue";
      readonly stage: RefinedStage;
      readonly scope: GateScope;
      readonly agreement: number;
      readonly confidence: number;
    }
  | {
      readonly kind: "fallback";
      /** The stage whose confidence is looked at. */
      readonly stage: RefinedStage;
      readonly scope: GateScope;
      readonly confidence: number;
    };

/** What a rule looks at: two masks of a class and how sure the refined stage is, per slice. */
export interface GateEvidence {
  /** Voxels of step 0's mask. */
  readonly step0: ArrayLike<number>;
  /** Voxels of the refined stage's mask. */
  readonly refined: ArrayLike<number>;
  /** Voxels of both. */
  readonly both: ArrayLike<number>;
  /** NaN where the stage does not see the class. */
  readonly confidence: ArrayLike<number>;
  /** 1 where the slices on both sides contradict step 0's; unknown is nowhere. */
  readonly bridged?: ArrayLike<number> | undefined;
}

/** First and last of consecutive slices. */
export type SliceRun = readonly [first: number, last: number];

/** What a rule says about a case; it says something only when it changes something. */
export interface GateDecision {
  /** The slices that are changed; without it all. */
  readonly runs?: readonly SliceRun[];
  /** How many of them are changed only because the slices on both sides contradict step 0's. */
  readonly contradicted?: number;
  /** Dice of step 0 and the refined stage, over what is changed. */
  readonly agreement: number;
  /** Mean confidence over what is changed. */
  readonly confidence: number;
}

/** @returns nothing when the class stays with its output stage */
export function decideGate(rule: GateRule, evidence: GateEvidence): GateDecision | undefined {
  const count = evidence.step0.length;
  if (rule.scope === "case") {
    const whole = summary(evidence, [[0, count - 1]]);
    if (applies(rule, whole)) return whole;
  }
  const runs: [number, number][] = [];
  let contradicted = 0;
  for (let slice = 0; slice < count; slice++) {
    const own = summary(evidence, [[slice, slice]]);
    const found = rule.scope === "slices" && applies(rule, own);
    if (!found && !isContradicted(rule, own, evidence.bridged?.[slice])) continue;
    if (!found) contradicted += 1;
    const last = runs.at(-1);
    if (last !== undefined && last[1] === slice - 1) last[1] = slice;
    else runs.push([slice, slice]);
  }
  if (runs.length === 0) return undefined;
  return { runs, ...(contradicted > 0 && { contradicted }), ...summary(evidence, runs) };
}

interface Summary {
  readonly agreement: number;
  readonly confidence: number;
}

/** Where neither has the class there is nothing to change. */
function applies(rule: GateRule, { agreement, confidence }: Summary): boolean {
  if (Number.isNaN(agreement)) return false;
  return rule.kind === "rescue"
    ? agreement < rule.agreement && confidence >= rule.confidence
    : confidence < rule.confidence;
}

function isContradicted(rule: GateRule, { agreement, confidence }: Summary, bridged: number | undefined): boolean {
  return rule.kind === "rescue" && bridged === 1 && !Number.isNaN(agreement) && confidence >= rule.confidence;
}

/** Agreement is NaN where neither has the class; confidence is 0 where the refined stage sees it nowhere. */
export function summary({ step0, refined, both, confidence }: GateEvidence, runs: readonly SliceRun[]): Summary {
  let [voxels, shared, sure, seen] = [0, 0, 0, 0];
  for (const [first, last] of runs) {
    for (let slice = first; slice <= last; slice++) {
      voxels += step0[slice]! + refined[slice]!;
      shared += both[slice]!;
      if (Number.isNaN(confidence[slice]!)) continue;
      sure += confidence[slice]!;
      seen += 1;
    }
  }
  return { agreement: (2 * shared) / voxels, confidence: seen === 0 ? 0 : sure / seen };
}

/** Voxels of every class on every slice, in two label volumes and in both at once. */
export interface SliceOverlaps {
  /** Per class, per slice. */
  readonly first: readonly Uint32Array[];
  readonly second: readonly Uint32Array[];
  readonly both: readonly Uint32Array[];
}

/** @param first class indices `[z, y, x]` @param classes background included */
export function countBySlice(
  first: Uint8Array,
  second: Uint8Array,
  shape: Triple,
  axis: 0 | 1 | 2,
  classes: number,
): SliceOverlaps {
  const make = () => Array.from({ length: classes }, () => new Uint32Array(shape[axis]));
  const counts = { first: make(), second: make(), both: make() };
  const at: [number, number, number] = [0, 0, 0];
  let n = 0;
  for (at[0] = 0; at[0] < shape[0]; at[0]++) {
    for (at[1] = 0; at[1] < shape[1]; at[1]++) {
      for (at[2] = 0; at[2] < shape[2]; at[2]++, n++) {
        const [a, b] = [first[n]!, second[n]!];
        if (a === 0 && b === 0) continue;
        const slice = at[axis];
        counts.first[a]![slice]!++;
        counts.second[b]![slice]!++;
        if (a === b) counts.both[a]![slice]!++;
      }
    }
  }
  return counts;
}

/**
 * How sure a stage is of every class on every slice: the mean over the class's components that it sees.
 *
 * @param classes background included @param count slices
 * @returns per class `[count]`, NaN where it does not see the class
 */
export function confidenceBySlice({ slices }: StageResult, classes: number, count: number): Float32Array[] {
  const sums = Array.from({ length: classes }, () => new Float32Array(count));
  const seen = Array.from({ length: classes }, () => new Uint32Array(count));
  for (const { slice, classes: asked, ious, objectScores } of slices.values()) {
    asked.forEach((label, row) => {
      if (objectScores[row]! < 0) return;
      sums[label]![slice]! += Math.min(1, Math.max(0, confidenceOf(ious[row]!, objectScores[row]!)));
      seen[label]![slice]!++;
    });
  }
  return sums.map((sum, label) => sum.map((total, slice) => total / seen[label]![slice]!));
}

/** A class that comes from elsewhere than its output stage in this case. */
export interface SwitchedClass extends GateDecision {
  /** Name of the class. */
  readonly label: string;
  readonly from: string;
  readonly to: string;
  /** All of it in a sentence. */
  readonly because: string;
}

/** A rule in words, to be read behind the name of its class. */
export function describeGateRule(rule: GateRule): string {
  const stage = stageInWords(rule.stage);
  const sure = rule.confidence.toFixed(2);
  const where = rule.scope === "slices" ? ", slice by slice" : "";
  return rule.kind === "rescue"
    ? `${stage} where it is ${sure} sure and agrees with step 0 by less than ${rule.agreement.toFixed(2)}${where}`
    : `step 0 where ${stage} is less than ${sure} sure${where}`;
}

/** @param count slices of the case */
export function explainSwitch(
  label: string,
  rule: GateRule,
  decision: GateDecision,
  from: string,
  to: string,
  count: number,
): SwitchedClass {
  const { runs, agreement, confidence } = decision;
  const changed = runs?.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  const where = changed === undefined ? "" : ` on ${changed} of ${count} slices`;
  const sure = `${stageInWords(rule.stage)} is ${confidence.toFixed(2)} sure`;
  const reason =
    rule.kind === "rescue"
      ? `${whyRescued(rule.agreement, agreement, decision.contradicted, changed)}, and ${sure}, at least ${rule.confidence.toFixed(2)}`
      : `${sure} of it, below ${rule.confidence.toFixed(2)}`;
  return {
    label,
    from,
    to,
    ...decision,
    because: `${label} comes from ${stageInWords(to)} instead of ${stageInWords(from)}${where}: ${reason}`,
  };
}

function whyRescued(limit: number, agreement: number, contradicted: number | undefined, changed: number | undefined) {
  const below = limit.toFixed(2);
  if (contradicted === undefined) return `the two agree by a Dice of ${agreement.toFixed(2)} only, below ${below}`;
  const contradiction = "the slices on both sides contradict step 0's";
  return contradicted === changed ? contradiction : `the two agree by less than ${below}, or ${contradiction}`;
}

const stageWords: Readonly<Record<string, string>> = {
  step0: "step 0",
  stage1: "stage 1",
  stage2: "stage 2",
  mean: "the mean of all stages",
};
/** "step0" is written "step 0" for people. */
export const stageInWords = (stage: string) => stageWords[stage] ?? stage;
