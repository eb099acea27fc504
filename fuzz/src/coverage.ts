/** What inputs have reached so far: counters of branches (instrument.ts), by how often, in eight steps. */
import { register } from "node:module";
import { counterCount, countersName } from "./instrument.js";

/** 0, 1, 2, 3, 4–7, 8–15, 16–31, 32–127, more: one bit each. */
const steps = Uint8Array.from({ length: 256 }, (_, count) => {
  if (count < 4) return [0, 1, 2, 4][count]!;
  return count < 8 ? 8 : count < 16 ? 16 : count < 32 ? 32 : count < 128 ? 64 : 128;
});

export class Coverage {
  readonly #counters = new Uint8Array(counterCount);
  readonly #words = new Uint32Array(this.#counters.buffer);
  readonly #seen = new Uint8Array(counterCount);

  /** Modules that are loaded from now on are instrumented. */
  constructor() {
    Object.assign(globalThis, { [countersName]: this.#counters });
    register("./loader.js", import.meta.url);
  }

  /** How many branches were ever reached. */
  get branches(): number {
    return this.#seen.reduce((sum, bits) => sum + (bits > 0 ? 1 : 0), 0);
  }

  /** Nothing was reached yet. */
  forget(): void {
    this.#seen.fill(0);
    this.start();
  }

  start(): void {
    this.#counters.fill(0);
  }

  /** Whether something since `start` was reached for the first time, or so often for the first time. */
  isNew(): boolean {
    let found = false;
    for (let word = 0; word < this.#words.length; word++) {
      if (this.#words[word] === 0) continue;
      for (let at = 4 * word; at < 4 * word + 4; at++) {
        const step = steps[this.#counters[at]!]!;
        if ((this.#seen[at]! & step) === step) continue;
        this.#seen[at]! |= step;
        found = true;
      }
    }
    return found;
  }
}
