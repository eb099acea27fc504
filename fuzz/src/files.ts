/** Folders of inputs: those a user hands in, and those that were kept because a parser once failed on them. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeFileAtomic, writeJsonAtomic } from "@rfmedsam/base/node";
import type { Fault } from "./judge.js";

/** The repository's root: this file is fuzz/dist/fuzz/src/files.js. */
export const root = fileURLToPath(new URL("../../../..", import.meta.url));
export const regressions = join(root, "fuzz/regressions");

/** The largest file that serves as a seed. */
const largestSeed = 512 * 1024;

/** The contents of all files below a folder that are small enough, in the order of their names. */
export function* filesBelow(folder: string): Generator<Uint8Array> {
  for (const name of (readdirSync(folder, { recursive: true }) as string[]).sort()) {
    const path = join(folder, name);
    const { size } = statSync(path);
    if (statSync(path).isFile() && size <= largestSeed) yield new Uint8Array(readFileSync(path));
  }
}

export interface Finding {
  readonly target: string;
  readonly bytes: Uint8Array;
  readonly fault: Fault;
  /** The options that make the input again, before it was made smaller. */
  readonly from: string;
}

/** Writes a finding as `FOLDER/TARGET/HASH.bin` with its reason in a `.json` beside it. @returns the first of the two */
export async function keepFinding(folder: string, { target, bytes, fault, from }: Finding): Promise<string> {
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
  const file = join(folder, target, `${hash}.bin`);
  await writeFileAtomic(file, [bytes]);
  await writeJsonAtomic(file.replace(/bin$/, "json"), { kind: fault.kind, what: fault.what, from });
  return file;
}

export interface KeptInput {
  readonly file: string;
  readonly target: string;
}

/** Every input that was kept. */
export function keptInputs(folder: string): KeptInput[] {
  const names = existsSync(folder) ? (readdirSync(folder, { recursive: true }) as string[]) : [];
  const files = names.filter((name) => name.endsWith(".bin")).sort();
  return files.map((name) => ({ file: join(folder, name), target: basename(dirname(join(folder, name))) }));
}
