/**
 * A process that parses inputs, told what to do by messages (protocol.ts). It may hang or die: the input it was at stands in a file, so
 * that the supervisor can tell which one it was.
 */
import { ftruncateSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Corpus } from "./corpus.js";
import { Coverage } from "./coverage.js";
import { filesBelow } from "./files.js";
import { amidOthers, type Fault, judge } from "./judge.js";
import { currentFile, type Order, type Report, type Subject, type WorkerOptions } from "./protocol.js";
import type { Target } from "./target.js";

/** Seconds between signs of life. */
const pulse = 0.2;

const options = JSON.parse(process.argv[2]!) as WorkerOptions;
// Before the parsers are loaded.
const coverage = options.coverage ? new Coverage() : undefined;
const report = (message: Report) => process.send?.(message);

const current = openSync(join(options.scratch, currentFile), "w");
const { targets } = (await import(options.targets)) as { targets: readonly Target[] };

let corpus: Corpus | undefined;

process.on("message", async (order: Order) => {
  if (order.do === "open") {
    const opened = await open(order);
    corpus = opened instanceof Corpus ? opened : undefined;
    report(opened instanceof Corpus ? { is: "opened", seeds: opened.seeds.length } : { is: "unusable", why: opened });
  } else if (corpus === undefined) report({ is: "unusable", why: "no target is open" });
  else if (order.do === "judge") report({ is: "verdict", fault: await run(corpus.target, order.bytes) });
  else if (order.do === "replay") report({ is: "replayed", bytes: corpus.replay(order.lineage) });
  else await fuzz(order, corpus);
});

async function run(target: Target, bytes: Uint8Array): Promise<Fault | undefined> {
  const fault = await judge(target, bytes, options.scratch);
  // Messages go out, and what failed without anybody waiting for it ends the process now.
  await setImmediate();
  return fault;
}

/** The corpus, or why there can be none. */
async function open({ target: name, seed, corpus: folder }: Subject): Promise<Corpus | string> {
  const target = targets.find((each) => each.name === name);
  if (target === undefined) return `there is no target "${name}"`;
  // Of a Buffer, `slice` would not be a copy.
  const seeds: Uint8Array[] = [...(await target.seeds())].map((bytes) => Uint8Array.from(bytes));
  coverage?.forget();
  for (const [index, bytes] of seeds.entries()) {
    const why = (await run(target, bytes))?.what ?? (await refusal(target, bytes));
    if (why !== undefined) return `its seed ${index} is not accepted: ${why}`;
  }
  if (folder !== undefined) {
    for (const bytes of filesBelow(folder)) if ((await refusal(target, bytes)) === undefined) seeds.push(bytes);
  }
  coverage?.isNew();
  return new Corpus(target, seeds, seed);
}

async function fuzz({ seconds, from, kept }: Extract<Order, { do: "fuzz" }>, inputs: Corpus): Promise<void> {
  for (const lineage of kept) inputs.keep({ lineage, bytes: inputs.replay(lineage) });
  const known = new Set<string>();
  const end = performance.now() + 1000 * seconds;
  let beat = performance.now();
  let iteration = from;
  let spoiled = false;
  for (; performance.now() < end && !spoiled; iteration++) {
    const input = inputs.next(iteration);
    remember(`${input.lineage.join(":")}\n`, input.bytes);
    coverage?.start();
    const fault = await run(inputs.target, input.bytes);
    spoiled = fault?.kind === "nonsense";
    if (fault !== undefined && !known.has(fault.key)) {
      known.add(fault.key);
      report({ is: "fault", ...input, fault });
    }
    if (coverage?.isNew() && fault === undefined) {
      inputs.keep(input);
      report({ is: "kept", lineage: input.lineage });
    }
    if (performance.now() - beat > 1000 * pulse) {
      beat = performance.now();
      report({ is: "alive", iteration });
    }
  }
  report({ is: "finished", iterations: iteration - from, branches: coverage?.branches ?? 0, spoiled });
}

/** Why a file that should be sound is not accepted. */
async function refusal(target: Target, bytes: Uint8Array): Promise<string | undefined> {
  try {
    await target.parse(amidOthers(bytes), options.scratch);
    return undefined;
  } catch (error) {
    return String(error);
  }
}

function remember(lineage: string, bytes: Uint8Array): void {
  const head = Buffer.from(lineage);
  writeSync(current, head, 0, head.length, 0);
  writeSync(current, bytes, 0, bytes.length, head.length);
  ftruncateSync(current, head.length + bytes.length);
}
