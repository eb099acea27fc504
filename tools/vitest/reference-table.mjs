/**
 * A reporter for `make reference`: after the tests one table, a row per reference case with the largest absolute and relative difference
 * of its outputs, and how much of the allowed difference the worst output uses.
 */

const columns = ["case", "outputs", "largest absolute", "relative", "of tolerance"];

/** @typedef {{ case: string, absolute: number, relative: number, tolerance: number }} Difference */

export default class ReferenceTable {
  onTestRunEnd(modules) {
    /** @type {Map<string, { outputs: number, absolute: number, relative: number, used: number }>} */
    const cases = new Map();
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        for (const difference of test.meta().differences ?? []) add(cases, difference);
      }
    }
    if (cases.size === 0) return;
    const rows = [...cases].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, row]) => [name, ...cellsOf(row)]);
    console.log(`\n${render([columns, ...rows])}\n`);
  }
}

function add(cases, { case: name, absolute, relative, tolerance }) {
  const row = cases.get(name) ?? { outputs: 0, absolute: 0, relative: 0, used: 0 };
  const used = absolute === 0 ? 0 : absolute / tolerance;
  cases.set(name, {
    outputs: row.outputs + 1,
    absolute: Math.max(row.absolute, absolute),
    relative: Math.max(row.relative, relative),
    used: Math.max(row.used, used),
  });
}

function cellsOf({ outputs, absolute, relative, used }) {
  if (absolute === 0) return [String(outputs), "identical", "", ""];
  return [String(outputs), absolute.toExponential(1), relative.toExponential(1), `${(100 * used).toFixed(0)} %`];
}

function render(rows) {
  const widths = columns.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  "))
    .join("\n");
}
