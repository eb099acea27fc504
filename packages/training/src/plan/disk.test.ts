import { mkdir, mkdtemp, rm, statfs, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ResourceError } from "@rfmedsam/base";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { freeSpace, spaceTaken } from "../dataset/room.js";
import { assertDiskFits, type DiskEstimate, sentenceAboutDisk } from "./disk.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "disk-"));
});
afterEach(() => rm(folder, { recursive: true }));

const disk = (cases: number, predictions: number): DiskEstimate => ({
  parts: [
    { name: "prepared cases", bytes: cases },
    { name: "predictions of step 0", bytes: predictions },
    { name: "the model", bytes: 1 },
  ],
  total: cases + predictions + 1,
});

describe("room on the disk", () => {
  test("is that of the nearest folder that exists", async () => {
    const { bavail, bsize } = await statfs(folder);
    const free = await freeSpace(join(folder, "not", "yet", "there"));
    // Others write meanwhile.
    expect(free).toBeGreaterThan(0.5 * bavail * bsize);
    expect(free).toBeLessThan(1.5 * bavail * bsize);
  });

  test("is taken by all files of a folder, and none by a folder that is not there", async () => {
    await mkdir(join(folder, "a", "b"), { recursive: true });
    await writeFile(join(folder, "one"), new Uint8Array(1000));
    await writeFile(join(folder, "a", "b", "two"), new Uint8Array(234));
    expect(await spaceTaken(folder)).toBe(1234);
    expect(await spaceTaken(join(folder, "none"))).toBe(0);
  });
});

describe("a training whose files", () => {
  test("have room is let through, into a folder that is not there yet", async () => {
    await expect(assertDiskFits(disk(1000, 1000), join(folder, "model"))).resolves.toBeUndefined();
  });

  test("have none is refused, with what takes the most and the way out", async () => {
    const error = await assertDiskFits(disk(2e17, 1e18), join(folder, "model")).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ResourceError);
    const { message } = error as Error;
    expect(message).toContain(join(folder, "model"));
    expect(message).toMatch(/predictions of step 0: .*GiB, prepared cases: .*GiB/);
    expect(message).not.toContain("the model:");
    expect(message).toMatch(/another disk.*preprocessing\.spacing/s);
  });

  test("replace another run's have its room, too", async () => {
    const free = await freeSpace(folder);
    // A file with a hole takes no room here, but counts with its size.
    const old = join(folder, "training");
    await mkdir(old);
    await writeFile(join(old, "hole"), "");
    await truncate(join(old, "hole"), 2 ** 40);
    const wanted = disk(free + 2 ** 39, 0);
    await expect(assertDiskFits(wanted, folder)).rejects.toThrow(ResourceError);
    await expect(assertDiskFits(wanted, folder, old)).resolves.toBeUndefined();
  });
});

test("the sentence names the total", () => {
  expect(sentenceAboutDisk(disk(3 * 2 ** 30, 2 ** 30))).toMatch(/about 4\.0 GiB of the output folder's disk/);
});
