/**
 * The import table of docs/architecture.md as rules: which room may import which, and what must stay able to run in a browser.
 *
 * Workspace packages resolve to their sources (the condition "source" of their `exports`), so an import is judged by where it leads,
 * however it is written.
 */

/** Each room and the rooms it may import. */
export const rooms = {
  base: { imports: [] },
  imaging: { imports: ["base"] },
  metrics: { imports: ["base", "imaging"] },
  segmenter: { imports: ["base", "imaging"] },
  torch: { imports: ["base"] },
  models: { imports: ["base", "torch", "segmenter"] },
  engine: { imports: ["base", "imaging", "segmenter", "torch", "models"] },
  training: { imports: ["base", "imaging", "metrics", "segmenter", "torch", "models", "engine"] },
  cli: { imports: ["base", "imaging", "metrics", "segmenter", "torch", "models", "engine", "training"] },
};

/** Rooms that run in a browser, but for what lies behind their `./node` entry. */
const browserRooms = "(base|imaging|metrics|segmenter)";
const tests = "\\.test\\.ts$|/testing/";

const anyOf = (names) => `(${names.join("|")})`;

const importTable = Object.entries(rooms).map(([room, { imports }]) => ({
  name: `${room}-imports`,
  comment: `packages/${room} may import ${imports.join(", ") || "no other package"}.`,
  severity: "error",
  from: { path: `^packages/${room}/` },
  to: {
    path: `^packages/${anyOf(Object.keys(rooms).filter((other) => other !== room && !imports.includes(other)))}/`,
  },
}));

export default {
  forbidden: [
    ...importTable,
    {
      name: "known-rooms-only",
      comment: "A new package gets its row in `rooms` (.dependency-cruiser.mjs) and in docs/architecture.md.",
      severity: "error",
      from: { path: "^packages/", pathNot: `^packages/${anyOf(Object.keys(rooms))}/` },
      to: {},
    },
    {
      name: "entries-only",
      comment:
        "Another package is reached through its entries (src/index.ts, src/node/index.ts; for tests src/testing/index.ts), never through a file inside it.",
      severity: "error",
      from: { path: "^packages/([^/]+)/" },
      to: { path: "^packages/[^/]+/", pathNot: ["^packages/$1/", "^packages/[^/]+/src/((node|testing)/)?index\\.ts$"] },
    },
    {
      name: "browser-safe",
      comment: "This runs in a browser: what needs Node goes behind the package's `./node` entry (src/node/).",
      severity: "error",
      from: { path: `^packages/${browserRooms}/src/`, pathNot: [tests, `^packages/${browserRooms}/src/node/`] },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "browser-safe-entries",
      comment: "This runs in a browser, so it must not import a `./node` entry or a file behind one.",
      severity: "error",
      from: { path: `^packages/${browserRooms}/src/`, pathNot: [tests, `^packages/${browserRooms}/src/node/`] },
      to: { path: `^packages/${browserRooms}/src/node/` },
    },
    {
      name: "no-test-code-in-sources",
      comment: "Test helpers (a folder testing/, *.test.ts) are not part of the built packages.",
      severity: "error",
      from: { path: "^packages/", pathNot: tests },
      to: { path: tests },
    },
    {
      name: "packages-stand-alone",
      comment: "Packages do not import what is around them (bench, tests, tools, docs, examples).",
      severity: "error",
      from: { path: "^packages/" },
      to: { path: "^(bench|fuzz|tests|tools|docs|examples)/" },
    },
    {
      name: "no-cycles",
      comment:
        "Files that import each other in a circle cannot be read one at a time. Imports of types alone are let through.",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "resolvable",
      comment: "The import leads nowhere: a missing file, or a package that is not installed or does not export this.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: "declared",
      comment: "An npm package that a room imports stands in that room's own package.json.",
      severity: "error",
      from: { path: "^packages/", pathNot: tests },
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown", "npm-dev"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(packages/[^/]+|bench|fuzz)/(dist|build)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.test.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["source", "import", "node", "default"] },
    combinedDependencies: false,
  },
};
