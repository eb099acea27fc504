import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, FileError, InterruptedError } from "@rfmedsam/base";
import { scalingAffine, type Volume } from "@rfmedsam/imaging";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  caseNames,
  drawnLabels,
  goodCases,
  layDataset,
  save,
  smallImage,
  smallLabels,
} from "../testing/small-volumes.js";
import { type CheckReport, checkDataset } from "./check.js";
import { rules } from "./rules.js";

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "check-dataset-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** What was found, as `rule: case or file: words`, the folder cut off. */
const told = ({ findings }: CheckReport) =>
  findings.map(({ rule, case: of, file, found }) => `${rule}: ${file?.slice(folder.length + 1) ?? of ?? ""}: ${found}`);
const check = async () => told(await checkDataset(folder));
const shifted = (volume: Volume): Volume => ({ ...volume, affine: scalingAffine([3, 1, 1], [-4, 2, 13]) });
const withValue = (value: number): Volume => ({
  ...smallImage(1),
  data: Float32Array.from(smallImage(1).data, (each, n) => (n === 7 ? value : each)),
});

describe("a data set without faults", () => {
  test("has no findings, and is summed up", async () => {
    await layDataset(folder, goodCases(12), { name: "Organs" });
    await save(at("imagesTs/t_0000.nii.gz"), smallImage(77));
    const report = await checkDataset(folder);
    expect(told(report)).toEqual([]);
    expect(report).toMatchObject({
      name: "Organs",
      training: 12,
      test: 1,
      usual: { shape: "4×5×6", spacing: "3×1×1 mm" },
      counts: { error: 0, warning: 0, note: 0 },
      classes: [
        { name: "organ", value: 1, cases: 12 },
        { name: "tumour", value: 2, cases: 12 },
      ],
    });
    expect(report.classes[1]!.volume).toBeCloseTo(0.08, 1);
  });

  test("is still a good one with labels saved as float", async () => {
    await layDataset(folder, goodCases(2));
    await save(at("labelsTr/case_00.nii.gz"), { ...drawnLabels(0), data: Float32Array.from(drawnLabels(0).data) });
    expect(await check()).toEqual([]);
  });
});

describe("each rule sees the fault it is there for:", () => {
  const two = {
    a: { image: smallImage(1), labels: drawnLabels(1) },
    b: { image: smallImage(2), labels: drawnLabels(2) },
  };
  const cases: readonly (readonly [string, () => Promise<unknown>, readonly RegExp[]])[] = [
    ["a missing label file", () => rm(at("labelsTr/a.nii.gz")), [/^labels-missing: a: no file/]],
    [
      "labels without image",
      () => save(at("labelsTr/c.nii.gz"), drawnLabels(3)),
      [/^labels-alone: labelsTr\/c\.nii\.gz:/],
    ],
    [
      "a surplus channel",
      () => save(at("imagesTr/a_0001.nii.gz"), smallImage(9)),
      [/^channels: a: 2 channels \(0000, 0001\) instead of 1/],
    ],
    ["a file named otherwise", () => writeFile(at("imagesTr/readme.txt"), ""), [/^stray-files: imagesTr\/readme\.txt/]],
    [
      "labels on another grid",
      () => save(at("labelsTr/b.nii.gz"), shifted(drawnLabels(2))),
      [/^label-grid: labelsTr\/b\.nii\.gz: the first voxels lie 3 mm apart/],
    ],
    [
      "channels on another grid",
      () => save(at("imagesTr/a_0001.nii.gz"), shifted(smallImage(9))),
      [/^channels:/, /^channel-grid: imagesTr\/a_0001\.nii\.gz: the first voxels/],
    ],
    [
      "NaN",
      () => save(at("imagesTr/a_0000.nii.gz"), withValue(Number.NaN)),
      [/^not-finite: imagesTr\/a_0000\.nii\.gz: 1 voxel NaN/],
    ],
    ["infinity", () => save(at("imagesTr/a_0000.nii.gz"), withValue(-1 / 0)), [/^not-finite:/]],
    [
      "labels that are no whole numbers",
      () => save(at("labelsTr/b.nii.gz"), withValue(0.5)),
      [/^label-values: labelsTr\/b\.nii\.gz: \d+ voxels of other values, the first/, /^unknown-labels/],
    ],
    [
      "labels below 0",
      () => save(at("labelsTr/b.nii.gz"), { ...drawnLabels(2), data: Int16Array.from(drawnLabels(2).data, (v) => -v) }),
      [/^label-values: .*the first -1/],
    ],
    [
      "a label that nobody knows",
      () => save(at("labelsTr/b.nii.gz"), smallLabels(0, 1, 2, 7)),
      [/^unknown-labels: labelsTr\/b\.nii\.gz: 7 \(30 voxels\)/],
    ],
    [
      "a case without labels in it",
      () => save(at("labelsTr/b.nii.gz"), smallLabels(0)),
      [/^empty-labels: labelsTr\/b\.nii\.gz/],
    ],
    [
      "an image of one value",
      () => save(at("imagesTr/a_0000.nii.gz"), smallLabels(5)),
      [/^constant: imagesTr\/a_0000\.nii\.gz: every voxel is 5/],
    ],
    [
      "the same image twice",
      () => copyFile(at("imagesTr/a_0000.nii.gz"), at("imagesTr/b_0000.nii.gz")),
      [/^same-image: a: the same image as b, with other labels/],
    ],
    [
      "the same image in another type",
      () =>
        save(at("imagesTr/b_0000.nii.gz"), {
          ...smallImage(1),
          data: Float32Array.from(smallImage(1).data, (v) => 2 * v + 0.25),
        }),
      [/^near-duplicate: a: looks like b/],
    ],
    [
      "the same labels twice",
      () => copyFile(at("labelsTr/a.nii.gz"), at("labelsTr/b.nii.gz")),
      [/^same-labels: a: the same labels as b/],
    ],
    [
      "a test image that is trained on",
      async () => {
        await mkdir(at("imagesTs"));
        await copyFile(at("imagesTr/b_0000.nii.gz"), at("imagesTs/t_0000.nii.gz"));
      },
      [/^test-is-training: b: the same image as t \(test\)/],
    ],
    [
      "labels of some test cases",
      async () => {
        for (const [n, id] of ["s", "t"].entries()) await save(at(`imagesTs/${id}_0000.nii.gz`), smallImage(40 + n));
        await save(at("labelsTs/t.nii.gz"), drawnLabels(44));
      },
      [/^labels-of-some-tests: : 1 of 2 have none \(s\)/],
    ],
    [
      "a file that is cut short",
      async () =>
        writeFile(at("imagesTr/a_0000.nii.gz"), (await readFile(at("imagesTr/a_0000.nii.gz"))).subarray(0, 120)),
      [/^unreadable: imagesTr\/a_0000\.nii\.gz: /],
    ],
    [
      "a file that is something else",
      () => writeFile(at("labelsTr/b.nii.gz"), "<html>"),
      [/^unreadable: labelsTr\/b\.nii\.gz: /],
    ],
    [
      "folds of cases that are not there",
      () => writeFile(at("splits_final.json"), '[{"train":["a","z"],"val":["b"]},{"train":["a"],"val":["a","b"]}]'),
      [/^split: : fold 0: 1 case not in imagesTr \(z\)/, /^split: : fold 1: 1 case on both sides \(a\)/],
    ],
    [
      "a fold that lists a case twice",
      () => writeFile(at("splits_final.json"), '[{"train":["a","a"],"val":["b"]}]'),
      [/^split: : fold 0: 1 case listed twice \(a\)/],
    ],
    [
      "folds that are none",
      () => writeFile(at("splits_final.json"), "{}"),
      [/^split: splits_final\.json: something else/],
    ],
  ];
  test.each(cases)("%s", async (_, damage, expected) => {
    await layDataset(folder, two);
    await damage();
    const found = await check();
    expect(found).toHaveLength(expected.length);
    for (const words of expected)
      expect(
        found.some((line) => words.test(line)),
        `${words} in ${found.join("\n")}`,
      ).toBe(true);
  });

  test.each([
    ["another count", { numTraining: 3 }, /^numTraining: dataset\.json: numTraining is 3, there are 2 cases/],
    [
      "labels with gaps",
      { labels: { background: 0, organ: 1, tumour: 2, vein: 5 } },
      /^label-numbers: dataset\.json: labels \{/,
    ],
    [
      "a class that never occurs",
      { labels: { background: 0, organ: 1, tumour: 2, vein: 3 } },
      /^absent-class: : vein never occurs/,
    ],
    ["no cases of its ending", { file_ending: ".mha" }, /^no-cases/],
  ])("a dataset.json with %s", async (_, change, words) => {
    await layDataset(folder, two, change);
    expect((await check()).some((line) => words.test(line))).toBe(true);
  });

  test("labels that are to be ignored: an error, and no class", async () => {
    const cases = { ...two, b: { image: smallImage(2), labels: smallLabels(0, 3) } };
    await layDataset(folder, cases, { labels: { background: 0, organ: 1, tumour: 2, ignore: 3 } });
    const report = await checkDataset(folder);
    expect(told(report)).toEqual([
      'ignore-label: dataset.json: label 3 is "ignore"',
      "empty-labels: labelsTr/b.nii.gz: nothing but background and voxels to ignore",
    ]);
    expect(report.counts).toEqual({ error: 1, warning: 1, note: 0 });
    expect(report.classes.map(({ name }) => name)).toEqual(["organ", "tumour"]);
    // A number between the classes leaves a gap there.
    await layDataset(folder, two, { labels: { background: 0, organ: 1, ignore: 2, tumour: 4 } });
    expect((await check()).some((line) => line.startsWith("label-numbers: "))).toBe(true);
  });

  test("regions: an error that names them, and the rest is looked at all the same", async () => {
    const regions = { background: 0, whole: [1, 2], "tumour core": [2, 3], organ: 1 };
    await layDataset(folder, two, { labels: regions });
    const report = await checkDataset(folder);
    expect(told(report)).toEqual(["regions: dataset.json: whole [1, 2], tumour core [2, 3]"]);
    expect(report.counts).toEqual({ error: 1, warning: 0, note: 0 });
    await save(at("labelsTr/b.nii.gz"), smallLabels(0, 1, 2, 7));
    expect(await check()).toContain("unknown-labels: labelsTr/b.nii.gz: 7 (30 voxels)");
  });

  test.each([[{ background: 0, organ: [] }], [{ background: 0, organ: [1, "2"] }], [{ background: 0, organ: 1.5 }]])(
    "labels that are neither numbers nor regions are refused: %j",
    async (labels) => {
      await layDataset(folder, two, { labels });
      await expect(checkDataset(folder)).rejects.toThrow(ConfigError);
    },
  );

  test("two channels that are one", async () => {
    await layDataset(folder, two, { channel_names: { 0: "T1", 1: "T2" } });
    for (const id of ["a", "b"]) await save(at(`imagesTr/${id}_0001.nii.gz`), smallImage(id === "a" ? 1 : 50));
    expect(await check()).toEqual(["same-channels: imagesTr/a_0001.nii.gz: the same voxels as channel 0"]);
  });

  test("a class in few cases", async () => {
    const rare = Object.fromEntries(
      caseNames(12).map((id, n) => [
        id,
        {
          image: smallImage(n),
          labels: { ...drawnLabels(n), data: drawnLabels(n).data.map((v) => (v === 2 && n > 0 ? 1 : v)) },
        },
      ]),
    );
    await layDataset(folder, rare);
    expect(await check()).toEqual(["rare-class: : tumour occurs in 1 of 12 cases"]);
  });
});

describe("checking", () => {
  test("goes on after a file that cannot be read, and reports itself", async () => {
    await layDataset(folder, goodCases(5));
    await writeFile(at("imagesTr/case_02_0000.nii.gz"), new Uint8Array([0x1f, 0x8b, 1, 2, 3]));
    await save(at("labelsTr/case_04.nii.gz"), smallLabels(0, 9));
    const seen: number[] = [];
    const report = await checkDataset(folder, { progress: ({ done }) => seen.push(done) });
    expect(report.findings.map(({ rule }) => rule)).toEqual(["unreadable", "unknown-labels"]);
    expect(report.counts).toEqual({ error: 2, warning: 0, note: 0 });
    expect(seen).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test("a header that says little is a note", async () => {
    await layDataset(folder, goodCases(1));
    await save(at("imagesTr/case_00_0000.nii"), smallImage(0));
    const bytes = await readFile(at("imagesTr/case_00_0000.nii"));
    bytes.writeInt16LE(0, 252);
    bytes.writeInt16LE(0, 254);
    await writeFile(at("imagesTr/case_00_0000.nii.gz"), bytes);
    await rm(at("imagesTr/case_00_0000.nii"));
    expect(await check()).toEqual(
      expect.arrayContaining([expect.stringMatching(/^unusual-header: .*how the patient lies/)]),
    );
  });

  test("stops on request", async () => {
    await layDataset(folder, goodCases(2));
    await expect(checkDataset(folder, { signal: { aborted: true } })).rejects.toThrow(InterruptedError);
  });

  test("a folder that is no data set is refused", async () => {
    await expect(checkDataset(at("none"))).rejects.toThrow(FileError);
    await writeFile(at("dataset.json"), '{"labels": {"background": 0}, "channel_names": {"0": 1}}');
    await expect(checkDataset(folder)).rejects.toThrow(ConfigError);
    await writeFile(at("dataset.json"), '{"labels": {"background": 0, "a": 1}, "channel_names": {"0": "CT"}}');
    await expect(checkDataset(folder)).rejects.toThrow(/imagesTr/);
  });

  test("every rule has a name of its own and a sentence; errors come first", () => {
    expect(new Set(rules.map(({ name }) => name)).size).toBe(rules.length);
    for (const { sentence } of rules) expect(sentence).toMatch(/^\S.*\.$/);
    const severities = rules.map(({ severity }) => severity);
    expect(severities.lastIndexOf("error")).toBeLessThan(severities.indexOf("warning"));
    expect(severities.lastIndexOf("warning")).toBeLessThan(severities.indexOf("note"));
  });
});
