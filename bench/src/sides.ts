/** Finds the two sides: this package's worker, and a Python whose torch is the very libtorch that the engine runs on. */
import { spawnSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "./measure.js";

export const root = fileURLToPath(new URL("../..", import.meta.url));

export const typescriptSide: Command = {
  name: "TypeScript",
  command: process.execPath,
  args: ["--expose-gc", fileURLToPath(new URL("worker.js", import.meta.url))],
};

/** A Python, or why there is none to compare with. */
export async function pythonSide(): Promise<Command | string> {
  const finder = new URL("../../packages/torch/tools/libtorch.mjs", import.meta.url).href;
  const { findLibtorch } = (await import(finder)) as { findLibtorch(): { home: string } | undefined };
  const home = findLibtorch()?.home;
  // A package's home is PREFIX/lib/python3.x/site-packages/torch.
  const itsOwn = home && join(realpathSync(home), "../../../../bin/python");
  const candidates = [process.env.RFMEDSAM_PYTHON, itsOwn, join(root, ".venv/bin/python"), "python3"];
  const others: string[] = [];
  for (const python of candidates) {
    if (!python) continue; // not set
    const torch = torchFolder(python);
    if (torch === undefined) continue;
    if (home !== undefined && realpathSync(torch) === realpathSync(home)) {
      return { name: "Python", command: python, args: ["-B", "-W", "ignore", join(root, "bench/python/worker.py")] };
    }
    others.push(torch);
  }
  return others.length === 0
    ? "no Python with torch was found (RFMEDSAM_PYTHON names one)"
    : `the engine runs on ${home}, Python's torch is another one (${others.join(", ")})`;
}

/** Where a Python's torch package is; found without importing it. */
function torchFolder(python: string): string | undefined {
  const code =
    "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')";
  const { stdout, status } = spawnSync(python, ["-c", code], { encoding: "utf8" });
  const folder = status === 0 ? stdout.trim() : "";
  return folder !== "" && existsSync(folder) ? folder : undefined;
}
