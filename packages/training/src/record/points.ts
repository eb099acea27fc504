/**
 * What a training keeps of its steps: single steps at first, then means over more and more of them. Half a million steps become some
 * thousand points, and where a block ends depends on the iteration alone, so a run that was stopped has the points of one that was not.
 */
import { ConfigError } from "@rfmedsam/base";
import type { StepRecord } from "../loop/loop.js";

/** The mean over a block of steps. */
export interface CurvePoint {
  readonly stage: string;
  /** The block's last step. */
  readonly iteration: number;
  /** How many steps are in it. */
  readonly steps: number;
  readonly values: Readonly<Record<string, number>>;
  /** Mean seconds of a step. */
  readonly seconds: number;
  /** Bytes the process held when the point was made. */
  readonly memory: number;
  /** Seconds since 1970. */
  readonly time: number;
}

/** Up to this iteration every step is a point of its own. */
const singleSteps = 500;

/** How many steps make a point around an iteration: 1 up to 1000, 2 up to 2000, 4 up to 4000, … */
export function blockSize(iteration: number): number {
  return 2 ** Math.max(0, Math.floor(Math.log2((iteration - 1) / singleSteps)));
}

/** @throws ConfigError for a record that cannot stand on a curve */
export function checkRecord({ stage, iteration, seconds }: StepRecord): void {
  const wrong =
    stage === ""
      ? "a step without a stage"
      : !Number.isSafeInteger(iteration) || iteration < 1
        ? `iteration ${iteration}`
        : !Number.isFinite(seconds) || seconds < 0
          ? `a step of ${seconds} seconds`
          : undefined;
  if (wrong === undefined) return;
  throw new ConfigError({
    found: wrong,
    expected: "a named stage, a whole number from 1, and seconds from 0",
  });
}

/** The steps of one stage since its last point. */
export class Block {
  #steps = 0;
  #last = 0;
  #seconds = 0;
  readonly #sums = new Map<string, { sum: number; count: number }>();

  constructor(readonly stage: string) {}

  get steps(): number {
    return this.#steps;
  }

  get last(): number {
    return this.#last;
  }

  /** @returns whether the block is full. Values that are not finite are in no mean. */
  add({ iteration, values, seconds }: StepRecord): boolean {
    this.#steps += 1;
    this.#last = iteration;
    this.#seconds += seconds;
    for (const [name, value] of Object.entries(values)) {
      if (!Number.isFinite(value)) continue;
      const known = this.#sums.get(name) ?? { sum: 0, count: 0 };
      this.#sums.set(name, { sum: known.sum + value, count: known.count + 1 });
    }
    return iteration % blockSize(iteration) === 0;
  }

  /** The mean of what was added, and an empty block. */
  take(memory: number, time: number): CurvePoint {
    const point = {
      stage: this.stage,
      iteration: this.#last,
      steps: this.#steps,
      values: Object.fromEntries([...this.#sums].map(([name, { sum, count }]) => [name, sum / count])),
      seconds: this.#seconds / this.#steps,
      memory,
      time,
    };
    this.#steps = 0;
    this.#seconds = 0;
    this.#sums.clear();
    return point;
  }
}
