import { ConfigError, EngineError, InterruptedError, ResourceError } from "@rfmedsam/base";
import { CommanderError } from "commander";
import { describe, expect, test } from "vitest";
import { exitCodeOf, paragraphOf, recordOf } from "./faults.js";

const systemError = (code: string) =>
  Object.assign(new Error(`${code}: so says the system`), { code, syscall: "open", path: "a/b" });

describe("what an error becomes", () => {
  test.each([
    [new ConfigError({ found: "x" }), 2],
    [new InterruptedError({ found: "x" }), 2],
    [new EngineError({ found: "x" }), 1],
    [new ResourceError({ found: "x" }), 1],
    [systemError("ENOENT"), 2],
    [systemError("ENOSPC"), 1],
    [new CommanderError(1, "commander.unknownOption", "error: x"), 2],
    [new CommanderError(0, "commander.helpDisplayed", ""), 0],
    [new TypeError("x"), 1],
    ["x", 1],
  ])("%s ends with %d", (error, code) => expect(exitCodeOf(error)).toBe(code));

  test("a cause is told, unless it is the system's own words for the same", () => {
    const cause = new ConfigError({ found: "the reason" });
    expect(paragraphOf(new ConfigError({ file: "f", found: "wrong", cause }))).toBe(
      "rfmedsam: f: wrong. (the reason.)",
    );
    expect(paragraphOf(new ConfigError({ file: "f", found: "wrong", cause: systemError("ENOENT") }))).toBe(
      "rfmedsam: f: wrong.",
    );
    expect(paragraphOf(systemError("ENOENT"))).toBe("rfmedsam: a/b: does not exist.");
  });

  test("it is one line without a stack, with one when asked for", () => {
    const error = new EngineError({ found: "many\n  lines" });
    expect(paragraphOf(error)).toBe("rfmedsam: many lines.");
    expect(paragraphOf(error, true)).toMatch(/\n {4}at .*faults\.test\.ts/);
  });

  test("our own faults say so", () => {
    expect(paragraphOf(new TypeError("x is undefined"))).toMatch(
      /a fault of rfmedsam, not yours: TypeError: x is undefined\. .*--debug/,
    );
  });

  test("machines get the parts", () => {
    expect(recordOf(new ConfigError({ file: "f", found: "a", expected: "b", hint: "c" }))).toEqual({
      type: "ConfigError",
      file: "f",
      found: "a",
      expected: "b",
      hint: "c",
      message: "f: a; expected b. C.",
      exitCode: 2,
    });
  });
});
