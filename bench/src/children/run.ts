/** Work in a process of its own, whose memory is then nobody else's. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { EngineError } from "@rfmedsam/base";

/**
 * Runs a script of this folder.
 *
 * @param script its name, without ending @returns the JSON that it printed
 * @throws EngineError with what it complained about, when it fails
 */
export async function runChild<Answer>(script: string, ...args: readonly string[]): Promise<Answer> {
  const file = fileURLToPath(new URL(`${script}.js`, import.meta.url));
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", file, ...args]);
    return JSON.parse(stdout) as Answer;
  } catch (cause) {
    throw new EngineError({ found: `${script} ${args.join(" ")} failed`, cause });
  }
}
