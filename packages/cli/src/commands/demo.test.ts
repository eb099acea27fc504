/** What `demo` adds to the demonstration itself: settings, starting anew, and what to do after a stop. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InterruptedError } from "@rfmedsam/base";
import type { DemoOptions } from "@rfmedsam/training";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { runCommandLine as run } from "../testing/command-line.js";

const demonstration = vi.hoisted(() => ({ run: async (_: unknown): Promise<void> => {} }));
vi.mock("@rfmedsam/training", async (original) => {
  const table = { columns: [{ name: "organ" }], rows: [] };
  const verdict = { reached: true, sentence: "So it went." };
  return {
    ...(await original<typeof import("@rfmedsam/training")>()),
    runDemo: async (options: unknown) => {
      await demonstration.run(options);
      return { dice: table, cost: table, verdict, report: "report.html", seconds: 60 };
    },
  };
});

let output: string;
let settings: string;
beforeEach(async () => {
  output = await mkdtemp(join(tmpdir(), "demo-cli-"));
  settings = join(output, "demo.json");
});
afterEach(() => rm(output, { recursive: true }));

/** @returns what the demonstration was started with, if it was */
async function demo(...args: string[]) {
  let options: DemoOptions | undefined;
  demonstration.run = async (given) => {
    options = given as DemoOptions;
  };
  const { code, err } = await run("--threads", "1", "demo", "-o", output, ...args);
  return { code, err, options };
}

test("a stop in any step is told with what this command can do", async () => {
  demonstration.run = async () => {
    throw new InterruptedError({ found: "stopped after 1 of 6 cases", hint: "run it with --skip-existing" });
  };
  const { code, err } = await run("--threads", "1", "demo", "-o", output);
  expect(code).toBe(2);
  expect(err).toMatch(/stopped after 1 of 6 cases\. Run the same command again to go on from here/);
  expect(err).not.toContain("--skip-existing");
});

test("a setting that a hint asks for can be given; a wrong one is told before anything is done", async () => {
  const { options } = await demo("--set", "memory=16", "--set", "refiner.iterations=9");
  expect(options?.configuration).toMatchObject({
    memory: 16,
    refiner: { iterations: 9, imageSize: expect.any(Number) },
  });
  expect((await demo()).options).not.toHaveProperty("configuration");
  await writeFile(settings, '{"seed":0}');
  const wrong = await demo("--restart", "--set", "memry=16");
  expect(wrong).toMatchObject({ code: 2, options: undefined, err: expect.stringMatching(/unknown key "memry"/) });
  expect(await readFile(settings, "utf8")).toBe('{"seed":0}');
});

test("starting anew is asked for with --restart, and only then", async () => {
  expect((await demo("--restart")).options).toMatchObject({ restart: true });
  expect((await demo()).options).not.toHaveProperty("restart");
});
