/**
 * `make fuzz`: feeds every parser files that were changed at random, and keeps those on which one fails.
 *
 *   make fuzz ARGS="--seconds 60 --target nifti,checkpoint"     two parsers, a minute together
 *   make fuzz ARGS="--corpus DIR"                               the files below a folder are further seeds
 *   make fuzz ARGS="--target nifti --seed 7 --iteration 12:845" one input again, named as findings name it
 *   make fuzz ARGS="--regressions"                              the inputs that were kept, and nothing else
 *
 * A finding is made smaller and written to fuzz/regressions/TARGET/, with what happened in a JSON file beside it. Exit code 1: there were
 * findings; 2: wrong options.
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type ParseArgsConfig, parseArgs } from "node:util";
import { keepFinding, keptInputs, regressions } from "./files.js";
import { Fuzzer, Judge, type Patience } from "./fuzz.js";
import type { Fault } from "./judge.js";
import { Seat } from "./process.js";
import type { Subject } from "./protocol.js";
import type { Target } from "./target.js";

const { values } = parsed({
  options: {
    seconds: { type: "string", default: "600" },
    target: { type: "string" },
    seed: { type: "string", default: String(Math.floor(Date.now() / 1000)) },
    iteration: { type: "string" },
    jobs: { type: "string", default: String(availableParallelism()) },
    corpus: { type: "string" },
    output: { type: "string", default: regressions },
    regressions: { type: "boolean", default: false },
    patience: { type: "string", default: "10" },
    shrinking: { type: "string", default: "20" },
    targets: { type: "string" },
  },
});

const module =
  values.targets === undefined ? new URL("targets/index.js", import.meta.url) : pathToFileURL(resolve(values.targets));
const { targets: all } = (await import(module.href)) as { targets: readonly Target[] };
const wanted = values.target?.split(",") ?? all.map(({ name }) => name);
const unknown = wanted.filter((name) => !all.some((target) => target.name === name));
const numbers = {
  seconds: Number(values.seconds),
  jobs: Number(values.jobs),
  seed: Number(values.seed),
  patience: Number(values.patience),
  shrinking: Number(values.shrinking),
};
const wrong = Object.entries(numbers).filter(([, value]) => !(value > 0) && value !== 0);

const patience: Patience = { silence: numbers.patience, shrinking: numbers.shrinking };
const subject = {
  seed: numbers.seed,
  corpus: values.corpus === undefined ? undefined : resolve(values.corpus),
};

if (unknown.length > 0)
  usage(`there is no target ${unknown.join(", ")}; there are ${all.map(({ name }) => name).join(", ")}`);
else if (wrong.length > 0) usage(`--${wrong[0]?.[0]} needs a number`);
else if (values.iteration !== undefined) await again(values.iteration);
else if (values.regressions) await judgeKept();
else await fuzzAll();

/** Node's `parseArgs`, whose errors become a line. */
function parsed<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    console.error(`fuzz: ${(error as Error).message}`);
    process.exit(2);
  }
}

function usage(problem: string): void {
  console.error(`fuzz: ${problem}`);
  process.exitCode = 2;
}

/** As many targets at a time as there are jobs; with more jobs than targets, each target several times with seeds of its own. */
async function fuzzAll(): Promise<void> {
  const { jobs, seconds, seed } = numbers;
  const rounds = Math.max(1, Math.floor(jobs / wanted.length));
  const tasks = Array.from({ length: rounds }, (_, round) =>
    wanted.map((target) => ({ ...subject, target, seed: seed + round })),
  ).flat();
  console.log(`${wanted.length} targets, ${((seconds * jobs) / tasks.length).toFixed(1)} s each, seed ${seed}`);
  const end = performance.now() + 1000 * seconds;
  let total = 0;
  const work = async () => {
    await using fuzzer = new Fuzzer(module.href, patience);
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
      // What is left, shared among what is left: starting processes takes its time, too.
      const left = (end - performance.now()) / 1000;
      const found = await fuzzOne(fuzzer, task, (left * jobs) / (tasks.length + jobs));
      total += found;
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, tasks.length) }, work));
  console.log(total === 0 ? "No findings." : `${total} findings, kept in ${values.output}`);
  if (total > 0) process.exitCode = 1;
}

async function fuzzOne(fuzzer: Fuzzer, task: Subject, seconds: number): Promise<number> {
  const summary = await fuzzer.fuzz(task, seconds).catch((error: Error) => error);
  if (summary instanceof Error) {
    console.error(summary.message);
    process.exitCode = 1;
    return 0;
  }
  const { iterations, kept, branches, findings, unconfirmed } = summary;
  const name = task.target.padEnd(18);
  console.log(`${name}${iterations} inputs, ${kept} of them reached something new, ${branches} branches`);
  for (const finding of findings) {
    const file = await keepFinding(values.output, finding);
    console.log(`  ${describe(finding.fault)}\n    ${file} (${finding.bytes.length} bytes; ${finding.from})`);
  }
  for (const { fault, from } of unconfirmed) {
    console.log(`  not seen a second time: ${describe(fault)} (${from})`);
    // Nobody else takes the machine's time and memory so that a parser answers otherwise.
    if (!["slow", "hang", "memory"].includes(fault.kind)) process.exitCode = 1;
  }
  return findings.length;
}

/** `--iteration`: one input, parsed again. */
async function again(lineage: string): Promise<void> {
  const [target = ""] = wanted;
  await using seat = new Seat({ targets: module.href, coverage: false });
  const worker = await seat.open({ ...subject, target });
  worker.tell({ do: "replay", lineage: lineage.split(":").map(Number) });
  const answer = await worker.hear(patience.silence);
  if (answer.is !== "replayed") throw new Error(`The input could not be made: ${JSON.stringify(answer)}`);
  await using judge = new Judge(module.href, patience.silence);
  const fault = await judge.ask({ ...subject, target }, answer.bytes);
  say(`iteration ${lineage}, ${answer.bytes.length} bytes`, fault);
}

/** `--regressions`: every input that was kept. */
async function judgeKept(): Promise<void> {
  await using judge = new Judge(module.href, patience.silence);
  for (const { file, target } of keptInputs(values.output)) {
    if (!wanted.includes(target)) continue;
    const ask = () => judge.ask({ ...subject, target }, new Uint8Array(readFileSync(file)));
    const first = await ask();
    // A process that has just begun compiles as it goes, which counts as its time: as in fuzzing, what is slow must be so twice.
    say(file, first?.kind === "slow" ? await ask() : first);
  }
}

function say(what: string, fault: Fault | undefined): void {
  console.log(
    `${fault === undefined ? "ok  " : "FAIL"}  ${what}${fault === undefined ? "" : `\n      ${describe(fault)}`}`,
  );
  if (fault !== undefined) process.exitCode = 1;
}

function describe({ kind, what }: Fault): string {
  return `${kind}: ${what}`;
}
