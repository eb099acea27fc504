/** From progress events to rates: remembers when the stage began and how far it was then. */
import type { ProgressEvent } from "@rfmedsam/base";
import type { StageView } from "./format.js";

export class StageClock {
  #stage: string | undefined;
  #begun = 0;
  #doneAtStart = 0;
  #lastDone = 0;

  /** @param now milliseconds, of any origin */
  constructor(readonly now: () => number) {}

  /** @returns the view, and whether a stage has just begun (a count that falls back is the stage's next round) */
  see(event: ProgressEvent): { view: StageView; begins: boolean } {
    const begins = event.stage !== this.#stage || event.done < this.#lastDone;
    if (begins) {
      this.#stage = event.stage;
      this.#begun = this.now();
      this.#doneAtStart = event.done;
    }
    this.#lastDone = event.done;
    const elapsed = (this.now() - this.#begun) / 1000;
    const since = event.done - this.#doneAtStart;
    const rate = since > 0 && elapsed > 0 ? since / elapsed : undefined;
    return { view: { ...event, elapsed, rate }, begins };
  }
}
