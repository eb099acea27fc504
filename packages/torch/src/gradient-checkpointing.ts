/**
 * Gradient checkpointing (Chen et al. 2016, "Training deep nets with sublinear memory cost"): a part of a network keeps only its inputs,
 * and computes what is inside it a second time on the way back.
 *
 *   forward    inputs ─► body ─► outputs        everything in between is freed at once
 *   backward   inputs ─► body ─► gradients      with the random numbers and the mixed precision of the first time
 *
 * The part becomes one step of the graph, from its inputs and the parameters it uses to its outputs. Which parameters those are is seen
 * the first time, when it records as always: a part with nothing to learn costs nothing on the way back, and unlike PyTorch's it works
 * with `gradients()` too. The numbers are those of the body itself, bit for bit; only where a tensor is used more than once inside and
 * also outside, its gradients are added up in another order (the part's own first).
 */
import { EngineError } from "@rfmedsam/base";
import { enableGrad } from "./modes.js";
import { type Handle, native } from "./native.js";
import { randomState, setRandomState } from "./runtime.js";
import { scope } from "./scope.js";
import { Tensor } from "./tensor.js";
import { unwrapAll, wrap, wrapAll } from "./wrap.js";

type Body = (...inputs: Tensor[]) => Tensor | readonly Tensor[];

/**
 * `body(...inputs)`, whose memory is freed until `backward` needs it: about a third more time, and for a chain of parts the memory of
 * their inputs and of one part instead of that of all.
 *
 * The body runs again on the way back, after the scopes around it have ended. So the tensors it uses must be parameters, buffers or
 * inputs; it must draw nothing from a `Random` of its surroundings, and change nothing (no operations in place on what it was given).
 *
 * @example const y = checkpointed((x) => block.forward(x), x);
 * @returns what the body returns, a tensor or a list of tensors
 * @throws EngineError when the body uses a tensor with a history that is not among the inputs; `backward` throws one when a tensor was
 * freed that the body uses, or an input or a parameter was changed in place in between
 */
export function checkpointed<Inputs extends readonly Tensor[], Result extends Tensor | readonly Tensor[]>(
  body: (...inputs: Inputs) => Result,
  ...inputs: Inputs
): Result {
  if (!native.gradMode()) return scope(() => body(...inputs));
  return scope(() => {
    const surroundings = new Surroundings(inputs);
    const states = surroundings.randomStates();
    const roles = inputs.map(roleOf);
    const since = native.sequenceNumber();
    const { leaves, given } = isolate(inputs, roles);
    const result = surroundings.hold(() => body(...(given as unknown as Inputs)));
    const outputs = listOf(result);
    const learning = outputs.map((output) => output.requiresGrad);
    if (!learning.includes(true)) return result;
    const reaching = outputs.filter((output) => output.requiresGrad);
    const parameters = native.leavesBehind(unwrapAll(reaching), unwrapAll(leaves), since).map(wrap);
    const recorded = wrapAll(
      native.record(
        unwrapAll([...inputs, ...parameters]),
        unwrapAll(reaching.map((output) => output.detach())),
        unwrapAll([...inputs, ...parameters, ...states]),
        wayBack({ body: body as unknown as Body, surroundings, roles, learning }),
      ),
    ).values();
    const out = outputs.map((output, i) => (learning[i] ? (recorded.next().value as Tensor) : output));
    return (Array.isArray(result) ? out : out[0]) as Result;
  });
}

/** How an input takes part: whether a gradient is wanted, and whether autocast may keep its copy (as it does of leaves). */
interface Role {
  readonly learns: boolean;
  readonly leaf: boolean;
}

const roleOf = (input: Tensor): Role => ({ learns: input.requiresGrad, leaf: input.isLeaf });

/** The inputs without their history: `leaves`, where gradients arrive, and what the body gets. */
function isolate(inputs: readonly Tensor[], roles: readonly Role[]): { leaves: Tensor[]; given: Tensor[] } {
  const leaves = inputs.map((input, i) => {
    const leaf = input.detach();
    if (roles[i]?.learns) leaf.requiresGrad = true;
    return leaf;
  });
  return { leaves, given: leaves.map((leaf, i) => (roles[i]?.learns && !roles[i].leaf ? leaf.alias() : leaf)) };
}

interface Part {
  readonly body: Body;
  readonly surroundings: Surroundings;
  readonly roles: readonly Role[];
  /** Which outputs have a gradient. */
  readonly learning: readonly boolean[];
}

/** What `backward` calls. Made here so that it holds nothing of the first run but what it needs. */
function wayBack({ body, surroundings, roles, learning }: Part): (saved: Handle[], gradients: Handle[]) => Handle[] {
  return (saved, gradients) =>
    scope(() => {
      const kept = saved.map(wrap);
      const arriving = gradients.map((handle) => (handle === 0 ? undefined : wrap(handle))).values();
      const states = kept.splice(kept.length - surroundings.devices.length);
      const parameters = kept.splice(roles.length);
      const { leaves, given } = enableGrad(() => isolate(kept, roles));
      const run = () => enableGrad(() => body(...given));
      const outputs = listOf(again(() => surroundings.restored(states, run)));
      const pairs = outputs.flatMap((output, i) => {
        const gradient = learning[i] ? arriving.next().value : undefined;
        return gradient !== undefined && output.requiresGrad ? [{ output, gradient }] : [];
      });
      const targets = [...leaves.filter((_, i) => roles[i]?.learns), ...parameters];
      if (pairs.length === 0) return [...leaves, ...parameters].map(() => 0);
      const found = native
        .gradients(
          pairs.map(({ output }) => output.handle),
          unwrapAll(targets),
          pairs.map(({ gradient }) => gradient.handle),
          false,
          false,
        )
        .values();
      const next = () => found.next().value ?? 0;
      return [...roles.map(({ learns }) => (learns ? next() : 0)), ...parameters.map(next)];
    });
}

function again<T>(run: () => T): T {
  try {
    return run();
  } catch (cause) {
    if (!(cause instanceof EngineError)) throw cause;
    throw new EngineError({
      found: `a checkpointed part failed when it ran again on the way back (${cause.found})`,
      hint: "give checkpointed() every tensor that its function uses, except parameters and buffers, as an input",
      cause,
    });
  }
}

const devicesWithAutocast = ["cpu", "cuda"] as const;

/** Random numbers and mixed precision, as they were when the part ran first. */
class Surroundings {
  /** Devices with random numbers: main memory and those of the inputs. */
  readonly devices: readonly string[];
  readonly #autocast = devicesWithAutocast.map((device) => [device, ...native.autocastState(device)] as const);

  constructor(inputs: readonly Tensor[]) {
    this.devices = [...new Set(["cpu", ...inputs.map(({ device }) => device).filter((device) => device !== "meta")])];
  }

  randomStates(): Tensor[] {
    return this.devices.map((device) => randomState(device));
  }

  /**
   * Runs `run` in the precision of the first time. Copies of weights that autocast keeps are neither taken from outside, where they may
   * have a history or may lack one, nor left behind.
   */
  hold<T>(run: () => T): T {
    native.clearAutocastCache();
    const before = this.#autocast.map(([device, enabled, dtype]) => native.enterAutocast(device, dtype, enabled !== 0));
    try {
      return scope(run); // what is inside lives on only where the graph needs it, and no longer
    } finally {
      for (const [i, [device]] of this.#autocast.entries()) native.leaveAutocast(device, ...before[i]!);
      native.clearAutocastCache();
    }
  }

  /** `hold`, with the random numbers of the first time; afterwards they go on where they were. */
  restored<T>(states: readonly Tensor[], run: () => T): T {
    const present = this.randomStates();
    for (const [i, device] of this.devices.entries()) setRandomState(states[i]!, device);
    try {
      return this.hold(run);
    } finally {
      for (const [i, device] of this.devices.entries()) setRandomState(present[i]!, device);
    }
  }
}

function listOf(result: Tensor | readonly Tensor[]): readonly Tensor[] {
  const outputs = result instanceof Tensor ? [result] : result;
  if (Array.isArray(outputs) && outputs.every((output) => output instanceof Tensor)) return outputs;
  throw new EngineError({
    found: "the function given to checkpointed() returned something else than tensors",
    expected: "a tensor or a list of tensors",
  });
}
