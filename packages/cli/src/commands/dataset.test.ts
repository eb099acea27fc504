/** `dataset convert` and `dataset check`, through the command line. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scalingAffine, type Volume } from "@rfmedsam/imaging";
import { writeVolume } from "@rfmedsam/imaging/node";
import { datasetKinds } from "@rfmedsam/training";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runCommandLine as run } from "../testing/command-line.js";

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "dataset-cli-"));
});
afterEach(() => rm(folder, { recursive: true }));

const volume = (value: (at: number) => number): Volume<Uint8Array> => ({
  data: Uint8Array.from({ length: 60 }, (_, n) => value(n)),
  shape: [3, 4, 5],
  affine: scalingAffine([2, 1, 1]),
});

/** A Decathlon task of two cases. */
async function layTask(): Promise<void> {
  const cases = ["h_001", "h_004"];
  for (const [seed, id] of cases.entries()) {
    await writeVolume(
      at(`Task04/imagesTr/${id}.nii.gz`),
      volume((n) => (n * (7 + 4 * seed)) % 251),
    );
    await writeVolume(
      at(`Task04/labelsTr/${id}.nii.gz`),
      volume((n) => (n + seed) % 3),
    );
  }
  const description = {
    name: "Hippocampus",
    modality: { "0": "MRI" },
    labels: { "0": "background", "1": "Anterior", "2": "Posterior" },
    training: cases.map((id) => ({ image: `./imagesTr/${id}.nii.gz`, label: `./labelsTr/${id}.nii.gz` })),
    test: [],
  };
  await writeFile(at("Task04/dataset.json"), JSON.stringify(description));
}

const convert = (...more: string[]) => run("dataset", "convert", "msd", at("Task04"), at("Dataset004"), ...more);

describe("dataset convert", () => {
  test("says how many cases went where, under which licence, and what is next", async () => {
    await layTask();
    const { code, out } = await convert("--link");
    expect(code).toBe(0);
    expect(out).toMatch(
      /Hippocampus, 2 cases in imagesTr\.\nNo split is published\.\nLicence: CC BY-SA 4\.0\.\nNext: rfmedsam dataset check/,
    );
    expect((await readdir(at("Dataset004"))).sort()).toEqual(["dataset.json", "imagesTr", "labelsTr"]);
  });

  test("the same for machines", async () => {
    await layTask();
    const { out } = await convert("--json");
    expect(JSON.parse(out.trim().split("\n").at(-1)!)).toMatchObject({
      event: "result",
      command: "dataset convert",
      kind: "msd",
      training: ["h_001", "h_004"],
      labels: { background: 0, Anterior: 1, Posterior: 2 },
    });
  });

  test("a missing file ends with 2 and one line that names it; --partial leaves the case out and says so", async () => {
    await layTask();
    await rm(at("Task04/labelsTr/h_004.nii.gz"));
    const { code, err, out } = await convert();
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(/labelsTr\/h_004\.nii\.gz: does not exist.*medicaldecathlon\.com/);
    expect(err.trimEnd().split("\n")).toHaveLength(1);
    const partial = await convert("--partial");
    expect(partial.code).toBe(0);
    expect(partial.err).toMatch(/left out.*h_004/);
  });

  test("its help lists every kind", async () => {
    const { code, out } = await run("dataset", "convert", "--help");
    expect(code).toBe(0);
    for (const kind of Object.keys(datasetKinds)) expect(out).toContain(kind);
    expect((await run("dataset", "convert", "brats", folder, at("out"))).err).toMatch(
      /msd, btcv, amos22-ct, amos22-mr/,
    );
  });
});

describe("dataset check", () => {
  test("ends with 0 and a table of the classes when nothing is wrong", async () => {
    await layTask();
    await convert();
    const { code, out } = await run("dataset", "check", at("Dataset004"));
    expect(code).toBe(0);
    expect(out).toMatch(/Anterior +2 of 2/);
    expect(out).toMatch(/2 cases to train on, 0 to test, MRI; usually 3×4×5 voxels of 2×1×1 mm/);
    expect(out).toMatch(/0 errors, 0 warnings, 0 notes\./);
  });

  test("ends with 2 when there is an error, which stands under the rule it breaks", async () => {
    await layTask();
    await convert();
    for (const id of ["h_001", "h_004"])
      await writeVolume(
        at(`Dataset004/labelsTr/${id}.nii.gz`),
        volume((n) => n % 9),
      );
    const { code, out, err } = await run("dataset", "check", at("Dataset004"), "--most", "1");
    expect([code, err]).toEqual([2, ""]);
    expect(out).toMatch(/error +unknown-labels +Labels are those of dataset\.json\./);
    expect(out).toMatch(/labelsTr\/h_001\.nii\.gz +3 \(7 voxels\)/);
    expect(out).toMatch(/and 1 more/);
    const json = await run("--json", "dataset", "check", at("Dataset004"));
    expect(json.code).toBe(2);
    expect(JSON.parse(json.out.trim().split("\n").at(-1)!)).toMatchObject({
      command: "dataset check",
      counts: { error: 2 },
      findings: [
        { rule: "unknown-labels", case: "h_001" },
        { rule: "unknown-labels", case: "h_004" },
        { rule: "same-labels" },
      ],
    });
  });

  test("a folder that is no data set ends with 2 and one line", async () => {
    await mkdir(at("empty"));
    const { code, err } = await run("dataset", "check", at("empty"));
    expect(code).toBe(2);
    expect(err).toMatch(/dataset\.json: does not exist/);
    expect(err.trimEnd().split("\n")).toHaveLength(1);
  });

  test("a task of the Decathlon ends with 2 and one line that says how it is converted, as training on it does", async () => {
    await layTask();
    const file = at("Task04/dataset.json");
    for (const args of [
      ["dataset", "check", at("Task04")],
      ["plan", at("Task04")],
      ["train", at("Task04"), "-o", at("model")],
    ]) {
      const { code, err } = await run(...args);
      expect(code).toBe(2);
      expect(err).toContain(`${file}: the layout of the Medical Segmentation Decathlon`);
      expect(err).toContain(`rfmedsam dataset convert msd ${at("Task04")} OUT`);
      expect(err.trimEnd().split("\n")).toHaveLength(1);
    }
    expect((await readdir(folder)).sort()).toEqual(["Task04"]);
  });

  test("without a command of its own, `dataset` shows them", async () => {
    const { code, err, out } = await run("dataset");
    expect(code).toBe(2);
    expect(err + out).toMatch(/convert .*\n.*check /s);
    expect((await run("dataset", "chekc", folder)).err).toMatch(/unknown command.*check/s);
  });
});
