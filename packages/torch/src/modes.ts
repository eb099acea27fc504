/** Modes that hold while a function runs: with or without gradients, mixed precision. */
import { type Dtype, dtypeCodes } from "./dtype.js";
import { native } from "./native.js";
import type { Tensor } from "./tensor.js";
import { makeTensor } from "./tensor.js";

/** How many `autocast` are open. */
let casting = 0;

function withGradMode<T>(enabled: boolean, body: () => T): T {
  const before = native.setGradMode(enabled);
  // Autocast keeps its copies of weights until it ends. One that was made without recording would cut off the gradients of later uses.
  const kept = casting > 0 && before !== enabled ? native.setAutocastCache(false) : undefined;
  try {
    return body();
  } finally {
    if (kept !== undefined) native.setAutocastCache(kept);
    native.setGradMode(before);
  }
}

/** Runs `body` without recording operations for `backward`. */
export function noGrad<T>(body: () => T): T {
  return withGradMode(false, body);
}

/** Runs `body` recording operations again, inside `noGrad`. */
export function enableGrad<T>(body: () => T): T {
  return withGradMode(true, body);
}

/**
 * Runs `body` with the operators that profit from it (convolutions, matrix products) in `dtype`, the delicate ones in float32. Run
 * `backward` outside, as PyTorch advises. Copies of weights in `dtype` are kept until the outermost `autocast` or an optimiser's step.
 */
export function autocast<T>(device: "cpu" | "cuda", dtype: Dtype, body: () => T): T {
  const [enabled, before] = native.enterAutocast(device, dtypeCodes[dtype], true);
  casting++;
  try {
    return body();
  } finally {
    casting--;
    native.leaveAutocast(device, enabled, before);
  }
}

/**
 * Gradients of `outputs` (summed) with respect to `inputs`, without touching any `grad`.
 *
 * @returns one tensor an input; `undefined` where the input does not matter
 */
export function gradients(
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  options: {
    readonly outputGradients?: readonly Tensor[];
    readonly retainGraph?: boolean;
    readonly createGraph?: boolean;
  } = {},
): (Tensor | undefined)[] {
  const { outputGradients, createGraph = false, retainGraph = createGraph } = options;
  const handles = native.gradients(
    outputs.map((t) => t.handle),
    inputs.map((t) => t.handle),
    outputGradients?.map((t) => t.handle),
    retainGraph,
    createGraph,
  );
  return handles.map((handle) => (handle === 0 ? undefined : makeTensor(handle)));
}
