/**
 * What the bench asks its two workers, one JSON object a line, and what they answer. worker.ts is the TypeScript side, ../python/worker.py
 * the Python side; both know the same works by the same names.
 */
import type { FreshRequest } from "./works/checkpoints.js";
import type { WorkRequest } from "./works/index.js";

export type Request =
  | { readonly do: "hello"; readonly threads: number }
  /** Builds the work and runs it once. TypeScript writes its weights and inputs to `tensors`, Python reads them there. */
  | ({ readonly do: "prepare"; readonly tensors: string } & WorkRequest)
  | { readonly do: "measure"; readonly repetitions: number }
  | { readonly do: "memory" }
  /** For work that begins with a file: TypeScript draws the weights, Python makes them a file as the official ones are. */
  | ({ readonly do: "write-tensors"; readonly tensors: string } & FreshRequest)
  | { readonly do: "write-checkpoint"; readonly tensors: string; readonly checkpoint: string }
  /** Such work from the file to its end, in a worker that did nothing before. */
  | ({ readonly do: "once"; readonly checkpoint: string } & FreshRequest);

export interface Answers {
  hello: { readonly runtime: string; readonly torch: string; readonly threads: number };
  /** What the first run computed, by which the two sides are compared. */
  prepare: { readonly numbers: readonly number[] };
  /** Of each repetition. */
  measure: { readonly seconds: readonly number[] };
  /** Highest resident memory since `prepare` ended; without one, since the process began. */
  memory: { readonly peakBytes: number };
  "write-tensors": Readonly<Record<string, never>>;
  "write-checkpoint": Readonly<Record<string, never>>;
  once: { readonly numbers: readonly number[]; readonly seconds: number };
}
