/** How much memory training may take: what the configuration says, or nine tenths of what is free. */
import { execFileSync } from "node:child_process";
import { ConfigError } from "@rfmedsam/base";
import { availableMemory, type Device } from "@rfmedsam/torch";
import type { TrainingConfiguration } from "../../config.js";
import { gibibyte, mebibyte, placeOf } from "./sheet.js";

/** Part of the free memory that `auto` takes. */
const automatic = 0.9;

/**
 * Bytes that training may take on its device.
 *
 * @throws ConfigError when it is to be found out and cannot be
 */
export function memoryBudget(memory: TrainingConfiguration["memory"], device: Device): number {
  return memory === "auto" ? automatic * obtainableMemory(device) : memory * gibibyte;
}

/**
 * Bytes of the computer's own memory that a run may take: on the CPU what `memory` says, beside a GPU (whose memory that is about) nine
 * tenths of what is free.
 */
export function hostBudget(memory: TrainingConfiguration["memory"], device: Device): number {
  return placeOf(device) === "host" ? memoryBudget(memory, device) : automatic * obtainableMemory("cpu");
}

/** Bytes a run can have on a device: what the system (or the container, or the card) can still give and what this process holds already. */
export function obtainableMemory(device: Device): number {
  return availableMemory(device) ?? freeOnGpu(device);
}

/** Asks NVIDIA's own tool, where libtorch does not tell. */
function freeOnGpu(device: Device): number {
  const index = Number(device.split(":")[1] ?? 0);
  // CUDA counts the devices it is shown; the tool counts, or names, all there are.
  const name = process.env.CUDA_VISIBLE_DEVICES?.split(",")[index]?.trim() || String(index);
  let answer: string;
  try {
    const query = ["--query-gpu=memory.free", "--format=csv,noheader,nounits", `--id=${name}`];
    answer = execFileSync("nvidia-smi", query, {
      encoding: "utf8",
      timeout: 10_000,
      stdio: ["ignore", "pipe", "ignore"],
    });
  } catch (cause) {
    throw unknownMemory(device, "nvidia-smi does not answer", cause);
  }
  const free = Number(answer.trim());
  if (!(free > 0)) throw unknownMemory(device, `nvidia-smi says ${JSON.stringify(answer.trim())}`);
  return free * mebibyte;
}

function unknownMemory(device: Device, found: string, cause?: unknown): ConfigError {
  return new ConfigError({
    file: "memory",
    found: `the free memory of ${device} cannot be found out: ${found}`,
    expected: "a number of GiB in place of auto",
    hint: "for example `--set memory=16`",
    cause,
  });
}
