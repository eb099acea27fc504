/** How much memory this process holds, libtorch's included. The highest mark is on Linux since the last reset, elsewhere since the process began. */
import { readFileSync, writeFileSync } from "node:fs";

/** Forgets the highest mark, where the system can (Linux: `/proc/self/clear_refs`, see proc(5)). */
export function resetPeakMemory(): void {
  try {
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {
    // Another system, or not allowed in this container: the mark stays that of the whole process.
  }
}

/** Bytes of resident memory at most. */
export function peakMemory(): number {
  return status("VmHWM") ?? process.resourceUsage().maxRSS * 1024;
}

/** Bytes of resident memory now. */
export function residentMemory(): number {
  return status("VmRSS") ?? process.memoryUsage().rss;
}

function status(field: "VmHWM" | "VmRSS"): number | undefined {
  try {
    const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined; // no /proc: the caller asks the system another way
  }
}
