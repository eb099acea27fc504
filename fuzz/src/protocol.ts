/** What the supervisor and its worker processes say to each other (node:child_process messages, structured clone). */
import type { Lineage } from "./corpus.js";
import type { Fault } from "./judge.js";

/** What a worker is started with, as JSON in its first argument. */
export interface WorkerOptions {
  /** The module with the table of targets. */
  readonly targets: string;
  /** A folder of this worker's own; `currentFile` in it holds the input that is being parsed. */
  readonly scratch: string;
  /** Whether modules are instrumented, so that inputs that reach new code are kept. */
  readonly coverage: boolean;
}

/** What is to be parsed from now on. */
export interface Subject {
  readonly target: string;
  readonly seed: number;
  /** A folder whose files are added to the seeds. */
  readonly corpus?: string | undefined;
}

export type Order =
  | ({ readonly do: "open" } & Subject)
  /** Fuzz for so long, from this iteration on; `kept` are the inputs that a worker before this one had kept. */
  | { readonly do: "fuzz"; readonly seconds: number; readonly from: number; readonly kept: readonly Lineage[] }
  | { readonly do: "judge"; readonly bytes: Uint8Array }
  | { readonly do: "replay"; readonly lineage: Lineage };

export type Report =
  | { readonly is: "opened"; readonly seeds: number }
  /** The target's own table is wrong: a seed is refused, say. */
  | { readonly is: "unusable"; readonly why: string }
  | { readonly is: "alive"; readonly iteration: number }
  | { readonly is: "kept"; readonly lineage: Lineage }
  | { readonly is: "fault"; readonly lineage: Lineage; readonly bytes: Uint8Array; readonly fault: Fault }
  /** `spoiled`: before its time, because what comes later would not be parsed as in another process. */
  | { readonly is: "finished"; readonly iterations: number; readonly branches: number; readonly spoiled: boolean }
  | { readonly is: "verdict"; readonly fault: Fault | undefined }
  | { readonly is: "replayed"; readonly bytes: Uint8Array };

/** Under `scratch`: the lineage of the input that is being parsed as a line of text, then its bytes. */
export const currentFile = "current";
