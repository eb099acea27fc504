import { copyFile, link, mkdir, readdir, rm, stat, symlink } from "node:fs/promises";
import { ConfigError, FileError, InterruptedError, ResourceError } from "@rfmedsam/base";
import { afterEach, describe, expect, test, vi } from "vitest";
import { conversionFolder, layTask } from "../testing/downloads.js";
import { convertDataset } from "./convert.js";
import { assertRoom } from "./inspect-source.js";
import { datasetKinds } from "./kinds.js";

vi.mock("node:fs/promises", async (original) => {
  const actual = await original<typeof import("node:fs/promises")>();
  return { ...actual, copyFile: vi.fn(actual.copyFile), link: vi.fn(actual.link) };
});

const { at, refused } = conversionFolder();
afterEach(() => {
  vi.mocked(copyFile).mockClear();
});

describe("whatever the data set", () => {
  test("--link links files instead of copying them, also through symbolic links, and copies where the disk cannot", async () => {
    await layTask(at("Task"), 1);
    await symlink(at("Task"), at("Link"));
    await convertDataset("msd", at("Link"), at("linked"), { link: true });
    expect((await stat(at("linked/imagesTr/p_00_0000.nii.gz"))).ino).toBe(
      (await stat(at("Task/imagesTr/p_00.nii.gz"))).ino,
    );
    vi.mocked(link).mockRejectedValueOnce(Object.assign(new Error("another disk"), { code: "EXDEV" }));
    await convertDataset("msd", at("Task"), at("copied"), { link: true });
    expect((await stat(at("copied/imagesTr/p_00_0000.nii.gz"))).nlink).toBe(1);
  });

  test("only what is wanted is looked at and written; other callers have advice of their own", async () => {
    await layTask(at("Task"), 1);
    await rm(at("Task/imagesTr/p_07.nii.gz"));
    await rm(at("Task/imagesTs/p_03.nii.gz"));
    const some = { only: (id: string) => id === "p_00", test: false };
    expect(await convertDataset("msd", at("Task"), at("some"), some)).toMatchObject({ training: ["p_00"], test: [] });
    expect((await readdir(at("some"))).sort()).toEqual(["dataset.json", "imagesTr", "labelsTr"]);
    expect((await refused("msd", at("Task"), { test: false })).message).toMatch(/p_07.*--partial/s);
    const own = await refused("msd", at("Task"), { advice: { link: "walk" } });
    expect(own.message).not.toMatch(/--partial/);
    expect(own.message).toMatch(/nor do 1 more.*licence: CC BY-SA 4\.0\.$/s);
  });

  test("a full disk in the middle leaves nothing behind", async () => {
    await layTask(at("Task"), 1);
    const actual = await vi.importActual<typeof import("node:fs/promises")>("node:fs/promises");
    vi.mocked(copyFile)
      .mockImplementationOnce(actual.copyFile)
      .mockRejectedValueOnce(Object.assign(new Error("no space"), { code: "ENOSPC" }));
    expect(await refused("msd", at("Task"))).toBeInstanceOf(ResourceError);
    expect(vi.mocked(copyFile).mock.results.map(({ type }) => type)).toHaveLength(2);
  });

  test("too little room is noticed before anything is written", async () => {
    const error = await assertRoom(at("out"), 1e18, { link: "add --link" }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ResourceError);
    expect((error as Error).message).toMatch(/free on its disk; expected 1\.00e\+9 GB.*--link/s);
    await assertRoom(at("out"), 1000, { link: "" });
  });

  test("a file that goes away, or a stop, in the middle leaves nothing behind", async () => {
    await layTask(at("Task"), 1);
    const signal = { aborted: false };
    const progress = ({ stage, done }: { stage: string; done: number }) => {
      signal.aborted = stage === "writing cases" && done === 1;
    };
    expect(await refused("msd", at("Task"), { progress, signal })).toBeInstanceOf(InterruptedError);
    let gone: Promise<void> | undefined;
    const remove = ({ stage, done }: { stage: string; done: number }) => {
      if (stage === "writing cases" && done === 0) gone = rm(at("Task/imagesTs/p_03.nii.gz"));
    };
    const error = await refused("msd", at("Task"), { progress: remove });
    await gone;
    expect(error).toBeInstanceOf(FileError);
    expect(error.file).toBe(at("Task/imagesTs/p_03.nii.gz"));
  });

  test("an output that exists and an unknown kind are refused", async () => {
    await layTask(at("Task"), 1);
    await mkdir(at("out"));
    await expect(convertDataset("msd", at("Task"), at("out"))).rejects.toThrow(/exists already/);
    const error = await refused("amos22ct", at("Task"));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(/msd, btcv, amos22-ct, amos22-mr.*Did you mean amos22-ct/s);
  });

  test("every kind says where its data set is and under which licence", () => {
    for (const { obtain, licence, layout, title } of Object.values(datasetKinds)) {
      expect(obtain).toMatch(/https?:\/\//);
      expect([licence, layout, title].every((text) => text.length > 5)).toBe(true);
    }
  });
});
