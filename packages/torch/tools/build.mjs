/**
 * Compiles native/*.cpp into build/engine.node against the libtorch that is found. Does nothing when sources, libtorch, flags and
 * compiler are the ones of the last build.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compilerFlags, findLibtorch, linkerFlags } from "./libtorch.mjs";

const here = join(fileURLToPath(import.meta.url), "..", "..");
const native = join(here, "native");
const build = join(here, "build");
const compiler = process.env.CXX ?? "c++";

async function main() {
  const libtorch = findLibtorch();
  if (!libtorch) {
    throw new Error(
      "no libtorch found: run `make setup`, or install PyTorch (`pip install torch`), or set LIBTORCH to an unpacked libtorch",
    );
  }
  const sources = readdirSync(native).filter((name) => name.endsWith(".cpp"));
  const stamp = stampOf(libtorch, sources);
  if (
    existsSync(join(build, "engine.node")) &&
    existsSync(join(build, "stamp")) &&
    readFileSync(join(build, "stamp"), "utf8") === stamp
  )
    return;

  console.log(`building the engine against libtorch in ${libtorch.home}`);
  mkdirSync(build, { recursive: true });
  // A folder of its own, so that the last engine stays in place and two builds at once do not meet.
  const work = mkdtempSync(join(build, "part-"));
  try {
    await compile(libtorch, sources, work);
    renameSync(join(work, "engine.node"), join(build, "engine.node"));
    writeFileSync(join(build, "stamp"), stamp);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function compile(libtorch, sources, work) {
  const headers = createRequire(import.meta.url)("node-api-headers").include_dir;
  const flags = [
    ...compilerFlags(libtorch),
    "-O2",
    "-fPIC",
    "-Wall",
    "-Wno-unknown-pragmas",
    "-isystem",
    libtorch.include,
    "-isystem",
    join(libtorch.include, "torch/csrc/api/include"),
    "-isystem",
    headers,
  ];
  const waiting = [...sources];
  const worker = async () => {
    for (let source = waiting.pop(); source; source = waiting.pop()) {
      await run(compiler, [...flags, "-c", join(native, source), "-o", join(work, `${source}.o`)]);
    }
  };
  // Each compilation takes about 1 GB, so more at once than four gains little and may not fit.
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, worker));
  await run(compiler, [
    "-shared",
    "-o",
    join(work, "engine.node"),
    ...sources.map((name) => join(work, `${name}.o`)),
    ...linkerFlags(libtorch),
  ]);
}

function stampOf(libtorch, sources) {
  const hash = createHash("sha256");
  for (const name of [...sources, "bridge.h"]) hash.update(name).update(readFileSync(join(native, name)));
  const core = readdirSync(libtorch.lib).find((name) => /^libtorch_cpu\.(so|dylib)$/.test(name));
  const { size, mtimeMs } = statSync(join(libtorch.lib, core));
  return JSON.stringify({
    sources: hash.digest("hex"),
    libtorch: libtorch.home,
    size,
    mtimeMs,
    compiler,
    node: dirname(process.execPath),
  });
}

function run(command, args) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { stdio: "inherit" });
    child.on("error", (cause) =>
      fail(new Error(`${command} cannot be run; install a C++ compiler (Debian: apt-get install g++)`, { cause })),
    );
    child.on("exit", (code) =>
      code === 0 ? done() : fail(new Error(`${command} failed on ${args.at(-1)} (exit ${code})`)),
    );
  });
}

main().catch((error) => {
  console.error(`engine: ${error.message}`);
  process.exit(1);
});
