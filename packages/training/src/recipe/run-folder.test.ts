import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ConfigError, FormatError } from "@rfmedsam/base";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { resolveConfiguration } from "../config.js";
import { FolderLock } from "../run/work-folder.js";
import { type RecipeIdentity, RunFolder } from "./run-folder.js";

let parent: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "run-folder-"));
});
afterEach(() => rm(parent, { recursive: true }));

const at = (...names: string[]) => join(parent, "run", ...names);
const put = async (...names: string[]) => {
  await mkdir(dirname(at(...names)), { recursive: true });
  await writeFile(at(...names), "{}");
};
const there = async () => (await readdir(at())).sort();

const changed = (changes: Partial<RecipeIdentity> = {}): RecipeIdentity => ({
  recipe: "mine",
  data: "/scans",
  configuration: resolveConfiguration("cpu"),
  seed: 0,
  fold: "all",
  folds: { "fold-0": { train: ["a", "b"], measure: ["c"] } },
  evaluate: { metrics: ["dice"], tolerances: [1, 2], definition: "deepmind" },
  ...changes,
});
/** Of a recipe that makes its data itself. */
const phantoms = (changes: Partial<RecipeIdentity> = {}) =>
  changed({ data: at("data"), phantom: { cases: 4, test: 2, modality: "ct", seed: 0 }, ...changes });
const claim = async (identity: RecipeIdentity) => (await RunFolder.open(at())).claim(identity);
const remembered = async () => JSON.parse(await readFile(at("recipe.json"), "utf8")) as RecipeIdentity;

const tolerance: Pick<RecipeIdentity, "evaluate"> = {
  evaluate: { metrics: ["dice"], tolerances: [3], definition: "deepmind" },
};
const iterations = { configuration: resolveConfiguration("cpu", { memory: 16, step0: { iterations: 5 } }) };

describe("what a run was started with", () => {
  test("goes on with the fold that an earlier version kept where the split is held out, and keeps none itself", async () => {
    await claim(phantoms({ fold: undefined }));
    expect(await remembered()).not.toHaveProperty("fold");
    await claim(phantoms({ fold: 3 }));
    await put("held-out", "model", "training", "run.json");
    await claim(phantoms({ fold: undefined }));
  });

  test("binds nothing as long as nothing was made with it", async () => {
    await claim(changed());
    const other = phantoms({ seed: 1, ...iterations, ...tolerance });
    await claim(other);
    expect(await remembered()).toEqual(JSON.parse(JSON.stringify(other)));
  });

  test.each<[string, Partial<RecipeIdentity>, RegExp]>([
    ["seed", { seed: 1 }, /seed \(was 0, is 1\)/],
    ["setting", iterations, /else: step0\.iterations \(was \d+, is 5\);/],
    ["fold", { fold: 0 }, /fold \(was "all", is 0\)/],
    ["recipe", { recipe: "yours" }, /recipe \(was "mine", is "yours"\)/],
    ["data set", { data: "/other" }, /data \(was "\/scans", is "\/other"\)/],
    [
      "split",
      { folds: { "fold-0": { train: ["a"], measure: ["b", "c"] } } },
      /cases that fold-0 learns from \(gone: b\); cases that fold-0 measures \(new: b\)/,
    ],
    ["set of folds", { folds: { "fold-1": { train: ["a"], measure: ["b"] } } }, /fold-0 \(no longer.*fold-1 \(new\)/],
  ])("is told from another %s once something is trained", async (_, changes, message) => {
    await claim(changed());
    await put("fold-0", "model", "training", "run.json");
    const refused = claim(changed(changes));
    await expect(refused).rejects.toThrow(ConfigError);
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toThrow(/add --restart/);
    await claim(changed());
    // How much memory it may take is the machine's business, and nothing is measured yet.
    await claim(changed({ configuration: resolveConfiguration("cpu", { memory: 16 }) }));
    await claim(changed(tolerance));
    expect((await remembered()).evaluate.tolerances).toEqual([3]);
  });

  test("is told from other measures once something is measured", async () => {
    await claim(changed());
    await put("fold-0", "model", "model.json");
    await put("fold-0", "evaluation", "evaluation.json");
    await expect(claim(changed(tolerance))).rejects.toThrow(/evaluate\.tolerances \(was \[1,2\], is \[3\]\)/);
  });

  const state = (crc: string, modified = 1): NonNullable<RecipeIdentity["learned"]> => ({
    labels: { background: 0, liver: 1 },
    channelNames: ["CT"],
    files: { "labelsTr/a.nii.gz": { bytes: 9, modified, crc } },
  });

  test("is told from other labels of the same names once something learned from them, but not from a copy", async () => {
    await claim(changed({ learned: state("x"), measured: state("x") }));
    await claim(changed({ learned: state("y"), measured: state("y") }));
    await put("fold-0", "model", "model.json");
    await claim(changed({ learned: state("y", 2), measured: state("z") }));
    const refused = claim(changed({ learned: state("x", 3) }));
    await expect(refused).rejects.toThrow(ConfigError);
    await expect(refused).rejects.toThrow(/something else: labelsTr\/a\.nii\.gz \(modified/);
    const renamed = { ...state("y"), labels: { background: 0, spleen: 1 } };
    await expect(claim(changed({ learned: renamed }))).rejects.toThrow(/labels of dataset\.json/);
    // Cases that came and went are told by the folds.
    await claim(changed({ learned: { ...state("y"), files: {} } }));
  });

  test.each(["labels/c.nii.gz", "evaluation/evaluation.json"])(
    "is told from other measured cases once there are %s; these alone can be thrown away",
    async (made) => {
      await claim(changed({ measured: state("x") }));
      await put("fold-0", ...made.split("/"));
      const refused = claim(changed({ measured: state("y", 2) }));
      await expect(refused).rejects.toThrow(/a\.nii\.gz \(modified.*delete labels and evaluation/);
      await rm(at("fold-0", made.split("/")[0]!), { recursive: true });
      await claim(changed({ measured: state("y", 2) }));
      expect((await remembered()).measured).toEqual(state("y", 2));
    },
  );

  test("knows data that it made from a folder of that name", async () => {
    await put("data", "dataset.json");
    expect(await RunFolder.hasMadeData(at())).toBe(false);
    await writeFile(at("recipe.json"), JSON.stringify(changed({ data: at("data") })));
    expect(await RunFolder.hasMadeData(at())).toBe(false);
    await writeFile(at("recipe.json"), JSON.stringify(phantoms()));
    expect(await RunFolder.hasMadeData(at())).toBe(true);
    await rm(at("data"), { recursive: true });
    expect(await RunFolder.hasMadeData(at())).toBe(false);
  });

  test("is the same where a setting came later, whose default changes nothing", async () => {
    const { configuration } = changed();
    const { rate: _, ...adapters } = configuration.refiner.adapters!;
    const before = { ...configuration, refiner: { ...configuration.refiner, adapters } };
    await claim(changed({ configuration: before as typeof configuration }));
    await put("fold-0", "model", "model.json");
    const now = (rate: number) => ({
      configuration: { ...configuration, refiner: { ...configuration.refiner, adapters: { ...adapters, rate } } },
    });
    await claim(changed(now(1)));
    await expect(claim(changed(now(3)))).rejects.toThrow(/refiner\.adapters\.rate \(was 1, is 3\)/);
  });

  test("is told from other phantoms once they are made, but not from another training", async () => {
    await claim(phantoms({ folds: undefined }));
    await put("data", "dataset.json");
    const more = { cases: 5, test: 2, modality: "ct", seed: 0 } as const;
    await expect(claim(phantoms({ phantom: more }))).rejects.toThrow(/phantom\.cases \(was 4, is 5\)/);
    await expect(claim(changed())).rejects.toThrow(/data \(was/);
    await claim(phantoms({ seed: 1, fold: 0, ...iterations }));
    expect(await remembered()).toMatchObject({ seed: 1, fold: 0, folds: { "fold-0": { measure: ["c"] } } });
  });

  test("is gone on with where parts of it were not remembered yet", async () => {
    const { folds: _, evaluate: __, ...some } = changed();
    await put("held-out", "model", "model.json");
    await writeFile(at("recipe.json"), JSON.stringify(some));
    await expect(claim(changed({ seed: 1 }))).rejects.toThrow(/seed/);
    await claim(changed());
    expect(await remembered()).toEqual(changed());
  });

  test.each(["data/dataset.json", "report.html", "held-out/model/model.json"])(
    "is not assumed of a folder with %s that nobody claimed",
    async (name) => {
      await put(...name.split("/"));
      await expect(RunFolder.open(at())).rejects.toThrow(ConfigError);
      await expect(RunFolder.open(at())).rejects.toThrow(/no recipe was started in/);
    },
  );

  test.each(["{", "null", "[]", '{"recipe": "pancakes"}'])("is not read from %s", async (text) => {
    await put("recipe.json");
    await writeFile(at("recipe.json"), text);
    await expect(RunFolder.open(at())).rejects.toThrow(FormatError);
    await expect(RunFolder.open(at())).rejects.toThrow(/not what a recipe's run writes/);
    expect(await readFile(at("recipe.json"), "utf8")).toBe(text);
  });
});

describe("a run that is thrown away", () => {
  const discard = async (source?: string) => {
    const folder = await RunFolder.open(at());
    await folder.discard(source);
    return folder;
  };
  const finished = async (identity: RecipeIdentity) => {
    await claim(identity);
    const names = ["evaluation.json", "evaluation.csv", "table.json", "report.html", "fold-0/model/model.json"];
    // A removal that was cut short, and things of the user's own.
    names.push("fold-1.removed/labels/a.nii.gz", "data/dataset.json", "notes.txt", "database/mine");
    for (const name of names) await put(...name.split("/"));
  };

  test("leaves what it did not make, and the folder to any other", async () => {
    await finished(phantoms());
    const folder = await discard();
    expect(await there()).toEqual(["database", "notes.txt", "recipe.json"]);
    await folder.claim(changed({ seed: 7 }));
    expect(await remembered()).toEqual(changed({ seed: 7 }));
  });

  test("leaves data that it was given", async () => {
    for (const data of ["/scans", at("data")]) {
      await rm(at(), { recursive: true, force: true });
      await finished(changed({ data }));
      await discard(at("data"));
      expect(await there()).toEqual(["data", "database", "notes.txt", "recipe.json"]);
    }
  });

  test("is not, when the new one needs its data or a training is running in it", async () => {
    await finished(phantoms());
    const before = await there();
    for (const source of [at("data"), at("data", "imagesTr")])
      await expect(discard(source)).rejects.toThrow(/which the run made itself and --restart throws away/);
    {
      await using _ = await FolderLock.take(at("fold-0", "model", "training.lock"));
      await expect(discard(parent)).rejects.toThrow(/another training is running/);
    }
    expect(await there()).toEqual(before);
    expect(existsSync(at("fold-0/model/training.lock"))).toBe(false);
    await discard(parent);
    expect(await there()).not.toContain("fold-0");
  });

  test("may be one that never was", async () => {
    await discard();
    expect(existsSync(at())).toBe(false);
  });
});
