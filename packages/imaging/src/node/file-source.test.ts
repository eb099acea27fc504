import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileError } from "@rfmedsam/base";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fileSource, readRange } from "./file-source.js";

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "rfmedsam-file-source-"));
  file = join(folder, "bytes");
  await writeFile(file, Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7));
});
afterEach(() => rm(folder, { recursive: true }));

describe("a range of a file", () => {
  test.each([
    [0, 8],
    [3, 2],
    [7, 1],
    [8, 0],
  ])("from byte %i has the %i bytes asked for", async (from, length) => {
    expect([...(await readRange(file, from, length))]).toEqual(Array.from({ length }, (_, n) => from + n));
  });

  test.each([
    [0, 9, "an end after 8 of the 9 bytes from byte 0"],
    [6, 4, "an end after 2 of the 4 bytes from byte 6"],
    [9, 1, "an end after 0 of the 1 bytes from byte 9"],
  ])("from byte %i is refused when the file has not all %i", async (from, length, message) => {
    const read = readRange(file, from, length);
    await expect(read).rejects.toThrow(FileError);
    await expect(read).rejects.toThrow(message);
  });

  test("of a file that is missing says so", async () => {
    await expect(readRange(join(folder, "none"), 0, 1)).rejects.toThrow("does not exist");
  });
});

describe("a file as a source", () => {
  test("gives fewer bytes at its end, and none behind it", async () => {
    const source = await fileSource(file);
    expect([...(await source.read(6, 10))]).toEqual([6, 7]);
    expect(await source.read(20, 4)).toHaveLength(0);
  });

  test("is refused when somebody cuts it short in the meantime", async () => {
    const source = await fileSource(file);
    await truncate(file, 4);
    await expect(source.read(2, 4)).rejects.toThrow(FileError);
  });
});
