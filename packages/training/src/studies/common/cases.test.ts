/** Which cases a study measures: of a fold, held out with labels, or all; and what it says about the choice. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, DatasetError, FormatError } from "@rfmedsam/base";
import { casesOfFold } from "@rfmedsam/metrics/node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type CaseChoice, noteLearnedCases, studyCases } from "./cases.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "cases-"));
  const description = { channel_names: { 0: "CT" }, labels: { background: 0, liver: 1 }, file_ending: ".nii.gz" };
  await writeFile(join(folder, "dataset.json"), JSON.stringify(description));
  await lay("Tr", ["a", "b", "c"], ["a", "b", "c"]);
});
afterEach(() => rm(folder, { recursive: true }));

/** Empty files: only names are looked at. */
async function lay(part: "Tr" | "Ts", images: readonly string[], labels: readonly string[]): Promise<void> {
  const files = [
    ...images.map((id) => join(`images${part}`, `${id}_0000.nii.gz`)),
    ...labels.map((id) => join(`labels${part}`, `${id}.nii.gz`)),
  ];
  for (const kind of ["images", "labels"]) await mkdir(join(folder, `${kind}${part}`), { recursive: true });
  for (const file of files) await writeFile(join(folder, file), "");
}

async function chosen(choice: CaseChoice = {}) {
  const notes: string[] = [];
  const { cases, facts } = await studyCases(folder, { onNote: (note) => notes.push(note), ...choice });
  return { ids: cases.map(({ id }) => id), labels: cases.map(({ labels }) => labels), notes, facts };
}

test("cases that a model has learned from are told; a model that does not say is believed", async () => {
  const { cases } = await studyCases(folder, {});
  const notes = async () => {
    const told: string[] = [];
    const facts = await noteLearnedCases(folder, cases, (note) => told.push(note));
    expect(facts).toHaveLength(told.length);
    return told;
  };
  expect(await notes()).toEqual([]);
  const file = join(folder, "training.json");
  await writeFile(file, "{}");
  expect(await notes()).toEqual([]);
  await writeFile(file, JSON.stringify({ cases: ["x", "y"] }));
  expect(await notes()).toEqual([]);
  await writeFile(file, JSON.stringify({ cases: ["c", "x", "a"] }));
  expect(await notes()).toEqual([expect.stringContaining("trained on 2 of the 3 measured cases (a, c)")]);
  await writeFile(file, JSON.stringify({ division: { leftOut: [["x", "b"], ["y"]] } }));
  expect(await notes()).toEqual([expect.stringContaining("trained on 1 of the 3 measured cases (b)")]);
  await writeFile(file, "null");
  expect(await notes()).toEqual([]);
  await writeFile(file, "{");
  await expect(notes()).rejects.toThrow(FormatError);
});

describe("the cases of a study", () => {
  test("are the held-out ones, where all have labels", async () => {
    await lay("Ts", ["s", "t"], ["s", "t"]);
    const labels = ["s", "t"].map((id) => join(folder, "labelsTs", `${id}.nii.gz`));
    expect(await chosen()).toEqual({ ids: ["s", "t"], labels, notes: [], facts: [] });
  });

  test("are the held-out ones with labels, where some have none; the others are told", async () => {
    await lay("Ts", ["p", "q", "r", "s", "t"], ["p", "q", "s", "t"]);
    expect(await chosen({ cases: 3 })).toMatchObject({
      ids: ["p", "q", "s"],
      notes: ["Held-out cases without labels, not measured (1: r)."],
      facts: [{ name: "held-out cases without labels, not measured", value: "1: r" }],
    });
  });

  test("are not those whose image is missing, which are told, too", async () => {
    await lay("Ts", ["s"], ["q", "s"]);
    expect(await chosen()).toMatchObject({
      ids: ["s"],
      notes: ["Held-out labels without an image, not measured (1: q)."],
    });
  });

  test.each([
    ["no imagesTs", [], [], false],
    ["an empty labelsTs", ["s", "t"], [], true],
    ["labels of other cases", ["s"], ["x"], true],
    ["an empty imagesTs", [], ["s"], true],
  ])("are all, with a word about it, where there is %s", async (_, images, labels, laid) => {
    if (laid) await lay("Ts", images, labels);
    const { ids, notes } = await chosen();
    expect(ids).toEqual(["a", "b", "c"]);
    expect(notes).toEqual([expect.stringMatching(/no held-out cases with labels .* may have learned from them/)]);
  });

  test("are a fold's, whatever is held out", async () => {
    await lay("Ts", ["s", "t"], ["s"]);
    const only = casesOfFold({ train: ["x"], val: ["c", "a"] }, "val", "splits.json");
    expect(await chosen({ only })).toMatchObject({ ids: ["a", "c"], notes: [], facts: [] });
  });

  test("are refused where the fold has others, and where there are none", async () => {
    const only = casesOfFold({ train: ["a"], val: ["b", "y", "z"] }, "val", "splits.json");
    await expect(chosen({ only })).rejects.toThrow(DatasetError);
    await expect(chosen({ only })).rejects.toThrow(/2 of the 3 chosen cases are not here: y, z; .*splits\.json/);
    await expect(chosen({ only: () => false })).rejects.toThrow(/none of the chosen cases/);
    await expect(chosen({ cases: 1.5 })).rejects.toThrow(ConfigError);
  });
});
