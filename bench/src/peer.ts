/** A worker process that answers requests one at a time, line by line. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { EngineError } from "@rfmedsam/base";
import type { Answers, Request } from "./protocol.js";

export class Peer {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: Interface;
  #complaints = "";

  constructor(
    readonly name: string,
    command: string,
    args: readonly string[],
  ) {
    this.#process = spawn(command, args);
    this.#process.stderr.on("data", (chunk) => {
      this.#complaints = (this.#complaints + chunk).slice(-4000);
    });
    this.#process.on("error", () => {}); // told by the failing request
    this.#process.stdin.on("error", () => {});
    this.#lines = createInterface({ input: this.#process.stdout });
  }

  /** @throws EngineError with what the process complained about, when it ends instead of answering */
  async ask<R extends Request>(request: R): Promise<Answers[R["do"]]> {
    const answer = new Promise<string>((resolve, reject) => {
      this.#lines.once("line", resolve);
      this.#lines.once("close", () =>
        reject(
          new EngineError({ found: `the ${this.name} worker ended at "${request.do}"\n${this.#complaints.trim()}` }),
        ),
      );
    });
    this.#process.stdin.write(`${JSON.stringify(request)}\n`);
    const line = await answer;
    this.#lines.removeAllListeners("close");
    return JSON.parse(line) as Answers[R["do"]];
  }

  /** Resolves when the process has given back what it held. */
  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "close").catch(() => {});
    this.#process.stdin.end();
    this.#process.kill();
    await ended;
  }
}
