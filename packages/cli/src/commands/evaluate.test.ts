import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scalingAffine } from "@rfmedsam/imaging";
import { writeVolume } from "@rfmedsam/imaging/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommandLine } from "../testing/command-line.js";

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);

/** One row of eight voxels of 1 mm. */
const save = (name: string, data: readonly number[]) =>
  writeVolume(at(name), { data: Uint8Array.from(data), shape: [1, 1, data.length], affine: scalingAffine([1, 1, 1]) });

const run = (...args: string[]) => runCommandLine("evaluate", at("pred"), at("ref"), ...args);

const resultOf = (out: string) => JSON.parse(out.trim().split("\n").at(-1)!) as Record<string, unknown>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "evaluate-command-"));
  await save("ref/a.nii.gz", [1, 1, 1, 1, 0, 0, 9, 9]);
  await save("ref/b.nii.gz", [1, 1, 0, 0, 2, 2, 2, 2]);
  await save("pred/a.nii.gz", [1, 1, 0, 0, 0, 0, 1, 0]);
  await save("pred/b.nii.gz", [1, 1, 0, 0, 2, 2, 0, 0]);
  await save("other/a.nii.gz", [1, 0, 0, 0, 0, 0, 0, 0]);
  await save("other/b.nii.gz", [1, 0, 0, 0, 0, 0, 0, 0]);
  await writeFile(at("with-nine.json"), '{"labels": {"background": 0, "liver": 1, "spleen": 2, "rest": 9}}');
  await writeFile(at("only-liver.json"), '{"labels": {"background": 0, "liver": 1}}');
  await writeFile(at("ref/dataset.json"), '{"labels": {"background": 0, "liver": 1, "spleen": 2, "ignore": 9}}');
});
afterAll(() => rm(folder, { recursive: true }));

describe("evaluate", () => {
  test("prints scores with spread and interval, and what they mean", async () => {
    const { code, out } = await run();
    expect(code).toBe(0);
    expect(out).toMatch(/label +cases +Dice +HD95 \[mm\] +ASSD \[mm\] +surface Dice 1 mm +surface Dice 2 mm\n/);
    // what the reference calls ignore is no error of the prediction
    expect(out).toMatch(/liver +2 +0\.833 ± 0\.236 +1\.00 ± 1\.41/);
    expect(out).toMatch(/95 % intervals of the means/);
    expect(out).toMatch(/Empty masks: .*left out/);
    expect(out).toMatch(/DeepMind/);
  });

  test("computes what is asked for", async () => {
    const { out } = await run(
      "--json",
      "--metrics",
      "hd95,surface-dice,recall",
      "--tolerance",
      "3",
      "--definition",
      "monai",
    );
    const { scores, summary } = resultOf(out) as { scores: object[]; summary: { score: string }[] };
    expect(Object.keys(scores[0]!)).toEqual([
      "label",
      "cases",
      "Dice",
      "Dice sd",
      "HD95 [mm]",
      "HD95 [mm] sd",
      "surface Dice 3 mm",
      "surface Dice 3 mm sd",
    ]);
    expect(new Set(summary.map(({ score }) => score))).toEqual(new Set(["dice", "recall", "hd95", "surfaceDice3mm"]));
    expect((await run("--no-surface")).out).not.toMatch(/HD95|urface/);
  });

  test("a label that is ignored by its number has no row, and no part in the mean", async () => {
    const { scores } = resultOf((await run("--json", "--ignore-label", "2", "--labels", at("with-nine.json"))).out) as {
      scores: { label: string; Dice: number }[];
    };
    expect(scores.map(({ label }) => label)).toEqual(["liver", "rest", "mean"]);
  });

  test("one case has neither spread nor interval, in text, JSON, CSV and on the page", async () => {
    const one = (...args: string[]) =>
      runCommandLine("evaluate", at("pred/b.nii.gz"), at("ref/b.nii.gz"), "--labels", at("ref/dataset.json"), ...args);
    const { out } = await one("-o", at("single"));
    expect(out).toMatch(/liver +1 +1\.000 ± – /);
    expect(out).toMatch(/liver +1( +–){5}\n/);
    expect(out).not.toMatch(/± 0\.0|…/);
    const { scores, summary } = resultOf((await one("--json")).out) as Record<string, Record<string, unknown>[]>;
    expect(scores![0]).toMatchObject({ label: "liver", Dice: 1, "Dice sd": null });
    expect(summary!.find(({ score }) => score === "dice")).toMatchObject({
      count: 1,
      mean: 1,
      deviation: null,
      low: null,
      high: null,
    });
    const page = await readFile(at("single/evaluation.html"), "utf8");
    expect(page).toMatch(/no interval: too few cases/);
    expect(page).not.toMatch(/NaN|± 0\.0/);
  });

  test("compares two methods, pair by pair", async () => {
    const { out } = await run("--json", "--against", at("other"), "--no-surface");
    const [dice] = resultOf(out).comparison as { rows: Record<string, unknown>[] }[];
    expect(dice!.rows[0]).toMatchObject({ label: "liver", pairs: 2, p: 0.5 });
    expect((await run("--against", at("other"))).out).toMatch(/Wilcoxon's signed-rank test/);
  });

  test("writes a page with the worst cases", async () => {
    const { out } = await run("-o", at("report"), "--worst", "1");
    expect(out.trim().endsWith(at("report/evaluation.html"))).toBe(true);
    expect((await readdir(at("report"))).sort()).toEqual(["evaluation.csv", "evaluation.html", "evaluation.json"]);
    expect((await readFile(at("report/evaluation.html"), "utf8")).match(/<article>/g)).toHaveLength(1);
  });

  test("looks at the output folder before it compares, and leaves nothing there", async () => {
    const into = (output: string) => runCommandLine("evaluate", at("nowhere"), at("ref"), "-o", output);
    expect((await into(at("ref/dataset.json"))).err).toMatch(/dataset\.json: is not a folder; expected a folder/);
    expect((await into(at("new/folder"))).err).toMatch(/nowhere: does not exist/);
    expect(await readdir(folder)).not.toContain("new");
  });

  test.each([
    [["--metrics", "beauty"], /no metric is called "beauty"/],
    [["--no-surface", "--metrics", "dice,hd95"], /--no-surface with --metrics hd95/],
    [["--ignore-label", "1", "--labels", "ONLY_LIVER"], /no label beside 1, which is ignored/],
    [["--tolerance", "1,x"], /millimetres with commas/],
    [["--tolerance", "-1"], /millimetres with commas|unknown option/],
    [["--definition", "best"], /deepmind, medpy, monai/],
    [["--against", "/nowhere"], /nowhere: does not exist/],
    [["-o", "/tmp/never", "--images", "/nowhere"], /nowhere: /],
  ])("%s is refused in a sentence", async (args, why) => {
    const { code, err } = await run(...args.map((each) => (each === "ONLY_LIVER" ? at("only-liver.json") : each)));
    expect(code).toBe(2);
    expect(err).toMatch(why);
  });
});
