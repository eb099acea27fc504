/**
 * `make full-size`: every official model at its official size, with random weights. One after the other is built and saved in the official
 * layout, loaded in a new process and used once: one picture, one click. Prints a table and writes bench-output/full-size.json.
 *
 * The file is PyTorch's own format if there is a Python to write it, else safetensors. It is removed before the next one is made; the
 * largest takes 2.4 GiB of the disk, twice for a moment.
 *
 *   make full-size ARGS="--only sam2.1 --threads 1"
 */
import { mkdtempSync, rmSync } from "node:fs";
import { stat } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeJsonAtomic } from "@rfmedsam/base/node";
import type { FirstUse } from "./children/first-use.js";
import { runChild } from "./children/run.js";
import type { Saved } from "./children/save-model.js";
import { describeMachine, machine, revision } from "./machine.js";
import type { Command } from "./measure.js";
import { Peer } from "./peer.js";
import { pythonSide, root } from "./sides.js";
import { formatBytes, formatSeconds, renderCells } from "./table.js";
import { type OfficialName, officialNames } from "./works/official.js";

interface Outcome extends Saved, FirstUse {
  readonly name: OfficialName;
  readonly format: "torch" | "safetensors";
  readonly fileBytes: number;
}

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    threads: { type: "string", default: String(availableParallelism()) },
    output: { type: "string", default: join(root, "bench-output/full-size.json") },
  },
});
const python = await pythonSide();
console.log(`${describeMachine()}\nlibtorch ${machine.libtorch}, ${options.threads} threads, Node.js ${machine.node}`);
if (typeof python === "string") console.log(`Saved as safetensors: ${python}.`);

const outcomes: Outcome[] = [];
for (const name of officialNames.filter((name) => name.includes(options.only))) {
  if (process.stdout.isTTY) process.stdout.write(`${name} …\r`);
  outcomes.push(await buildSaveLoadUse(name));
  if (process.stdout.isTTY) process.stdout.write("\u001b[2K");
}

const headings = ["", "parameters", "file", "load", "encode", "click", "peak memory"] as const;
const rows = outcomes.map((outcome) => [
  outcome.name,
  `${(outcome.parameters / 1e6).toFixed(1)} M`,
  formatBytes(outcome.fileBytes),
  formatSeconds(outcome.loadSeconds),
  formatSeconds(outcome.encodeSeconds),
  formatSeconds(outcome.clickSeconds),
  formatBytes(outcome.peakBytes),
]);
console.log(`\n${renderCells([headings, ...rows])}\n`);
await writeJsonAtomic(options.output, {
  date: new Date().toISOString(),
  revision: revision(),
  machine,
  threads: Number(options.threads),
  models: outcomes,
});
console.log(`Written to ${options.output}`);

async function buildSaveLoadUse(name: OfficialName): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), "full-size-"));
  try {
    const tensors = join(folder, "model.safetensors");
    const saved = await runChild<Saved>("save-model", name, tensors);
    const inTorch = typeof python !== "string";
    const file = inTorch ? await asTorchFile(python, tensors, join(folder, "model.pt")) : tensors;
    const { size: fileBytes } = await stat(file);
    const used = await runChild<FirstUse>("first-use", name, file, options.threads);
    return { name, format: inTorch ? "torch" : "safetensors", fileBytes, ...saved, ...used };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The same weights as PyTorch saves them, instead of the given file. */
async function asTorchFile({ name, command, args }: Command, tensors: string, checkpoint: string): Promise<string> {
  const writer = new Peer(name, command, args);
  await writer.ask({ do: "write-checkpoint", tensors, checkpoint }).finally(() => writer.stop());
  rmSync(tensors);
  return checkpoint;
}
