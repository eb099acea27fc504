/** `recipe` and `report` through the command line: a tiny recipe from nothing to its table, stopped and gone on with. */
import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cudaDeviceCount } from "@rfmedsam/torch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rfmedsam } from "../program.js";

let home: string;
const at = (...names: string[]) => join(home, ...names);

const training = `
train:
  preset: demo
  changes:
    folds: 2
    checkpointEvery: 2
    preprocessing: { spacing: keep }
    step0: { iterations: 4, baseFeatures: 4, maximumStages: 3, patchVoxels: 6000, overlap: 1 }
    refiner: { iterations: 3, imageSize: 64, sequence: 2, batch: 1 }
`;
const tiny = `
title: Tiny phantoms
summary: As small as it gets.
cost: seconds
phantom: { cases: 4, test: 2, inPlaneSpacing: 16, sliceSpacing: 22, absence: 0 }
split: heldOut
seed: 3
evaluate: { metrics: [dice] }
${training}`;
const given = (tolerance: number) => `
title: Given phantoms
summary: The same, given.
cost: seconds
needs: { data: { obtain: here, licence: CC0, layout: nnU-Net's } }
split: splits.json
fold: 0
evaluate: { metrics: [dice, surfaceDice], tolerances: [${tolerance}] }
${training}`;

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
    const stages = last?.stages as Event[];
    expect(stages.map((row) => row["labels of"])).toEqual(["step0", "stage1", "stage2", "final"]);
    expect(stages[3]).toMatchObject({ Dice: expect.any(Number), "a case [s]": expect.any(Number) });
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
    for (const name of [
      "evaluation.json",
      "evaluation.csv",
      "table.json",
      "table.csv",
      "stages.csv",
      "held-out/model/log/curves.json",
    ])
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
      last: { type: "ConfigError", found: expect.stringMatching(/something else: step0\.iterations \(was 4, is 5\)$/) },
    });
    const changedPhantoms = tiny.replace("cases: 4", "cases: 5");
    await writeFile(at("tiny.yaml"), changedPhantoms);
    expect(String((await run(recipe())).last?.found)).toMatch(/phantom\.cases \(was 4, is 5\)$/);
    await writeFile(at("tiny.yaml"), tiny);
    await writeFile(at("report.html"), "mine");
    const foreign = await run(["recipe", at("tiny.yaml"), "-o", home]);
    expect(foreign).toMatchObject({ code: 2, last: { type: "ConfigError", file: at("report.html") } });
    expect(await readFile(at("report.html"), "utf8")).toBe("mine");
  });
});

describe("a recipe on given data", () => {
  const recipe = (...more: string[]) => [
    "recipe",
    at("given.yaml"),
    "--data",
    at("run/data"),
    "-o",
    at("given"),
    ...more,
  ];
  const [a, b, c, d] = ["phantom_001", "phantom_002", "phantom_003", "phantom_004"];
  const split = (train: readonly (string | undefined)[], val: readonly (string | undefined)[]) =>
    writeFile(at("splits.json"), JSON.stringify([{ train, val }]));
  const finished = () => existsSync(at("given/fold-0/model/model.json"));

  test("that cannot begin leaves nothing behind", async () => {
    await writeFile(at("given.yaml"), given(1));
    await split([a, b, c], [d]);
    const wrong = await run(recipe("--fold", "9"));
    expect(wrong).toMatchObject({ code: 2, last: { file: "--fold", found: "9" } });
    await split([a, b, c, d], [d]);
    const both = await run(recipe());
    expect(both).toMatchObject({ code: 2, last: { type: "DatasetError", file: at("splits.json") } });
    expect(both.err).toContain("learns from 1 of the cases it measures: phantom_004");
    await split([a, b, c], [d]);
    const labels = at("run/data/labelsTr/phantom_004.nii.gz");
    const before = await readFile(labels);
    await writeFile(labels, "damaged");
    const damaged = await run(recipe());
    expect(damaged).toMatchObject({ code: 2, last: { type: "FormatError", file: labels } });
    await writeFile(labels, before);
    const cuda = await run(recipe("--device", "cuda:99"));
    expect(cuda.code).not.toBe(0);
    expect(existsSync(at("given"))).toBe(false);
  }, 60_000);

  test("takes another amount of memory after too little was given, also when it is trained; another seed it does not", async () => {
    await split([a, b, c], [d]);
    expect((await run(recipe("--set", "memory=0.000001"))).err).toMatch(
      /training the refiner would take about .*set memory/s,
    );
    const stopped = await run(recipe("--set", "memory=16"), finished);
    expect(stopped).toMatchObject({ code: 2, last: { type: "InterruptedError" } });
    expect(finished()).toBe(true);
    expect((await run(recipe("--seed", "7"))).last?.found).toMatch(/something else: seed \(was \d+, is 7\)$/);
    expect((await run(recipe())).last?.cases).toEqual([d]);
  }, 120_000);

  test("is not measured on cases it learned from when the split changes on the way", async () => {
    await split([a, b], [c, d]);
    const { code, last } = await run(recipe("--set", "memory=16"));
    expect({ code, type: last?.type }).toEqual({ code: 2, type: "ConfigError" });
    expect(last?.found).toMatch(/learns from \(gone: phantom_003\); cases that fold-0 measures \(new: phantom_003\)$/);
    await split([c, b, a], [d]);
    expect((await run(recipe("--set", "memory=16"))).last?.cases).toEqual([d]);
  }, 120_000);

  test("does not tell old numbers for labels that were corrected, and knows a file that was only written anew", async () => {
    const file = (id: string | undefined) => at(`run/data/labelsTr/${id}.nii.gz`);
    const [learned, measured] = [await readFile(file(a)), await readFile(file(d))];
    const told = async () => (await run(recipe("--set", "memory=16"))).last;
    await writeFile(file(a), measured);
    expect(await told()).toMatchObject({
      type: "ConfigError",
      found: expect.stringMatching(/: labelsTr\/phantom_001/),
    });
    await writeFile(file(a), learned);
    await writeFile(file(d), learned);
    expect(await told()).toMatchObject({
      found: expect.stringMatching(/: labelsTr\/phantom_004/),
      hint: expect.stringMatching(/delete labels and evaluation in the folds' folders/),
    });
    await writeFile(file(d), measured);
    expect((await told())?.cases).toEqual([d]);
  }, 60_000);

  test("does not tell old numbers for a new tolerance; started anew it measures again, and leaves the data", async () => {
    await writeFile(at("given.yaml"), given(3));
    const refused = await run(recipe("--set", "memory=16"));
    expect(refused).toMatchObject({ code: 2, last: { hint: expect.stringContaining("--restart") } });
    expect(refused.last?.found).toMatch(/something else: evaluate\.tolerances \(was \[1\], is \[3\]\)$/);
    await writeFile(at("given/notes.txt"), "mine");
    const began = (await stat(at("given/fold-0/model/model.json"))).mtimeMs;
    const anew = await run(recipe("--restart"));
    expect({ code: anew.code, err: anew.err }).toEqual({ code: 0, err: "" });
    expect((await stat(at("given/fold-0/model/model.json"))).mtimeMs).toBeGreaterThan(began);
    expect(await readFile(at("given/evaluation.json"), "utf8")).toContain("surfaceDice3mm");
    expect(existsSync(at("run/data/dataset.json"))).toBe(true);
    expect((await readdir(at("given"))).filter((name) => name.endsWith(".removed"))).toEqual([]);
    expect(await readFile(at("given/notes.txt"), "utf8")).toBe("mine");
  }, 120_000);

  test("may not throw away what no recipe made", async () => {
    await mkdir(at("foreign/data"), { recursive: true });
    const foreign = await run(["recipe", at("tiny.yaml"), "-o", at("foreign"), "--restart"]);
    expect(foreign).toMatchObject({ code: 2, last: { type: "ConfigError", file: at("foreign/data") } });
    expect(existsSync(at("foreign/data"))).toBe(true);
  });
});

describe("a recipe that converts", () => {
  const text = `
title: Converted phantoms
summary: The same, from a download.
cost: seconds
convert: msd
split: converted.json
evaluate: { metrics: [dice, surfaceDice], tolerances: [1] }
${training}`;

  test("does so with a download, of which it takes what it uses, and takes a data set as it is", async () => {
    await mkdir(at("Task"));
    for (const part of ["imagesTr", "labelsTr"]) {
      await mkdir(at("Task", part));
      for (const name of await readdir(at("run/data", part)))
        await copyFile(at("run/data", part, name), at("Task", part, name.replace("_0000", "")));
    }
    const { channel_names, labels } = JSON.parse(await readFile(at("run/data/dataset.json"), "utf8"));
    const byValue = Object.fromEntries(Object.entries(labels).map(([name, value]) => [String(value), name]));
    const files = [1, 2, 3, 4].map((n) => `phantom_00${n}.nii.gz`);
    const cases = files.map((name) => ({ image: `./imagesTr/${name}`, label: `./labelsTr/${name}` }));
    const described = { modality: channel_names, labels: byValue, training: cases, test: ["./imagesTs/none.nii.gz"] };
    await writeFile(at("Task/dataset.json"), JSON.stringify(described));
    await writeFile(at("convert.yaml"), text);
    const fold = { train: ["phantom_001", "phantom_002"], val: ["phantom_003"] };
    await writeFile(at("converted.json"), JSON.stringify([fold]));
    const recipe = (data: string, out: string) => ["recipe", at("convert.yaml"), "--data", at(data), "-o", at(out)];
    const stop = ({ stage }: Event) => String(stage).startsWith("refiner");
    const raw = await run(recipe("Task", "raw"), stop);
    expect(raw.last).toMatchObject({ type: "InterruptedError" });
    expect(await readdir(at("raw/data/labelsTr"))).toEqual(fold.train.concat(fold.val).map((id) => `${id}.nii.gz`));
    expect(existsSync(at("raw/data/imagesTs"))).toBe(false);
    const switched = await run(recipe("run/data", "raw"));
    expect(switched).toMatchObject({ code: 2, last: { found: expect.stringMatching(/something else: data \(was/) } });
    const laid = await run(recipe("run/data", "laid"), stop);
    expect(laid.last).toMatchObject({ type: "InterruptedError" });
    expect(existsSync(at("laid/data"))).toBe(false);
    // The download is not needed any more.
    await rm(at("Task"), { recursive: true });
    expect((await run(recipe("Task", "raw"))).last?.cases).toEqual(["phantom_003"]);
  }, 120_000);
});

describe("what can be asked without doing anything", () => {
  test("which recipes there are, and what each needs", async () => {
    const { last } = await run(["recipe"]);
    const names = (last!.recipes as Event[]).map(({ name }) => name);
    expect(names).toContain("btcv");
    const needs = (await run(["recipe", "btcv", "--needs"])).last!.needs as Event[];
    expect(needs.map(({ what }) => what)).toEqual(["data", "weights"]);
  });

  test("data that were not named are told, also beside a folder of that name", async () => {
    await mkdir(at("beside/data"), { recursive: true });
    const { code, last } = await run(["recipe", "hippocampus", "-o", at("beside")]);
    expect(code).toBe(2);
    expect(last).toMatchObject({ type: "ConfigError", file: "--data FOLDER" });
    expect(await readdir(at("beside"))).toEqual(["data"]);
  });

  test.skipIf(cudaDeviceCount() > 0)("no GPU for a recipe that needs one: told, and nothing is written", async () => {
    const { code, err } = await run(["recipe", "btcv", "-o", at("never")]);
    expect(code).toBe(2);
    expect(err).toMatch(/no GPU, and the recipe btcv.*--device cpu/);
    expect(existsSync(at("never"))).toBe(false);
  });

  test.each([
    [
      "data that were not named",
      ["recipe", "btcv", "-o", "OUT", "--device", "cpu"],
      /--data FOLDER: not given.*synapse/,
    ],
    ["data that are not there", ["recipe", "hippocampus", "-o", "OUT", "--data", "/nowhere"], /medicaldecathlon/],
    [
      "a fold where none can be chosen",
      ["recipe", "phantom", "-o", "OUT", "--fold", "3"],
      /--fold: 3; expected no --fold: the recipe phantom learns from all/,
    ],
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
