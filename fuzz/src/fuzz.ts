/**
 * Fuzzes one target for a while. A worker does the parsing; when it falls silent or dies, the input it was at is the finding and another
 * worker goes on behind it. Every finding is shown again in another process, without instrumentation, and made smaller there.
 */
import type { Lineage } from "./corpus.js";
import type { Finding } from "./files.js";
import type { Fault } from "./judge.js";
import { minimise } from "./minimise.js";
import { Seat, type Worker } from "./process.js";
import type { Report, Subject } from "./protocol.js";

export interface Patience {
  /** Seconds of silence after which a worker counts as hanging. */
  readonly silence: number;
  /** Seconds that may go into making a finding smaller. */
  readonly shrinking: number;
}

export interface Summary {
  readonly iterations: number;
  /** Inputs that reached something new. */
  readonly kept: number;
  /** Branches that were reached. */
  readonly branches: number;
  readonly findings: readonly Finding[];
  /** What went wrong once and did not when the input was parsed again: it needs what came before, or a busy machine. */
  readonly unconfirmed: readonly { readonly fault: Fault; readonly from: string }[];
}

interface Suspect {
  readonly lineage: Lineage;
  readonly bytes: Uint8Array;
  readonly fault: Fault;
}

/** Deaths and hangs of one target after which it is left alone. */
const mostRestarts = 20;
/** When loading took all the time there was, a short look is better than none. */
const leastSeconds = 1;

/** Fuzzes with workers of its own, one target after the other. */
export class Fuzzer {
  readonly #seat: Seat;
  readonly #judge: Judge;

  /** @param targets the module with the table of targets */
  constructor(
    targets: string,
    readonly patience: Patience,
  ) {
    this.#seat = new Seat({ targets, coverage: true });
    this.#judge = new Judge(targets, patience.silence);
  }

  /** @throws Error when the target is unusable */
  async fuzz(subject: Subject, seconds: number): Promise<Summary> {
    const end = performance.now() + 1000 * seconds;
    const suspects = new Map<string, Suspect>();
    const kept: Lineage[] = [];
    let [from, branches] = [0, 0];
    for (let starts = 0; starts <= mostRestarts; starts++) {
      const worker = await this.#seat.open(subject);
      const left = Math.max((end - performance.now()) / 1000, leastSeconds);
      worker.tell({ do: "fuzz", seconds: left, from, kept });
      const ended = await this.#listen(worker, suspects, kept);
      if ("branches" in ended) {
        from += ended.iterations;
        branches = ended.branches;
        if (!ended.spoiled) break;
        await this.#seat.retire();
        if (performance.now() > end) break;
        continue;
      }
      suspects.set(`${ended.fault.kind} ${ended.fault.what}`, ended);
      from = (ended.lineage.at(-1) ?? from) + 1;
      if (performance.now() > end) break;
    }
    return { iterations: from, kept: kept.length, branches, ...(await this.#confirmAll(subject, suspects.values())) };
  }

  /** Until the worker has finished, or is found to have failed. */
  async #listen(
    worker: Worker,
    suspects: Map<string, Suspect>,
    kept: Lineage[],
  ): Promise<Extract<Report, { is: "finished" }> | Suspect> {
    for (;;) {
      const report = await worker.hear(this.patience.silence);
      if (report.is === "kept") kept.push(report.lineage);
      else if (report.is === "fault") suspects.set(report.fault.key, report);
      else if (report.is === "finished") return report;
      else if (report.is === "silent" || report.is === "gone") {
        const kind = report.is === "silent" ? "hang" : "death";
        return { ...worker.current(), fault: { kind, what: report.what, key: kind } };
      }
    }
  }

  async #confirmAll(subject: Subject, suspects: Iterable<Suspect>): Promise<Pick<Summary, "findings" | "unconfirmed">> {
    const findings: Finding[] = [];
    const unconfirmed: { fault: Fault; from: string }[] = [];
    for (const { lineage, bytes, fault } of suspects) {
      const from = recipe(subject, lineage);
      const again = await this.#judge.ask(subject, bytes);
      if (again === undefined) {
        unconfirmed.push({ fault, from });
        continue;
      }
      const shows = async (candidate: Uint8Array) => (await this.#judge.ask(subject, candidate))?.key === again.key;
      const smaller = await minimise(bytes, shows, { trials: 1000, seconds: this.patience.shrinking });
      const shown = smaller === bytes ? again : ((await this.#judge.ask(subject, smaller)) ?? again);
      findings.push({ target: subject.target, bytes: smaller, fault: shown, from });
    }
    return { findings, unconfirmed };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#seat.retire();
    await this.#judge[Symbol.asyncDispose]();
  }
}

/** The options that make the input again. */
function recipe({ target, seed, corpus }: Subject, lineage: Lineage): string {
  const options = `--target ${target} --seed ${seed} --iteration ${lineage.join(":")}`;
  return corpus === undefined ? options : `${options} --corpus DIR`;
}

/** Faults after which a process is not what it was. */
const lasting: ReadonlySet<Fault["kind"]> = new Set(["hang", "death", "memory", "nonsense"]);

/** Parses single inputs in a process that is replaced when it dies, or when its memory is no longer that of a fresh one. */
export class Judge {
  readonly #seat: Seat;
  #opened: { readonly worker: Worker; readonly target: string } | undefined;

  constructor(
    targets: string,
    readonly silence: number,
  ) {
    this.#seat = new Seat({ targets, coverage: false });
  }

  async ask({ target, seed }: Subject, bytes: Uint8Array): Promise<Fault | undefined> {
    if (this.#opened?.target !== target) {
      this.#opened = { worker: await this.#seat.open({ target, seed }), target };
    }
    const { worker } = this.#opened;
    worker.tell({ do: "judge", bytes });
    const answer = await worker.hear(this.silence);
    const fault: Fault | undefined =
      answer.is === "verdict"
        ? answer.fault
        : answer.is === "silent"
          ? { kind: "hang", what: answer.what, key: "hang" }
          : { kind: "death", what: "what" in answer ? answer.what : answer.is, key: "death" };
    if (fault !== undefined && lasting.has(fault.kind)) {
      this.#opened = undefined;
      await this.#seat.retire();
    }
    return fault;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#seat.retire();
  }
}
