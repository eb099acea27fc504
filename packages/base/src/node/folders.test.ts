import { existsSync } from "node:fs";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FileError } from "../errors.js";
import { makeFolder } from "./folders.js";

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
  await expect(makeFolder(join(parent, "file"))).rejects.toThrow(/file.*exists already/);
  await expect(makeFolder(join(parent, "file/below/it"))).rejects.toThrow(/is not a folder/);
});

test.runIf(existsSync("/proc/self"))("a place where no folder can be made is told at once", async () => {
  await expect(makeFolder("/proc/no/such")).rejects.toThrow(/no folder can be made in \/proc/);
});
