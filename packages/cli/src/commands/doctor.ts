import { readFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import { EngineError, explain } from "@rfmedsam/base";
import type { Device } from "@rfmedsam/torch";
import type { Command } from "commander";
import { type Context, type ContextOf, startEngine } from "../context.js";
import { exitCodes } from "../faults.js";
import { formatBytes } from "../ui/format.js";
import { ownVersion } from "../version.js";
import { declare } from "./command.js";
import { listing } from "./info/description.js";

/** `rfmedsam doctor` */
export function doctor(context: ContextOf): Command {
  return declare({
    name: "doctor",
    summary: "what this machine has, and whether the engine works",
    description:
      "Shows versions, devices, threads, memory and disk. Ends with code 2 when the engine is missing or computes wrong, and says what to do.",
    examples: [["rfmedsam doctor", "first thing to look at when something does not run"]],
  }).action(async () => {
    const running = context();
    const machine = await aboutMachine();
    const engine = await aboutEngine(running);
    running.ui.result(listing([...Object.entries(machine), ...Object.entries(engine.facts)]), {
      command: "doctor",
      machine,
      engine: engine.facts,
      healthy: engine.failure === undefined,
    });
    if (engine.failure === undefined) return;
    running.ui.failure(engine.failure);
    running.exitCode = exitCodes.user;
  });
}

type Facts = Readonly<Record<string, string>>;

async function aboutMachine(): Promise<Facts> {
  const disk = await statfs(".").catch(() => undefined);
  return {
    rfmedsam: ownVersion(),
    node: `${process.version} on ${process.platform} ${process.arch}`,
    processor: `${cpus()[0]?.model.trim() ?? "unknown"}, ${availableParallelism()} cores`,
    memory: `${formatBytes(totalmem())}, ${formatBytes(freemem())} free`,
    disk: disk === undefined ? "unknown" : `${formatBytes(disk.bavail * disk.bsize)} free here`,
  };
}

async function aboutEngine(context: Context): Promise<{ facts: Facts; failure?: unknown }> {
  try {
    const torch = await startEngine(context);
    const gpus = Array.from({ length: torch.cudaDeviceCount() }, (_, index): Device => `cuda:${index}`);
    const devices: readonly Device[] = ["cpu", ...gpus];
    const failures = devices.map((device) => tryDevice(torch, device));
    const failure = failures.find((found) => found !== undefined);
    return {
      facts: {
        engine: failure === undefined ? "works" : failure.found,
        libtorch: `${torch.libtorchVersion()}${whereLibtorchIs()}`,
        devices: devices
          .map((device, n) => `${device}${failures[n] ? " (fails)" : memoryOf(torch, device)}`)
          .join(", "),
        threads: `${torch.getNumThreads()} in use`,
      },
      ...(failure !== undefined && { failure }),
    };
  } catch (failure) {
    return { facts: { engine: "missing" }, failure };
  }
}

type Torch = Awaited<ReturnType<typeof startEngine>>;

/** A matrix product and a convolution of ones: each needs a library that may be there and broken. */
function tryDevice({ ones, F, scope }: Torch, device: Device): EngineError | undefined {
  const hint =
    device === "cpu"
      ? "another libtorch than the bridge was built for may have been loaded: see the path above, and build anew with `make setup`"
      : "libtorch may have been built for other graphics cards than this one, or for another driver; `--device cpu` works without";
  const attempts = {
    "a product of two small matrices of ones": () => ones([2, 3], { device }).matmul(ones([3, 2], { device })),
    "a convolution of ones": () => F.conv2d(ones([1, 3, 2, 2], { device }), ones([1, 3, 1, 1], { device })),
  };
  for (const [what, compute] of Object.entries(attempts)) {
    try {
      const sum = scope(() => compute().sum().item());
      if (sum === 12) continue;
      return new EngineError({ file: device, found: `${what} sums to ${sum}`, expected: "12", hint });
    } catch (cause) {
      return new EngineError({ file: device, found: `${what} fails: ${explain(cause)}`, hint, cause });
    }
  }
  return undefined;
}

/** Of a GPU; that of the machine stands above. */
function memoryOf({ freeMemory }: Torch, device: Device): string {
  const free = device === "cpu" ? undefined : freeMemory(device);
  return free === undefined ? "" : ` (${formatBytes(free)} free)`;
}

/** The file that was loaded, where the system tells (Linux). */
function whereLibtorchIs(): string {
  try {
    const line = readFileSync("/proc/self/maps", "utf8")
      .split("\n")
      .find((each) => /libtorch_cpu\.so/.test(each));
    const file = line?.slice(line.indexOf("/"));
    return file === undefined ? "" : ` (${file})`;
  } catch {
    return ""; // no /proc
  }
}
