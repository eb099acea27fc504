/**
 * What every optimiser shares: groups of parameters with a learning rate each, tensors of state a parameter, and that state in and
 * out of a checkpoint so that a resumed run goes on bit for bit. A step is one call of libtorch's fused kernels a group, which goes
 * through memory once (three to five times as fast as an operator at a time).
 */
import { CheckpointError, ConfigError } from "@rfmedsam/base";
import { zeros } from "../factories.js";
import { noGrad } from "../modes.js";
import { native } from "../native.js";
import { scope } from "../scope.js";
import { type Tensor, tensor } from "../tensor.js";

export interface ParameterGroup {
  readonly parameters: Iterable<Tensor>;
  /** This group's own; otherwise the optimiser's. */
  readonly learningRate?: number | undefined;
  readonly weightDecay?: number | undefined;
}

export interface OptimizerOptions {
  readonly learningRate?: number | undefined;
  readonly weightDecay?: number | undefined;
}

/** One parameter with what the optimiser remembers about it. */
export interface Slot {
  readonly parameter: Tensor;
  readonly state: Map<string, Tensor>;
  /** How often this parameter was changed (a step without a gradient leaves it alone). */
  steps: number;
}

/** Slots that have a gradient now, as parallel lists: contiguous, of one element type, on one device, as the kernels need them. */
export interface ActiveGroup {
  readonly slots: Slot[];
  readonly parameters: Tensor[];
  readonly gradients: Tensor[];
  readonly learningRate: number;
  readonly weightDecay: number;
}

interface Group {
  readonly slots: readonly Slot[];
  readonly learningRate: number;
  readonly weightDecay: number;
}

export abstract class Optimizer {
  readonly #groups: readonly Group[];
  #factor = 1;
  #steps = 0;

  /** @param groups parameters, or groups of them with learning rates and weight decays of their own */
  constructor(
    groups: Iterable<Tensor | ParameterGroup>,
    defaults: { readonly learningRate: number; readonly weightDecay: number },
  ) {
    this.#groups = asGroups(groups).map(({ parameters, learningRate, weightDecay }) => ({
      slots: Array.from(parameters, (parameter) => ({ parameter, state: new Map<string, Tensor>(), steps: 0 })),
      learningRate: learningRate ?? defaults.learningRate,
      weightDecay: weightDecay ?? defaults.weightDecay,
    }));
    refuseNonsense(this.#groups);
  }

  /** How often `step` was called, over all runs that were resumed. */
  get steps(): number {
    return this.#steps;
  }

  /** The learning rate each group has now. */
  get learningRates(): number[] {
    return this.#groups.map((group) => group.learningRate * this.#factor);
  }

  /** From now on every group's learning rate is the one it was made with times `factor` (see `schedules`). */
  setLearningRate(factor: number): void {
    if (!(factor >= 0 && Number.isFinite(factor))) {
      throw new ConfigError({ found: `a learning-rate factor of ${factor}`, expected: "a finite number from 0 on" });
    }
    this.#factor = factor;
  }

  /** Changes every parameter that has a gradient. */
  step(): void {
    noGrad(() =>
      scope(() => {
        for (const group of this.#groups) {
          for (const active of this.#active(group)) this.#change(active);
        }
      }),
    );
    this.#steps++;
    native.clearAutocastCache(); // it has copies of the weights before
  }

  #active({ slots, learningRate, weightDecay }: Group): Iterable<ActiveGroup> {
    const kinds = new Map<string, ActiveGroup>();
    for (const slot of slots) {
      const { parameter } = slot;
      const gradient = parameter.grad;
      if (gradient === undefined) continue;
      const kind = `${parameter.dtype} ${parameter.device}`;
      let active = kinds.get(kind);
      if (active === undefined) {
        active = { slots: [], parameters: [], gradients: [], learningRate: learningRate * this.#factor, weightDecay };
        kinds.set(kind, active);
      }
      active.slots.push(slot);
      active.parameters.push(contiguous(parameter));
      active.gradients.push(contiguous(gradient));
    }
    return kinds.values();
  }

  #change(active: ActiveGroup): void {
    for (const slot of active.slots) slot.steps++;
    this.update(active);
    for (const [i, { parameter }] of active.slots.entries()) {
      const changed = active.parameters[i];
      if (changed !== undefined && changed !== parameter) parameter.copy_(changed);
    }
  }

  /** One step of tensors of one kind; `slot.steps` already counts it. Runs without gradients and inside a scope. */
  protected abstract update(group: ActiveGroup): void;

  /** Names of the tensors a slot may hold, as PyTorch calls them. */
  protected abstract readonly stateNames: readonly string[];

  /** A slot's state of that name, zero at first. */
  protected stateOf(slots: readonly Slot[], name: string): Tensor[] {
    return slots.map((slot) => {
      const known = slot.state.get(name);
      if (known !== undefined) return known;
      const { shape, dtype, device } = slot.parameter;
      const fresh = zeros(shape, { dtype, device }).keep();
      slot.state.set(name, fresh);
      return fresh;
    });
  }

  /** Takes every parameter's gradient away. */
  zeroGrad(): void {
    for (const { parameter } of this.#slots()) parameter.grad = undefined;
  }

  *#slots(): Generator<Slot> {
    for (const group of this.#groups) yield* group.slots;
  }

  /**
   * All that `loadStateDict` needs to go on bit for bit, by name: `step`, `learning_rate_factor`, `parameter_steps` (`[parameters]`)
   * and `state.INDEX.NAME`, the parameters counted through all groups. State tensors are the optimiser's own, not copies.
   */
  stateDict(): Map<string, Tensor> {
    const slots = [...this.#slots()];
    const out = new Map<string, Tensor>([
      ["step", tensor([this.#steps], [], { dtype: "int64" })],
      ["learning_rate_factor", tensor([this.#factor], [], { dtype: "float64" })],
      ["parameter_steps", tensor(BigInt64Array.from(slots, (slot) => BigInt(slot.steps)))],
    ]);
    for (const [index, slot] of slots.entries()) {
      for (const [name, value] of slot.state) out.set(`state.${index}.${name}`, value);
    }
    return out;
  }

  /**
   * Takes a state over (by copying).
   *
   * @param file where it comes from, for messages
   * @throws CheckpointError when the state is of another optimiser or of other parameters; nothing is changed then
   */
  loadStateDict(state: ReadonlyMap<string, Tensor>, { file }: { readonly file?: string } = {}): void {
    const slots = [...this.#slots()];
    const refuse = (found: string) =>
      new CheckpointError({
        file,
        found,
        hint: "this optimiser state belongs to another model, configuration or optimiser",
      });
    const need = (name: string, length: number): number[] => {
      const value = state.get(name);
      if (value?.numel !== length)
        throw refuse(`the optimiser state has ${value ? `${value.numel} values in` : "no"} ${name}, needed ${length}`);
      return value.toNumbers();
    };
    const [steps = 0] = need("step", 1);
    const [factor = 1] = need("learning_rate_factor", 1);
    const parameterSteps = need("parameter_steps", slots.length);
    const loaded = slots.map(() => new Map<string, Tensor>());
    for (const [name, value] of state) {
      const match = /^state\.(\d+)\.(.+)$/.exec(name);
      if (match === null) continue;
      const [index, key] = [Number(match[1]), match[2] ?? ""];
      const slot = slots[index];
      if (slot === undefined || !this.stateNames.includes(key))
        throw refuse(`the optimiser state has an unknown ${name}`);
      if (value.shape.join() !== slot.parameter.shape.join()) {
        throw refuse(`${name} is [${value.shape.join(", ")}], the parameter [${slot.parameter.shape.join(", ")}]`);
      }
      loaded[index]?.set(key, value);
    }
    for (const [index, slot] of slots.entries()) {
      const before = [...slot.state.values()];
      slot.state.clear();
      for (const [key, value] of loaded[index] ?? []) slot.state.set(key, copyLike(slot.parameter, value));
      for (const old of before) old.free(); // only now: it may be its own state that comes back
      slot.steps = parameterSteps[index] ?? 0;
    }
    this.#steps = steps;
    this.#factor = factor;
  }

  /** Frees the state (not the parameters). */
  free(): void {
    for (const { state } of this.#slots()) {
      for (const value of state.values()) value.free();
      state.clear();
    }
  }

  [Symbol.dispose](): void {
    this.free();
  }
}

function contiguous(x: Tensor): Tensor {
  return x.isContiguous ? x : x.contiguous();
}

function copyLike(parameter: Tensor, value: Tensor): Tensor {
  return noGrad(() =>
    scope(() => zeros(parameter.shape, { dtype: parameter.dtype, device: parameter.device }).copy_(value).keep()),
  );
}

function asGroups(given: Iterable<Tensor | ParameterGroup>): ParameterGroup[] {
  const loose: Tensor[] = [];
  const groups: ParameterGroup[] = [];
  for (const item of given) {
    if ("parameters" in item) groups.push(item);
    else loose.push(item);
  }
  return loose.length > 0 ? [{ parameters: loose }, ...groups] : groups;
}

function refuseNonsense(groups: readonly Group[]): void {
  const seen = new Set<Tensor>();
  for (const { slots, learningRate, weightDecay } of groups) {
    for (const { parameter } of slots) {
      if (seen.has(parameter))
        throw new ConfigError({ found: `a parameter ${parameter} that is given to the optimiser twice` });
      seen.add(parameter);
    }
    for (const [what, value] of Object.entries({ learningRate, weightDecay })) {
      if (!(value >= 0 && Number.isFinite(value))) {
        throw new ConfigError({ found: `${what} ${value}`, expected: "a finite number from 0 on" });
      }
    }
  }
  if (seen.size === 0) throw new ConfigError({ found: "an optimiser without parameters" });
}
