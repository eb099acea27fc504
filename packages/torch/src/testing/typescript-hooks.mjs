/**
 * Lets a process of its own run the sources: `node --conditions=source --import THIS-FILE script.ts`. Types are taken out as each
 * module is loaded; imports of `x.js` mean `x.ts`.
 */
import { existsSync, readFileSync } from "node:fs";
import { register } from "node:module";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";

// Node loads this module a second time, in the thread where hooks run. Only that one needs the compiler, which takes a second to load.
if (isMainThread) register(import.meta.url);
const ts = isMainThread ? undefined : (await import("typescript")).default;

export async function resolve(specifier, context, next) {
  if (specifier.startsWith(".") && specifier.endsWith(".js") && context.parentURL?.endsWith(".ts")) {
    const url = new URL(specifier.replace(/js$/, "ts"), context.parentURL);
    if (existsSync(url)) return { url: url.href, shortCircuit: true };
  }
  return next(specifier, context);
}

export async function load(url, context, next) {
  if (!url.endsWith(".ts")) return next(url, context);
  const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true };
  const { outputText } = ts.transpileModule(readFileSync(fileURLToPath(url), "utf8"), { compilerOptions: options });
  return { format: "module", source: outputText, shortCircuit: true };
}
