/** What a run was made with, for its record. */
import { execFileSync } from "node:child_process";
import { cpus, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { libtorchVersion } from "@rfmedsam/torch";

export const version = "0.1.0";

/** Versions of everything that can change a result; `revision` is the commit, with `+` when the sources differ from it. */
export function versions(): Record<string, string> {
  // Asked once: the sources this process runs are those it began with, whatever is changed beside it.
  known ??= { rfmedsam: version, node: process.version, libtorch: libtorchVersion(), revision: revision() };
  return { ...known };
}

/** Machine and versions, as reports name them. */
export function madeWith(): { readonly name: string; readonly value: string }[] {
  const processor = cpus()[0]?.model.trim() ?? "unknown CPU";
  const machine = `${processor}, ${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  return Object.entries({ machine, ...versions() }).map(([name, value]) => ({ name, value }));
}

let known: Record<string, string> | undefined;

function revision(): string {
  const cwd = fileURLToPath(new URL(".", import.meta.url));
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    return (
      git("rev-parse", "--short=12", "HEAD") + (git("status", "--porcelain", "--untracked-files=no") === "" ? "" : "+")
    );
  } catch {
    return "unknown"; // not a checkout, or no git: nothing to name
  }
}
