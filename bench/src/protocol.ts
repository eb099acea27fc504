/**
 * What the bench asks its two workers, one JSON object a line, and what they answer. worker.ts is the TypeScript side, ../python/worker.py
 * the Python side; both know the same works by the same names.
 */
import type { WorkRequest } from "./works/index.js";

export type Request =
  | { readonly do: "hello"; readonly threads: number }
  /** Builds the work and runs it once. TypeScript writes its weights and inputs to `tensors`, Python reads them there. */
  | ({ readonly do: "prepare"; readonly tensors: string } & WorkRequest)
  | { readonly do: "measure"; readonly repetitions: number }
  | { readonly do: "memory" };

export interface Answers {
  hello: { readonly runtime: string; readonly torch: string; readonly threads: number };
  /** What the first run computed, by which the two sides are compared. */
  prepare: { readonly numbers: readonly number[] };
  /** Of each repetition. */
  measure: { readonly seconds: readonly number[] };
  /** Highest resident memory since `prepare` ended. */
  memory: { readonly peakBytes: number };
}
