/**
 * How much memory a device has, and how much work on it takes: on the CPU main memory and this process, on a GPU the card and what
 * libtorch's allocator holds of it (CUDA's own few hundred MiB apart).
 */
import { peakMemory, resetPeakMemory, residentMemory } from "@rfmedsam/base/node";
import { native } from "./native.js";
import type { Device } from "./tensor.js";

/** Bytes of a device that nobody has; undefined for a GPU whose libtorch does not tell (before 2.10). */
export function freeMemory(device: Device): number | undefined {
  return device === "cpu" ? process.availableMemory() : native.deviceMemory(device)?.[0];
}

/**
 * Bytes that this process can have on a device: what nobody has, and what it holds already.
 *
 * @returns undefined for a GPU whose libtorch does not tell (before 2.10)
 */
export function availableMemory(device: Device): number | undefined {
  if (device === "cpu") return process.availableMemory() + residentMemory();
  const told = native.deviceMemory(device);
  if (told === undefined) return undefined;
  const [free, , held] = told;
  return free + held;
}

/**
 * Begins to measure.
 *
 * @returns tells the bytes held at most since: by the process, or on the device; NaN for a GPU whose libtorch does not tell
 */
export function measurePeak(device: Device): () => number {
  if (device === "cpu") {
    resetPeakMemory();
    return peakMemory;
  }
  native.resetDevicePeak(device);
  return () => native.deviceMemory(device)?.[3] ?? Number.NaN;
}

/** Gives back to a GPU what libtorch keeps of it for tensors to come; nothing on the CPU. */
export function emptyDeviceCache(device: Device): void {
  if (device !== "cpu") native.emptyDeviceCache(device);
}
