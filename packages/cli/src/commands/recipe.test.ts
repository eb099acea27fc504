/** `recipe` and `report` through the command line: a tiny recipe from nothing to its table, stopped and gone on with. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rfmedsam } from "../program.js";

let home: string;
const at = (...names: string[]) => join(home, ...names);

const tiny = `
title: Tiny phantoms
summary: As small as it gets.
cost: seconds
phantom: { cases: 4, test: 2, inPlaneSpacing: 16, sliceSpacing: 22, absence: 0 }
split: heldOut
seed: 3
train:
  preset: demo
  changes:
    folds: 2
    checkpointEvery: 2
    preprocessing: { spacing: keep }
    step0: { iterations: 4, baseFeatures: 4, maximumStages: 3, patchVoxels: 6000, overlap: 1 }
    refiner: { iterations: 3, imageSize: 64, sequence: 2, batch: 1 }
evaluate: { metrics: [dice] }
`;

type Event = Readonly<Record<string, unknown>>;

/** Runs to the end, or until an event asks for a stop. */
async function run(args: readonly string[], stopAt: (event: Event) => boolean = () => false) {
  const abort = new AbortController();
  let [out, err] = ["", ""];
  const stdout = {
    write: (text: string) => {
      out += text;
      for (const line of text.split("\n")) if (line !== "" && stopAt(JSON.parse(line) as Event)) abort.abort();
    },
  };
  const stderr = { write: (text: string) => (err += text) };
  const code = await rfmedsam(["--json", "--threads", "1", ...args], { stdout, stderr, signal: abort.signal });
  const events = out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Event);
  return { code, err, events, last: events.at(-1) };
}

const stagesOf = (events: readonly Event[]) => new Set(events.map(({ stage }) => String(stage)));

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "recipe-cli-"));
  await writeFile(at("tiny.yaml"), tiny);
});
afterAll(() => rm(home, { recursive: true }));

describe("a recipe on the command line", () => {
  const recipe = () => ["recipe", at("tiny.yaml"), "-o", at("run")];

  test("stops in the middle of a training; the unfinished run has a report", async () => {
    const { code, last } = await run(
      recipe(),
      ({ stage, done }) => String(stage).startsWith("refiner") && Number(done) >= 1,
    );
    expect(last).toMatchObject({ event: "error", type: "InterruptedError" });
    expect(String(last?.message)).toMatch(/run the same command again/i);
    expect(code).toBe(2);
    const model = at("run/held-out/model");
    expect(existsSync(join(model, "model.json"))).toBe(false);
    const reported = await run(["report", model, "-o", at("unfinished.html")]);
    expect(reported).toMatchObject({ code: 0, last: { file: at("unfinished.html") } });
    const page = await readFile(at("unfinished.html"), "utf8");
    expect(page).toContain("Not finished: refiner");
    expect(page).toContain("<polyline");
  }, 120_000);

  test("goes on with the same command, does nothing twice, and ends with the table and the pages", async () => {
    const made = (await stat(at("run/data/dataset.json"))).mtimeMs;
    const { code, err, events, last } = await run(recipe());
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect((await stat(at("run/data/dataset.json"))).mtimeMs).toBe(made);
    expect([...stagesOf(events)].some((stage) => /training U-Net/.test(stage))).toBe(false);
    expect(last?.cases).toEqual(["phantom_005", "phantom_006"]);
    const rows = last?.table as Event[];
    expect(rows).toHaveLength(7);
    for (const column of ["step0", "stage1", "stage2", "final"]) expect(rows[0]).toHaveProperty(column);
    expect(Object.keys(rows[0]!)).toEqual(
      expect.arrayContaining(["final − step0", "95 % interval from", "95 % interval to", "p", "answers"]),
    );
    const page = await readFile(at("run/report.html"), "utf8");
    expect(page).toContain("Tiny phantoms");
    expect(page).toContain("Time and memory per volume");
    expect(await readFile(at("run/held-out/model/log/report.html"), "utf8")).toContain("Finished.");
    for (const name of ["evaluation.json", "evaluation.csv", "table.json", "held-out/model/log/curves.json"])
      expect(existsSync(at("run", name)), name).toBe(true);
  }, 120_000);

  test("a third time it only tells the table again", async () => {
    const before = (await stat(at("run/held-out/labels/phantom_005.nii.gz"))).mtimeMs;
    const { code, events } = await run(recipe());
    expect(code).toBe(0);
    expect(events.filter(({ event }) => event === "progress")).toEqual([]);
    expect((await stat(at("run/held-out/labels/phantom_005.nii.gz"))).mtimeMs).toBe(before);
  }, 120_000);

  test("with other settings, or in a folder of something else, it refuses", async () => {
    const changed = await run([...recipe(), "--set", "step0.iterations=5"]);
    expect(changed).toMatchObject({
      code: 2,
      last: { type: "ConfigError", found: "a run with another configuration" },
    });
    await writeFile(at("report.html"), "mine");
    const foreign = await run(["recipe", at("tiny.yaml"), "-o", home]);
    expect(foreign).toMatchObject({ code: 2, last: { type: "ConfigError", file: at("report.html") } });
    expect(await readFile(at("report.html"), "utf8")).toBe("mine");
  });
});

describe("what can be asked without doing anything", () => {
  test("which recipes there are, and what each needs", async () => {
    const { last } = await run(["recipe"]);
    const names = (last!.recipes as Event[]).map(({ name }) => name);
    expect(names).toContain("btcv");
    const needs = (await run(["recipe", "btcv", "--needs"])).last!.needs as Event[];
    expect(needs.map(({ what }) => what)).toEqual(["data", "weights"]);
  });

  test.each([
    ["data that were not named", ["recipe", "btcv", "-o", "OUT"], /--data FOLDER: not given.*synapse/],
    ["data that are not there", ["recipe", "hippocampus", "-o", "OUT", "--data", "/nowhere"], /medicaldecathlon/],
    ["no output", ["recipe", "phantom"], /--output: not given/],
    ["a recipe that is not there", ["recipe", "phantoms", "-o", "OUT"], /did you mean phantom\?/],
    [
      "a wrong setting",
      ["recipe", "phantom", "-o", "OUT", "--set", "step0.iteration=3"],
      /did you mean "step0.iterations?"|iteration/,
    ],
    ["a report of nothing", ["report", "/nowhere"], /does not exist/],
  ])("%s: told, and nothing is written", async (_, args, message) => {
    const { code, err } = await run(args.map((each) => (each === "OUT" ? at("never") : each)));
    expect(code).toBe(2);
    expect(err).toMatch(message);
    expect(existsSync(at("never"))).toBe(false);
  });
});
