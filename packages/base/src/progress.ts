/** How long work reports itself and is stopped: one callback and one signal, the same in every room. */
import { InterruptedError } from "./errors.js";

/** One step of long work. `done` and `total` count the same unit; a terminal turns them into a rate and a time to go. */
export interface ProgressEvent {
  /** What is being done, e.g. `"fold 0: training the U-Net"`. A new stage starts a new line. */
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  /** Figures worth seeing while waiting, e.g. `{ loss: 0.31 }`. */
  readonly values?: Readonly<Record<string, number>>;
}

export type Progress = (event: ProgressEvent) => void;

export const silent: Progress = () => {};

/** The part of `AbortSignal` that long work looks at between steps. */
export interface CancelSignal {
  readonly aborted: boolean;
}

/** @throws InterruptedError if the signal was raised; call between steps, when everything worth keeping is kept. */
export function throwIfCancelled(signal: CancelSignal | undefined, hint?: string): void {
  if (signal?.aborted) throw new InterruptedError({ found: "stopped on request", hint });
}
