/** Parses one input in this process and says whether what happened is right. */
import { openSync, writeSync } from "node:fs";
import { getHeapStatistics } from "node:v8";
import { explain, RfmedsamError } from "@rfmedsam/base";
import { defaultMemory, Nonsense, type Target, timeLimit } from "./target.js";

/** What is wrong with how an input was taken. `hang` and `death` are seen from outside (supervise.ts). */
export type FaultKind = "untyped error" | "our fault" | "nonsense" | "slow" | "memory" | "hang" | "death";

export interface Fault {
  readonly kind: FaultKind;
  /** A sentence for a person. */
  readonly what: string;
  /** The same for inputs that show the same mistake. */
  readonly key: string;
}

/** `undefined` when a value came out, or an error that puts the fault on the file. */
export async function judge(target: Target, bytes: Uint8Array, scratch: string): Promise<Fault | undefined> {
  const input = amidOthers(bytes);
  forgetPeak();
  const before = resources();
  const fault = await outcome(target, input, scratch);
  const after = resources();
  if (fault !== undefined) return fault;

  const seconds = after.seconds - before.seconds;
  if (seconds > timeLimit(bytes.length)) {
    return { kind: "slow", what: `${seconds.toFixed(1)} s for ${bytes.length} bytes`, key: "slow" };
  }
  const allowed = (target.memory ?? defaultMemory)(bytes.length);
  const grown = Math.max(after.peak - before.peak, after.outside - before.outside);
  if (grown > allowed) {
    const megabytes = (count: number) => `${Math.round(count / 1e6)} MB`;
    const what = `${megabytes(grown)} of memory for ${bytes.length} bytes, where ${megabytes(allowed)} are allowed`;
    return { kind: "memory", what, key: "memory" };
  }
  return undefined;
}

/**
 * The bytes as Node.js hands out small files: a Buffer (whose `slice` is a view) somewhere in a larger piece of memory, at an odd address
 * and with other things around it. Parsers that take the memory for the file read those.
 */
export function amidOthers(bytes: Uint8Array): Uint8Array {
  const pool = Buffer.alloc(bytes.length + 16, 0xa5);
  pool.set(bytes, 1);
  return pool.subarray(1, 1 + bytes.length);
}

async function outcome(target: Target, bytes: Uint8Array, scratch: string): Promise<Fault | undefined> {
  try {
    await target.parse(bytes, scratch);
    return undefined;
  } catch (error) {
    if (error instanceof RfmedsamError && error.fault === "user") return undefined;
    const kind =
      error instanceof Nonsense ? "nonsense" : error instanceof RfmedsamError ? "our fault" : "untyped error";
    const said = explain(error).replaceAll(scratch, "").slice(0, 300);
    // Of nonsense the target's own words say which it is.
    if (error instanceof Nonsense) return { kind, what: said, key: `${kind} ${error.message.replace(/[\d.]+/g, "#")}` };
    const name = error instanceof Error ? error.name : typeof error;
    const where = origin(error);
    return { kind, what: `${name}: ${said}${where === "" ? "" : ` (${where})`}`, key: `${kind} ${name} ${where}` };
  }
}

/** The innermost function of this repository or of a library that threw, as `function file`. */
function origin(error: unknown): string {
  const causes: unknown[] = [error];
  while (causes.at(-1) instanceof Error && (causes.at(-1) as Error).cause !== undefined) {
    causes.push((causes.at(-1) as Error).cause);
  }
  const stack = (causes.at(-1) as Error | undefined)?.stack ?? (error as Error).stack ?? "";
  const frame = /^ {4}at (?:async )?(?:(.+?) \()?(?:file:\/\/)?(\/.+?):\d+:\d+\)?$/m.exec(stack);
  if (frame === null) return "";
  const [, name = "", file = ""] = frame;
  return `${name} ${file.replace(/^.*\/(packages|node_modules|fuzz)\//, "")}`.trim();
}

/** Linux: the peak of resident memory starts again at what is resident now. Elsewhere it is the process's own, and hides smaller ones. */
function forgetPeak(): void {
  if (peakReset !== undefined) writeSync(peakReset, "5");
}

let peakReset: number | undefined;
try {
  peakReset = openSync("/proc/self/clear_refs", "w");
} catch {
  // not Linux
}

/** Processor time, the peak of resident memory, and what lives outside JavaScript's heap (touched or not). */
function resources(): { seconds: number; peak: number; outside: number } {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return {
    seconds: (userCPUTime + systemCPUTime) / 1e6,
    peak: maxRSS * 1024,
    outside: getHeapStatistics().external_memory,
  };
}
