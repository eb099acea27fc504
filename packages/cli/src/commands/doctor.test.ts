/** `doctor` with the engine that is built here, and with one that computes wrong. */
import { EngineError } from "@rfmedsam/base";
import { F, Tensor } from "@rfmedsam/torch";
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
  const facts = { engine: `a product of two small matrices of ones sums to ${wrong}`, libtorch: expect.any(String) };
  expect(result).toMatchObject({ event: "result", healthy: false, engine: facts });
  expect(failure).toMatchObject({ event: "error", type: "EngineError", file: "cpu", expected: "12" });
  expect(err).toMatch(new RegExp(`sums to ${wrong}; expected 12\\. .*make setup`));
});

test("a convolution that cannot be run is told as well", async () => {
  vi.spyOn(F, "conv2d").mockImplementation(() => {
    throw new EngineError({ found: "no kernel image is available for execution on the device" });
  });
  const { code, out, err } = await run("--threads", "1", "--json", "doctor");
  expect(code).toBe(2);
  expect(JSON.parse(out.split("\n")[0]!)).toMatchObject({
    healthy: false,
    engine: {
      engine: expect.stringMatching(/a convolution of ones fails: .*no kernel image/),
      devices: expect.stringMatching(/^cpu \(fails\)/),
    },
  });
  expect(err).toMatch(/no kernel image/);
});
