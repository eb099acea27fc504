/**
 * Keeps the record of a run, in a folder of its own (`MODEL/log`):
 *
 *   steps.jsonl                      every point and result, a line each; what the others are made from
 *   events.out.tfevents.*.rfmedsam   the same for TensorBoard: `tensorboard --logdir MODEL/log`
 *   curves.json, *.svg               the curves as data and as pictures, made anew now and then and at the end
 *   run.json                         what is known about the run; see `facts.ts`
 *
 * Lines are handed to the system every few seconds and before every saved state: a process that is killed loses no step that it will not
 * make again. A training does not stop for its record: what cannot be written is kept and tried again, and told by `close`.
 */
import { appendFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError, joinBytes, RfmedsamError } from "@rfmedsam/base";
import { fileErrorOf, makeFolder, residentMemory, writeJsonAtomic } from "@rfmedsam/base/node";
import { linesFile } from "@rfmedsam/metrics";
import type { StepRecord } from "../loop/loop.js";
import { curvesOf, plotsOf } from "./curves.js";
import { encodeEvent, fileHeader } from "./event-file.js";
import { factsFile, type RunFacts, readFacts, validationMeans } from "./facts.js";
import { isPoint, type LogEntry, readLog, resultIn } from "./log-file.js";
import { Block, type CurvePoint, checkRecord, holdsBefore, isFull, sameBlock } from "./points.js";

export const logName = "steps.jsonl";
const eventName = /^events\.out\.tfevents\.(\d+)\.rfmedsam$/;

export interface RecorderOptions {
  /** Forget what an earlier run left here. */
  readonly restart?: boolean;
  /** Seconds between two writes, and between two drawings of the curves. */
  readonly flushEvery?: number;
  readonly drawEvery?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

export class RunRecorder {
  readonly #folder: string;
  readonly #options: Required<Omit<RecorderOptions, "restart">>;
  #entries: LogEntry[];
  #facts: RunFacts;
  #eventFile = "";
  /** Entries from here on are not on disk yet. */
  #written = 0;
  /** Whether the files are not what `#written` entries make: something before was taken back, or half a line may stand at the end. */
  #stale = false;
  #block: Block | undefined;
  /** The iteration that was recorded last, of the block's stage. */
  #last = 0;
  #flushedAt: number;
  #drawnAt: number;
  #memory = 0;
  #closed = false;

  private constructor(folder: string, entries: LogEntry[], facts: RunFacts, options: RecorderOptions) {
    const { flushEvery = 3, drawEvery = 60, now = Date.now } = options;
    this.#folder = folder;
    this.#entries = entries;
    this.#facts = facts;
    this.#options = { flushEvery, drawEvery, now };
    this.#flushedAt = this.#drawnAt = now();
  }

  /**
   * Begins a record or goes on with one; a torn last line is dropped.
   *
   * @param folder made if missing
   * @throws FormatError for files that are none of ours, FileError, ResourceError
   */
  static async open(folder: string, options: RecorderOptions = {}): Promise<RunRecorder> {
    try {
      await makeFolder(folder);
      if (options.restart) await removeRecord(folder);
    } catch (cause) {
      throw fileErrorOf(cause, folder);
    }
    const { entries } = await readLog(join(folder, logName));
    const recorder = new RunRecorder(folder, [...entries], await readFacts(folder), options);
    recorder.#rewrite();
    return recorder;
  }

  /**
   * Takes a step. One that is not after the stage's last replaces it and what follows: the run was gone on with from there. A point that
   * holds earlier steps as well stays, as the same steps are made again.
   *
   * @throws ConfigError for a step that makes no sense
   */
  readonly add = (record: StepRecord): void => {
    this.#refuseClosed();
    checkRecord(record);
    if (this.#block?.stage !== record.stage || record.iteration <= this.#last) this.#goOnFrom(record);
    this.#last = record.iteration;
    if (this.#block!.add(record)) this.#takeBlock();
    const now = this.#options.now();
    if (record.saved === true) attempt(() => this.#write(true));
    else if (now - this.#flushedAt >= 1000 * this.#options.flushEvery) attempt(() => this.flush());
    if (now - this.#drawnAt >= 1000 * this.#options.drawEvery) attempt(() => this.#draw());
  };

  /**
   * Keeps figures about the whole run, instead of earlier ones of the same names. Those that are not finite are not kept.
   *
   * @param values by names with slashes between their parts: "validation/liver/stage1"
   * @throws ResourceError, FileError when they cannot be written
   */
  results(values: Readonly<Record<string, number>>): void {
    this.#refuseClosed();
    this.#keepOnly((each) => isPoint(each) || !Object.hasOwn(values, each.result));
    for (const [result, value] of Object.entries(values))
      if (Number.isFinite(value)) this.#entries.push({ result, value, time: this.#time() });
    this.flush();
  }

  /** As `results`, but a larger figure that was kept before stays. */
  #resultsAtLeast(values: Readonly<Record<string, number>>): void {
    const larger = Object.entries(values).filter(([name, value]) => value > (resultIn(this.#entries, name) ?? 0));
    this.results(Object.fromEntries(larger));
  }

  /** Keeps what is known about the run, beside what was said before. Dice of the validation cases become results, too. */
  async describe(facts: RunFacts): Promise<void> {
    this.#refuseClosed();
    this.#facts = { ...this.#facts, ...facts };
    await writeJsonAtomic(join(this.#folder, factsFile), this.#facts);
    if (facts.validation !== undefined) this.results(validationMeans(facts.validation));
  }

  /** Hands everything that is complete to the system. @throws ResourceError, FileError; nothing is lost, the next call tries again */
  flush(): void {
    this.#write(false);
  }

  /**
   * Writes what is left, curves and plots. Also called after a failure: what was recorded stays, and that failure is the one to tell.
   *
   * @param peaks results of this session, of which the largest of all sessions is kept
   * @returns why something is not on disk
   */
  close(peaks: Readonly<Record<string, number>> = {}): RfmedsamError | undefined {
    if (this.#closed) return undefined;
    this.#takeBlock();
    const unwritten = attempt(() => this.#resultsAtLeast(peaks));
    this.#closed = true;
    return unwritten ?? attempt(() => this.#draw());
  }

  /** @param withOpen also the block that is not full: the log has it until its next line comes, TensorBoard does not see it */
  #write(withOpen: boolean): void {
    this.#flushedAt = this.#options.now();
    if (this.#stale) {
      this.#rewrite();
      return;
    }
    const fresh = this.#entries.slice(this.#written);
    const lines = [...fresh, ...(withOpen ? this.#openPoints() : [])];
    if (lines.length === 0) return;
    // Until all of it is there: a full disk may take half a line, and what is appended to half a line is lost.
    this.#stale = true;
    try {
      appendFileSync(join(this.#folder, logName), lines.map(line).join(""));
      appendFileSync(this.#eventFile, joinBytes(fresh.map(eventOf)));
    } catch (cause) {
      throw fileErrorOf(cause, this.#folder);
    }
    this.#stale = false;
    this.#written = this.#entries.length;
  }

  #takeBlock(): void {
    this.#entries.push(...this.#openPoints());
    this.#block?.empty();
  }

  /** The block as it is now; none when nothing is in it. */
  #openPoints(): CurvePoint[] {
    if (this.#block === undefined || this.#block.steps === 0) return [];
    return [this.#block.point(this.#sampleMemory(), this.#time())];
  }

  /** Asking the system takes longer than a small step, so not for every point. */
  #sampleMemory(): number {
    if (this.#memory === 0 || this.#written === this.#entries.length) this.#memory = residentMemory();
    return this.#memory;
  }

  /** Begins a block, or goes on with the stage's last; forgets the points from this iteration on. */
  #goOnFrom({ stage, iteration }: StepRecord): void {
    this.#takeBlock();
    this.#keepOnly((each) => !isPoint(each) || each.stage !== stage || holdsBefore(each, iteration));
    const before = this.#entries.findLast((each): each is CurvePoint => isPoint(each) && each.stage === stage);
    const here = before !== undefined && sameBlock(before.iteration, iteration);
    this.#block = new Block(stage, here ? before : undefined);
    if (here && !isFull(before.iteration)) this.#keepOnly((each) => each !== before);
  }

  #keepOnly(wanted: (entry: LogEntry) => boolean): void {
    const kept = this.#entries.filter(wanted);
    if (kept.length === this.#entries.length) return;
    this.#entries = kept;
    this.#stale = true;
  }

  /** Both files from what is in memory. The event file gets a new name, or a TensorBoard that is open would go on reading the old one. */
  #rewrite(): void {
    const time = this.#time();
    try {
      this.#replace(logName, [...this.#entries, ...this.#openPoints()].map(line).join(""));
      const before = readdirSync(this.#folder).filter((name) => eventName.test(name));
      const serial = 1 + Math.max(0, ...before.map((name) => Number(eventName.exec(name)?.[1])));
      // TensorBoard reads the files of a folder in the order of their names.
      const name = `events.out.tfevents.${String(serial).padStart(6, "0")}.rfmedsam`;
      this.#replace(name, joinBytes([fileHeader(time), ...this.#entries.map(eventOf)]));
      for (const other of before) rmSync(join(this.#folder, other), { force: true });
      this.#eventFile = join(this.#folder, name);
    } catch (cause) {
      throw fileErrorOf(cause, this.#folder);
    }
    this.#stale = false;
    this.#written = this.#entries.length;
  }

  #draw(): void {
    this.#drawnAt = this.#options.now();
    const curves = curvesOf(this.#entries.filter(isPoint));
    this.#replace("curves.json", `${JSON.stringify(curves)}\n`);
    for (const plot of plotsOf(curves)) this.#replace(`${plot.file}.svg`, linesFile(plot));
  }

  /** Whole or not at all. Written at once: steps do not wait for one another's files. */
  #replace(name: string, content: string | Uint8Array): void {
    const file = join(this.#folder, name);
    try {
      writeFileSync(`${file}.part`, content);
      renameSync(`${file}.part`, file);
    } catch (cause) {
      rmSync(`${file}.part`, { force: true });
      throw fileErrorOf(cause, file);
    }
  }

  #time(): number {
    return this.#options.now() / 1000;
  }

  #refuseClosed(): void {
    if (this.#closed) throw new ConfigError({ found: "a record that is closed", expected: "one that is open" });
  }
}

/** @returns why it failed, if it did */
function attempt(write: () => void): RfmedsamError | undefined {
  try {
    write();
    return undefined;
  } catch (error) {
    if (error instanceof RfmedsamError) return error;
    throw error;
  }
}

const line = (entry: LogEntry): string => `${JSON.stringify(entry)}\n`;

/** Tags are "STAGE/VALUE": TensorBoard makes a section of what stands before the first slash. */
function eventOf(entry: LogEntry): Uint8Array {
  if (!isPoint(entry)) return encodeEvent({ time: entry.time, step: 0, scalars: { [entry.result]: entry.value } });
  const { stage, iteration, values, seconds, memory, time } = entry;
  const section = stage.replaceAll("/", " ");
  const scalars = Object.entries({ ...values, seconds, memory }).map(([name, value]) => [`${section}/${name}`, value]);
  return encodeEvent({ time, step: iteration, scalars: Object.fromEntries(scalars) as Record<string, number> });
}

/** The files a recorder makes, and no others. */
async function removeRecord(folder: string): Promise<void> {
  const ours = [logName, factsFile, "curves.json"];
  for (const name of readdirSync(folder))
    if (ours.includes(name) || eventName.test(name) || name.endsWith(".svg")) await rm(join(folder, name));
}
