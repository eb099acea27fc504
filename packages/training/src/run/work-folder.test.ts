import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { ConfigError, FileError, FormatError } from "@rfmedsam/base";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Dataset } from "../dataset/nnunet.js";
import type { Plan } from "../plan/plan.js";
import { tinyConfiguration } from "../testing/cases.js";
import { datasetState, FolderLock, type PlannedRun, type RunIdentity, WorkFolder } from "./work-folder.js";

let parent: string;
let dataset: Dataset;
let identity: RunIdentity;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "work-"));
  await mkdir(join(parent, "data/imagesTr"), { recursive: true });
  await mkdir(join(parent, "data/labelsTr"));
  const cases = ["a", "b"].map((id) => ({
    id,
    images: [join(parent, `data/imagesTr/${id}_0000.nii.gz`)],
    labels: join(parent, `data/labelsTr/${id}.nii.gz`),
  }));
  for (const { images, labels } of cases) {
    for (const file of [...images, labels]) await writeFile(file, gzipSync(`the contents of ${file}`));
  }
  dataset = {
    folder: join(parent, "data"),
    name: "x",
    channelNames: ["CT"],
    labels: { background: 0, organ: 1 },
    fileEnding: ".nii.gz",
    training: cases,
  };
  identity = { configuration: tinyConfiguration(), seed: 1, dataset: await datasetState(dataset) };
});
afterEach(() => rm(parent, { recursive: true }));

const planned: PlannedRun = {
  plan: { patch: [1, 2, 3] } as unknown as Plan,
  memory: [{ phase: "training step 0", place: "host", parts: [], total: 5e8 }],
};
const newFolder = (versions?: Record<string, string>) => new WorkFolder(join(parent, "model/training"), versions);
const copied = () => structuredClone(identity);

describe("a work folder", () => {
  test("leaves nothing before there is a plan, then recognises the run", async () => {
    const work = newFolder();
    expect(await work.begin(identity)).toBeUndefined();
    expect(existsSync(work.folder)).toBe(false);
    await work.rememberPlan(identity, planned);
    expect(await newFolder().begin(copied())).toEqual(planned);
  });

  test("goes as a whole", async () => {
    const work = newFolder();
    await work.rememberPlan(identity, planned);
    await writeFile(work.checkpoint("refiner"), "");
    await work.remove();
    expect(await readdir(join(parent, "model"))).toEqual([]);
    await work.remove(); // nothing left to do
  });

  test("does not take somebody's own folder of that name for one", async () => {
    const work = newFolder();
    await mkdir(work.folder, { recursive: true });
    await writeFile(join(work.folder, "thesis.txt.1-1.part"), "");
    expect(await work.begin(identity)).toBeUndefined();
    await work.remove();
    expect(existsSync(join(work.folder, "thesis.txt.1-1.part"))).toBe(true);
  });

  test("begins with another run's work when all of it is there, or not at all", async () => {
    const work = newFolder();
    await mkdir(join(parent, "model"));
    const bring = (name: string) => async (to: WorkFolder) => {
      await mkdir(to.cases.folder, { recursive: true });
      await writeFile(join(to.cases.folder, name), "");
      if (name === "killed") throw new Error("killed");
    };
    await expect(work.beginWith(identity, planned, bring("killed"))).rejects.toThrow("killed");
    expect(await newFolder().begin(identity)).toBeUndefined();
    expect(existsSync(work.folder)).toBe(false);
    await work.beginWith(identity, planned, bring("whole"));
    expect(await readdir(work.cases.folder)).toEqual(["whole"]);
    expect(await newFolder().begin(copied())).toEqual(planned);
    await work.remove();
    expect(await readdir(join(parent, "model"))).toEqual([]);
  });

  test("half of another run's work goes with a run that is thrown away", async () => {
    const work = newFolder();
    await mkdir(`${work.folder}.taking/cases`, { recursive: true });
    await work.remove();
    expect(await readdir(join(parent, "model"))).toEqual([]);
  });

  test("does not put another run's work into somebody's own folder", async () => {
    const work = newFolder();
    await mkdir(join(work.folder, "thesis"), { recursive: true });
    const nothing = (to: WorkFolder) => mkdir(to.folder).then(() => {});
    await expect(work.beginWith(identity, planned, nothing)).rejects.toThrow(FileError);
    expect(await readdir(work.folder)).toEqual(["thesis"]);
  });

  test("loses what a kill left half-written, and nothing else", async () => {
    const work = newFolder();
    await work.rememberPlan(identity, planned);
    await mkdir(join(work.folder, "cases/case.77-3.part"), { recursive: true });
    await writeFile(join(work.folder, "cases/case.safetensors"), "");
    await writeFile(join(work.folder, "refiner.safetensors.77-4.part"), "");
    await work.begin(identity);
    expect((await readdir(work.folder, { recursive: true })).sort()).toEqual([
      "cases",
      "cases/case.safetensors",
      "run.json",
    ]);
  });

  test.each(["", '{"configuration": {', "[]", '{"configuration": {}}'])(
    "says that its run.json is damaged: %s",
    async (text) => {
      const work = newFolder();
      await work.rememberPlan(identity, planned);
      await writeFile(join(work.folder, "run.json"), text);
      const begun = work.begin(identity);
      await expect(begun).rejects.toThrow(FormatError);
      await expect(begun).rejects.toThrow(/run\.json: the description of a stopped training is damaged.*--restart/);
    },
  );
});

describe("going on is refused, with what is different,", () => {
  const refusal = async (changed: Partial<RunIdentity>): Promise<string> => {
    const work = newFolder();
    await work.rememberPlan(identity, planned);
    const error = await work.begin({ ...copied(), ...changed }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  };
  const refusalOfData = async () => refusal({ dataset: await datasetState(dataset) });

  test("with other settings", async () => {
    const configuration = tinyConfiguration({ step0: { iterations: 77 }, refiner: { adapters: null } });
    const message = await refusal({ configuration, seed: 2 });
    expect(message).toMatch(
      /step0\.iterations \(was \d+, is 77\); refiner\.adapters \(was .+, is null\); seed \(was 1, is 2\)/,
    );
    expect(message).not.toMatch(/data set:/);
  });

  test("with a file that was changed", async () => {
    await writeFile(dataset.training[1]!.labels!, "longer than it was, by far, and not even compressed any more");
    expect(await refusalOfData()).toMatch(/else: data set: labelsTr\/b\.nii\.gz \(had \d+ bytes, has 60\); expected/);
  });

  test("with a file that was changed and kept its length", async () => {
    const file = dataset.training[0]!.images[0]!;
    const bytes = gzipSync(`The contents of ${file}`);
    await writeFile(file, bytes);
    await utimes(file, 1e9, 1e9);
    expect(bytes.length).toBe(identity.dataset.files["imagesTr/a_0000.nii.gz"]!.bytes);
    expect(await refusalOfData()).toMatch(/imagesTr\/a_0000\.nii\.gz \(modified on 2001-09-09T/);
  });

  test("with a case more, a case less, or other labels", async () => {
    const [first, second] = dataset.training;
    dataset = {
      ...dataset,
      labels: { background: 0, liver: 1 },
      training: [first!, { ...second!, labels: first!.labels }],
    };
    const message = await refusalOfData();
    expect(message).toMatch(/labels of dataset\.json \(were \{"background":0,"organ":1\}, are/);
    expect(message).toMatch(/labelsTr\/b\.nii\.gz \(no longer there\)/);
  });

  test("and of many files some are named and the others counted", async () => {
    const training = Array.from({ length: 9 }, (_, i) => ({
      ...dataset.training[0]!,
      id: `${i}`,
      labels: join(parent, `${i}`),
    }));
    for (const { labels } of training) await writeFile(labels, "");
    dataset = { ...dataset, training: [...dataset.training, ...training] };
    expect(await refusalOfData()).toMatch(/\/4 \(new\); data set: 4 more;/);
  });
});

test("a data set that was moved or copied is the same", async () => {
  await newFolder().rememberPlan(identity, planned);
  await cp(dataset.folder, join(parent, "elsewhere"), { recursive: true });
  const moved = (file: string) => file.replace("/data/", "/elsewhere/");
  const training = dataset.training.map(({ id, images, labels }) => ({
    id,
    images: images.map(moved),
    labels: moved(labels!),
  }));
  for (const { labels } of training) await utimes(labels, 1e9, 1e9);
  const there = await datasetState({ ...dataset, folder: join(parent, "elsewhere"), name: "y", training });
  expect(await newFolder().begin({ ...identity, dataset: there })).toEqual(planned);
});

test("a copy without a checksum of its own counts as changed", async () => {
  const file = dataset.training[0]!.labels!;
  await writeFile(file, "not compressed");
  identity = { ...identity, dataset: await datasetState(dataset) };
  await newFolder().rememberPlan(identity, planned);
  await utimes(file, 1e9, 1e9);
  await expect(newFolder().begin({ ...identity, dataset: await datasetState(dataset) })).rejects.toThrow(/labelsTr\/a/);
});

describe("other versions than those a run was started with", () => {
  const [old, present] = [
    { rfmedsam: "1", libtorch: "2.12.0", revision: "abc" },
    { rfmedsam: "1", libtorch: "2.13.0", revision: "abc" },
  ];

  test("go on, with a note, and are remembered", async () => {
    await newFolder(old).rememberPlan(identity, planned);
    const notes: string[] = [];
    const begin = async (versions: Record<string, string>) => {
      const work = newFolder(versions);
      expect(await work.begin(identity, (text) => notes.push(text))).toEqual(planned);
      return work.madeWith;
    };
    expect(await begin(old)).toEqual([old]);
    expect(notes).toEqual([]);
    expect(await begin(present)).toEqual([old, present]);
    expect(notes).toEqual([expect.stringMatching(/with libtorch 2\.12\.0, now 2\.13\.0: it goes on/)]);
    expect(await begin(present)).toEqual([old, present]);
    expect(notes).toHaveLength(1);
  });
});

describe("the lock of a work folder", () => {
  const file = () => join(parent, "model/training.lock");
  const holder = async () => JSON.parse(await readFile(file(), "utf8")) as Record<string, unknown>;
  const leave = async (content: Record<string, unknown> | string) => {
    await mkdir(join(parent, "model"), { recursive: true });
    await writeFile(file(), typeof content === "string" ? content : JSON.stringify(content));
  };
  /** The number of a process that is no more. */
  const deadProcess = () =>
    new Promise<number>((done) => {
      const child = spawn(process.execPath, ["--version"], { stdio: "ignore" });
      child.on("exit", () => done(child.pid!));
    });

  test("keeps a second training out and says who is in", async () => {
    await using _ = await newFolder().lock();
    expect(await holder()).toMatchObject({ pid: process.pid, host: hostname() });
    const second = newFolder().lock();
    await expect(second).rejects.toThrow(ConfigError);
    await expect(second).rejects.toThrow(
      new RegExp(`another training.*process ${process.pid} on ${hostname()}, since 20`),
    );
  });

  test("leaves nothing behind, not even the folder it was put into", async () => {
    for (let i = 0; i < 2; i++) {
      const lock = await newFolder().lock();
      expect(existsSync(file())).toBe(true);
      await lock.release();
      expect((await readdir(parent)).sort()).toEqual(["data"]);
    }
    const lock = await newFolder().lock();
    await newFolder().rememberPlan(identity, planned);
    await lock.release();
    expect(await readdir(join(parent, "model"))).toEqual(["training"]);
  });

  test("of a process that is gone is taken over", async () => {
    await leave({ pid: await deadProcess(), host: hostname(), started: "2025-01-01", birth: null });
    await using _ = await newFolder().lock();
    expect(await holder()).toMatchObject({ pid: process.pid });
    expect(await readdir(join(parent, "model"))).toEqual(["training.lock"]);
  });

  test.runIf(existsSync("/proc/self/stat"))("of a process whose number another one got is taken over", async () => {
    await leave({ pid: process.ppid, host: hostname(), started: "2025-01-01", birth: "another boot/1" });
    await using _ = await newFolder().lock();
    expect(await holder()).toMatchObject({ pid: process.pid });
  });

  test("of a process on another machine is not", async () => {
    await leave({ pid: await deadProcess(), host: "elsewhere", started: "2025-01-01", birth: null });
    const refused = newFolder().lock();
    await expect(refused).rejects.toThrow(/process \d+ on elsewhere/);
    await expect(refused).rejects.toThrow(/only elsewhere can tell\), delete .*training\.lock/);
    expect(await holder()).toMatchObject({ host: "elsewhere" });
  });

  test.each(["", "{", "null", "[]"])(
    "without a holder (%s) is taken over, but not while it may still be written",
    async (text) => {
      await leave(text);
      await expect(newFolder().lock()).rejects.toThrow(/another training is running/);
      await utimes(file(), 1e9, 1e9);
      await using _ = await newFolder().lock();
      expect(await holder()).toMatchObject({ pid: process.pid });
    },
  );

  test("that is abandoned goes to one of many that come at once", async () => {
    const dead = await deadProcess();
    for (let round = 0; round < 20; round++) {
      await leave({ pid: dead, host: hostname(), started: "2025-01-01", birth: null });
      if (round % 2 === 1) await leave(""); // or abandoned before it was written
      if (round % 2 === 1) await utimes(file(), 1e9, 1e9);
      const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => newFolder({}).lock()));
      const locks = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
      expect(locks).toHaveLength(1);
      await locks[0]!.release();
    }
  });

  test("goes also over what a process left that was killed while it took over", async () => {
    const dead = { pid: await deadProcess(), host: hostname(), started: "2025-01-01", birth: null };
    await leave(dead);
    await writeFile(`${file()}.taking`, JSON.stringify(dead));
    await using _ = await newFolder().lock();
    expect(await readdir(join(parent, "model"))).toEqual(["training.lock"]);
  });

  test("is not released by one who has lost it", async () => {
    const lost = await newFolder().lock();
    await leave({ pid: 1, host: "elsewhere" });
    await lost.release();
    expect(await holder()).toMatchObject({ host: "elsewhere" });
  });

  test("in a place that cannot be written is a typed error", async () => {
    await writeFile(join(parent, "file"), "");
    await expect(FolderLock.take(join(parent, "file/model/training.lock"))).rejects.toThrow(/is not a folder/);
    await truncate(join(parent, "file"));
  });
});
