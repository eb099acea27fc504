#!/usr/bin/env node
// Checked in, so that npm can link it before the sources are compiled.
import { existsSync } from "node:fs";

const main = new URL("../dist/main.js", import.meta.url);
if (existsSync(main)) {
  await import(main);
} else {
  console.error(
    "rfmedsam: the sources are not compiled yet. Run `make demo`, or `npx tsc -b packages/cli`, in the project's folder.",
  );
  process.exitCode = 2;
}
