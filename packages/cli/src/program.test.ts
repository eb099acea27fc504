/** The command line without what it calls: the engine is only noticed to be loaded, and is missing unless a test says otherwise. */
import { EngineError } from "@rfmedsam/base";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { runCommandLine as run } from "./testing/command-line.js";

const engine = vi.hoisted(() => ({ loaded: false, built: false }));
const verdict = vi.hoisted(() => ({ reached: true, sentence: "So it went." }));

vi.mock("@rfmedsam/torch", () => {
  engine.loaded = true;
  return {
    setNumThreads: () => {
      if (engine.built) return;
      throw new EngineError({ file: "engine.node", found: "the engine is not built", hint: "run `make setup`" });
    },
  };
});
vi.mock("@rfmedsam/training", () => {
  const table = { columns: [{ name: "organ" }], rows: [] };
  return {
    runDemo: async () => ({ dice: table, cost: table, verdict, report: "report.html", seconds: 60 }),
    sayHowToGoOn: (error: unknown) => {
      throw error;
    },
    writePhantomDataset: async () => {},
  };
});

beforeEach(() => {
  engine.built = false;
});

describe("without the engine", () => {
  // First of all: modules are loaded once.
  test("nothing of it is loaded before it is needed", async () => {
    await run("--help");
    await run("train");
    expect(engine.loaded).toBe(false);
    await run("doctor");
    expect(engine.loaded).toBe(true);
  });

  test("help lists the commands, and every command has examples", async () => {
    const { code, out } = await run("--help");
    expect(code).toBe(0);
    const names = ["phantom", "train", "segment", "evaluate", "convert", "info", "doctor", "demo"];
    const pointing = ["prompt", "everything", "models", "inspect", "convert-weights"];
    for (const name of [...names, ...pointing]) {
      expect(out).toContain(`\n  ${name} `);
      expect((await run(name, "--help")).out).toMatch(/Examples:\n {2}# .+\n {2}rfmedsam /);
    }
  });

  test("the version is that of the package", async () => {
    expect(await run("--version")).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });

  test("doctor says what the machine has and what to do, and ends with 2", async () => {
    const { code, out, err } = await run("doctor");
    expect(code).toBe(2);
    expect(out).toMatch(/node +v\d+/);
    expect(out).toMatch(/engine +missing/);
    expect(err).toMatch(/^rfmedsam: .*the engine is not built\. Run `make setup`/);
  });

  test("commands that need no engine run", async () => {
    expect((await run("phantom", "out", "--cases", "1")).code).toBe(0);
    expect((await run("info", "does-not-exist")).code).toBe(2);
  });
});

test.each([
  [true, 0],
  [false, 1],
])("a demonstration whose goal is reached: %s ends with %d", async (reached, code) => {
  Object.assign(engine, { built: true });
  Object.assign(verdict, { reached });
  expect(await run("demo")).toMatchObject({ code, out: expect.stringContaining("So it went.") });
});

describe("mistakes in the arguments end with 2 and one line that says what is wrong", () => {
  test.each([
    [["tain"], /unknown command 'tain' \(Did you mean train\?\)/],
    [["train", "data"], /required option '-o, --output <folder>' not specified/],
    [["info"], /missing required argument 'file'/],
    [["info", "a", "b"], /too many arguments/],
    [["phantom", "out", "--cases", "many"], /Expected a whole number from 0/],
    [["phantom", "out", "--modality", "us"], /Allowed choices are ct, mr/],
    [["--threads", "0", "doctor"], /Expected a whole number from 1/],
    [["doctor", "--colour"], /unknown option '--colour'/],
    [["prompt", "a.png", "--point", "1"], /Expected x,y or x,y,z/],
    [["prompt", "a.png", "--box", "1,2,3"], /Expected x0,y0,x1,y1/],
    [["prompt", "a.png", "--point", "1,2", "-o", "o"], /required option '--weights <file>' not specified/],
    [["prompt", "a.png", "--weights", "w", "-o", "o"], /nothing to segment was pointed at/],
    [["everything", "a.png", "--pred-iou-thresh", "2"], /Expected a number from 0 to 1/],
    [["convert-weights", "a", "b", "--dtype", "int8"], /Allowed choices are float32/],
    [["segment", "a", "-m", "m", "-o", "o", "--overwrite", "--skip-existing"], /cannot be used with/],
  ])("%j", async (args, message) => {
    const { code, out, err } = await run(...args);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toMatch(message);
    expect(err.trimEnd().split("\n")).toHaveLength(1);
  });

  test("no command at all shows the help", async () => {
    const { code, err } = await run();
    expect(code).toBe(2);
    expect(err).toContain("First steps:");
    expect(err).not.toContain("outputHelp");
  });

  test("machines get them as an event", async () => {
    const { out } = await run("info", "--json");
    expect(JSON.parse(out)).toMatchObject({ event: "error", exitCode: 2 });
  });
});
