/** Learning-rate schedules: plain functions from the number of steps done to the factor for `optimizer.setLearningRate`. */
import { ConfigError } from "@rfmedsam/base";

/** @param step steps done so far, from 0 @returns the factor of the learning rate for the next step */
export type Schedule = (step: number) => number;

export interface ScheduleOptions {
  /** Length of the whole run, in the unit that the schedule is asked in (steps or epochs). */
  readonly steps: number;
  /** Steps over which the factor first rises in a line to 1. */
  readonly warmup?: number;
}

/** How the factor falls once warm; `t` runs from 0 to 1. A new schedule is one row. */
const shapes = {
  constant: () => 1,
  /** nnU-Net's: (1 − t)^0.9. */
  poly: (t: number) => (1 - t) ** 0.9,
  /** Half a cosine down to 0 (Loshchilov & Hutter 2017, without restarts). */
  cosine: (t: number) => (1 + Math.cos(Math.PI * t)) / 2,
} satisfies Record<string, (t: number) => number>;

export type ScheduleName = keyof typeof shapes;

export const scheduleNames = Object.keys(shapes) as readonly ScheduleName[];

/** The schedule of that name. After `steps` it stays where it ended. */
export function schedule(name: ScheduleName, { steps, warmup = 0 }: ScheduleOptions): Schedule {
  if (!(steps > 0 && warmup >= 0 && warmup <= steps)) {
    throw new ConfigError({
      found: `a learning-rate schedule of ${steps} steps, ${warmup} of them warm-up`,
      expected: "at least one step and no more warm-up than steps",
    });
  }
  const shape = shapes[name];
  return (step) => {
    if (step < warmup) return (step + 1) / warmup;
    return shape(steps === warmup ? 1 : Math.min(1, (step - warmup) / (steps - warmup)));
  };
}
