import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FileError } from "../errors.js";
import { writeFileAtomic } from "./atomic.js";
import { assertWritableFolder, makeFolder } from "./folders.js";

let parent: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "folders-"));
});
afterEach(() => rm(parent, { recursive: true }));

test("all that is missing is made, and the topmost of it told; what is there stays", async () => {
  const wanted = join(parent, "a/b/c");
  expect(await makeFolder(wanted)).toBe(join(parent, "a"));
  expect((await stat(wanted)).isDirectory()).toBe(true);
  expect(await makeFolder(wanted)).toBeUndefined();
  expect(await makeFolder(`${wanted}/../d/`)).toBe(join(parent, "a/b/d"));
  expect(await makeFolder(relative(process.cwd(), join(parent, "e")))).toBe(join(parent, "e"));
  expect(await makeFolder("/")).toBeUndefined();
});

test("several at once are fine", async () => {
  const made = await Promise.all(Array.from({ length: 8 }, () => makeFolder(join(parent, "a/b/c/d"))));
  expect(existsSync(join(parent, "a/b/c/d"))).toBe(true);
  expect(made.some((topmost) => topmost === join(parent, "a"))).toBe(true);
});

test("a file in the way is named", async () => {
  await writeFile(join(parent, "file"), "");
  await expect(makeFolder(join(parent, "file"))).rejects.toThrow(FileError);
  for (const wanted of ["file", "file/below", "file/below/it"]) {
    const refused = makeFolder(join(parent, wanted));
    await expect(refused).rejects.toMatchObject({ file: join(parent, "file"), found: "is not a folder" });
    await expect(refused).rejects.toThrow(/expected a folder.* Choose another output folder/);
  }
});

test.runIf(existsSync("/proc/self"))("a place where no folder can be made is told at once", async () => {
  await expect(makeFolder("/proc/no/such")).rejects.toThrow(/no folder can be made in \/proc/);
});

describe("whether results can be written", () => {
  test("is tried out, and nothing of it stays", async () => {
    await assertWritableFolder(join(parent, "a/b/c"));
    expect(await readdir(parent)).toEqual([]);
    await mkdir(join(parent, "a"));
    await assertWritableFolder(join(parent, "a/b"));
    await assertWritableFolder(join(parent, "a"));
    expect(await readdir(parent, { recursive: true })).toEqual(["a"]);
  });

  test("is not where a file is in the way", async () => {
    await writeFile(join(parent, "file"), "");
    for (const wanted of ["file", "file/below"]) {
      await expect(assertWritableFolder(join(parent, wanted))).rejects.toThrow(
        /file: is not a folder; expected a folder/,
      );
    }
    expect(await readdir(parent)).toEqual(["file"]);
  });

  test.runIf(existsSync("/proc/self"))("is not where the system makes the files", async () => {
    await expect(assertWritableFolder("/proc/foo")).rejects.toThrow(/no folder can be made in \/proc.*Choose a place/);
    await expect(assertWritableFolder("/proc")).rejects.toThrow(/proc: cannot be written.*Choose a place on a disk/);
  });
});

describe("a file that cannot be written", () => {
  test.runIf(existsSync("/proc/self"))("is not said not to exist", async () => {
    const refused = writeFileAtomic("/proc/x.html", "");
    await expect(refused).rejects.toThrow(FileError);
    await expect(refused).rejects.toThrow(/^\/proc\/x\.html: cannot be written: .*\. Choose a place on a disk\.$/);
  });

  test("is told from a folder of its name, and a name that is too long", async () => {
    await mkdir(join(parent, "page.html"));
    await expect(writeFileAtomic(join(parent, "page.html"), "")).rejects.toThrow(/there is a folder of this name/);
    await expect(writeFileAtomic(join(parent, "x".repeat(300)), "")).rejects.toThrow(/the name is too long/);
    expect(await readdir(parent)).toEqual(["page.html"]);
  });
});
