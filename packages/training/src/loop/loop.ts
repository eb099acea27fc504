/**
 * The one training loop: counts steps, saves states, stops on request, refuses a loss that is not a number. What one step does is
 * the caller's.
 *
 * A step draws its random numbers from streams named by (seed, step), never from the steps before: a run that was stopped and
 * resumed makes the same steps as one that was not.
 */
import { existsSync } from "node:fs";
import { type CancelSignal, EngineError, InterruptedError, type Progress, Random } from "@rfmedsam/base";
import {
  type Module,
  manualSeed,
  type Optimizer,
  readSafetensors,
  readSafetensorsHeader,
  scope,
  type Tensor,
  writeSafetensors,
} from "@rfmedsam/torch";

export interface LoopOptions {
  /** Shown to the person waiting. */
  readonly stage: string;
  readonly iterations: number;
  readonly seed: number;
  /** Where the state is saved; resumed from if it exists. */
  readonly checkpoint: string;
  readonly checkpointEvery: number;
  readonly model: Module;
  readonly optimizer: Optimizer;
  /** Makes one update. @returns figures to show and keep, `loss` among them; one that is not finite stops the training unsaved */
  readonly step: (iteration: number, random: Random) => Readonly<Record<string, number>>;
  readonly progress: Progress;
  readonly signal?: CancelSignal | undefined;
}

/** Figures of every `every`-th step. */
export interface Curve {
  readonly iterations: number[];
  readonly values: Record<string, number[]>;
}

const curvePoints = 200;

/**
 * Runs to the last iteration, from the saved state if there is one.
 *
 * @throws InterruptedError after saving, when the signal is raised; EngineError when a figure is not finite (the last saved state stays)
 */
export async function trainLoop(options: LoopOptions): Promise<Curve> {
  const { stage, iterations, checkpoint, checkpointEvery, model, optimizer, progress, signal } = options;
  const { curve, running: averages, ...resumed } = await resume(options);
  let { iteration } = resumed;
  const every = Math.max(1, Math.floor(iterations / curvePoints));
  const running = new Map(Object.entries(averages));
  model.train();
  while (iteration < iterations) {
    const seed = new Random(options.seed, iteration);
    manualSeed(seed.uint32());
    const values = scope(() => options.step(iteration, seed));
    const wrong = Object.entries(values).find(([, value]) => !Number.isFinite(value));
    if (wrong !== undefined) {
      throw new EngineError({
        found: `${stage}: the ${wrong[0]} is ${wrong[1]} at step ${iteration + 1}`,
        expected: "a finite number",
        hint: `lower the learning rate or look for extreme values in the images; the state of step ${iteration - (iteration % checkpointEvery)} is kept`,
      });
    }
    iteration += 1;
    for (const [name, value] of Object.entries(values)) {
      const before = running.get(name);
      running.set(name, before === undefined ? value : 0.95 * before + 0.05 * value);
    }
    if (iteration % every === 0) record(curve, iteration, running);
    progress({ stage, done: iteration, total: iterations, values: Object.fromEntries(running) });
    // Without this pause, signals and timers would wait until the training ends; a signal that arrives in it must find its step saved.
    await new Promise((resolve) => setImmediate(resolve));
    const stopped = signal?.aborted === true && iteration < iterations;
    if (stopped || iteration % checkpointEvery === 0 || iteration === iterations) {
      await save(checkpoint, model, optimizer, { iteration, curve, running: Object.fromEntries(running) });
    }
    if (stopped) {
      throw new InterruptedError({
        found: `stopped at step ${iteration} of ${iterations} (${stage})`,
        hint: "run the same command again to go on from here",
      });
    }
  }
  model.eval();
  return curve;
}

interface State {
  readonly iteration: number;
  readonly curve: Curve;
  /** Moving averages of the figures. */
  readonly running: Readonly<Record<string, number>>;
}

function record(curve: Curve, iteration: number, values: ReadonlyMap<string, number>): void {
  curve.iterations.push(iteration);
  for (const [name, value] of values) {
    const known = curve.values[name] ?? [];
    known.push(value);
    curve.values[name] = known;
  }
}

async function save(file: string, model: Module, optimizer: Optimizer, state: State): Promise<void> {
  const tensors = new Map<string, Tensor>();
  for (const [name, tensor] of model.stateDict()) tensors.set(`model.${name}`, tensor);
  const optimizerState = optimizer.stateDict();
  for (const [name, tensor] of optimizerState) tensors.set(`optimizer.${name}`, tensor);
  try {
    await writeSafetensors(file, tensors, { state: JSON.stringify(state) });
  } finally {
    // Its counters were made for the file; the tensors of state are the optimiser's own.
    for (const [name, tensor] of optimizerState) if (!name.startsWith("state.")) tensor.free();
  }
}

async function resume({ checkpoint, model, optimizer }: LoopOptions): Promise<State> {
  const fresh: State = { iteration: 0, curve: { iterations: [], values: {} }, running: {} };
  if (!existsSync(checkpoint)) return fresh;
  const { metadata } = await readSafetensorsHeader(checkpoint);
  const tensors = await readSafetensors(checkpoint);
  const part = (prefix: string) =>
    new Map(
      [...tensors]
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
    );
  scope(() => {
    model.loadStateDict(part("model."), { file: checkpoint });
    optimizer.loadStateDict(part("optimizer."));
  });
  for (const tensor of tensors.values()) tensor.free();
  return { ...fresh, ...(JSON.parse(metadata.state ?? "{}") as Partial<State>) };
}
