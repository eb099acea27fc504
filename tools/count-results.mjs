/**
 * Adds up what `.ci/run` left in a folder, NAME.json (of tools/check.mjs or of Vitest) and NAME.status (the exit code) for each entry,
 * and prints `N passed, N failed`. An entry that ended badly without naming a failure counts as one.
 *
 *   node tools/count-results.mjs FOLDER NAME…
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const [folder, ...names] = process.argv.slice(2);

function countOf(name) {
  const status = Number(readFileSync(join(folder, `${name}.status`), "utf8"));
  const file = join(folder, `${name}.json`);
  const result = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  const passed = result.passed ?? result.numPassedTests ?? 0;
  const failed = (result.failed ?? result.numFailedTests ?? 0) + brokenFiles(result);
  return { name, passed, failed: status === 0 ? failed : Math.max(failed, 1) };
}

/** Test files that failed without a failing test, as one that cannot be loaded does. */
function brokenFiles({ testResults = [] }) {
  return testResults.filter(
    ({ status, assertionResults }) => status === "failed" && !assertionResults.some((test) => test.status === "failed"),
  ).length;
}

const counts = names.map(countOf);
for (const { name, passed, failed } of counts)
  console.log(`make ${name.padEnd(10)} ${passed} passed, ${failed} failed.`);
const sum = (key) => counts.reduce((total, count) => total + count[key], 0);
console.log(`\n${sum("passed")} passed, ${sum("failed")} failed`);
process.exit(sum("failed") === 0 && sum("passed") > 0 ? 0 : 1);
