/**
 * `make bench`: what an operator call, a training step, encoding, prompting and tracking with the official models, loading them and starting
 * up cost, beside the same work in Python on the same libtorch. Prints a table and writes bench-output/bench.json.
 *
 *   make bench ARGS="--quick"                              without the rows that take minutes
 *   make bench ARGS="--only sam2 --rounds 5 --threads 1"
 */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeJsonAtomic } from "@rfmedsam/base/node";
import { describeMachine, machine, revision } from "./machine.js";
import { type Command, type Measurement, measureRow, type Protocol } from "./measure.js";
import { rows } from "./rows.js";
import { pythonSide, root, typescriptSide } from "./sides.js";
import { median, pairedRatio } from "./statistics.js";
import { agreement, renderTable } from "./table.js";

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    quick: { type: "boolean", default: false },
    rounds: { type: "string", default: "7" },
    threads: { type: "string", default: String(availableParallelism()) },
    output: { type: "string", default: join(root, "bench-output/bench.json") },
  },
});
const protocol: Protocol = { threads: Number(options.threads), rounds: Number(options.rounds), turnSeconds: 0.5 };

const python = await pythonSide();
const sides: Command[] = typeof python === "string" ? [typescriptSide] : [typescriptSide, python];
console.log(
  `${describeMachine()}\n` +
    `libtorch ${machine.libtorch}, ${protocol.threads} threads a side, Node.js ${machine.node}, up to ${protocol.rounds} rounds in turns`,
);
if (typeof python === "string") console.log(`Without the Python side: ${python}.`);

const chosen = rows.filter(
  ({ name, work, slow = false }) =>
    `${work} ${name}`.toLowerCase().includes(options.only.toLowerCase()) && !(slow && options.quick),
);
const folder = mkdtempSync(join(tmpdir(), "bench-"));
const results = new Map<string, Measurement>();
try {
  for (const row of chosen) {
    if (process.stdout.isTTY) process.stdout.write(`${row.name} …\r`);
    results.set(row.name, await measureRow(row, sides, folder, protocol));
    if (process.stdout.isTTY) process.stdout.write("\u001b[2K");
    else console.error(`${results.size} of ${chosen.length}: ${row.name}`); // a log shows how far it is
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

console.log(`\n${renderTable(results)}\n`);
if (sides.length === 2)
  console.log("ratio: TypeScript / Python of turns taken right after each other; below 1, TypeScript is faster.");

await writeJsonAtomic(options.output, {
  date: new Date().toISOString(),
  revision: revision(),
  machine,
  protocol,
  rows: [...results].map(([name, { typescript, python: other, discrepancy }]) => ({
    name,
    typescript: { ...typescript, medianSeconds: median(typescript.seconds) },
    python: other ? { ...other, medianSeconds: median(other.seconds) } : null,
    ratio: other ? pairedRatio(typescript.seconds, other.seconds) : null,
    discrepancy: discrepancy ?? null,
  })),
});
console.log(`Written to ${options.output}`);

const differing = [...results].filter(([, { discrepancy = 0 }]) => discrepancy > agreement).map(([name]) => name);
if (differing.length > 0) {
  console.error(`The two sides do not compute the same in: ${differing.join(", ")}. Their times cannot be compared.`);
  process.exitCode = 1;
}
