import { ConfigError } from "@rfmedsam/base";
import { beforeEach, describe, expect, test } from "vitest";
import { makeUi } from "./ui.js";

let now: number;
let out: string;
let err: string;
beforeEach(() => {
  [now, out, err] = [0, "", ""];
});

const start = (options: { json?: boolean; isTTY?: boolean; debug?: boolean } = {}) =>
  makeUi({
    stdout: { write: (text: string) => (out += text) },
    stderr: { write: (text: string) => (err += text), isTTY: options.isTTY, columns: 80 },
    json: options.json ?? false,
    debug: options.debug ?? false,
    now: () => now,
  });

/** `total` steps of `milliseconds` each. */
const work = (ui: ReturnType<typeof start>, stage: string, total: number, milliseconds: number) => {
  for (let done = 1; done <= total; done++) {
    now += milliseconds;
    ui.progress({ stage, done, total });
  }
};

describe("in a log", () => {
  test("a line every five seconds at most, and none for short work", () => {
    const ui = start();
    work(ui, "quick", 20, 10);
    expect(err).toBe("");
    work(ui, "slow", 100, 200);
    const lines = err.trimEnd().split("\n");
    expect(lines.length).toBeGreaterThanOrEqual(3);
    expect(lines.length).toBeLessThanOrEqual(4);
    expect(lines[1]).toMatch(/^slow: \d+ %, \d+\/100, 5\.0\/s, 0:\d\d left$/);
  });

  test("results go to stdout, notes and errors to stderr", () => {
    const ui = start();
    ui.result("done", { a: 1 });
    ui.note("by the way");
    ui.failure(new ConfigError({ file: "x", found: "wrong" }));
    expect(out).toBe("done\n");
    expect(err).toBe("by the way\nrfmedsam: x: wrong.\n");
  });
});

describe("on a terminal", () => {
  test("one line per stage is drawn over itself, and kept when the stage took a while", () => {
    const ui = start({ isTTY: true });
    work(ui, "first", 20, 200);
    work(ui, "second", 2, 1);
    ui.close();
    const kept = err
      .split("\n")
      .slice(0, -1)
      .map((line) => line.slice(line.lastIndexOf("\x1b[K") + 3));
    expect(kept).toEqual([expect.stringMatching(/^first {2}█+ {2}100 %/)]);
    expect(err.endsWith("\r\x1b[K")).toBe(true);
  });

  test("a result leaves the line first", () => {
    const ui = start({ isTTY: true });
    ui.progress({ stage: "first", done: 1, total: 2 });
    ui.result("done", {});
    expect(err.endsWith("\r\x1b[K")).toBe(true);
    expect(out).toBe("done\n");
  });

  test("stages are drawn ten times a second at most", () => {
    const ui = start({ isTTY: true });
    work(ui, "many", 1000, 1);
    expect(err.split("\x1b[K").length).toBeLessThan(15);
  });
});

describe("for machines", () => {
  test("every line on stdout is an object that says what it is", () => {
    const ui = start({ json: true });
    work(ui, "stage", 50, 10);
    ui.note("by the way");
    ui.result("text", { labels: 3 });
    ui.failure(new ConfigError({ file: "x", found: "wrong", hint: "do better" }));
    const events = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events[0]).toMatchObject({ event: "progress", stage: "stage", done: 1, total: 50 });
    expect(events.at(-4)).toMatchObject({ event: "progress", done: 50 });
    expect(events.at(-3)).toEqual({ event: "note", text: "by the way" });
    expect(events.length).toBeLessThan(9);
    expect(events.at(-2)).toEqual({ event: "result", labels: 3 });
    expect(events.at(-1)).toMatchObject({
      event: "error",
      type: "ConfigError",
      file: "x",
      found: "wrong",
      exitCode: 2,
    });
    expect(err).toBe("rfmedsam: x: wrong. Do better.\n");
  });
});

test("an error is told once, however often it is given", () => {
  const ui = start();
  const error = new ConfigError({ found: "wrong" });
  ui.failure(error);
  ui.failure(error);
  expect(err).toBe("rfmedsam: wrong.\n");
});
