/** Module hooks (node:module `register`) that instrument this repository's packages and the libraries they parse with, as they load. */
import type { LoadHook } from "node:module";
import { instrument } from "./instrument.js";

/** Ours, and from node_modules what decodes; not what only runs the fuzzer. */
const wanted = /\/packages\/[^/]+\/dist\/|\/node_modules\/(?!typescript\/|@rfmedsam\/)|\/fuzz\/src\/testing\//;

let counters = 0;

export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context);
  if (loaded.format !== "module" || !wanted.test(url) || loaded.source == null) return loaded;
  const text = typeof loaded.source === "string" ? loaded.source : new TextDecoder().decode(loaded.source);
  const { source, counters: added } = instrument(text, counters);
  counters += added;
  return { ...loaded, source };
};
