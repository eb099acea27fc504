/**
 * How much memory a device has, and how much work on it takes: on the CPU main memory and this process, on a GPU the card and what
 * libtorch's allocator holds of it (CUDA's own few hundred MiB apart).
 */
import { EngineError, ResourceError } from "@rfmedsam/base";
import { peakMemory, resetPeakMemory, residentMemory } from "@rfmedsam/base/node";
import { native } from "./native.js";
import type { Device } from "./tensor.js";

/** Bytes of a device that tensors to come can have; undefined for a GPU whose libtorch does not tell (before 2.10). */
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
  return told && told[0] + told[1];
}

/**
 * Begins to measure. Process and device have one mark each: whoever measures next begins anew for all.
 *
 * @returns tells the bytes held at most since: by the process, or on the device; NaN for a GPU whose libtorch does not tell, or that does
 *   not answer any more
 */
export function measurePeak(device: Device): () => number {
  if (device === "cpu") {
    resetPeakMemory();
    return peakMemory;
  }
  native.resetDevicePeak(device);
  return () => unlessBroken(() => native.devicePeak(device)) ?? Number.NaN;
}

/**
 * Gives back what is kept for tensors to come and none uses: by libtorch of a GPU, by glibc of main memory (other C libraries keep theirs).
 */
export function releaseUnused(device: Device): void {
  unlessBroken(() => native.releaseUnused(device));
}

/**
 * For what is done at the end, whatever happened: after some failures a GPU answers every call with the same error, and it is the failure
 * before that has to be told.
 */
function unlessBroken<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch (error) {
    if (error instanceof EngineError || error instanceof ResourceError) return undefined;
    throw error;
  }
}
