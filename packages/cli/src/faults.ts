/** From whatever was thrown to one paragraph and an exit code: 2 for what the user can put right, 1 for the machine's faults and ours. */
import { explain, RfmedsamError } from "@rfmedsam/base";
import { fileErrorOf } from "@rfmedsam/base/node";
import { CommanderError } from "commander";

export const exitCodes = { user: 2, system: 1 } as const;

/** The project's error for one that the operating system raised outside our own file functions; any other as it is. */
function typed(error: unknown): unknown {
  if (error instanceof RfmedsamError || !(error instanceof Error)) return error;
  return isSystemError(error) && error.path !== undefined ? fileErrorOf(error, error.path) : error;
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  return error instanceof Error && code !== undefined && syscall !== undefined;
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.user;
  const known = typed(error);
  return known instanceof RfmedsamError ? exitCodes[known.fault] : exitCodes.system;
}

/** @param debug with the stacks of the error and its causes */
export function paragraphOf(error: unknown, debug = false): string {
  const stacks = debug ? `\n${stacksOf(error)}` : "";
  return `rfmedsam: ${textOf(typed(error))}${stacks}`;
}

function textOf(error: unknown): string {
  if (error instanceof CommanderError) return `${oneLine(error.message.replace(/^error: /, ""))} (--help shows how)`;
  // An error of the operating system behind ours says the same once more, in its own words.
  if (error instanceof RfmedsamError) return oneLine(isSystemError(error.cause) ? error.message : explain(error));
  return `a fault of rfmedsam, not yours: ${oneLine(error instanceof Error ? `${error.name}: ${error.message}` : String(error))}. Run the command again with --debug and report what it prints.`;
}

/** The error as an event for machines. */
export function recordOf(error: unknown): Record<string, unknown> {
  const known = typed(error);
  const facts =
    known instanceof RfmedsamError
      ? { type: known.name, file: known.file, found: known.found, expected: known.expected, hint: known.hint }
      : { type: known instanceof Error ? known.name : typeof known };
  return { ...facts, message: textOf(known), exitCode: exitCodeOf(error) };
}

/** A paragraph has no line breaks of its own; the terminal makes them. */
const oneLine = (text: string) => text.trim().replaceAll(/\s*\n\s*/g, " ");

function stacksOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const cause = error.cause === undefined ? "" : `\ncaused by ${stacksOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
