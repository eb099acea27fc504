/** How much memory this process held at most, libtorch's included. On Linux since the last reset, elsewhere since the process began. */
import { readFileSync, writeFileSync } from "node:fs";

/** Forgets the highest mark, where the system can (Linux: `/proc/self/clear_refs`, see proc(5)). */
export function resetPeakMemory(): void {
  try {
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {
    // Another system, or not allowed in this container: the mark stays that of the whole process.
  }
}

/** Bytes of resident memory. */
export function peakMemory(): number {
  try {
    const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  } catch {
    // No /proc: the line below asks the system another way.
  }
  return process.resourceUsage().maxRSS * 1024;
}
