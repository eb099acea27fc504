/**
 * What the choices about a model are made from: one case the refiner has not seen, run through all stages as when predicting, counted
 * against the truth slice by slice. Step 0's logits are out-of-fold ones, as they are or made worse on purpose.
 */
import type { CancelSignal, Progress } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
import {
  type AlterStep0,
  argmaxOfSlice,
  CaseRunner,
  type CaseStages,
  confidenceBySlice,
  countBySlice,
  keepLargestComponents,
  meanScores,
  type OutputStage,
  type RefinedStage,
  type RefinerNetwork,
  type RefinerSettings,
  winningLabels,
} from "@rfmedsam/segmenter";
import type { StoredCase } from "../dataset/store.js";

export const outputStages: readonly OutputStage[] = ["step0", "stage1", "stage2", "mean"];
export const refinedStages: readonly RefinedStage[] = ["stage1", "stage2"];

/** Dice of one class of one case by each stage it could come from; NaN where neither truth nor prediction has it. */
export interface StageDice {
  readonly case: string;
  /** From 1. */
  readonly class: number;
  readonly dice: Readonly<Record<OutputStage, number>>;
}

/** Voxels of one class on every slice. */
export interface SliceCounts {
  readonly truth: Uint32Array;
  readonly predicted: Readonly<Record<OutputStage, Uint32Array>>;
  /** Predicted and true. */
  readonly correct: Readonly<Record<OutputStage, Uint32Array>>;
  /** Predicted by step 0 and by a refined stage. */
  readonly agreed: Readonly<Record<RefinedStage, Uint32Array>>;
  /** How sure a refined stage is; NaN where it does not see the class. */
  readonly confidence: Readonly<Record<RefinedStage, Float32Array>>;
  /** 1 where the slices on both sides contradict step 0's. */
  readonly bridged: Uint8Array;
}

export interface MeasuredClass extends StageDice {
  /** Dice when only the largest connected component stays; of clean cases. */
  readonly largestComponent?: Readonly<Record<OutputStage, number>>;
  readonly slices: SliceCounts;
}

export interface MeasuredCase {
  readonly case: string;
  /** Step 0's logits were made worse on purpose. */
  readonly degraded: boolean;
  /** One entry a class without the background. */
  readonly classes: readonly MeasuredClass[];
}

export interface MeasureCaseOptions {
  readonly network: RefinerNetwork;
  /** As the manifest will say: slicing, prompts, memory, calibration. */
  readonly settings: RefinerSettings;
  /** With the background. */
  readonly classes: number;
  /** Makes a copy of step 0's logits worse. */
  readonly degrade?: AlterStep0 | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: CancelSignal | undefined;
}

/**
 * @param logits step 0's `[K, z, y, x]`; without them the refiner proposes
 * @throws as `CaseRunner`
 */
export async function measureCase(
  stored: Omit<StoredCase, "image" | "labels" | "locations">,
  logits: Float32Array | undefined,
  { network, settings, classes, degrade, progress, signal }: MeasureCaseOptions,
): Promise<MeasuredCase> {
  const options = { ...(progress && { progress }), ...(signal && { signal }) };
  const runner = new CaseRunner(network, stored, classes, settings, options);
  try {
    const clean = logits ?? (await runner.propose());
    const stages = await runner.run(degrade === undefined ? clean : degrade(clean.slice(), stored));
    const measured = measureStages(stages, stored.truth, stored.shape, classes, degrade === undefined);
    return {
      case: stored.id,
      degraded: degrade !== undefined,
      classes: measured.map((own, n) => ({ case: stored.id, class: n + 1, ...own })),
    };
  } finally {
    runner.free();
  }
}

/** Step 0 by itself, where there is no refiner; it stands for every stage. @param logits `[K, z, y, x]` @param components as of every class the largest */
export function measureStep0(
  { id, truth, shape }: Pick<StoredCase, "id" | "truth" | "shape">,
  logits: Float32Array,
  classes: number,
  components: boolean,
): MeasuredCase {
  const own = argmaxOfSlice(logits, classes, truth.length);
  const unsure = Array.from({ length: classes }, () => new Float32Array(shape[0]).fill(Number.NaN));
  const confidence = byKey(refinedStages, () => unsure);
  const measured = compareStages(
    { labels: byKey(outputStages, () => own), confidence, axis: 0 },
    truth,
    shape,
    classes,
    components,
  );
  return { case: id, degraded: false, classes: measured.map((one, n) => ({ case: id, class: n + 1, ...one })) };
}

function measureStages(
  { scores, results, bridged, axis }: CaseStages,
  truth: Uint8Array,
  shape: Triple,
  classes: number,
  components: boolean,
): ComparedClass[] {
  const labels = byKey(outputStages, (stage) =>
    winningLabels(stage === "mean" ? meanScores(Object.values(scores)) : scores[stage]!),
  );
  const confidence = byKey(refinedStages, (stage) => confidenceBySlice(results[stage]!, classes, shape[axis]));
  return compareStages({ labels, confidence, bridged, axis }, truth, shape, classes, components);
}

type ComparedClass = Omit<MeasuredClass, keyof Pick<StageDice, "case" | "class">>;

interface Answers {
  /** Class indices `[z, y, x]`. */
  readonly labels: Readonly<Record<OutputStage, Uint8Array>>;
  /** Per class, per slice along the axis. */
  readonly confidence: Readonly<Record<RefinedStage, readonly Float32Array[]>>;
  /** Per class, per slice along the axis; unknown is nowhere. */
  readonly bridged?: readonly Uint8Array[] | undefined;
  readonly axis: 0 | 1 | 2;
}

function compareStages(
  { labels, confidence, bridged, axis }: Answers,
  truth: Uint8Array,
  shape: Triple,
  classes: number,
  components: boolean,
): ComparedClass[] {
  const compared = once((own) => countBySlice(own, truth, shape, axis, classes));
  const againstTruth = byKey(outputStages, (stage) => compared(labels[stage]));
  const againstStep0 = byKey(refinedStages, (stage) => countBySlice(labels.step0, labels[stage], shape, axis, classes));
  const all = Array.from({ length: classes - 1 }, (_, n) => n + 1);
  const comparedLargest = once((own) => {
    const copy = own.slice();
    keepLargestComponents(copy, shape, all);
    return countBySlice(copy, truth, shape, axis, classes);
  });
  const cleaned = components && byKey(outputStages, (stage) => comparedLargest(labels[stage]));
  return all.map((label) => {
    const slices: SliceCounts = {
      truth: againstTruth.step0.second[label]!,
      predicted: byKey(outputStages, (stage) => againstTruth[stage].first[label]!),
      correct: byKey(outputStages, (stage) => againstTruth[stage].both[label]!),
      agreed: byKey(refinedStages, (stage) => againstStep0[stage].both[label]!),
      confidence: byKey(refinedStages, (stage) => confidence[stage][label]!),
      bridged: bridged?.[label] ?? new Uint8Array(shape[axis]),
    };
    const dice = ({ first, second, both }: (typeof againstTruth)[OutputStage]) =>
      diceOf(sum(first[label]!), sum(second[label]!), sum(both[label]!));
    return {
      dice: byKey(outputStages, (stage) => dice(againstTruth[stage])),
      ...(cleaned && { largestComponent: byKey(outputStages, (stage) => dice(cleaned[stage])) }),
      slices,
    };
  });
}

/** Stages may have the same labels: of these everything is made once. */
function once<T>(make: (labels: Uint8Array) => T): (labels: Uint8Array) => T {
  const known = new Map<Uint8Array, T>();
  return (labels) => {
    const made = known.get(labels) ?? make(labels);
    known.set(labels, made);
    return made;
  };
}

/** NaN where neither has anything. */
export function diceOf(predicted: number, truth: number, both: number): number {
  return (2 * both) / (predicted + truth);
}

function sum(counts: ArrayLike<number>): number {
  let total = 0;
  for (let n = 0; n < counts.length; n++) total += counts[n]!;
  return total;
}

function byKey<Key extends string, Value>(keys: readonly Key[], value: (key: Key) => Value): Record<Key, Value> {
  return Object.fromEntries(keys.map((key) => [key, value(key)])) as Record<Key, Value>;
}
