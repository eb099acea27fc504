/**
 * Back to the input's grid: labels, class scores that become labels there, or numbers as they are. The output has exactly the input's
 * shape and affine.
 */
import { ConfigError } from "@rfmedsam/base";
import { type LabelVolume, pasteData, type Volume, voxelCount } from "@rfmedsam/imaging";
import { inverseChange, resampleLabelMap, resampleScalars } from "./case-resampling.js";
import { type RestorePlan, turn } from "./preprocessing.js";

/** @param labels `[z, y, x]` on the prepared grid */
export function restoreLabels(labels: Uint8Array, plan: RestorePlan): LabelVolume {
  return pasteAndTurn(resampleLabelMap(labels, inverseChange(plan.change)), plan, 0);
}

/** What scores are; it decides what the distance between two of them is. */
export type ScoreKind = "logits" | "probabilities";

/**
 * Labels on the input's grid from class scores on the prepared grid, given one class after the other: each is resampled linearly and
 * compared with the best so far, so that two volumes are in memory (with margins three) and not one per class.
 */
export class LabelRestorer {
  /** Winning class of every voxel of the crop; of equal scores the first. */
  readonly winners: Uint8Array;
  readonly #plan: RestorePlan;
  readonly #margins: ScoreKind | undefined;
  #best: Float32Array | undefined;
  #second: Float32Array | undefined;
  #count = 0;

  /** @param margins whether margins will be asked for, and of what */
  constructor(plan: RestorePlan, margins?: ScoreKind) {
    this.#plan = plan;
    this.#margins = margins;
    this.winners = new Uint8Array(voxelCount(plan.change.shape));
  }

  /** The next class's scores `[z, y, x]`, background first. */
  add(scores: Float32Array): void {
    const here = resampleScalars(scores, inverseChange(this.#plan.change), 1);
    const label = this.#count++;
    if (this.#best === undefined) {
      // A copy: without resampling `here` is the caller's own array.
      this.#best = here.slice();
      if (this.#margins !== undefined) this.#second = new Float32Array(here.length).fill(Number.NEGATIVE_INFINITY);
      return;
    }
    const [best, second, winners] = [this.#best, this.#second, this.winners];
    for (let n = 0; n < here.length; n++) {
      const score = here[n]!;
      if (score > best[n]!) {
        if (second !== undefined) second[n] = best[n]!;
        best[n] = score;
        winners[n] = label;
      } else if (second !== undefined && score > second[n]!) second[n] = score;
    }
  }

  /** Logarithm of how many times likelier a voxel's winner is than the next class. @throws ConfigError when margins were not kept */
  margin(voxel: number): number {
    if (this.#second === undefined) {
      throw new ConfigError({
        found: "a margin asked of labels that keep none",
        expected: "`margins` when they are made",
      });
    }
    const [best, second] = [this.#best![voxel]!, this.#second[voxel]!];
    return this.#margins === "logits" ? best - second : Math.log(best / second);
  }

  /**
   * @param values label value of every class in the order they were added; without it, the class's number
   * @returns the winning class of every voxel, 0 outside the crop
   */
  finish(values?: readonly number[]): LabelVolume {
    const labels = values === undefined ? this.winners : this.winners.map((winner) => values[winner]!);
    return pasteAndTurn(labels, this.#plan, 0);
  }
}

/** `LabelRestorer` over all classes. @param scores `[z, y, x]` per class, background first; a generator makes them when needed */
export function restoreScores(
  scores: Iterable<Float32Array>,
  plan: RestorePlan,
  values?: readonly number[],
): LabelVolume {
  const restorer = new LabelRestorer(plan);
  for (const ofClass of scores) restorer.add(ofClass);
  return restorer.finish(values);
}

/**
 * Numbers between 0 and 1, resampled linearly.
 *
 * @param values `[z, y, x]` on the prepared grid
 * @param outside what stands where the crop left the input out
 */
export function restoreShares(values: Float32Array, plan: RestorePlan, outside: number): Volume<Float32Array> {
  return pasteAndTurn(resampleScalars(values, inverseChange(plan.change), 1), plan, outside);
}

/** As `restoreShares`, in whole percent: a quarter of the memory. */
export function restorePercent(values: Float32Array, plan: RestorePlan, outside: number): Volume<Uint8Array> {
  const here = resampleScalars(values, inverseChange(plan.change), 1);
  const percent = Uint8Array.from(here, (share) => Math.round(100 * Math.min(1, Math.max(0, share))));
  return pasteAndTurn(percent, plan, Math.round(100 * outside));
}

/** From the crop to the input's grid. @param outside what stands where the crop left the input out */
export function pasteAndTurn<T extends Uint8Array | Float32Array>(
  values: T,
  plan: RestorePlan,
  outside: number,
): Volume<T> {
  const { input, orientation, orientedShape, crop } = plan;
  const make = values.constructor as new (length: number) => T;
  const data = new make(voxelCount(orientedShape));
  if (outside !== 0) data.fill(outside);
  pasteData(data, orientedShape, crop, values);
  return {
    data: turn(data, orientedShape, orientation.to, orientation.from),
    shape: input.shape,
    affine: input.affine,
  };
}
