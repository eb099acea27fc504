/** Runs the command line: in this process, or as a process of its own where signals and limits matter. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { rfmedsam } from "@rfmedsam/cli";

const root = resolve(fileURLToPath(import.meta.url), "../../..");

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** In this process, one thread, `--json`: stderr holds errors only, however long it takes. */
export async function run(...args: string[]): Promise<Outcome> {
  let [out, err] = ["", ""];
  const collect = (add: (text: string) => void) => ({ write: add });
  const code = await rfmedsam(["--threads", "1", "--json", ...args], {
    stdout: collect((text) => {
      out += text;
    }),
    stderr: collect((text) => {
      err += text;
    }),
    signal: new AbortController().signal,
  });
  return { code, out, err };
}

/** Compiles the command line where it is not up to date, as `make` does. */
export function compile(): void {
  execFileSync(process.execPath, [join(root, "tools/setup.mjs"), "--compile", "packages/cli"], { stdio: "pipe" });
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Outcome>;
}

export interface StartOptions {
  /** Largest file that may be written, in blocks of 512 bytes or 1024: a disk that is full after that much. */
  readonly largestFile?: number;
  /** Called with every event as soon as it is there. */
  readonly onEvent?: (event: Record<string, unknown>, child: ChildProcess) => void;
}

/** As a process of its own, one thread, `--json`. `compile` must have been called. */
export function start(args: readonly string[], { largestFile, onEvent }: StartOptions = {}): Started {
  const command = [process.execPath, join(root, "packages/cli/bin/rfmedsam.js"), "--threads", "1", "--json", ...args];
  const limit = largestFile === undefined ? "" : `ulimit -f ${largestFile}; `;
  const child = spawn("/bin/sh", ["-c", `${limit}exec "$@"`, "sh", ...command], { stdio: ["ignore", "pipe", "pipe"] });
  let [out, err, seen] = ["", "", 0];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    for (let end = out.indexOf("\n", seen); end >= 0; end = out.indexOf("\n", seen)) {
      onEvent?.(JSON.parse(out.slice(seen, end)) as Record<string, unknown>, child);
      seen = end + 1;
    }
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  const ended = new Promise<Outcome>((done, fail) => {
    child.on("error", fail);
    child.on("close", (code) => done({ code, out, err }));
  });
  return { child, ended };
}

/** The events that `--json` wrote. */
export function eventsOf({ out }: Outcome): Record<string, unknown>[] {
  return out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
