/**
 * What is known of one tracked object: what it was asked with, the answers on the slices it was asked on (conditioning) and those
 * found from there (tracked).
 *
 * Answers to new prompts are fresh at first: they are shown, but memories are made of them, and they take part in tracking, only when the
 * next propagation settles them.
 */
import type { ObjectPrompts } from "../networks.js";
import type { Timeline } from "./select-memories.js";
import type { ObjectAnswer, SliceAnswers } from "./slice-answers.js";

/** The two kinds of slices an object has answers on. */
export const timelineKinds = ["tracked", "conditioning"] as const;
export type TimelineKind = (typeof timelineKinds)[number];

type Answers = Map<number, ObjectAnswer>;

export class ObjectTrack implements Timeline<ObjectAnswer> {
  /** Clicks and boxes by slice, in pixels of the input; a later click may be added to them. */
  readonly points = new Map<number, Pick<ObjectPrompts, "boxes" | "points">>();
  /** Slices on which a mask was given. */
  readonly masks = new Set<number>();
  readonly fresh: { readonly [Kind in TimelineKind]: Answers } = { tracked: new Map(), conditioning: new Map() };
  readonly conditioning: Answers = new Map();
  readonly tracked: Answers = new Map();
  /** Slices that a propagation has passed, and whether backwards the last time. */
  readonly passed = new Map<number, boolean>();

  constructor(readonly answers: SliceAnswers) {}

  /** The newest answer on a slice; of fresh ones only those of a kind count. */
  at(slice: number, kind: TimelineKind): ObjectAnswer | undefined {
    return this.fresh[kind].get(slice) ?? this.conditioning.get(slice) ?? this.tracked.get(slice);
  }

  /** Slices with prompts, ascending. */
  get asked(): number[] {
    return [...new Set([...this.points.keys(), ...this.masks])].sort((a, b) => a - b);
  }

  putFresh(slice: number, kind: TimelineKind, answer: ObjectAnswer): void {
    this.#replace(this.fresh[kind], slice, answer);
  }

  putTracked(slice: number, answer: ObjectAnswer): void {
    this.#replace(this.tracked, slice, answer);
  }

  /**
   * Fresh answers become settled ones; a slice that is conditioning is not tracked as well. (So a correction on a slice that is conditioning
   * already is lost when it came as a tracked one; the reference does the same.)
   */
  settle(): void {
    for (const kind of timelineKinds) {
      for (const [slice, answer] of this.fresh[kind]) {
        this.answers.pin(answer, kind === "conditioning");
        this.#replace(this[kind], slice, answer);
      }
      this.fresh[kind].clear();
    }
    for (const slice of this.conditioning.keys()) this.#drop(this.tracked, slice);
  }

  /** Forgets a slice's prompts. An answer they gave stays as a tracked one, which the next propagation finds anew. */
  clearPrompts(slice: number): void {
    this.points.delete(slice);
    this.masks.delete(slice);
    for (const kind of timelineKinds) this.#drop(this.fresh[kind], slice);
    const answer = this.conditioning.get(slice);
    if (answer === undefined) return;
    this.conditioning.delete(slice);
    this.answers.pin(answer, false);
    this.putTracked(slice, answer);
    this.passed.delete(slice);
  }

  /** Forgets tracked slices outside all of the ranges as if they had never been passed. */
  forgetTracked(kept: readonly (readonly [from: number, to: number])[]): void {
    for (const slice of [...this.tracked.keys()]) {
      if (kept.some(([from, to]) => slice >= from && slice <= to)) continue;
      this.#drop(this.tracked, slice);
      this.passed.delete(slice);
      this.points.delete(slice);
      this.masks.delete(slice);
    }
  }

  forgetAll(): void {
    for (const answers of [this.fresh.tracked, this.fresh.conditioning, this.conditioning, this.tracked]) {
      for (const slice of [...answers.keys()]) this.#drop(answers, slice);
    }
  }

  #replace(answers: Answers, slice: number, answer: ObjectAnswer): void {
    this.answers.leave(answers.get(slice));
    answers.set(slice, answer);
  }

  #drop(answers: Answers, slice: number): void {
    this.answers.leave(answers.get(slice));
    answers.delete(slice);
  }
}
