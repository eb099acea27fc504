/**
 * Makes the checkout ready to run; every entry of the Makefile calls it first.
 *
 *   node ─► npm packages ─► libtorch ─► native engine ─► (with --compile PROJECT) TypeScript
 *
 * Each step first looks whether there is anything to do, so a second call prints nothing and ends within a second. What a step prints
 * goes to setup.log; it is shown only when the step fails. Exit code 2: something is missing that only the user can add.
 *
 * Plain Node without dependencies, since it runs before there are any.
 */
import { spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(fileURLToPath(import.meta.url), "../..");
const log = join(root, "setup.log");
const venv = join(root, ".venv");
/** Present while pip works in the virtual environment, so that an interrupted installation is not taken for a whole one. */
const unfinished = join(venv, "unfinished");

const leastNode = [20, 19];
const torchVersion = "2.13.0";

/** Something only the user can put right: one paragraph, exit code 2. */
class Missing extends Error {}

async function main() {
  checkNode();
  if (!packagesAreInstalled()) await installPackages();
  const { findLibtorch } = await import("../packages/torch/tools/libtorch.mjs");
  checkCompiler();
  if (!libtorchIsThere(findLibtorch)) await installLibtorch();
  await buildEngine();
  const option = process.argv.indexOf("--compile");
  if (option > 0) await compile(process.argv[option + 1]);
}

// ---- Node

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1])) return;
  throw new Missing(
    `Node.js ${process.versions.node} is too old: ${leastNode.join(".")} or newer is needed. ` +
      "Install a current one (https://nodejs.org, or your system's package `nodejs`) and run the command again.",
  );
}

// ---- npm packages

/** Compares the lockfile with what npm recorded as installed; packages for other platforms may be absent. */
function packagesAreInstalled() {
  const installed = join(root, "node_modules/.package-lock.json");
  if (!existsSync(installed)) return false;
  const here = JSON.parse(readFileSync(installed, "utf8")).packages;
  const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  return Object.entries(wanted).every(([path, { version, optional, link }]) => {
    if (!path.startsWith("node_modules/")) return true;
    return here[path] ? link || here[path].version === version : Boolean(optional);
  });
}

async function installPackages() {
  requireCommand("npm", "npm is not on the path: it comes with Node.js (Debian and Ubuntu: `apt-get install npm`).");
  // Scripts stay off: nothing here needs them, and some packages would download what this project does not use.
  await step("packages", "installing from package-lock.json", "npm", [
    "ci",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
  ]);
}

// ---- libtorch

function libtorchIsThere(findLibtorch) {
  if (existsSync(unfinished)) return false;
  const found = findLibtorch();
  if (process.env.LIBTORCH && found?.origin !== "LIBTORCH") {
    throw new Missing(
      `LIBTORCH is ${process.env.LIBTORCH}, but that folder does not hold include/ATen/ATen.h and lib/libtorch_cpu. ` +
        "Point it at an unpacked libtorch or at the folder of Python's torch package, or unset it.",
    );
  }
  return found !== undefined;
}

async function installLibtorch() {
  const python = "python3";
  const instead = "or set LIBTORCH to the folder of an unpacked libtorch 2.6 to 2.13";
  requireCommand(
    python,
    `No libtorch was found, and there is no ${python} to install it with. Install Python 3.10 or newer with its venv module ` +
      `(Debian and Ubuntu: \`apt-get install python3-venv\`), ${instead}.`,
  );
  if (spawnSync(python, ["-c", "import venv, ensurepip, sys; sys.exit(sys.version_info < (3, 10))"]).status !== 0) {
    throw new Missing(
      `No libtorch was found, and ${python} cannot install it: it is older than 3.10 or lacks the venv module. ` +
        `Install a newer one (Debian and Ubuntu: \`apt-get install python3-venv\`), ${instead}.`,
    );
  }
  console.log(
    `libtorch    none found: PyTorch ${torchVersion} goes into .venv. On Linux pip may choose the CUDA build (several GB); for the CPU\n` +
      "            build stop here and set PIP_INDEX_URL to PyTorch's CPU index, or set LIBTORCH to a libtorch you have.",
  );
  if (!existsSync(join(venv, "bin/python"))) {
    await step("libtorch", "creating .venv", python, ["-m", "venv", venv]);
  }
  writeFileSync(unfinished, "");
  const pip = ["-m", "pip", "install", "--disable-pip-version-check", `torch==${torchVersion}`];
  await step("libtorch", `installing PyTorch ${torchVersion}`, join(venv, "bin/python"), pip);
  rmSync(unfinished);
}

// ---- native engine

function checkCompiler() {
  if (existsSync(join(root, "packages/torch/build/engine.node")) && !process.env.CXX) return;
  const compiler = process.env.CXX ?? "c++";
  requireCommand(
    compiler,
    `There is no C++ compiler (${compiler}); the engine is compiled against libtorch. Install one (Debian and Ubuntu: ` +
      "`apt-get install g++`, Fedora: `dnf install gcc-c++`, macOS: `xcode-select --install`), or set CXX to yours.",
  );
}

async function buildEngine() {
  await step(
    "engine",
    "compiling the bridge to libtorch (1 to 2 minutes)",
    process.execPath,
    ["packages/torch/tools/build.mjs"],
    { announceAfter: 1500 },
  );
}

// ---- TypeScript

/** @param {string} project a folder with a tsconfig.json; what it refers to is compiled with it */
async function compile(project) {
  const stamp = join(root, project, "dist/.complete");
  if (newestSource(project) <= timeOf(stamp)) return;
  const tsc = ["node_modules/typescript/bin/tsc", "-b", project];
  await step("typescript", `compiling ${project} and what it imports`, process.execPath, tsc);
  writeFileSync(stamp, "");
}

/** When the newest of the files and folders was changed that the compiler reads; a folder's own time tells of removed files. */
function newestSource(project) {
  const packages = readdirSync(join(root, "packages")).map((name) => join("packages", name));
  const sources = [...new Set([...packages, project])].flatMap((folder) => [
    join(folder, "package.json"),
    join(folder, "tsconfig.json"),
    join(folder, "src"),
    ...readdirSync(join(root, folder, "src"), { recursive: true }).map((name) => join(folder, "src", name)),
  ]);
  const times = [...sources, "tsconfig.base.json", "package-lock.json"].map((path) => timeOf(join(root, path)));
  const built = packages.every((folder) => existsSync(join(root, folder, "dist")));
  return built ? Math.max(...times) : Number.POSITIVE_INFINITY;
}

function timeOf(file) {
  return existsSync(file) ? statSync(file).mtimeMs : 0;
}

// ---- Steps

function requireCommand(command, explanation) {
  if (spawnSync(command, ["--version"], { stdio: "ignore" }).error) throw new Missing(explanation);
}

/** Runs a command with its output in setup.log. The line is shown at once, or only when the command takes longer than `announceAfter` ms. */
async function step(name, what, command, args, { announceAfter = 0 } = {}) {
  const started = Date.now();
  let announced = false;
  const announce = () => {
    process.stdout.write(`${name.padEnd(12)}${what} …`);
    announced = true;
  };
  const timer = setTimeout(announce, announceAfter);
  const output = openSync(log, "w");
  const code = await new Promise((done, fail) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", output, output] });
    child.on("error", fail);
    child.on("exit", (status) => done(status));
  });
  clearTimeout(timer);
  closeSync(output);
  if (announced)
    process.stdout.write(` ${code === 0 ? "done" : "failed"} after ${Math.ceil((Date.now() - started) / 1000)} s\n`);
  if (code === 0) return;
  const tail = readFileSync(log, "utf8").trimEnd().split("\n").slice(-15).join("\n");
  throw new Error(
    `${tail}\n\nSet-up stopped at ${name}: \`${[command, ...args].join(" ")}\` failed. Everything it said is in ${log}.`,
  );
}

main().catch((error) => {
  console.error(error instanceof Missing ? `Set-up: ${error.message}` : error.message);
  process.exit(error instanceof Missing ? 2 : 1);
});
