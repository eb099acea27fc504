/**
 * From the scores of all stages to label volumes on the input's grid: the final one and, beside it, what each stage alone says.
 * Classes pass one after the other; each stage's scores of a class are made once.
 */
import { type CancelSignal, type Progress, silent } from "@rfmedsam/base";
import type { LabelVolume } from "@rfmedsam/imaging";
import { breathe } from "./breathe.js";
import { type ClassScores, combineScores, type OutputStage, type StageName, stageNames } from "./merge.js";
import type { RestorePlan } from "./preprocessing.js";
import { LabelRestorer } from "./restore.js";

export interface LabellingInput {
  readonly stages: Readonly<Partial<Record<StageName, ClassScores>>>;
  /** Step 0's logits of a class: its own labels are the argmax of resampled logits, as nnU-Net's. */
  readonly step0Logits: (label: number) => Float32Array;
  /** Output stage per class, entry 0 ignored. */
  readonly choice: readonly OutputStage[];
  /** Label value per class. */
  readonly values: readonly number[];
  readonly plan: RestorePlan;
  /** Whether every stage's own labels are wanted. */
  readonly stageLabels: boolean;
  readonly progress?: Progress;
  readonly signal?: CancelSignal | undefined;
}

export interface Labelling {
  readonly labels: LabelVolume;
  readonly stages: Readonly<Partial<Record<StageName, LabelVolume>>>;
}

/** @throws ConfigError if a class's output stage is not among the stages */
export async function labelStages(input: LabellingInput): Promise<Labelling> {
  const { choice, values, plan, stageLabels, progress = silent, signal } = input;
  const names = stageNames.filter((name) => input.stages[name] !== undefined);
  const scores = Object.fromEntries(names.map((name) => [name, rememberingLast(input.stages[name]!)])) as Partial<
    Record<StageName, ClassScores>
  >;
  const only = onlyStage(choice, names);
  const wanted = names.filter((name) => stageLabels || name === only);
  const restorers = new Map(wanted.map((name) => [name, new LabelRestorer(plan)]));
  // When every class comes from one stage, that stage's labels are the final ones.
  const final = only === undefined ? new LabelRestorer(plan) : undefined;
  const combined = final === undefined ? undefined : combineScores(scores, choice);
  for (let label = 0; label < values.length; label++) {
    await breathe(signal);
    for (const [name, restorer] of restorers) {
      restorer.add(name === "step0" ? input.step0Logits(label) : scores[name]!.volume(label));
    }
    if (combined !== undefined) final?.add(combined.volume(label));
    progress({ stage: "merging classes", done: label + 1, total: values.length });
  }
  const finished = new Map([...restorers].map(([name, restorer]) => [name, restorer.finish(values)]));
  return {
    labels: final === undefined ? finished.get(only!)! : final.finish(values),
    stages: stageLabels ? Object.fromEntries(finished) : {},
  };
}

/** The stage all classes come from, if there is one. */
function onlyStage(choice: readonly OutputStage[], names: readonly StageName[]): StageName | undefined {
  const [first, ...others] = new Set(choice.slice(1));
  if (first === undefined || others.length > 0) return undefined;
  if (first === "mean") return names.length === 1 ? names[0] : undefined;
  return names.includes(first) ? first : undefined;
}

/** The same scores; the volume asked for last is not made again. */
function rememberingLast(scores: ClassScores): ClassScores {
  let last: { label: number; volume: Float32Array } | undefined;
  return {
    ...scores,
    volume(label) {
      if (last?.label !== label) last = { label, volume: scores.volume(label) };
      return last.volume;
    },
  };
}
