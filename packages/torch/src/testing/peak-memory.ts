/** How much memory this process held at most since the last reset (Linux: proc(5), VmHWM and clear_refs). */
import { readFileSync, writeFileSync } from "node:fs";

/** @returns bytes of resident memory now */
export function resetPeakMemory(): number {
  writeFileSync("/proc/self/clear_refs", "5");
  return status("VmRSS");
}

export function peakMemory(): number {
  return status("VmHWM");
}

function status(field: string): number {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return Number(kilobytes) * 1024;
}
