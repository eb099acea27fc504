/**
 * `steps.jsonl`: a line a point or a result, appended as the training goes. This file is the record; event file, curves and plots are
 * made from it. A process that was killed leaves at most a torn last line, which is dropped when the file is read. Blocks that are not full
 * are written when the training saves its state; the next line of the same block replaces such a line.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { FormatError } from "@rfmedsam/base";
import { fileErrorOf } from "@rfmedsam/base/node";
import * as z from "zod";
import { type CurvePoint, sameBlock } from "./points.js";

/** A figure about the whole run, e.g. the validation Dice of one label by one stage. */
export interface RunResult {
  /** With slashes between its parts: "validation/liver/stage1". */
  readonly result: string;
  readonly value: number;
  /** Seconds since 1970. */
  readonly time: number;
}

export type LogEntry = CurvePoint | RunResult;

const entry = z.union([
  z.object({
    stage: z.string().min(1),
    iteration: z.int().positive(),
    steps: z.int().positive(),
    values: z.record(z.string(), z.number()),
    seconds: z.number().min(0),
    memory: z.number().min(0),
    time: z.number(),
    open: z
      .object({
        seconds: z.number().min(0),
        values: z.record(z.string(), z.tuple([z.number(), z.int().positive()])),
      })
      .optional(),
  }),
  z.object({ result: z.string().min(1), value: z.number(), time: z.number() }),
]);

export const isPoint = (each: LogEntry): each is CurvePoint => "stage" in each;

/** The result of this name, if there is one. */
export const resultIn = (entries: readonly LogEntry[], name: string): number | undefined =>
  entries.find((each): each is RunResult => !isPoint(each) && each.result === name)?.value;

/** Results that tell how many bytes a run held at most. */
export const peakResult = { host: "memory/peak", device: "memory/peak on the device" } as const;

export interface LogContent {
  /** Without those that later ones replace. */
  readonly entries: readonly LogEntry[];
  /** Whether the last line was not whole, and was left out. */
  readonly torn: boolean;
}

/** @throws FormatError for a line that is none of ours and is not the last; FileError */
export async function readLog(file: string): Promise<LogContent> {
  if (!existsSync(file)) return { entries: [], torn: false };
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw fileErrorOf(cause, file);
  }
  const lines = text.split("\n");
  // Whatever stands behind the last line feed was cut off.
  const rest = lines.pop()!;
  const entries: LogEntry[] = [];
  for (const [at, line] of lines.entries()) {
    const parsed = parseLine(line);
    if (parsed !== undefined) {
      entries.push(parsed);
    } else if (at < lines.length - 1) {
      throw new FormatError({
        file,
        found: `line ${at + 1} is not a step of a training`,
        expected: "JSON lines as `rfmedsam train` writes them",
        hint: "remove the file to begin a new record; the training itself does not need it",
      });
    }
  }
  return { entries: withoutReplaced(entries), torn: rest !== "" || entries.length < lines.length };
}

function withoutReplaced(entries: readonly LogEntry[]): LogEntry[] {
  const kept = new Set(entries);
  const before = new Map<string, CurvePoint>();
  for (const each of entries) {
    if (!isPoint(each)) continue;
    const last = before.get(each.stage);
    if (last?.open !== undefined && sameBlock(last.iteration, each.iteration)) kept.delete(last);
    before.set(each.stage, each);
  }
  return [...kept];
}

function parseLine(line: string): LogEntry | undefined {
  try {
    const { success, data } = entry.safeParse(JSON.parse(line));
    return success ? data : undefined;
  } catch {
    return undefined; // not JSON: torn, or not ours
  }
}
