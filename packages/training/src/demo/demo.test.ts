import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fc, test } from "@fast-check/vitest";
import { FileError, InterruptedError } from "@rfmedsam/base";
import { setNumThreads } from "@rfmedsam/torch";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { resolveConfiguration } from "../config.js";
import { type DemoOptions, runDemo } from "./demo.js";
import { openDemoFolder } from "./folder.js";
import { judge } from "./verdict.js";

let parent: string;
beforeEach(async () => {
  setNumThreads(1);
  parent = await mkdtemp(join(tmpdir(), "demo-"));
});
afterEach(() => rm(parent, { recursive: true }));

const small = (): DemoOptions => ({
  output: join(parent, "out"),
  cases: 2,
  test: 1,
  phantom: { inPlaneSpacing: 14, sliceSpacing: 20 },
  configuration: resolveConfiguration("demo", {
    folds: 1,
    step0: { iterations: 3, baseFeatures: 4, maximumStages: 3, patchVoxels: 6000 },
    refiner: { iterations: 2, imageSize: 64, sequence: 2, batch: 1 },
  }),
});

describe("the demonstration", () => {
  test("leaves labels, pictures, numbers and a page, and says that the goal is missed", async () => {
    const { verdict, dice, cost, report } = await runDemo(small());
    const there = async (...names: string[]) => (await readdir(join(parent, "out", ...names))).sort();
    expect(await there()).toEqual([
      "data",
      "demo.json",
      "evaluation.csv",
      "evaluation.html",
      "evaluation.json",
      "labels",
      "model",
      "overlays",
      "report.html",
    ]);
    expect(await there("labels")).toEqual(["phantom_003.nii.gz", "stage1", "stage2", "step0"]);
    expect(await there("overlays")).toEqual(["phantom_003-axial.png", "phantom_003-coronal.png"]);
    expect(dice.columns.map(({ name }) => name)).toEqual(["label", "step0", "stage1", "stage2", "final"]);
    expect(cost.rows.at(-1)?.[0]).toBe("mean");
    expect(verdict).toMatchObject({ reached: false, sentence: expect.stringContaining("below the 0.85") });
    const page = await readFile(report, "utf8");
    expect(page).toContain(verdict.sentence);
    // Image, truth, three stages and the final labels, from two sides.
    expect(page.match(/data:image\/png;base64/g)).toHaveLength(6 * 2);
  });

  test("goes on after a stop, and starts anew when it was complete", async () => {
    const signal = { aborted: false };
    const stop = ({ stage }: { stage: string }) => {
      if (stage.startsWith("refiner")) signal.aborted = true;
    };
    await expect(runDemo({ ...small(), signal, progress: stop })).rejects.toThrow(InterruptedError);
    const data = join(parent, "out/data/dataset.json");
    const made = (await stat(data)).mtimeMs;
    const stages = new Set<string>();
    await runDemo({ ...small(), progress: ({ stage }) => stages.add(stage) });
    expect((await stat(data)).mtimeMs).toBe(made);
    expect([...stages].some((stage) => stage.includes("training the U-Net"))).toBe(false);
    const again = await openDemoFolder(join(parent, "out"), {});
    expect(again.resumed).toBe(false);
    expect(await readdir(join(parent, "out"))).toEqual(["demo.json"]);
  });

  test("of a stopped one nothing is left when it is started anew", async () => {
    const output = join(parent, "out");
    await openDemoFolder(output, { seed: 0 });
    await writeFile(join(output, "labels"), "half of them");
    expect((await openDemoFolder(output, { seed: 0 })).resumed).toBe(true);
    expect((await openDemoFolder(output, { seed: 0 }, true)).resumed).toBe(false);
    expect(await readdir(output)).toEqual(["demo.json"]);
    expect(JSON.parse(await readFile(join(output, "demo.json"), "utf8"))).toEqual({ seed: 0 });
  });

  test("never touches a folder that is not its own", async () => {
    await writeFile(join(parent, "mine.txt"), "mine");
    for (const restart of [false, true]) await expect(openDemoFolder(parent, {}, restart)).rejects.toThrow(FileError);
    expect(await readdir(parent)).toEqual(["mine.txt"]);
  });
});

describe("the verdict", () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  test.prop([share, share, share])("is good exactly when both conditions hold", (final, step0, dice) => {
    const { reached, sentence } = judge({ final, step0 }, { dice });
    expect(reached).toBe(final >= dice && final >= step0);
    expect(sentence.includes("below the")).toBe(final < dice);
  });

  test("nothing measured is not good", () => {
    expect(judge({ final: Number.NaN, step0: Number.NaN }, { dice: 0.85 }).reached).toBe(false);
  });
});
