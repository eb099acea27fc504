import { describe, expect, test } from "vitest";
import { countersName, instrument } from "./instrument.js";

/** Runs an instrumented function body. @returns what it returns, and which counters it raised */
function run(body: string, ...args: unknown[]): { result: unknown; reached: number[] } {
  const counters = new Uint8Array(64);
  Object.assign(globalThis, { [countersName]: counters });
  const { source } = instrument(`const f = (...args) => {${body}}; return f;`, 0);
  const result = (new Function(source)() as (...given: unknown[]) => unknown)(...args);
  return { result, reached: [...counters.keys()].filter((at) => counters[at]! > 0) };
}

/** What a program does, and inputs that lead through different branches of it. */
const programs: readonly (readonly [what: string, body: string, inputs: readonly (readonly unknown[])[]])[] = [
  ["if without braces", "if (args[0]) return 1; else return 2;", [[true], [false]]],
  ["else if", "if (args[0] === 1) return 1; else if (args[0] === 2) { return 2; } return 3;", [[1], [2], [3]]],
  ["a loop without braces", "let n = 0; for (const x of args) n += x; return n;", [[], [1, 2]]],
  ["a do loop", "let n = 0; do n++; while (n < args[0]); return n;", [[3]]],
  [
    "cases",
    "switch (args[0]) { case 1: case 2: return 'a'; case 3: { return 'b'; } default: return 'c'; }",
    [[1], [3], [9]],
  ],
  ["a choice", "return args[0] ? args[0] > 5 ? 'big' : 'small' : 'none';", [[0], [3], [8]]],
  [
    "and, or, otherwise",
    "return (args[0] && args[1]) || (args[2] ?? 'none');",
    [
      [1, 1],
      [0, 1, 0],
      [0, 0],
    ],
  ],
  ["arrows with objects", "return args.map((x) => ({ x })).map(({ x }) => x && { y: x });", [[], [0], [1]]],
  ["a closure in a choice", "const g = args[0] ? (x) => x + 1 : (x) => x - 1; return g(10);", [[1], [0]]],
  [
    "catch and finally",
    "let t = ''; try { args[0](); } catch { t += 'c'; } finally { t += 'f'; } return t;",
    [[() => {}], [null]],
  ],
  ["a template", `return \`\${args[0] ? \`\${args[0] && "a"}\` : "b"}\`;`, [[1], [0]]],
];

describe.each(programs)("%s", (_, body, inputs) => {
  test("works as before", () => {
    const plain = new Function("...args", body) as (...given: unknown[]) => unknown;
    for (const input of inputs) expect(run(body, ...input).result).toEqual(plain(...input));
  });

  test("raises other counters for every way through it", () => {
    const ways = inputs.map((input) => run(body, ...input).reached.join());
    expect(new Set(ways).size).toBe(inputs.length);
  });
});

test("counters go on behind those of the module before", () => {
  const { source, counters } = instrument("if (a) b();", 5);
  expect(counters).toBe(1);
  expect(source).toContain(`{${countersName}[5]++;b();}`);
});

test("lines stay where they are", () => {
  const program = "const a = 1;\nif (a)\n  throw new Error('here');\n";
  expect(instrument(program, 0).source.split("\n")).toHaveLength(program.split("\n").length);
});
