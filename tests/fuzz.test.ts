/**
 * The fuzzer's 20 seconds in CI: every parser gets files that were changed at random, the same ones each time. Inputs on which a parser
 * once failed (fuzz/regressions) are parsed again. And the fuzzer itself is shown to find what it is there to find.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = resolve(fileURLToPath(import.meta.url), "../..");
const dist = join(root, "fuzz/dist/fuzz/src");
const jobs = Math.min(2, availableParallelism());
let scratch = "";

beforeAll(() => {
  execFileSync(process.execPath, [join(root, "tools/setup.mjs"), "--compile", "fuzz"], { stdio: "pipe" });
  scratch = mkdtempSync(join(tmpdir(), "fuzz-test-"));
}, 300_000);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function fuzz(...options: string[]): { code: number | null; out: string } {
  const command = [join(dist, "main.js"), "--jobs", String(jobs), ...options];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: "utf8" });
  return { code: status, out: `${stdout}${stderr}` };
}

test("no parser crashes, hangs or takes too much in 20 seconds of changed files", () => {
  const { code, out } = fuzz("--seconds", "20", "--seed", "1", "--output", join(scratch, "found"));
  expect(out).toMatch(/No findings/);
  expect(code, out).toBe(0);
}, 240_000);

test("inputs on which a parser once failed are taken as they should be", () => {
  const { code, out } = fuzz("--regressions");
  expect(out).not.toMatch(/FAIL/);
  expect(code, out).toBe(0);
  const names = readdirSync(join(root, "fuzz/regressions"), { recursive: true }) as string[];
  for (const name of names.filter((each) => each.endsWith(".bin"))) {
    expect(out).toMatch(name);
    expect(existsSync(join(root, "fuzz/regressions", name.replace(/bin$/, "json"))), name).toBe(true);
  }
}, 240_000);

describe("of parsers that fail on purpose", () => {
  const faulty = ["--targets", join(dist, "testing/faulty-targets.js"), "--patience", "8"];
  const found = () => join(scratch, "faulty");
  let run: ReturnType<typeof fuzz>;
  beforeAll(() => {
    const options = ["--shrinking", "1", "--seed", "3", "--output", found()];
    run = fuzz(...faulty, "--seconds", "20", ...options);
    // The way out of the maze takes some thousands of inputs: on a machine with much else to do more than 20 seconds.
    for (const seconds of [20, 80]) {
      if (reasonOf("maze") === undefined) fuzz(...faulty, "--target", "maze", "--seconds", String(seconds), ...options);
    }
  }, 480_000);

  interface Reason {
    readonly kind: string;
    readonly what: string;
    readonly from: string;
  }

  const reasonOf = (target: string): Reason | undefined => {
    const folder = join(found(), target);
    const name = existsSync(folder) ? readdirSync(folder).find((each) => each.endsWith(".json")) : undefined;
    return name === undefined ? undefined : (JSON.parse(readFileSync(join(folder, name), "utf8")) as Reason);
  };

  test.each([
    ["untyped", /^untyped error$/, /undefined is not a function/],
    ["nonsense", /^nonsense$/, /-1 voxels/],
    // On a machine with much else to do the first of these limits to be reached may be the other one.
    ["slow", /^slow$|^hang$/, / s/],
    ["memory", /^memory$/, /200 MB/],
    ["hang", /^hang$/, /within 8 s/],
    ["death", /^death$/, /SIGABRT/],
    ["late-death", /^death$/, /nobody waits for this/],
    ["maze", /^untyped error$/, /out/],
  ])("the failure of %s is found, and kept with its reason", (target, kind, what) => {
    const reason = reasonOf(target);
    expect(reason, run.out).toBeDefined();
    expect(reason?.kind).toMatch(kind);
    expect(reason?.what).toMatch(what);
    expect(run.code).toBe(1);
  });

  test("the sound one stays without a finding", () => {
    expect(run.out).toMatch(/^sound .* inputs/m);
    expect(reasonOf("sound"), run.out).toBeUndefined();
  });

  test("an input is made again from its seed and iterations", () => {
    const options = reasonOf("maze")?.from.split(" ") ?? [];
    const { code, out } = fuzz(...faulty, ...options);
    expect(out).toMatch(/FAIL {2}iteration [\d:]+, .*\n.*out/);
    expect(code).toBe(1);
  }, 60_000);

  test("kept inputs that still fail are told, file by file", () => {
    const { code, out } = fuzz(...faulty, "--regressions", "--target", "untyped,nonsense", "--output", found());
    expect(out.match(/^FAIL/gm)).toHaveLength(2);
    expect(code).toBe(1);
  }, 60_000);
});

test("a wrong option is told in one line", () => {
  expect(fuzz("--target", "gif")).toMatchObject({
    code: 2,
    out: expect.stringMatching(/^fuzz: there is no target gif; .*\n$/),
  });
  expect(fuzz("--seconds", "soon")).toMatchObject({ code: 2, out: "fuzz: --seconds needs a number\n" });
  expect(fuzz("--second", "9")).toMatchObject({ code: 2, out: expect.stringMatching(/^fuzz: .*'--second'.*\n$/) });
}, 60_000);
