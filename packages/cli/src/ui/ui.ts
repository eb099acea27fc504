/**
 * What a command says and where it goes:
 *
 *                     people                              machines (--json)
 *   progress          stderr: one redrawn line, or        stdout: {"event": "progress", …}
 *                     now and then a line in a log
 *   note              stderr                              stdout: {"event": "note", "text": …}
 *   result            stdout                              stdout: {"event": "result", …}
 *   failure           stderr: one paragraph               stdout: {"event": "error", …} and stderr
 */
import type { Progress } from "@rfmedsam/base";
import { paragraphOf, recordOf } from "../faults.js";
import { StageClock } from "./clock.js";
import { progressLine, progressSentence, type StageView } from "./format.js";

/** The part of a stream that is written to. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

export interface Ui {
  readonly progress: Progress;
  /** For the person waiting; no part of the result. */
  note(text: string): void;
  /** @param text for people @param data the same for machines */
  result(text: string, data: Readonly<Record<string, unknown>>): void;
  /** Tells an error once, however often it is given. */
  failure(error: unknown): void;
  /** Leaves the cursor on a line of its own. */
  close(): void;
}

export interface UiOptions {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly json: boolean;
  /** Show stacks. */
  readonly debug: boolean;
  /** Milliseconds. */
  readonly now?: () => number;
}

export function makeUi(options: UiOptions): Ui {
  const { json, stdout, stderr, debug, now = () => performance.now() } = options;
  const told = new WeakSet<object>();
  const shown = json ? jsonProgress(stdout, now) : stderr.isTTY ? redrawn(stderr, now) : logged(stderr, now);
  const human = (output: Output, text: string) =>
    shown.beside(() => output.write(text.endsWith("\n") ? text : `${text}\n`));
  const event = (name: string, data: object) => stdout.write(`${JSON.stringify({ event: name, ...data })}\n`);
  return {
    progress: shown.progress,
    note: (text) => {
      if (json) event("note", { text });
      else human(stderr, text);
    },
    result: (text, data) => {
      if (json) event("result", data);
      else human(stdout, text);
    },
    failure: (error) => {
      if (typeof error === "object" && error !== null) {
        if (told.has(error)) return;
        told.add(error);
      }
      if (json) event("error", recordOf(error));
      human(stderr, paragraphOf(error, debug));
    },
    close: () => shown.beside(() => {}),
  };
}

interface Shown {
  readonly progress: Progress;
  /** Writes something else, keeping the progress out of its way. */
  beside(write: () => void): void;
}

/** Milliseconds between two drawings of the line. */
const redrawEvery = 100;
/** Seconds after which a finished stage's line is kept. */
const worthKeeping = 1;

/** A line that is drawn over itself; each stage that took a while leaves its last one. */
function redrawn(stderr: Output, now: () => number): Shown {
  const clock = new StageClock(now);
  let last: StageView | undefined;
  let drawnAt = Number.NEGATIVE_INFINITY;
  const clear = "\r\x1b[K";
  const draw = (view: StageView) => {
    stderr.write(clear + progressLine(view, (stderr.columns || 80) - 1));
    drawnAt = now();
  };
  const leave = () => {
    if (last === undefined) return;
    if (last.elapsed >= worthKeeping) {
      draw(last);
      stderr.write("\n");
    } else {
      stderr.write(clear);
    }
    last = undefined;
  };
  return {
    progress: (event) => {
      const { view, begins } = clock.see(event);
      if (begins) leave();
      last = view;
      if (begins || view.done >= view.total || now() - drawnAt >= redrawEvery) draw(view);
    },
    beside: (write) => {
      leave();
      write();
    },
  };
}

/** Seconds between two lines in a log. */
const logEvery = 5;

/** Lines for a log: at most one every few seconds, and none for what takes less. */
function logged(stderr: Output, now: () => number): Shown {
  const clock = new StageClock(now);
  let writtenAt = now();
  return {
    progress: (event) => {
      const { view } = clock.see(event);
      if (now() - writtenAt < logEvery * 1000) return;
      writtenAt = now();
      stderr.write(`${progressSentence(view)}\n`);
    },
    beside: (write) => write(),
  };
}

/** Milliseconds between two events of a stage for machines. */
const eventEvery = 200;

/** Events: the first and the last of every stage, and some between. */
function jsonProgress(stdout: Output, now: () => number): Shown {
  const clock = new StageClock(now);
  let writtenAt = 0;
  return {
    progress: (event) => {
      const { view, begins } = clock.see(event);
      if (!begins && view.done < view.total && now() - writtenAt < eventEvery) return;
      writtenAt = now();
      stdout.write(`${JSON.stringify({ event: "progress", ...view })}\n`);
    },
    beside: (write) => write(),
  };
}
