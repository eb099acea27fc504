/**
 * Whatever a user gets wrong gives one paragraph that says what and what to do, the right exit code, and leaves nothing half-written:
 * the folder looks as before, byte for byte.
 */
import {
  appendFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readVolume, writeVolume } from "@rfmedsam/imaging/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile, eventsOf, type Outcome, run, start } from "./support/command-line.js";
import { smallTraining, writeSmallDataset } from "./support/small-data.js";

let home: string;
const at = (...parts: string[]) => join(home, ...parts);
/** A sound image, and its labels. */
let image: string;
let labels: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "bad-input-"));
  await writeSmallDataset(at("data"));
  [image, labels] = [at("data/imagesTr/phantom_001_0000.nii.gz"), at("data/labelsTr/phantom_001.nii.gz")];
  const trained = await run("train", at("data"), "-o", at("model"), ...smallTraining);
  expect(trained).toMatchObject({ code: 0, err: "" });
}, 60_000);
afterAll(() => rm(home, { recursive: true, force: true }));

/** Every file below a folder with its size and time. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const described = entries.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    const { size, mtimeMs } = await stat(path);
    return entry.isFile() ? `${path} ${size} ${mtimeMs}` : path;
  });
  return (await Promise.all(described)).sort();
}

const partsBelow = async (folder: string) => (await filesBelow(folder)).filter((file) => file.includes(".part"));

function expectParagraph({ code, err }: Outcome, wanted: number, ...messages: readonly (string | RegExp)[]): void {
  for (const message of messages) expect(err).toMatch(message);
  expect(err.trimEnd().split("\n"), "one paragraph").toHaveLength(1);
  expect(err).toMatch(/^rfmedsam: .+[.)]\n$/);
  expect(err, "no stack").not.toMatch(/\bat .+:\d+:\d+/);
  expect(code).toBe(wanted);
}

/** Runs a command that must be refused and must leave everything as it was. */
async function refused(args: readonly string[], ...messages: readonly (string | RegExp)[]): Promise<void> {
  const before = await filesBelow(home);
  expectParagraph(await run(...args), 2, ...messages);
  expect(await filesBelow(home)).toEqual(before);
}

/** A copy of the data set with something wrong in it, to train on. */
async function broken(name: string, breakIt: (folder: string) => Promise<unknown>): Promise<string[]> {
  const folder = at("broken", name);
  await cp(at("data"), folder, { recursive: true });
  await breakIt(folder);
  return ["train", folder, "-o", at("broken", `${name}-model`), ...smallTraining];
}

/** A copy of the model with something wrong in it, to segment with. */
async function damaged(name: string, damage: (folder: string) => Promise<unknown>): Promise<string[]> {
  const folder = at("damaged", name);
  await cp(at("model"), folder, { recursive: true });
  await damage(folder);
  return ["segment", image, "-m", folder, "-o", at("damaged", `${name}-labels`)];
}

const imageIn = (folder: string) => join(folder, "imagesTr/phantom_002_0000.nii.gz");
const labelsIn = (folder: string) => join(folder, "labelsTr/phantom_002.nii.gz");

const png = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, ...new Uint8Array(500));
const dicom = Uint8Array.from({ length: 1000 }, (_, index) => "DICM".charCodeAt(index - 128) || 0);

describe("a file that is no volume", () => {
  const segment = (...inputs: string[]) => ["segment", ...inputs, "-m", at("model"), "-o", at("labels")];

  test("a missing file", () => refused(segment(at("none.nii.gz")), /none\.nii\.gz: does not exist/));

  test.each([
    ["a damaged picture", png, /a PNG picture with a misplaced header/],
    ["text", new TextEncoder().encode("patient;age\nA;54\n"), /looks like text \("patient;age"\)/],
    ["a damaged DICOM file", dicom, /a DICOM header that is damaged/],
    ["an empty file", new Uint8Array(0), /is empty/],
  ])("%s", async (name, bytes, message) => {
    const file = at(`${name.replaceAll(" ", "-")}.nii.gz`);
    await writeFile(file, bytes);
    await refused(segment(file), file, message);
    await refused(["info", file], file, message);
    await refused(await broken(name, (folder) => cp(file, imageIn(folder))), /phantom_002_0000/, message);
  });

  test("a volume that was not copied whole", async () => {
    await cp(image, at("cut.nii.gz"));
    await truncate(at("cut.nii.gz"), 2000);
    await refused(segment(at("cut.nii.gz")), /cut\.nii\.gz: a gzip stream that ends too early/);
  });

  test("a folder without volumes", async () => {
    await mkdir(at("empty"));
    await refused(segment(at("empty")), /empty: no volume is in this folder/);
  });

  test("more channels than the model was trained on", async () => {
    for (const channel of ["0000", "0001"]) await cp(image, at(`two_${channel}.nii.gz`));
    await refused(segment(at("two_0000.nii.gz"), at("two_0001.nii.gz")), /2 channels .*expected 1, .*\(CT\)/);
  });

  test("several inputs: the sound ones are segmented, the end says which were not", async () => {
    const outcome = await run("segment", image, at("none.nii.gz"), "-m", at("model"), "-o", at("some"));
    expect(outcome.code).toBe(2);
    expect(outcome.err).toMatch(/none\.nii\.gz: does not exist.*\nrfmedsam: 1 of 2 cases could not be segmented: none/);
    expect(await readdir(at("some"))).toEqual(["phantom_001.nii.gz"]);
  });
});

describe("a data set that contradicts itself", () => {
  test("no data set", () =>
    refused(["train", at("none"), "-o", at("m")], /none\/dataset\.json: does not exist.*imagesTr/));

  test("more channels than the description names", async () => {
    const args = await broken("channels", (folder) => cp(imageIn(folder), imageIn(folder).replace("_0000", "_0001")));
    await refused(args, /phantom_002_.*2 channels \(0000, 0001\); expected 1/);
  });

  test("an image without labels", async () => {
    await refused(await broken("unlabelled", (folder) => rm(labelsIn(folder))), /phantom_002.*no labels/);
  });

  test("labels outside the data set's list", async () => {
    const args = await broken("labels", async (folder) => {
      const volume = await readVolume(labelsIn(folder));
      (volume.data as Uint8Array)[100] = 42;
      await writeVolume(labelsIn(folder), volume);
    });
    await refused(
      args,
      labelsIn(at("broken/labels")),
      /label 42; expected only the labels of dataset\.json: .*1 liver/,
    );
  });

  test("image and labels of different geometry", async () => {
    const args = await broken("geometry", async (folder) => {
      const volume = await readVolume(labelsIn(folder));
      await writeVolume(labelsIn(folder), { ...volume, affine: volume.affine.map((v, i) => (i === 3 ? v + 5 : v)) });
    });
    await refused(args, labelsIn(at("broken/geometry")), /the first voxels lie 5 mm apart; expected the image's/);
  });

  test("a voxel that is not a number", async () => {
    const holes = async (file: string) => {
      const volume = await readVolume(image);
      const data = Float32Array.from(volume.data as Int16Array, (value, index) => (index === 7 ? Number.NaN : value));
      await writeVolume(file, { ...volume, data });
    };
    await refused(await broken("nan", (folder) => holes(imageIn(folder))), /voxel \(7, 0, 0\) is NaN.*finite/);
    await holes(at("nan.nii.gz"));
    await refused(["segment", at("nan.nii.gz"), "-m", at("model"), "-o", at("labels")], /nan\.nii\.gz: voxel/);
  });

  test("a prediction of another geometry, and one with unknown labels", async () => {
    const prediction = at("predictions/phantom_001.nii.gz");
    const volume = await readVolume(labels);
    await writeVolume(prediction, { ...volume, affine: volume.affine.map((v, i) => (i === 0 ? v * 2 : v)) });
    const evaluate = ["evaluate", at("predictions"), at("data/labelsTr")];
    await refused(evaluate, prediction, /expected the reference's shape/);
    await writeVolume(prediction, { ...volume, data: Uint8Array.from(volume.data as Uint8Array, () => 42) });
    await refused(evaluate, prediction, /label 42; expected only 0 and 1 \(liver\)/);
  });
});

describe("a model that cannot be used", () => {
  test("none", () =>
    refused(["segment", image, "-m", at("none"), "-o", at("labels")], /none\/model\.json: does not exist/));

  test("of another version", async () => {
    const args = await damaged("version", async (folder) => {
      const manifest = JSON.parse(await readFile(join(folder, "model.json"), "utf8")) as object;
      await writeFile(join(folder, "model.json"), JSON.stringify({ ...manifest, formatVersion: 99 }));
    });
    await refused(args, /version\/model\.json: this model was written by a newer version .*expected format 2/);
  });

  test("whose training has not finished", async () => {
    const args = await damaged("unfinished", (folder) => rename(join(folder, "model.json"), join(folder, "training")));
    await refused(args, /The training of this model has not finished: run the same `rfmedsam train` command again/);
  });

  test("whose weights were not copied whole", async () => {
    const args = await damaged("weights", (folder) => truncate(join(folder, "refiner.safetensors"), 100_000));
    await refused(args, /weights\/refiner\.safetensors: .*was it copied whole/);
  });

  test("whose weights have bytes too many", async () => {
    const args = await damaged("longer", (folder) => appendFile(join(folder, "step0-fold0.safetensors"), "more"));
    await refused(args, /longer\/step0-fold0\.safetensors: /);
  });
});

describe("settings", () => {
  const train = (...more: string[]) => ["train", at("data"), "-o", at("never"), ...more];

  test("an unknown key is told with the nearest known one", async () => {
    await refused(
      train("--set", "step0.iteratons=4"),
      /--set: unknown key "step0\.iteratons" \(did you mean "iterations"\?\)/,
    );
    await writeFile(at("config.yaml"), "refiner:\n  learning_rate: 0.1\n");
    await refused(train("--config", at("config.yaml")), /config\.yaml: unknown key .*did you mean "learningRate"\?/);
  });

  test("a wrong value is told with what would be right", async () => {
    await refused(train("--set", "step0.batch=0"), /--set: "step0\.batch" is 0; expected .* to be greater than 0/);
    await refused(train("--preset", "fast"), /--preset: preset "fast"; expected one of cpu, demo, gpu/);
  });

  test("a device that is not here", () =>
    refused(train("--device", "cuda:99"), /--device: "cuda:99"; expected .*cpu.*rfmedsam doctor/));

  test("a split whose cases are not in the data set", async () => {
    await writeFile(at("splits.json"), '[{"train": ["other"], "val": []}]');
    await refused(train("--split", at("splits.json"), "--fold", "0"), /none of the chosen cases/);
  });
});

describe("an output that exists", () => {
  test("labels", async () => {
    await cp(labels, at("there/phantom_001.nii.gz"));
    await refused(["segment", image, "-m", at("model"), "-o", at("there")], /exists already.*--overwrite/);
  });

  test("a model", () => refused(["train", at("data"), "-o", at("model")], /a finished model\. .*--restart/));

  test("a data set", () => refused(["phantom", at("data")], /data: exists already/));

  test("a stopped training with other settings", async () => {
    const { plan, configuration } = JSON.parse(await readFile(at("model/training.json"), "utf8"));
    const before = { plan, configuration, seed: 7, dataset: { files: {} }, madeWith: [{}] };
    await mkdir(at("other/training"), { recursive: true });
    await writeFile(at("other/training/run.json"), JSON.stringify(before));
    await refused(
      ["train", at("data"), "-o", at("other")],
      /started with something else: .*folds \(was 1, is 2\).*seed \(was 7, is 0\).*--restart/,
    );
  });
});

describe("as processes of their own", () => {
  beforeAll(compile, 120_000);

  /** Largest file that may be written, the command, and the folder that must stay without anything half-written. */
  test.each([
    ["phantom", 4, () => ["phantom", at("full"), "--cases", "1", "--test", "0"]],
    ["train", 8, () => ["train", at("data"), "-o", at("full"), ...smallTraining]],
    ["segment", 0, () => ["segment", image, "-m", at("model"), "-o", at("full")]],
  ])("a full disk: %s", async (_, largestFile, args) => {
    await rm(at("full"), { recursive: true, force: true });
    const outcome = await start(args(), { largestFile }).ended;
    expectParagraph(outcome, 1, /the disk is full/, /free some space/i);
    expect(eventsOf(outcome).at(-1)).toMatchObject({ event: "error", type: "ResourceError", exitCode: 1 });
    expect(await partsBelow(home)).toEqual([]);
    const written = (await filesBelow(home)).filter((path) => path.startsWith(at("full/")));
    expect(written.filter((path) => !path.startsWith(at("full/training")))).toEqual([]);
  });

  const inStep0 = (event: Record<string, unknown>) =>
    event.event === "progress" && /training the U-Net/.test(String(event.stage));

  /** Goes on with a stopped training to its end; the model is the same as that of a training that was not stopped. */
  async function goOn(model: string): Promise<number> {
    const outcome = await run("train", at("data"), "-o", model, ...smallTraining);
    expect(outcome.code).toBe(0);
    expect(await partsBelow(model)).toEqual([]);
    for (const file of ["step0-fold0.safetensors", "refiner.safetensors"]) {
      expect((await readFile(join(model, file))).equals(await readFile(at("model", file))), file).toBe(true);
    }
    return Number(eventsOf(outcome).find(inStep0)?.done);
  }

  test("Ctrl-C in training keeps every step, and the same command goes on", async () => {
    const model = at("interrupted");
    let stopped = false;
    const { ended } = start(["train", at("data"), "-o", model, ...smallTraining], {
      onEvent: (event, child) => {
        if (stopped || !inStep0(event)) return;
        stopped = true;
        child.kill("SIGINT");
      },
    });
    const outcome = await ended;
    expect(outcome.err).toMatch(/^\nStopping after the current step; .*\n/);
    const paragraph = outcome.err.slice(outcome.err.indexOf("rfmedsam:"));
    expectParagraph({ ...outcome, err: paragraph }, 2, /stopped at step \d+ of 60/, /run the same command again/i);
    expect(await partsBelow(model)).toEqual([]);
    await expect(stat(join(model, "model.json"))).rejects.toThrow();
    const step = Number(/stopped at step (\d+)/.exec(paragraph)?.[1]);
    expect(await goOn(model)).toBe(step + 1);
  });

  test("a process that is killed goes on from its last saved state", async () => {
    const model = at("killed");
    const { ended } = start(["train", at("data"), "-o", model, ...smallTraining], {
      onEvent: (event, child) => {
        if (inStep0(event) && Number(event.done) > 5) child.kill("SIGKILL");
      },
    });
    expect((await ended).code).toBeNull();
    const first = await goOn(model);
    expect(first).toBeGreaterThan(5);
    expect(first % 5).toBe(1);
  });
});
