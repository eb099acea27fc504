/**
 * `make check`: every rule a tool can hold the sources against. All checks run even when one fails; a check that passes says one line.
 *
 * `--results FILE` also writes { passed, failed } as JSON.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(fileURLToPath(import.meta.url), "../..");
const tool = (path) => join("node_modules", path);

/** The operators' faces come from one libtorch's schemas, so only that version can say whether they are up to date. */
const generatedFrom = "2.13.";

const checks = [
  { name: "types of the packages", command: [tool("typescript/bin/tsc"), "-b"] },
  { name: "types of the tests", command: [tool("typescript/bin/tsc"), "-p", "tsconfig.test.json"] },
  {
    name: "lint and format",
    command: [
      tool("@biomejs/biome/bin/biome"),
      "check",
      "--error-on-warnings",
      "--colors=off",
      "--reporter=concise",
      ".",
    ],
  },
  {
    name: "import boundaries",
    command: [
      tool("dependency-cruiser/bin/dependency-cruise.mjs"),
      "--config",
      ".dependency-cruiser.mjs",
      "packages",
      "bench",
      "fuzz",
      "tests",
    ],
  },
  {
    name: "generated operators",
    command: ["packages/torch/tools/generate-operators.mjs", "--check"],
    unless: () =>
      !engineVersion().startsWith(generatedFrom) &&
      `they were written with libtorch ${generatedFrom}x, here is ${engineVersion()}`,
  },
];

function engineVersion() {
  return createRequire(import.meta.url)(join(root, "packages/torch/build/engine.node")).version();
}

function run({ name, command, unless }) {
  const reason = unless?.();
  if (reason) {
    console.log(`  ·  ${name} not checked: ${reason}`);
    return undefined;
  }
  const started = Date.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: root, encoding: "utf8" });
  console.log(`  ${status === 0 ? "✓" : "✗"}  ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  if (status !== 0) console.log(`${stdout}${stderr}`.trimEnd());
  return status === 0;
}

const outcomes = checks.map(run);
const passed = outcomes.filter((outcome) => outcome === true).length;
const failed = outcomes.filter((outcome) => outcome === false).length;
const option = process.argv.indexOf("--results");
if (option > 0) {
  const file = process.argv[option + 1];
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify({ passed, failed }));
}
process.exit(failed === 0 ? 0 : 1);
