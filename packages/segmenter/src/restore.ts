/**
 * Back to the input's grid: labels, class scores that become labels there, or numbers as they are. The output has exactly the input's
 * shape and affine.
 */
import { type LabelVolume, pasteData, type Volume, voxelCount } from "@rfmedsam/imaging";
import { inverseChange, resampleLabelMap, resampleScalars } from "./case-resampling.js";
import { type RestorePlan, turn } from "./preprocessing.js";

/** @param labels `[z, y, x]` on the prepared grid */
export function restoreLabels(labels: Uint8Array, plan: RestorePlan): LabelVolume {
  return pasteAndTurn(resampleLabelMap(labels, inverseChange(plan.change)), plan, 0);
}

/**
 * Labels on the input's grid from class scores (logits or probabilities) on the prepared grid, given one class after the other:
 * each is resampled linearly and compared with the best so far, so that two volumes are in memory and not one per class.
 */
export class LabelRestorer {
  readonly #plan: RestorePlan;
  #best: Float32Array | undefined;
  readonly #winners: Uint8Array;
  #count = 0;

  constructor(plan: RestorePlan) {
    this.#plan = plan;
    this.#winners = new Uint8Array(voxelCount(plan.change.shape));
  }

  /** The next class's scores `[z, y, x]`, background first. */
  add(scores: Float32Array): void {
    const here = resampleScalars(scores, inverseChange(this.#plan.change), 1);
    const label = this.#count++;
    if (this.#best === undefined) {
      // A copy: without resampling `here` is the caller's own array.
      this.#best = here.slice();
      return;
    }
    const [best, winners] = [this.#best, this.#winners];
    for (let n = 0; n < here.length; n++) {
      if (here[n]! > best[n]!) {
        best[n] = here[n]!;
        winners[n] = label;
      }
    }
  }

  /**
   * @param values label value of every class in the order they were added; without it, the class's number
   * @returns the winning class of every voxel (of equal scores the first), 0 outside the crop
   */
  finish(values?: readonly number[]): LabelVolume {
    const labels = values === undefined ? this.#winners : this.#winners.map((winner) => values[winner]!);
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

function pasteAndTurn<T extends Uint8Array | Float32Array>(values: T, plan: RestorePlan, outside: number): Volume<T> {
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
