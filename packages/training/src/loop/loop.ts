/**
 * The one training loop: counts steps, saves states, stops on request, refuses a loss that is not a number. What one step does is
 * the caller's.
 *
 * A step draws its random numbers from streams named by (seed, step), never from the steps before: a run that was stopped and
 * resumed makes the same steps as one that was not. On the CPU its numbers are the same bit for bit; on a GPU sums are added up in
 * whatever order comes first.
 */
import { type CancelSignal, EngineError, InterruptedError, type Progress, Random, ResourceError } from "@rfmedsam/base";
import { type Module, manualSeed, type Optimizer, scope, type WeightAverage } from "@rfmedsam/torch";
import { goOn } from "../go-on.js";
import { type Curve, type LoopState, resumeState, saveState } from "./state.js";

export type { Curve } from "./state.js";

export interface LoopOptions {
  /** Shown to the person waiting. */
  readonly stage: string;
  readonly iterations: number;
  readonly seed: number;
  /** Where the state is saved (`.safetensors`); resumed from if it exists. */
  readonly checkpoint: string;
  readonly checkpointEvery: number;
  readonly model: Module;
  readonly optimizer: Optimizer;
  /** Takes the weights in after each step; saved and resumed with them. */
  readonly average?: WeightAverage | undefined;
  /** Makes one update. @returns figures to show and keep, `loss` among them; one that is not finite stops the training unsaved */
  readonly step: (iteration: number, random: Random) => Readonly<Record<string, number>>;
  /** Is given every step's figures. */
  readonly record?: RecordStep | undefined;
  readonly progress: Progress;
  readonly signal?: CancelSignal | undefined;
}

export type RecordStep = (step: StepRecord) => void;

/**
 * What one step came to. A run that was killed repeats the steps since its last saved state and records them again, with the same
 * numbers: the later record of an iteration replaces the earlier.
 */
export interface StepRecord {
  readonly stage: string;
  /** From 1. */
  readonly iteration: number;
  /** What the step returned (not averaged), and `learningRate` (of the group that learns fastest) unless it returned one. */
  readonly values: Readonly<Record<string, number>>;
  /** The step's wall time. */
  readonly seconds: number;
  /** Whether the training's state is saved next: what is known of the steps up to here must then last. */
  readonly saved?: boolean | undefined;
}

const curvePoints = 200;

/**
 * Runs to the last iteration, from the saved state if there is one.
 *
 * @throws InterruptedError after saving, when the signal is raised; EngineError when a figure is not finite (the last saved state
 * stays); CheckpointError when the saved states are damaged or of another model; ResourceError when the disk is full
 */
export async function trainLoop(options: LoopOptions): Promise<Curve> {
  const { stage, iterations, checkpoint, checkpointEvery, model, optimizer, average, progress, signal } = options;
  const { curve, running: averages, ...resumed } = await resume(options);
  let { iteration } = resumed;
  let saved = iteration;
  const every = Math.max(1, Math.floor(iterations / curvePoints));
  const running = new Map(Object.entries(averages));
  model.train();
  while (iteration < iterations) {
    const seed = new Random(options.seed, iteration);
    manualSeed(seed.uint32());
    const began = performance.now();
    const values = scope(() => options.step(iteration, seed));
    refuseInfinite(values, options, iteration, saved);
    average?.update();
    iteration += 1;
    options.record?.({
      stage,
      iteration,
      values: { learningRate: Math.max(...optimizer.learningRates), ...values },
      seconds: (performance.now() - began) / 1000,
      saved: iteration % checkpointEvery === 0 || iteration === iterations,
    });
    for (const [name, value] of Object.entries(values)) {
      const before = running.get(name);
      running.set(name, before === undefined ? value : 0.95 * before + 0.05 * value);
    }
    if (iteration % every === 0) keepPoint(curve, iteration, running);
    progress({ stage, done: iteration, total: iterations, values: Object.fromEntries(running) });
    // Without this pause, signals and timers would wait until the training ends; a signal that arrives in it must find its step saved.
    await new Promise((resolve) => setImmediate(resolve));
    const stopped = signal?.aborted === true && iteration < iterations;
    if (stopped || iteration % checkpointEvery === 0 || iteration === iterations) {
      const state = { iteration, curve, running: Object.fromEntries(running) };
      await saveState(checkpoint, options, state).catch((cause: unknown) => sayWhatIsKept(cause, saved));
      saved = iteration;
    }
    if (stopped) {
      throw new InterruptedError({
        found: `stopped at step ${iteration} of ${iterations} (${stage})`,
        hint: goOn,
      });
    }
  }
  model.eval();
  return curve;
}

function refuseInfinite(
  values: Readonly<Record<string, number>>,
  { stage, checkpoint }: LoopOptions,
  iteration: number,
  saved: number,
): void {
  const wrong = Object.entries(values).find(([, value]) => !Number.isFinite(value));
  if (wrong === undefined) return;
  const [name, value] = wrong;
  const kept = saved === 0 ? "nothing is saved yet" : `the state of step ${saved} is kept in ${checkpoint}`;
  throw new EngineError({
    found: `${stage}: the ${name} is ${value} at step ${iteration + 1}; ${kept}`,
    expected: "a finite number",
    hint: "going on would come to the same step: start anew (--restart) with a lower learning rate, a longer warm-up or float32 precision, and look for extreme values in the images",
  });
}

function sayWhatIsKept(cause: unknown, saved: number): never {
  if (!(cause instanceof ResourceError)) throw cause;
  const from = saved === 0 ? "anew, for nothing was saved before" : `from step ${saved}`;
  const hint = `free some space and run the command again: it goes on ${from}`;
  throw new ResourceError({ file: cause.file, found: cause.found, hint, cause });
}

function keepPoint(curve: Curve, iteration: number, values: ReadonlyMap<string, number>): void {
  curve.iterations.push(iteration);
  for (const [name, value] of values) {
    const known = curve.values[name] ?? [];
    known.push(value);
    curve.values[name] = known;
  }
}

async function resume(options: LoopOptions): Promise<LoopState> {
  const { stage, iterations, checkpoint, progress } = options;
  const state = await resumeState(checkpoint, options);
  if (state === undefined) return { iteration: 0, curve: { iterations: [], values: {} }, running: {} };
  if (state.damage) {
    const said = `${stage}: ${state.damage.file} is damaged (${(state.damage.cause as Error).message}) and the state before it is taken`;
    progress({ stage: said, done: state.iteration, total: iterations });
  }
  return state;
}
