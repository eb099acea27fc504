/** The command line as tests use it: arguments in; exit code and what was written out. */
import { rfmedsam } from "../program.js";

export async function runCommandLine(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const code = await rfmedsam(args, {
    stdout: { write: (text: string) => (out += text) },
    stderr: { write: (text: string) => (err += text) },
    signal: new AbortController().signal,
  });
  return { code, out, err };
}
