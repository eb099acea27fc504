/**
 * Back to the input's grid: labels, or class scores that become labels there. The output has exactly the input's shape and affine.
 */
import { type LabelVolume, pasteData, voxelCount } from "@rfmedsam/imaging";
import { inverseChange, resampleLabelMap, resampleScalars } from "./case-resampling.js";
import { type RestorePlan, turn } from "./preprocessing.js";

/** @param labels `[z, y, x]` on the prepared grid */
export function restoreLabels(labels: Uint8Array, plan: RestorePlan): LabelVolume {
  return pasteAndTurn(resampleLabelMap(labels, inverseChange(plan.change)), plan);
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
    return pasteAndTurn(labels, this.#plan);
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

function pasteAndTurn(labels: Uint8Array, plan: RestorePlan): LabelVolume {
  const { input, orientation, orientedShape, crop } = plan;
  const data = new Uint8Array(voxelCount(orientedShape));
  pasteData(data, orientedShape, crop, labels);
  return {
    data: turn(data, orientedShape, orientation.to, orientation.from),
    shape: input.shape,
    affine: input.affine,
  };
}
