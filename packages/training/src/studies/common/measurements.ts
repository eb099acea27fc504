/**
 * What a study measures: for every arm (a way of doing things: a row of its table, or a part of one) and case the scores of every label,
 * seconds and memory.
 */

import type { LabelVolume } from "@rfmedsam/imaging";
import { compareLabels, type Scores } from "@rfmedsam/metrics";

/** mm, of the surface Dice in a study's table. */
export const surfaceTolerance = 2;

/** The scores of a study's table, by the metrics' keys. */
export const studyScores = ["dice", `surfaceDice${surfaceTolerance}mm`, "hd95"] as const;
export type StudyScore = (typeof studyScores)[number];

export interface Measurement {
  readonly arm: string;
  readonly case: string;
  /** One per label; NaN where undefined or not measured. */
  readonly scores: Readonly<Partial<Record<StudyScore, readonly number[]>>>;
  /** Of the case; NaN where the arm has no time of its own. */
  readonly seconds: number;
  /** Bytes the process held at most. */
  readonly memory: number;
}

/**
 * @param labels name → value, background among them or not
 * @param surface whether surface Dice and HD95 are measured as well
 * @throws GeometryError when the volumes do not lie on the same grid
 */
export function scoreLabels(
  prediction: LabelVolume,
  truth: LabelVolume,
  labels: Readonly<Record<string, number>>,
  surface = true,
): Measurement["scores"] {
  const values = foreground(labels).map((name) => labels[name]!);
  const scored = compareLabels(prediction, truth, values, {
    metrics: surface ? ["dice", "hd95", "surfaceDice"] : ["dice"],
    tolerances: [surfaceTolerance],
  });
  const keys = surface ? studyScores : (["dice"] as const);
  return Object.fromEntries(keys.map((key) => [key, scored.map(({ scores }) => scores[key]!)]));
}

/** Names without the background, in the order of their values. */
export const foreground = (labels: Readonly<Record<string, number>>): string[] =>
  Object.keys(labels)
    .filter((name) => labels[name] !== 0)
    .sort((a, b) => labels[a]! - labels[b]!);

/** Everything a study measured. */
export interface Measured {
  /** Without the background, in the order of the scores. */
  readonly labels: readonly string[];
  readonly cases: readonly string[];
  readonly measurements: readonly Measurement[];
}

/** One arm's scores of one kind, all cases: NaN for a case that the arm lacks. */
export function scoresOfArm({ labels, cases, measurements }: Measured, arm: string, score: StudyScore): Scores {
  const own = new Map(measurements.filter((each) => each.arm === arm).map((each) => [each.case, each.scores[score]]));
  const none = labels.map(() => Number.NaN);
  return { cases, labels, values: cases.map((id) => own.get(id) ?? none) };
}

/** Seconds and bytes of an arm, case by case. */
export function costsOfArm(
  { measurements }: Measured,
  arm: string,
): { readonly seconds: number[]; readonly memory: number[] } {
  const own = measurements.filter((each) => each.arm === arm);
  return { seconds: own.map(({ seconds }) => seconds), memory: own.map(({ memory }) => memory) };
}

/** JSON knows neither NaN nor infinity: null, and a word. */
export const toPlain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, inner: unknown) =>
      typeof inner === "number" && !Number.isFinite(inner) ? (Number.isNaN(inner) ? null : String(inner)) : inner,
    ),
  );

const numberOf = (plain: unknown): number => (plain === null ? Number.NaN : Number(plain));

/** The way back. @param plain what `toPlain` made of measurements */
export function fromPlain(plain: readonly Record<string, unknown>[]): Measurement[] {
  return plain.map(({ arm, case: id, scores, seconds, memory }) => ({
    arm: String(arm),
    case: String(id),
    scores: Object.fromEntries(
      Object.entries(scores as Record<string, readonly unknown[]>).map(([key, values]) => [key, values.map(numberOf)]),
    ),
    seconds: numberOf(seconds),
    memory: numberOf(memory),
  }));
}
