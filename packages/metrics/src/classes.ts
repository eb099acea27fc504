/** The labels that matter of a label map, whatever numbers they have and however they are stored. */
import { ConfigError } from "@rfmedsam/base";
import type { VoxelArray } from "@rfmedsam/imaging";

/** One label, or several that count as one mask (nnU-Net's region). */
export type LabelOrRegion = number | readonly number[];

/** The labels of a region; of a label, itself. */
export const labelsOf = (label: LabelOrRegion): readonly number[] => (typeof label === "number" ? [label] : label);

/** The labels that matter get the numbers 1 … n, everything else is 0. */
export class Classes {
  readonly #indices = new Map<number, number>();
  readonly #small = new Uint16Array(256);

  constructor(labels: readonly LabelOrRegion[]) {
    for (const label of labels.flat()) {
      if (this.#indices.has(label)) continue;
      const index = this.#indices.size + 1;
      this.#indices.set(label, index);
      if (label >= 0 && label < this.#small.length) this.#small[label] = index;
    }
  }

  get count(): number {
    return this.#indices.size + 1;
  }

  indexOf(label: number): number {
    return this.#small[label] ?? this.#indices.get(label) ?? 0;
  }
}

/**
 * Labels as plain numbers; the same array when it holds such.
 *
 * @param what the map is, for the error
 * @throws ConfigError when an array of floating point holds a value that is no whole number (NaN is none)
 */
export function wholeNumbers(data: VoxelArray, what: string): Exclude<VoxelArray, BigInt64Array | BigUint64Array> {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float64Array.from(data, Number);
  if (data instanceof Float32Array || data instanceof Float64Array) {
    const odd = data.find((value) => !Number.isInteger(value));
    if (odd !== undefined) {
      throw new ConfigError({
        found: `the ${what} holds the value ${odd}`,
        expected: "labels, which are whole numbers",
        hint: "check that this is a label map and not an image or a probability map",
      });
    }
  }
  return data;
}
