/** `doctor` with the engine that is built here, and with one that computes wrong. */
import { Tensor } from "@rfmedsam/torch";
import { afterEach, expect, test, vi } from "vitest";
import { runCommandLine as run } from "../testing/command-line.js";

afterEach(() => {
  vi.restoreAllMocks();
});

test("an engine that works is healthy", async () => {
  const { code, out, err } = await run("--threads", "1", "--json", "doctor");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(JSON.parse(out)).toMatchObject({ healthy: true, engine: { engine: "works", threads: "1 in use" } });
});

test.each([11, Number.NaN])("an engine for which 12 is %s is not: told, and ends with 2", async (wrong) => {
  vi.spyOn(Tensor.prototype, "item").mockReturnValue(wrong);
  const { code, out, err } = await run("--threads", "1", "--json", "doctor");
  expect(code).toBe(2);
  const [result, failure] = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
  // What else is known is said all the same: it is where to look.
  const facts = { engine: `computes wrong: 12 came out as ${wrong}`, libtorch: expect.any(String) };
  expect(result).toMatchObject({ event: "result", healthy: false, engine: facts });
  expect(failure).toMatchObject({ event: "error", type: "EngineError", expected: "12" });
  expect(err).toMatch(new RegExp(`sums to ${wrong}; expected 12\\. .*make setup`));
});
