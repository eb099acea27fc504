import { readFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import { EngineError } from "@rfmedsam/base";
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
    const gpus = torch.cudaDeviceCount();
    const product = torch.scope(() =>
      torch
        .ones([2, 3])
        .matmul(torch.ones([3, 2]))
        .sum()
        .item(),
    );
    const right = product === 12;
    return {
      facts: {
        engine: right ? "works" : `computes wrong: 12 came out as ${product}`,
        libtorch: `${torch.libtorchVersion()}${whereLibtorchIs()}`,
        devices: ["cpu", ...Array.from({ length: gpus }, (_, index) => `cuda:${index}`)].join(", "),
        threads: `${torch.getNumThreads()} in use`,
      },
      ...(!right && { failure: wrongProduct(product) }),
    };
  } catch (failure) {
    return { facts: { engine: "missing" }, failure };
  }
}

function wrongProduct(product: number): EngineError {
  return new EngineError({
    file: "engine",
    found: `a product of two small matrices of ones sums to ${product}`,
    expected: "12",
    hint: "another libtorch than the bridge was built for may have been loaded: see the path above, and build anew with `make setup`",
  });
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
