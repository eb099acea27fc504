import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Dataset } from "../dataset/nnunet.js";
import type { Plan } from "../plan/plan.js";
import { tinyConfiguration } from "../testing/cases.js";
import { datasetHash, WorkFolder } from "./work-folder.js";

let parent: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "work-"));
});
afterEach(() => rm(parent, { recursive: true }));

const identity = { configuration: tinyConfiguration(), seed: 1, dataset: "abc" };
const plan = { patch: [1, 2, 3] } as unknown as Plan;

describe("a work folder", () => {
  test("leaves nothing before there is a plan, then recognises the run", async () => {
    const work = new WorkFolder(join(parent, "training"));
    expect(await work.begin(identity)).toBeUndefined();
    expect(existsSync(work.folder)).toBe(false);
    await work.rememberPlan(identity, plan);
    expect(await new WorkFolder(work.folder).begin(structuredClone(identity))).toEqual(plan);
  });

  test("goes as a whole", async () => {
    const work = new WorkFolder(join(parent, "training"));
    await work.rememberPlan(identity, plan);
    await writeFile(work.checkpoint("refiner"), "");
    await work.remove();
    expect(await readdir(parent)).toEqual([]);
    await work.remove(); // nothing left to do
  });

  test("does not take somebody's own folder of that name for one", async () => {
    await mkdir(join(parent, "training"));
    await writeFile(join(parent, "training", "thesis.txt"), "");
    const work = new WorkFolder(join(parent, "training"));
    expect(await work.begin(identity)).toBeUndefined();
    await work.remove();
    expect(existsSync(join(parent, "training/thesis.txt"))).toBe(true);
  });
});

test("a data set's hash changes with its files, names and labels, not with its place", async () => {
  await writeFile(join(parent, "a_0000.nii.gz"), "image");
  await writeFile(join(parent, "a.nii.gz"), "labels");
  const dataset: Dataset = {
    folder: parent,
    name: "x",
    channelNames: ["CT"],
    labels: { background: 0, organ: 1 },
    fileEnding: ".nii.gz",
    training: [{ id: "a", images: [join(parent, "a_0000.nii.gz")], labels: join(parent, "a.nii.gz") }],
  };
  const hash = await datasetHash(dataset);
  expect(await datasetHash({ ...dataset, folder: "/elsewhere", name: "y" })).toBe(hash);
  expect(await datasetHash({ ...dataset, channelNames: ["MR"] })).not.toBe(hash);
  expect(await datasetHash({ ...dataset, labels: { background: 0, other: 1 } })).not.toBe(hash);
  await writeFile(join(parent, "a.nii.gz"), "longer labels");
  expect(await datasetHash(dataset)).not.toBe(hash);
});
