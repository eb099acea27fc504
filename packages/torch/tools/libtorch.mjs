/**
 * Finds a libtorch: where its headers and libraries are, and which compiler flags its build demands.
 *
 * Searched in this order: `LIBTORCH` (the folder that holds `include` and `lib`), the project's own `.venv`, the `torch` package of
 * `python3` on the path, the system's. Nothing is imported or executed from what is found.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = resolve(fileURLToPath(import.meta.url), "../../../..");

/** @returns {{ home: string, include: string, lib: string, origin: string } | undefined} */
export function findLibtorch() {
  const candidates = [
    () => fromFolder(process.env.LIBTORCH, "LIBTORCH"),
    () => fromVenv(join(root, ".venv")),
    () => fromFolder(pythonPackage("python3"), "python3's torch package"),
    () => fromFolder("/usr", "the system", "lib/x86_64-linux-gnu"),
  ];
  for (const candidate of candidates) {
    const found = candidate();
    if (found) return found;
  }
  if (process.env.LIBTORCH)
    throw new Error(`LIBTORCH is ${process.env.LIBTORCH}, but there is no include/ATen and lib/libtorch_cpu in it`);
  return undefined;
}

function fromFolder(home, origin, lib = "lib") {
  if (!home) return undefined;
  const complete = existsSync(join(home, "include/ATen/ATen.h")) && hasLibrary(join(home, lib));
  return complete ? { home, include: join(home, "include"), lib: join(home, lib), origin } : undefined;
}

function hasLibrary(folder) {
  return ["so", "dylib"].some((ending) => existsSync(join(folder, `libtorch_cpu.${ending}`)));
}

function fromVenv(venv) {
  const lib = join(venv, "lib");
  if (!existsSync(lib)) return undefined;
  for (const python of readdirSync(lib)) {
    const found = fromFolder(join(lib, python, "site-packages/torch"), ".venv");
    if (found) return found;
  }
  return undefined;
}

/** Asks Python where the package is without importing it (importing takes seconds). */
function pythonPackage(python) {
  try {
    const code =
      "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')";
    return (
      execFileSync(python, ["-c", code], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim() || undefined
    );
  } catch {
    return undefined; // no python3 on the path: then it has no torch either
  }
}

/** Flags that must equal those libtorch was built with. */
export function compilerFlags({ include, lib }) {
  const standard = /__cplusplus\s*<\s*202002L|C\+\+20/.test(readFileSync(join(include, "ATen/ATen.h"), "utf8"))
    ? 20
    : 17;
  const core = readdirSync(lib).find((name) => /^libc10\.(so|dylib)/.test(name));
  const newAbi =
    process.platform === "darwin" || readFileSync(join(lib, core)).includes("torchCheckFailEPKcS2_jRKNSt7__cxx11");
  return [`-std=c++${standard}`, `-D_GLIBCXX_USE_CXX11_ABI=${newAbi ? 1 : 0}`];
}

/** Libraries to link: the CUDA parts are loaded by `libtorch` itself where they are. */
export function linkerFlags({ lib }) {
  const base = [`-L${lib}`, "-ltorch", "-ltorch_cpu", "-lc10", `-Wl,-rpath,${lib}`];
  return process.platform === "darwin" ? [...base, "-undefined", "dynamic_lookup"] : ["-Wl,--no-as-needed", ...base];
}
