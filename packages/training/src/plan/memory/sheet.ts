/**
 * How much memory something will need, part by part. A sheet is filled by walking through a computation as it will run and noting every
 * tensor that is held at its fullest moment; what is above the notes is the allocator's, which holds more than it was asked for.
 */
import type { Device } from "@rfmedsam/torch";

/** One line of an estimate. */
export interface MemoryPart {
  readonly name: string;
  readonly bytes: number;
  /** Mapped from files: taken back by the system when memory is short, so no budget counts it. */
  readonly mapped?: true;
}

/** Where memory is: the computer's own, or a graphics card's. On the CPU all of it is the computer's. */
export type Place = "host" | "device";

export const placeOf = (device: Device): Place => (device.startsWith("cuda") ? "device" : "host");

/** What a phase of a run holds at its fullest moment, in one place. */
export interface MemoryEstimate {
  readonly phase: string;
  readonly place: Place;
  readonly parts: readonly MemoryPart[];
  /** Bytes of all parts but the mapped ones. */
  readonly total: number;
}

export type Precision = "float32" | "bfloat16";

export const mebibyte = 2 ** 20;
export const gibibyte = 2 ** 30;

/** `51.3 GiB`, `0.42 GiB`. */
export const inGibibytes = (bytes: number) => `${(bytes / gibibyte).toFixed(bytes < gibibyte ? 2 : 1)} GiB`;

interface Machine {
  /** A process with libtorch and our code loaded, before any tensor of a network. */
  readonly process: number;
  /** How much more than the blocks below `smallBlock` is held, as a part of them. */
  readonly overhead: number;
  /** Larger blocks go back to the system at once, and cost what they hold. */
  readonly smallBlock: number;
  /** Convolutions bring their arguments into an order of their own (oneDNN's blocks of channels). */
  readonly reorders: boolean;
  /** Instance norm runs image by image (see `ConvNormActivation`). */
  readonly eachByItself: boolean;
}

/**
 * `cpu` is measured (glibc's allocator, x86-64, libtorch 2.13, node 20): blocks below 32 MiB come from a heap that tears into holes.
 * `cuda` is not: a context with cuDNN is half a GiB, PyTorch's caching allocator rounds and keeps about a tenth, cuDNN asks for a
 * workspace instead of reordered copies.
 */
export const machines: Readonly<Record<"cpu" | "cuda", Machine>> = {
  cpu: { process: 190 * mebibyte, overhead: 0.33, smallBlock: 32 * mebibyte, reorders: true, eachByItself: true },
  cuda: {
    process: 512 * mebibyte,
    overhead: 0.1,
    smallBlock: Number.POSITIVE_INFINITY,
    reorders: false,
    eachByItself: false,
  },
};

/** The row of `machines` of a device such as `cuda:0`. */
export function machineOf(device: Device): Machine {
  return machines[placeOf(device) === "device" ? "cuda" : "cpu"];
}

/** Collects tensors under the names of parts, in the order in which the names first come. */
export class Sheet {
  readonly machine: Machine;
  readonly #parts = new Map<string, number>();
  #small = 0;

  constructor(readonly device: Device = "cpu") {
    this.machine = machineOf(device);
    this.#parts.set("program and libtorch", this.machine.process);
  }

  /** Notes `count` tensors of `bytes` each. */
  hold(part: string, bytes: number, count = 1): this {
    this.#parts.set(part, (this.#parts.get(part) ?? 0) + bytes * count);
    if (bytes < this.machine.smallBlock) this.#small += bytes * count;
    return this;
  }

  /** The finished estimate; the allocator's part comes last. */
  estimate(phase: string): MemoryEstimate {
    const parts: MemoryPart[] = [...this.#parts].map(([name, bytes]) => ({ name, bytes: Math.round(bytes) }));
    parts.push({ name: "held by the allocator", bytes: Math.round(this.#small * this.machine.overhead) });
    return estimateOf(phase, placeOf(this.device), parts);
  }
}

export function estimateOf(phase: string, place: Place, parts: readonly MemoryPart[]): MemoryEstimate {
  const shown = parts.filter(({ bytes }) => bytes > 0);
  return { phase, place, parts: shown, total: shown.reduce((sum, { bytes, mapped }) => sum + (mapped ? 0 : bytes), 0) };
}
