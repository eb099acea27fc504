/** What a rule is: a sentence that every data set should fulfil, how bad it is when one does not, and how to see it. */
import type { Fold } from "@rfmedsam/metrics/node";
import type { CaseSummary } from "./case-summary.js";
import type { Inventory } from "./inventory.js";

/** `error`: training would stop or learn from wrong data; `warning`: look at it; `note`: good to know. */
export type Severity = "error" | "warning" | "note";

/** A data set as the rules see it: every case as a few numbers. */
export interface CheckedDataset {
  readonly inventory: Inventory;
  readonly cases: readonly CaseSummary[];
  /** The folds beside it, or why they cannot be read; undefined when there are none. */
  readonly splits: readonly Fold[] | { readonly file: string; readonly unreadable: string } | undefined;
}

export interface Found {
  readonly case?: string;
  readonly file?: string;
  /** What is there instead. */
  readonly found: string;
}

export interface Rule {
  readonly name: string;
  readonly severity: Severity;
  /** What should be so. */
  readonly sentence: string;
  find(dataset: CheckedDataset): Iterable<Found>;
}

/** What a rule about single cases finds, with the case's name filled in. */
export function perCase(find: (each: CaseSummary, dataset: CheckedDataset) => Iterable<Omit<Found, "case">>) {
  return function* (dataset: CheckedDataset): Iterable<Found> {
    for (const each of dataset.cases) for (const found of find(each, dataset)) yield { case: nameOf(each), ...found };
  };
}

/** A case's name; test cases are marked, as names may be used twice. */
export const nameOf = ({ id, part }: Pick<CaseSummary, "id" | "part">): string => (part === "Ts" ? `${id} (test)` : id);

export const trainingOf = ({ cases }: CheckedDataset): CaseSummary[] => cases.filter(({ part }) => part === "Tr");

export const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`;
