/**
 * How cases are divided: K folds for step 0, and some cases kept from the refiner, by names and seed alone. And what is asked of a fold that
 * somebody else divided (nnU-Net's `splits_final.json`).
 */
import { DatasetError, Random, someOf } from "@rfmedsam/base";
import { type CaseFilter, casesOfFold, type Fold } from "@rfmedsam/metrics/node";

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

/** The cases of a fold to learn from, and with them those that are kept from it: `selectCases` asks that both are there. */
export interface LearnedCases extends CaseFilter {
  readonly kept?: CaseFilter | undefined;
}

/** @throws as `assertFold` */
export function casesToLearn(fold: Fold, file: string, number: number): LearnedCases {
  return Object.assign(sideOf(fold, "train", file, number), { kept: sideOf(fold, "val", file, number) });
}

/** @throws as `assertFold` */
export function casesToMeasure(fold: Fold, file: string, number: number): CaseFilter {
  return sideOf(fold, "val", file, number);
}

function sideOf(fold: Fold, side: keyof Fold, file: string, number: number): CaseFilter {
  assertFold(fold, file, number);
  return casesOfFold(fold, side, `${file}, fold ${number}, ${side}`);
}

/**
 * @param file where the fold stands
 * @param number which of its folds it is, from 0
 * @throws DatasetError when a case is on both sides, or on one of them twice: a figure of such a fold says nothing
 */
export function assertFold({ train, val }: Fold, file: string, number: number): void {
  const learned = new Set(train);
  const both = [...new Set(val)].filter((id) => learned.has(id));
  const twice = [train, val].flatMap(repeated);
  if (both.length === 0 && twice.length === 0) return;
  throw new DatasetError({
    file,
    found:
      both.length > 0
        ? `fold ${number} learns from ${both.length} of the cases it measures: ${someOf(both)}`
        : `fold ${number} lists ${twice.length === 1 ? "a case" : `${twice.length} cases`} more than once: ${someOf(twice)}`,
    expected: "every case once, to learn from (train) or to measure (val)",
    hint: "correct the split, or name another one",
  });
}

/** Names that are there more than once. */
export function repeated(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, at) => names.indexOf(name) < at))];
}
