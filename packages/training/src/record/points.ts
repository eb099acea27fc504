/**
 * What a training keeps of its steps: single steps at first, then means over more and more of them. Half a million steps become some
 * thousand points. Where a block ends depends on the iteration alone, and a block that is not full when the run stops is kept with its
 * sums and gone on with, so a run that was stopped has the points of one that was not.
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
  /** Of a block that was not full: what it goes on from. The next point of its block stands for this one, too. */
  readonly open?: OpenSums | undefined;
}

/** Sums over the steps of a block so far. Means would lose digits, and not every step has every value. */
export interface OpenSums {
  readonly seconds: number;
  /** Sum, and how many steps had the value. */
  readonly values: Readonly<Record<string, readonly [sum: number, count: number]>>;
}

/** Up to this iteration every step is a point of its own. */
const singleSteps = 500;

/** How many steps make a point around an iteration: 1 up to 1000, 2 up to 2000, 4 up to 4000, … */
export function blockSize(iteration: number): number {
  return 2 ** Math.max(0, Math.floor(Math.log2((iteration - 1) / singleSteps)));
}

const blockEnd = (iteration: number): number => {
  const size = blockSize(iteration);
  return Math.ceil(iteration / size) * size;
};

export const sameBlock = (one: number, other: number): boolean => blockEnd(one) === blockEnd(other);

/** Whether a block that ends here is full. */
export const isFull = (iteration: number): boolean => blockEnd(iteration) === iteration;

/** Whether a point stands for steps before an iteration. */
export const holdsBefore = ({ iteration: last, steps }: CurvePoint, iteration: number): boolean =>
  last - steps + 1 < iteration;

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
  #sums = new Map<string, readonly [sum: number, count: number]>();

  /** @param before the stage's last point. Its steps are not taken again; one that is not full is gone on with. */
  constructor(
    readonly stage: string,
    before?: CurvePoint,
  ) {
    if (before === undefined) return;
    this.#last = before.iteration;
    if (isFull(before.iteration)) return;
    const { seconds, values } = before.open ?? sumsOf(before);
    this.#steps = before.steps;
    this.#seconds = seconds;
    this.#sums = new Map(Object.entries(values));
  }

  get steps(): number {
    return this.#steps;
  }

  /** @returns whether the block is full. Values that are not finite are in no mean. */
  add({ iteration, values, seconds }: StepRecord): boolean {
    if (iteration <= this.#last) return false;
    this.#steps += 1;
    this.#last = iteration;
    this.#seconds += seconds;
    for (const [name, value] of Object.entries(values)) {
      if (!Number.isFinite(value)) continue;
      const [sum, count] = this.#sums.get(name) ?? [0, 0];
      this.#sums.set(name, [sum + value, count + 1]);
    }
    return isFull(iteration);
  }

  /** The mean of what was added. */
  point(memory: number, time: number): CurvePoint {
    const sums = [...this.#sums];
    return {
      stage: this.stage,
      iteration: this.#last,
      steps: this.#steps,
      values: Object.fromEntries(sums.map(([name, [sum, count]]) => [name, sum / count])),
      seconds: this.#seconds / this.#steps,
      memory,
      time,
      ...(isFull(this.#last) ? {} : { open: { seconds: this.#seconds, values: Object.fromEntries(sums) } }),
    };
  }

  empty(): void {
    this.#steps = 0;
    this.#seconds = 0;
    this.#sums.clear();
  }
}

/** Of a point that was written without its sums, as earlier versions did. */
const sumsOf = ({ steps, seconds, values }: CurvePoint): OpenSums => ({
  seconds: seconds * steps,
  values: Object.fromEntries(Object.entries(values).map(([name, mean]) => [name, [mean * steps, steps] as const])),
});
