/** Turns the operating system's refusals into the project's errors. */
import { readdir, readFile } from "node:fs/promises";
import { FileError, ResourceError, RfmedsamError } from "../errors.js";

const outOfSpace = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);
const refusals: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  EACCES: "may not be accessed",
  EPERM: "may not be accessed",
  EISDIR: "is a folder",
  ENOTDIR: "is not a folder",
  EEXIST: "exists already",
  EROFS: "is on a read-only disk",
  ENOTEMPTY: "is a folder that is not empty",
};

/** The typed error for a failed file operation; one that is typed already stays as it is. A full disk is a `ResourceError`, everything else a `FileError`. */
export function fileErrorOf(cause: unknown, file: string, hint?: string): RfmedsamError {
  if (cause instanceof RfmedsamError) return cause;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? "";
  if (outOfSpace.has(code)) {
    return new ResourceError({
      file,
      found: `the disk is full (${code})`,
      hint: hint ?? "free some space and run the command again; nothing was half-written",
      cause,
    });
  }
  return new FileError({ file, found: refusals[code] ?? `cannot be used (${code || String(cause)})`, hint, cause });
}

/** Of an output: what is there instead of room for it, and what helps. For an input "does not exist" is a fault, an output should not. */
const outputRefusals: Readonly<Record<string, { readonly found: string; readonly hint: string }>> = {
  ENOENT: { found: "cannot be written: nothing can be made in this place", hint: "choose a place on a disk" },
  EACCES: { found: "may not be written", hint: "choose a place where you may write" },
  EPERM: { found: "may not be written", hint: "choose a place where you may write" },
  EROFS: { found: "is on a read-only disk", hint: "choose a place where you may write" },
  EISDIR: { found: "cannot be written: there is a folder of this name", hint: "choose another name" },
  ENAMETOOLONG: { found: "cannot be written: the name is too long", hint: "choose a shorter one" },
};

/** `fileErrorOf` for what was to be written. @param hint instead of the usual one */
export function outputErrorOf(cause: unknown, file: string, hint?: string): RfmedsamError {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? "";
  const refusal = outputRefusals[code];
  // A full disk has a hint of its own.
  if (cause instanceof RfmedsamError || outOfSpace.has(code)) return fileErrorOf(cause, file, hint);
  if (refusal === undefined) return fileErrorOf(cause, file, hint ?? "choose another place for the output");
  return new FileError({ file, found: refusal.found, hint: hint ?? refusal.hint, cause });
}

/** `readFile` whose failures are typed. */
export async function readFileOrExplain(file: string, hint?: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw fileErrorOf(cause, file, hint);
  }
}

/** Names of what is in a folder; none where there is no such folder. @throws FileError for what is no folder, or not readable */
export async function namesIn(folder: string, hint?: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw fileErrorOf(cause, folder, hint);
  }
}
