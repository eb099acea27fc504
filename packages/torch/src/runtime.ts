/** The machine under the tensors: versions, devices, threads, random state. */
import { ConfigError } from "@rfmedsam/base";
import { native } from "./native.js";
import { type Device, makeTensor, type Tensor } from "./tensor.js";

/** libtorch's version, e.g. `2.13.0`. */
export function libtorchVersion(): string {
  return native.version();
}

/** libtorch's own account of how it was built (compiler, BLAS, CUDA), several lines. */
export function libtorchConfiguration(): string {
  return native.configuration();
}

/** How many CUDA devices can be used; 0 with a CPU build. */
export function cudaDeviceCount(): number {
  return native.deviceCount("cuda");
}

/**
 * The device a run uses: the one asked for, checked; with `"auto"` the first GPU if there is one.
 *
 * @throws ConfigError for a device that is not here
 */
export function chooseDevice(wanted: Device | "auto" = "auto"): Device {
  const count = cudaDeviceCount();
  if (wanted === "auto") return count > 0 ? "cuda:0" : "cpu";
  if (wanted === "cpu") return wanted;
  const match = /^cuda(?::(\d+))?$/.exec(wanted);
  const index = Number(match?.[1] ?? 0);
  if (match && index < count) return `cuda:${index}`;
  const expected = count === 0 ? `cpu or auto (${whyNoCuda()})` : `auto, cpu, or cuda:0 … cuda:${count - 1}`;
  throw new ConfigError({
    file: "--device",
    found: `"${wanted}"`,
    expected,
    hint: "`rfmedsam doctor` lists what this machine has",
  });
}

function whyNoCuda(): string {
  const withoutCuda = /USE_CUDA=(0|OFF)/.test(libtorchConfiguration());
  return withoutCuda
    ? "this libtorch is a CPU build: set LIBTORCH to one with CUDA and run `make setup`"
    : "no CUDA device, or no driver that this libtorch can use";
}

/** Waits until the device has done all it was given; for timing. */
export function synchronize(device: Device): void {
  native.synchronize(device);
}

/** Threads that one CPU operator may use. @throws EngineError unless positive */
export function setNumThreads(count: number): void {
  native.setThreads(count);
}

/** Threads that one CPU operator uses. */
export function getNumThreads(): number {
  return native.getThreads();
}

/** Seeds the random numbers of every device. */
export function manualSeed(seed: number): void {
  native.manualSeed(seed);
}

/** The generator's state on one device, for `setRandomState`. */
export function randomState(device: Device = "cpu"): Tensor {
  return makeTensor(native.randomState(device));
}

/** Puts a generator where `randomState` found it. @throws EngineError for a state of another kind of generator */
export function setRandomState(state: Tensor, device: Device = "cpu"): void {
  native.setRandomState(device, state.handle);
}
