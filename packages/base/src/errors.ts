/**
 * The one shape every error of this project has: which file, what was found, what was expected, what to do about it.
 * Errors are caught once, at the edge (command line, server), which prints `explain(error)`; in between a `catch` either adds
 * what it knows as `cause` or is not there.
 */

/** What an error says. Everything is shown to a person: plain words, real values. */
export interface ErrorFacts {
  /** The file, folder or option the error is about. */
  readonly file?: string | undefined;
  /** What was found there, with the value. */
  readonly found: string;
  /** What would have been right. */
  readonly expected?: string | undefined;
  /** What the reader can do now. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** Whose mistake an error is: decides the exit code (the user's 2, ours or the machine's 1). */
export type Fault = "user" | "system";

/** Root of all typed errors. Throw one of its subclasses. */
export abstract class RfmedsamError extends Error {
  readonly file: string | undefined;
  readonly found: string;
  readonly expected: string | undefined;
  readonly hint: string | undefined;
  readonly fault: Fault = "user";

  constructor(facts: ErrorFacts) {
    super(sentence(facts), facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = new.target.name;
    this.file = facts.file;
    this.found = facts.found;
    this.expected = facts.expected;
    this.hint = facts.hint;
  }
}

/** A file's bytes are not what its format demands. */
export class FormatError extends RfmedsamError {}

/** Shapes, spacings, orientations or affines that do not fit together or make no sense. */
export class GeometryError extends RfmedsamError {}

/** A configuration, option or argument with a wrong value. */
export class ConfigError extends RfmedsamError {}

/** A data set whose files and description contradict each other. */
export class DatasetError extends RfmedsamError {}

/** A file of weights that cannot be read or does not fit the model. */
export class CheckpointError extends RfmedsamError {}

/** A file or folder that is missing, not readable or not writable. */
export class FileError extends RfmedsamError {}

/** The engine refused an operation, or a tensor was used after it was freed. */
export class EngineError extends RfmedsamError {
  override readonly fault: Fault = "system";
}

/** The machine ran out of something: disk, memory, devices. */
export class ResourceError extends RfmedsamError {
  override readonly fault: Fault = "system";
}

/** The user stopped a run; what was done so far is kept. */
export class InterruptedError extends RfmedsamError {}

function sentence({ file, found, expected, hint }: ErrorFacts): string {
  const where = file === undefined ? "" : `${file}: `;
  const wanted = expected === undefined ? "" : `; expected ${expected}`;
  return `${where}${found}${wanted}.${hint === undefined ? "" : ` ${capitalised(hint)}.`}`;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** One paragraph for a person, with the chain of causes. Unknown errors keep their own message. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause =
    error.cause instanceof Error && !error.message.includes(error.cause.message) ? ` (${explain(error.cause)})` : "";
  return `${error.message}${cause}`;
}
