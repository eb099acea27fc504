#!/usr/bin/env node
/**
 * The process around the command line. The first Ctrl-C asks the command to stop after its current step and to keep what it has; the
 * second one ends the process at once.
 */
import { rfmedsam } from "./program.js";

const stop = new AbortController();

/** What a shell expects of a process that a signal ended: 128 and the signal's number. */
const codes = { SIGINT: 130, SIGTERM: 143 } as const;

for (const [name, code] of Object.entries(codes)) {
  process.on(name, () => {
    if (stop.signal.aborted) process.exit(code);
    stop.abort();
    process.stderr.write("\nStopping after the current step; once more stops at once.\n");
  });
}

// Whoever reads the output may stop reading (`| head`); that is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

process.exitCode = await rfmedsam(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  signal: stop.signal,
});
