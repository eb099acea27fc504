/**
 * The import rules (.dependency-cruiser.mjs) find what they forbid, shown on two small copies of the house in temporary folders, with the
 * real packages' names and entries: one that keeps every rule, and one in which each row below breaks a rule on purpose.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = resolve(fileURLToPath(import.meta.url), "../..");
const cruiser = join(root, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");

/** Files that keep the rules: path below packages/, text. */
const lawful: readonly (readonly [string, string])[] = [
  ["metrics/src/dice.ts", 'import { here } from "@rfmedsam/imaging";\nexport const there = here;'],
  ["models/src/net.ts", 'import { type Here, here } from "@rfmedsam/segmenter";\nexport const there: Here = here;'],
  ["imaging/src/node/read.ts", 'import { readFileSync } from "node:fs";\nexport const read = readFileSync;'],
  ["imaging/src/part/testing/read.ts", 'import { readFileSync } from "node:fs";\nreadFileSync("x");'],
  ["imaging/src/read.test.ts", 'import { readFileSync } from "node:fs";\nreadFileSync("x");'],
  ["torch/src/tensor.ts", 'import type { B } from "./operators.js";\nexport type A = B;\nexport const a = 1;'],
  ["torch/src/operators.ts", 'import { a } from "./tensor.js";\nexport type B = typeof a;'],
];

/** What is broken, the rule that says so, the file below packages/, its text. */
const broken: readonly (readonly [string, string, string, string])[] = [
  ["a forbidden room", "metrics-imports", "metrics/src/dice.ts", 'import { here } from "@rfmedsam/torch";'],
  ["a forbidden room's types", "imaging-imports", "imaging/src/b.ts", 'import type { Here } from "@rfmedsam/metrics";'],
  [
    "a forbidden room by a relative path",
    "torch-imports",
    "torch/src/c.ts",
    'import { here } from "../../imaging/src/index.js";',
  ],
  [
    "a forbidden room, loaded later",
    "segmenter-imports",
    "segmenter/src/d.ts",
    'export const later = import("@rfmedsam/torch");',
  ],
  ["volumes in the networks' room", "models-imports", "models/src/e.ts", 'import { here } from "@rfmedsam/imaging";'],
  ["Node in a browser room", "browser-safe", "imaging/src/f.ts", 'import { readFileSync } from "node:fs";'],
  ["Node in a browser room, without its prefix", "browser-safe", "base/src/g.ts", 'import { join } from "path";'],
  [
    "another room's Node entry in a browser room",
    "browser-safe-entries",
    "metrics/src/h.ts",
    'import { here } from "@rfmedsam/imaging/node";',
  ],
  [
    "its own Node entry in a browser room",
    "browser-safe-entries",
    "imaging/src/i.ts",
    'import { here } from "./node/index.js";',
  ],
  ["an import that leads nowhere", "resolvable", "cli/src/j.ts", 'import { here } from "@rfmedsam/nowhere";'],
  ["a package without a row in the table", "known-rooms-only", "attic/src/k.ts", 'import "@rfmedsam/base";'],
  ["a file past the entry of its package", "entries-only", "imaging/src/l.ts", 'import "../../base/src/g.js";'],
  ["a circle of files", "no-cycles", "torch/src/m.ts", 'import { n } from "./n.js";\nexport const m = () => n;'],
  ["test helpers in sources", "no-test-code-in-sources", "metrics/src/o.ts", 'import "./testing/p.js";'],
  ["a part's test helpers in sources", "no-test-code-in-sources", "metrics/src/q.ts", 'import "./part/testing/r.js";'],
];

/** What the broken files lead to. */
const besides: readonly (readonly [string, string])[] = [
  ["torch/src/n.ts", 'import { m } from "./m.js";\nexport const n = () => m;'],
  ["metrics/src/testing/p.ts", "export const p = 1;"],
  ["metrics/src/part/testing/r.ts", "export const r = 1;"],
];

const houses: string[] = [];

function build(files: readonly (readonly [string, string])[]): string {
  const house = mkdtempSync(join(tmpdir(), "house-"));
  houses.push(house);
  const put = (file: string, text: string) => {
    mkdirSync(dirname(join(house, file)), { recursive: true });
    writeFileSync(join(house, file), `${text}\n`);
  };
  mkdirSync(join(house, "node_modules/@rfmedsam"), { recursive: true });
  for (const room of readdirSync(join(root, "packages"))) {
    put(`packages/${room}/src/index.ts`, "export const here = 1;\nexport type Here = typeof here;");
    put(`packages/${room}/src/node/index.ts`, "export const here = 1;");
    cpSync(join(root, "packages", room, "package.json"), join(house, "packages", room, "package.json"));
    symlinkSync(join(house, "packages", room), join(house, "node_modules/@rfmedsam", room));
  }
  for (const file of ["tsconfig.test.json", "tsconfig.base.json"]) cpSync(join(root, file), join(house, file));
  for (const [file, text] of files) put(`packages/${file}`, text);
  return house;
}

interface Report {
  readonly summary: {
    readonly violations: readonly { readonly from: string; readonly rule: { readonly name: string } }[];
  };
}

/** The rules that a house breaks, as `rule: file`. */
function violations(house: string): string[] {
  const config = join(root, ".dependency-cruiser.mjs");
  const args = [cruiser, "--config", config, "--output-type", "json", "packages"];
  const { stdout } = spawnSync(process.execPath, args, { cwd: house, encoding: "utf8", maxBuffer: 2 ** 26 });
  return (JSON.parse(stdout) as Report).summary.violations.map(({ rule, from }) => `${rule.name}: ${from}`);
}

afterAll(() => {
  for (const house of houses) rmSync(house, { recursive: true, force: true });
});

describe("the import rules", () => {
  let found: readonly string[];
  beforeAll(() => {
    found = violations(build([...besides, ...broken.map(([, , file, text]) => [file, text] as const)]));
  });

  test("pass a house in which every room imports only those above it", () => {
    expect(violations(build(lawful))).toEqual([]);
  });

  test.each(broken)("find %s", (_, rule, file) => {
    expect(found).toContain(`${rule}: packages/${file}`);
  });
});
