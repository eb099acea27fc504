/** The highest resident memory of this process. */
import { readFileSync, writeFileSync } from "node:fs";

/** Linux: the peak starts again at what is resident now, garbage left out if node runs with --expose-gc. Elsewhere it stays. */
export function forgetPeak(): void {
  globalThis.gc?.();
  try {
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {
    // elsewhere the peak is that of the whole process
  }
}

export function peakBytes(): number {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  } catch {
    // not Linux
  }
  return process.resourceUsage().maxRSS * 1024;
}
