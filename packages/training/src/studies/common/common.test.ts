/** What studies share: numbers that survive JSON, folders that go on, tables that hold what was measured. */
import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { fc, test } from "@fast-check/vitest";
import { ConfigError, FileError, FormatError, InterruptedError, silent } from "@rfmedsam/base";
import type { LabelVolume } from "@rfmedsam/imaging";
import { afterEach, beforeEach, describe, expect } from "vitest";
import type { Dataset } from "../../dataset/nnunet.js";
import { assertFits } from "./cases.js";
import { chooseRows } from "./choose-rows.js";
import { fromPlain, type Measured, type Measurement, scoreLabels, scoresOfArm, toPlain } from "./measurements.js";
import { StudyFolder } from "./study-folder.js";
import { commonCells, commonColumns } from "./table.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "study-"));
});
afterEach(() => rm(folder, { recursive: true }));

const one = (arm: string, id: string, dice: readonly number[], seconds = 1): Measurement => ({
  arm,
  case: id,
  scores: { dice, hd95: dice.map(() => Number.POSITIVE_INFINITY), surfaceDice2mm: dice.map(() => Number.NaN) },
  seconds,
  memory: 2 ** 30,
});

const files = ["a", "b", "c"].map((id) => ({ id, images: [], labels: undefined }));
const dataset = {
  folder: "data",
  name: "data",
  labels: { background: 0, liver: 1 },
  channelNames: ["CT"],
  fileEnding: ".nii.gz",
  training: [],
};
const data = { dataset };

test.prop([fc.array(fc.oneof(fc.double(), fc.constantFrom(Number.NaN, Infinity, -Infinity)))])(
  "measurements survive a JSON file, whatever their numbers",
  (dice) => {
    const made = [one("x", "a", dice, Number.NaN)];
    const text = JSON.stringify(toPlain(made));
    // JSON knows no −0
    const plain = (list: readonly Measurement[]) =>
      list.map((each) => ({ ...each, scores: { ...each.scores, dice: each.scores.dice!.map((v) => v + 0) } }));
    expect(plain(fromPlain(JSON.parse(text)))).toEqual(plain(made));
  },
);

test("labels are scored in the order of their values, without the background", () => {
  const volume = (...data: number[]): LabelVolume => ({
    data: Uint8Array.from(data),
    shape: [1, 1, 4],
    affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
  });
  const scores = scoreLabels(volume(0, 1, 2, 2), volume(0, 1, 1, 2), { background: 0, spleen: 2, liver: 1 });
  expect(Object.keys(scores)).toEqual(["dice", "surfaceDice2mm", "hd95"]);
  expect(scores.dice).toEqual([2 / 3, 2 / 3]);
  const onlyDice = scoreLabels(volume(0, 0, 0, 0), volume(0, 0, 0, 0), { liver: 1 }, false);
  expect(onlyDice).toEqual({ dice: [Number.NaN] });
});

describe("a study's folder", () => {
  test("measures no case twice, and goes on with what failed", async () => {
    const study = await StudyFolder.open(folder, { seed: 1 }, data);
    const asked: string[] = [];
    const measure = (bad: string) => async (file: { readonly id: string }) => {
      asked.push(file.id);
      if (file.id === bad) throw new InterruptedError({ found: "stopped on request" });
      return [one("x", file.id, [0.5])];
    };
    const stopped = study.measureCases("part", files, measure("b"), { progress: silent });
    await expect(stopped).rejects.toThrow(/same command again/);
    const again = await StudyFolder.open(folder, { seed: 1 }, data);
    const measured = await again.measureCases("part", files, measure(""), { progress: silent });
    expect(asked).toEqual(["a", "b", "b", "c"]);
    expect(measured.map((each) => each.case)).toEqual(["a", "b", "c"]);
    expect(await study.measureCases("part", files, measure("a"), { progress: silent })).toEqual(measured);
  });

  test("stops between two cases when asked to", async () => {
    const study = await StudyFolder.open(folder, {}, data);
    const signal = { aborted: false };
    const measure = async ({ id }: { readonly id: string }) => {
      signal.aborted = true;
      return [one("x", id, [1])];
    };
    const stopped = study.measureCases("part", files, measure, { progress: silent, signal });
    await expect(stopped).rejects.toThrow(InterruptedError);
  });

  test("belongs to one study, and says what differs", async () => {
    await StudyFolder.open(folder, { seed: 1, model: "m" }, data);
    const other = StudyFolder.open(folder, { seed: 2, model: "m" }, data);
    await expect(other).rejects.toThrow(ConfigError);
    await expect(other).rejects.toThrow(/another seed;/);
    await expect(StudyFolder.open(folder, { seed: 1 }, data)).rejects.toThrow(/another model/);
  });

  test("what another version measured is measured again", async () => {
    const study = await StudyFolder.open(folder, {}, data);
    const measure = (dice: number) =>
      study.measureCases("part", files.slice(0, 1), async () => [one("x", "a", [dice])], { progress: silent });
    await measure(1);
    expect((await measure(0.5))[0]!.scores.dice).toEqual([1]);
    const file = join(folder, "measured/part/a.json");
    const written = JSON.parse(await readFile(file, "utf8")) as object;
    await writeFile(file, JSON.stringify({ ...written, madeBy: "0.0.9, revision 123" }));
    expect((await measure(0.5))[0]!.scores.dice).toEqual([0.5]);
    expect((await measure(0.2))[0]!.scores.dice).toEqual([0.5]);
  });

  test("measures a case again when its files have changed, with a word; a copy of the same files it knows", async () => {
    const labels = join(folder, "labelsTr", "a.nii");
    await mkdir(join(folder, "labelsTr"));
    await writeFile(labels, gzipSync("true"));
    const case_ = { id: "a", images: [], labels };
    const notes: string[] = [];
    const measured = async (dice: number, part = "part", of: Dataset = dataset) => {
      const study = await StudyFolder.open(folder, {}, { dataset: of, onNote: (note) => notes.push(note) });
      const measure = async () => [one("x", "a", [dice])];
      const again = async () =>
        (await study.measureCases(part, [case_], measure, { progress: silent }))[0]!.scores.dice;
      await again();
      return again();
    };
    expect(await measured(1)).toEqual([1]);
    await utimes(labels, 1, 1);
    expect(await measured(0.9)).toEqual([1]);
    expect(notes).toEqual([]);
    await writeFile(labels, gzipSync("trve"));
    expect(await measured(0.8)).toEqual([0.8]);
    expect(notes).toEqual([expect.stringMatching(/^Case a is measured again.*labelsTr\/a\.nii/)]);
    expect(await measured(0.7, "part", { ...dataset, labels: { background: 0, spleen: 1 } })).toEqual([0.7]);
    expect(notes.at(-1)).toMatch(/labels of dataset\.json/);
    await rm(labels);
    await expect(measured(0.6)).rejects.toThrow(FileError);
  });

  test("what was measured before files were remembered is measured again", async () => {
    const study = await StudyFolder.open(folder, {}, data);
    const measure = (dice: number) =>
      study.measureCases("part", files.slice(0, 1), async () => [one("x", "a", [dice])], { progress: silent });
    await measure(1);
    const file = join(folder, "measured/part/a.json");
    const { measuredIn: _, ...old } = JSON.parse(await readFile(file, "utf8"));
    await writeFile(file, JSON.stringify(old));
    expect((await measure(0.5))[0]!.scores.dice).toEqual([0.5]);
  });

  test.each(["{", "7", "{}"])("that was damaged (%s) is told from another", async (text) => {
    const study = await StudyFolder.open(folder, {}, data);
    await study.measureCases("part", files.slice(0, 1), async () => [], { progress: silent });
    await writeFile(join(folder, "measured/part/a.json"), text);
    const read = study.measureCases("part", files, async () => [], { progress: silent });
    await expect(read).rejects.toThrow(FormatError);
    expect(await readFile(join(folder, "measured/part/a.json"), "utf8")).toBe(text);
  });
});

describe("the common columns", () => {
  const measured: Measured = {
    labels: ["liver", "spleen"],
    cases: ["a", "b"],
    measurements: [one("x", "a", [0.5, 0.7], 2), one("x", "b", [0.7, Number.NaN], 4), one("y", "a", [1, 1])],
  };

  test("hold means over the labels' means, infinite distances by number, mean seconds and the most memory", () => {
    const cells = commonCells(measured, "x");
    expect(cells).toHaveLength(commonColumns.length);
    expect(cells[0]).toMatchObject({ mean: (0.6 + 0.7) / 2, infinite: 0 });
    expect(cells[4]).toMatchObject({ mean: Number.NaN, infinite: 4 });
    expect(cells[6]).toMatchObject({ mean: 3 });
    expect(cells[8]).toBe(1);
  });

  test("are undefined for what was not measured", () => {
    expect(commonCells(measured, "z")[0]).toMatchObject({ mean: Number.NaN });
    expect(scoresOfArm(measured, "y", "dice").values).toEqual([
      [1, 1],
      [Number.NaN, Number.NaN],
    ]);
  });
});

describe("wrong input", () => {
  test("unknown rows are told, with the nearest", () => {
    expect(chooseRows("degradation", ["eroded", "noise"], ["noise", "eroded", "noise"])).toEqual(["eroded", "noise"]);
    expect(() => chooseRows("degradation", ["eroded", "noise"], ["erodd"])).toThrow(
      /no such degradation: "erodd".*eroded, noise.*"eroded" is the nearest/i,
    );
    expect(() => chooseRows("degradation", ["eroded"], [])).toThrow(ConfigError);
  });

  test("labels and channels that are not the model's are told", () => {
    assertFits(dataset, { labels: { liver: 1, background: 0 }, channelNames: ["ct"] });
    expect(() => assertFits(dataset, { labels: { background: 0, spleen: 1 }, channelNames: ["CT"] })).toThrow(
      /labels 0 background, 1 liver; expected the model's: 0 background, 1 spleen/,
    );
    expect(() => assertFits(dataset, { labels: dataset.labels, channelNames: ["T1", "T2"] })).toThrow(/1 channels: CT/);
  });
});
