/**
 * `node bench/dist/tracking-memory.js`: whether the memory that tracking takes grows with the volume. One object is followed through 32, 128
 * and 512 slices of 256 × 256, each in a process of its own; what counts is the highest resident memory beyond the volume itself, beside
 * that of the shortest volume. Prints a table and writes bench-output/tracking-memory.json; fails when the goal is missed.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeJsonAtomic } from "@rfmedsam/base/node";
import { runChild } from "./children/run.js";
import type { Tracked } from "./children/track.js";
import { describeMachine, machine, revision } from "./machine.js";
import { root } from "./sides.js";
import { formatBytes, formatSeconds, renderCells } from "./table.js";

/** The longest volume's memory may be this much above the shortest's. */
const tolerated = 1.1;
const side = 256;

const { values: options } = parseArgs({
  options: {
    slices: { type: "string", default: "32,128,512" },
    threads: { type: "string", default: String(availableParallelism()) },
    output: { type: "string", default: join(root, "bench-output/tracking-memory.json") },
  },
});
const lengths = options.slices.split(",").map(Number);
console.log(`${describeMachine()}\nlibtorch ${machine.libtorch}, ${options.threads} threads, Node.js ${machine.node}`);

const results: (Tracked & { readonly ratio: number })[] = [];
for (const slices of lengths) {
  if (process.stdout.isTTY) process.stdout.write(`${slices} slices …\r`);
  const tracked = await runChild<Tracked>("track", String(slices), String(side), options.threads);
  results.push({ ...tracked, ratio: tracked.peakBytes / (results[0] ?? tracked).peakBytes });
  if (process.stdout.isTTY) process.stdout.write("\u001b[2K");
}

const rows = results.map(({ slices, secondsPerSlice, peakBytes, ratio }) => [
  `${slices} slices`,
  formatSeconds(secondsPerSlice),
  formatBytes(peakBytes),
  ratio.toFixed(3),
]);
console.log(`\n${renderCells([["", "a slice", "peak memory", `beside ${lengths[0]} slices`], ...rows])}\n`);
await writeJsonAtomic(options.output, {
  date: new Date().toISOString(),
  revision: revision(),
  machine,
  threads: Number(options.threads),
  side,
  results,
});
console.log(`Written to ${options.output}`);

if (results.some(({ ratio }) => ratio > tolerated)) {
  console.error(`Memory grows with the volume: more than ${Math.round((tolerated - 1) * 100)} % beyond the first.`);
  process.exitCode = 1;
}
