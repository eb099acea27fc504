/** The last line of `.ci/run`: everything that ran is counted, and nothing that went wrong is lost. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const script = fileURLToPath(new URL("../tools/count-results.mjs", import.meta.url));
const allWell = { numPassedTests: 3, numFailedTests: 0, testResults: [] };

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "results-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function leave(name: string, status: number, result?: object): void {
  writeFileSync(join(folder, `${name}.status`), `${status}\n`);
  if (result !== undefined) writeFileSync(join(folder, `${name}.json`), JSON.stringify(result));
}

function closing(): { line: string | undefined; status: number | null } {
  const { stdout, status } = spawnSync(process.execPath, [script, folder, "check", "test"], { encoding: "utf8" });
  return { line: stdout.trimEnd().split("\n").at(-1), status };
}

describe("counting what ran", () => {
  test("adds up checks and tests", () => {
    leave("check", 0, { passed: 5, failed: 0 });
    leave("test", 0, allWell);
    expect(closing()).toEqual({ line: "8 passed, 0 failed", status: 0 });
  });

  test("counts an entry that crashed without a result", () => {
    leave("check", 2);
    leave("test", 0, allWell);
    expect(closing()).toEqual({ line: "3 passed, 1 failed", status: 1 });
  });

  test("counts a test file that could not be loaded", () => {
    const broken = { status: "failed", assertionResults: [] };
    leave("check", 0, { passed: 5, failed: 0 });
    leave("test", 1, { ...allWell, testResults: [broken, broken] });
    expect(closing()).toEqual({ line: "8 passed, 2 failed", status: 1 });
  });

  test("counts failing tests once, though their file and their entry failed with them", () => {
    const file = { status: "failed", assertionResults: [{ status: "failed" }, { status: "passed" }] };
    leave("check", 0, { passed: 5, failed: 0 });
    leave("test", 1, { numPassedTests: 1, numFailedTests: 1, testResults: [file] });
    expect(closing()).toEqual({ line: "6 passed, 1 failed", status: 1 });
  });
});
