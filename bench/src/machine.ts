/** What the figures were measured on, and which state of the project. */
import { spawnSync } from "node:child_process";
import { cpus, platform, release, totalmem } from "node:os";
import { libtorchVersion } from "@rfmedsam/torch";
import { root } from "./sides.js";
import { formatBytes } from "./table.js";

export const machine = {
  processor: cpus()[0]?.model.trim() ?? "unknown",
  cores: cpus().length,
  memoryBytes: totalmem(),
  system: `${platform()} ${release()}`,
  node: process.versions.node,
  libtorch: libtorchVersion(),
};

export function describeMachine(): string {
  return `${machine.processor}, ${machine.cores} cores, ${formatBytes(machine.memoryBytes)}, ${machine.system}`;
}

/** The commit, where the project is a checkout. */
export function revision(): string | null {
  return spawnSync("git", ["rev-parse", "HEAD"], { cwd: root, encoding: "utf8" }).stdout?.trim() || null;
}
