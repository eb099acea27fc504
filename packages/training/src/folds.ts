/** How cases are divided: K folds for step 0, and some cases kept from the refiner. Depends on names and seed alone. */
import { Random } from "@rfmedsam/base";

export interface Division {
  /** For each fold the cases left out of its training; with one fold, none are. */
  readonly leftOut: readonly (readonly string[])[];
  /** Cases the refiner learns nothing from. */
  readonly validation: readonly string[];
}

/**
 * @param share part of the cases for validation; at least one of two or more cases, none of a single one
 */
export function divide(ids: readonly string[], folds: number, share: number, seed: number): Division {
  const shuffled = new Random(seed, 0xf01d).shuffled([...ids].sort());
  const usable = Math.min(folds, shuffled.length);
  const leftOut =
    usable < 2 ? [[]] : Array.from({ length: usable }, (_, fold) => shuffled.filter((_, i) => i % usable === fold));
  const held =
    shuffled.length < 2 || share === 0
      ? 0
      : Math.min(shuffled.length - 1, Math.max(1, Math.round(share * shuffled.length)));
  return { leftOut, validation: shuffled.slice(0, held) };
}
