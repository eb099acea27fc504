/** Tensors made from nothing. Element type float32 and device cpu unless said otherwise; `onDevice` changes the default device. */
import type { Dtype } from "./dtype.js";
import {
  arangeOp,
  emptyOp,
  eyeOp,
  fullOp,
  linspaceOp,
  randintOp,
  randnOp,
  randOp,
  randpermOp,
} from "./generated/operators.js";
import type { Device, Tensor } from "./tensor.js";

export interface TensorOptions {
  readonly dtype?: Dtype;
  readonly device?: Device;
}

let defaultDevice: Device = "cpu";

/** Factories inside `body` make their tensors on `device`; with `"meta"`, networks are built without memory for their weights. */
export function onDevice<T>(device: Device, body: () => T): T {
  const before = defaultDevice;
  defaultDevice = device;
  try {
    return body();
  } finally {
    defaultDevice = before;
  }
}

function complete({ dtype = "float32", device = defaultDevice }: TensorOptions): Required<TensorOptions> {
  return { dtype, device };
}

/** Uninitialised memory. */
export function empty(shape: readonly number[], options: TensorOptions = {}): Tensor {
  return emptyOp(shape, complete(options));
}

/** All elements `value`. */
export function full(shape: readonly number[], value: number, options: TensorOptions = {}): Tensor {
  return fullOp(shape, value, complete(options));
}

/** All elements 0. */
export function zeros(shape: readonly number[], options: TensorOptions = {}): Tensor {
  return full(shape, 0, options);
}

/** All elements 1. */
export function ones(shape: readonly number[], options: TensorOptions = {}): Tensor {
  return full(shape, 1, options);
}

/** `start, start + step, …` below `end`. */
export function arange(start: number, end: number, step = 1, options: TensorOptions = {}): Tensor {
  return arangeOp(start, end, { step, ...complete(options) });
}

/** `steps` values from `start` to `end`, both included. */
export function linspace(start: number, end: number, steps: number, options: TensorOptions = {}): Tensor {
  return linspaceOp(start, end, steps, complete(options));
}

/** The identity matrix `[n, n]`. */
export function eye(n: number, options: TensorOptions = {}): Tensor {
  return eyeOp(n, complete(options));
}

/** Uniform in [0, 1). */
export function rand(shape: readonly number[], options: TensorOptions = {}): Tensor {
  return randOp(shape, complete(options));
}

/** Standard normal. */
export function randn(shape: readonly number[], options: TensorOptions = {}): Tensor {
  return randnOp(shape, complete(options));
}

/** Integers in [low, high), int64 by default. */
export function randint(low: number, high: number, shape: readonly number[], options: TensorOptions = {}): Tensor {
  return randintOp(low, high, shape, complete({ dtype: "int64", ...options }));
}

/** A random order of 0 … n − 1, int64. */
export function randperm(n: number, options: TensorOptions = {}): Tensor {
  return randpermOp(n, complete({ dtype: "int64", ...options }));
}
