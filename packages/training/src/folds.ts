/** How cases are divided: K folds for step 0, and some cases kept from the refiner. Depends on names and seed alone. */
import { Random } from "@rfmedsam/base";

export interface Division {
  /** For each fold the cases left out of its training; with one fold, none are. */
  readonly leftOut: readonly (readonly string[])[];
  /** Cases the refiner learns nothing from. */
  readonly validation: readonly string[];
}

/** Choices need this many validation cases: with fewer, a mean gain says nothing. */
export const fewestCases = 3;
/** Of so many cases, `fewestCases` can be spared whatever the share says. */
const enoughToSpare = 8;

/**
 * @param share part of the cases for validation: of two or more cases at least one, of eight or more at least three; 0 for none
 */
export function divide(ids: readonly string[], folds: number, share: number, seed: number): Division {
  const shuffled = new Random(seed, 0xf01d).shuffled([...ids].sort());
  const usable = Math.min(folds, shuffled.length);
  const leftOut =
    usable < 2 ? [[]] : Array.from({ length: usable }, (_, fold) => shuffled.filter((_, i) => i % usable === fold));
  const count = shuffled.length;
  const fewest = count < enoughToSpare ? 1 : fewestCases;
  const held = count < 2 || share === 0 ? 0 : Math.min(count - 1, Math.max(fewest, Math.round(share * count)));
  return { leftOut, validation: shuffled.slice(0, held) };
}
