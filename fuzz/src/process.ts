/** A worker process: started, spoken to, watched, and killed when it stays silent. */
import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Lineage } from "./corpus.js";
import { currentFile, type Order, type Report, type Subject, type WorkerOptions } from "./protocol.js";

/** JavaScript's heap of a worker, in MB: what needs more dies. */
const heap = 768;
/** Seconds that loading parsers and seeds may take, on a busy machine. */
const loading = 120;
/** How much of what a dying process wrote is kept. */
const lastWords = 4000;

/** How a process ended before it was done: nobody heard of it for too long, or it was gone. */
export interface Ending {
  readonly is: "silent" | "gone";
  /** What it said last, or the signal that ended it. */
  readonly what: string;
}

export type StartOptions = Omit<WorkerOptions, "scratch">;

export class Worker {
  readonly #child: ChildProcess;
  readonly #scratch: string;
  readonly #reports: Report[] = [];
  #wake: () => void = () => {};
  #gone = false;
  #said = "";

  constructor(options: StartOptions) {
    this.#scratch = mkdtempSync(join(tmpdir(), "fuzz-"));
    const file = fileURLToPath(new URL("worker.js", import.meta.url));
    const all: WorkerOptions = { ...options, scratch: this.#scratch };
    this.#child = fork(file, [JSON.stringify(all)], {
      serialization: "advanced",
      execArgv: [`--max-old-space-size=${heap}`, "--stack-trace-limit=30"],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      env: { ...process.env, OMP_NUM_THREADS: "1", OMP_WAIT_POLICY: "PASSIVE" },
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#said = (this.#said + text).slice(-lastWords);
    });
    this.#child.on("message", (message) => {
      this.#reports.push(message as Report);
      this.#wake();
    });
    // "close" comes when its last words are read, too.
    this.#child.on("close", (code, signal) => {
      this.#gone = true;
      this.#said += ` (ended with ${signal ?? `exit code ${code}`})`;
      this.#wake();
    });
  }

  /** Loads a target and its seeds. @throws Error when the target is unusable */
  async open(subject: Subject): Promise<void> {
    this.tell({ do: "open", ...subject });
    const answer = await this.hear(loading);
    if (answer.is === "opened") return;
    const why = answer.is === "unusable" ? answer.why : "what" in answer ? answer.what : answer.is;
    throw new Error(`Target "${subject.target}" cannot be fuzzed: ${why}`);
  }

  tell(order: Order): void {
    this.#child.send(order, () => {});
  }

  /** The next message; a process that says nothing for `patience` seconds is killed. */
  async hear(patience: number): Promise<Report | Ending> {
    const deadline = performance.now() + 1000 * patience;
    for (;;) {
      const report = this.#reports.shift();
      if (report !== undefined) return report;
      if (this.#gone) return { is: "gone", what: this.#summary() };
      const rest = deadline - performance.now();
      if (rest <= 0) {
        await this.end();
        return { is: "silent", what: `it did not end within ${patience} s` };
      }
      await new Promise<void>((wake) => {
        const timer = setTimeout(wake, rest);
        this.#wake = () => {
          clearTimeout(timer);
          wake();
        };
      });
    }
  }

  /** The input that was being parsed. */
  current(): { readonly lineage: Lineage; readonly bytes: Uint8Array } {
    const whole = readFileSync(join(this.#scratch, currentFile));
    const line = whole.indexOf("\n");
    const lineage = whole.subarray(0, line).toString().split(":").map(Number);
    return { lineage, bytes: new Uint8Array(whole.subarray(line + 1)) };
  }

  get gone(): boolean {
    return this.#gone;
  }

  /** Kills the process, if it is still there. `current` can still be asked. */
  async end(): Promise<void> {
    if (this.#gone) return;
    const gone = new Promise((done) => this.#child.once("close", done));
    this.#child.kill("SIGKILL");
    await gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    rmSync(this.#scratch, { recursive: true, force: true });
  }

  /** The line that says most, of all that a dying Node.js writes. */
  #summary(): string {
    const lines = this.#said.split("\n").map((line) => line.trim());
    const telling = lines.find((line) => /^(FATAL ERROR|\w*Error\b|terminate called|.*\bassert)/i.test(line));
    return [telling, lines.at(-1)].filter(Boolean).join(" ");
  }
}

/** A worker for one thing after the other, replaced when it is gone: starting one takes seconds. */
export class Seat {
  #worker: Worker | undefined;

  constructor(readonly options: StartOptions) {}

  /** A worker that has loaded the target. @throws Error when the target is unusable */
  async open(subject: Subject): Promise<Worker> {
    if (this.#worker?.gone) await this.retire();
    this.#worker ??= new Worker(this.options);
    await this.#worker.open(subject);
    return this.#worker;
  }

  async retire(): Promise<void> {
    await this.#worker?.[Symbol.asyncDispose]();
    this.#worker = undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.retire();
  }
}
